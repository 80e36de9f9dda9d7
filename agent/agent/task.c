#include "agent/agent/task.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"

enum {
	PROGRAMS_BYTES_MAX = 8 << 20
};

/* A walk over the tasks: what for, and what it met, for the message when none is taken. */
struct walk {
	struct agent_policies *policies;
	const struct agent_images *images;
	const struct agent_identity *identity;
	const struct agent_request *request;
	struct agent_task *out;
	const char *missing_image; /* the first image that could not be looked into */
	const char *no_match;      /* the first task whose image has the program */
	const char *only_image;    /* an image that does not have it */
	struct err image_err;
};

/* Loads the manifest of the image of task `index` and resolves the program in it. -EAGAIN: the image is not
 * here. */
static int resolve(struct walk *walk, size_t index, struct err *err)
{
	cleanup_buf struct buf programs = {0};
	struct agent_task *out = walk->out;

	out->index = index;
	policy_task_at(walk->policies->policy, index, &out->task);
	const char *image = out->task.image;
	int r = agent_images_load(walk->images, walk->identity, image, false, &out->manifest, err);

	if (r < 0)
		return r == -ENOENT ? -EAGAIN : r;
	const uint8_t *digest = out->manifest.files[MANIFEST_PROGRAMS].digest;
	cleanup_fd int fd = agent_images_open_file(
		walk->images, digest, out->manifest.files[MANIFEST_PROGRAMS].bytes, err);

	if (fd < 0)
		return fd == -ENOENT ? -EAGAIN : fd;
	r = buf_read_fd(&programs, fd, PROGRAMS_BYTES_MAX);
	if (r < 0)
		return err_set(err, r, "cannot read the programs of %s: %s", image, strerror(-r));
	return manifest_find_program(programs.data, programs.len, walk->request->argv[0],
				     out->program, sizeof(out->program));
}

static int check_shape(const struct agent_task *t, struct err *err)
{
	for (size_t i = 0; i < t->manifest.shape_count; i++)
		if ((uint64_t)t->manifest.shapes[i].memory_mib << 20 == t->task.memory_bytes &&
		    t->manifest.shapes[i].cpus == t->task.cpus)
			return 0;
	return err_set(err, -EINVAL,
		       "task '%s' asks for %" PRIu64
		       " MiB and %u CPUs, which image %s does not offer",
		       t->task.id, t->task.memory_bytes >> 20, t->task.cpus, t->task.image);
}

static int nothing_matched(const struct walk *walk, struct err *err)
{
	const char *argv0 = walk->request->argv[0];
	char quoted[128];

	log_quote(quoted, sizeof(quoted), argv0, strlen(argv0));
	if (walk->no_match)
		return err_set(
			err, -EACCES,
			"the policy has no task for '%s' with these files; ask your administrator",
			quoted);
	if (walk->missing_image && walk->image_err.code != -EAGAIN)
		return err_set(err, -EAGAIN, "image %s cannot be used: %s", walk->missing_image,
			       walk->image_err.text);
	if (walk->missing_image)
		return err_set(err, -EAGAIN,
			       "image %s is not here yet; `ampoule status` shows its progress",
			       walk->missing_image);
	if (walk->only_image)
		return err_set(err, -ENOENT, "no image of the policy has a program '%s'", quoted);
	return err_set(err, -EACCES, "the policy has no tasks");
}

/* Whether some task matches: the first is then in walk->out. */
static bool find_match(struct walk *walk)
{
	const struct policy *policy = walk->policies->policy;
	struct policy_request facts;

	for (size_t i = 0; i < policy_task_count(policy); i++) {
		struct err why = {0};
		int r = resolve(walk, i, &why);

		if (r == -ENOENT || r == -ENAMETOOLONG) {
			walk->only_image = walk->out->task.image;
			continue;
		}
		if (r < 0) {
			walk->missing_image = walk->out->task.image;
			walk->image_err = why;
			walk->image_err.code = r;
			continue;
		}
		agent_request_facts(walk->request, walk->out->program, &facts);
		agent_policies_facts(walk->policies, &facts);
		if (policy_task_matches(policy, i, &facts))
			return true;
		walk->no_match = walk->out->task.id;
	}
	return false;
}

/* What default_task says of a program that no task matches. An image that is missing may belong to a task that
 * does: then the program waits for it, and is not run by the laxer rules of another. */
static int take_default(struct walk *walk, struct err *err)
{
	const struct policy *policy = walk->policies->policy;
	size_t n = policy_default_task(policy);
	struct err why = {0};

	if (n == policy_task_count(policy))
		return nothing_matched(walk, err);
	if (walk->missing_image)
		walk->no_match = NULL;
	else if (resolve(walk, n, &why) == 0)
		return 0;
	return nothing_matched(walk, err);
}

int agent_task_find(struct agent_policies *policies, const struct agent_images *images,
		    const struct agent_identity *identity, const struct agent_request *request,
		    struct agent_task *out, struct err *err)
{
	struct walk walk = {.policies = policies,
			    .images = images,
			    .identity = identity,
			    .request = request,
			    .out = out};

	if (!policies->policy)
		return err_set(
			err, -EACCES,
			"no policy is applied on this machine yet; `ampoule status` shows why");
	int r = find_match(&walk) ? 0 : take_default(&walk, err);

	return r < 0 ? r : check_shape(out, err);
}
