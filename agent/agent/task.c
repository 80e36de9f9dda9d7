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

/* What the walk over the tasks met, for the message when none is taken. */
struct walk {
	const char *missing_image; /* the first image that could not be looked into */
	const char *no_match;      /* the first task whose image has the program */
	const char *only_image;    /* an image that does not have it */
	struct err image_err;
};

/* Loads the image's manifest and resolves the program in it. -EAGAIN: the image is not here. */
static int resolve(const struct agent_images *images, const struct agent_identity *identity,
		   const char *image, const char *argv0, struct agent_task *out, struct err *err)
{
	cleanup_buf struct buf programs = {0};
	int r = agent_images_load(images, identity, image, false, &out->manifest, err);

	if (r < 0)
		return r == -ENOENT ? -EAGAIN : r;
	const uint8_t *digest = out->manifest.files[MANIFEST_PROGRAMS].digest;
	cleanup_fd int fd = agent_images_open_file(
		images, digest, out->manifest.files[MANIFEST_PROGRAMS].bytes, err);

	if (fd < 0)
		return fd == -ENOENT ? -EAGAIN : fd;
	r = buf_read_fd(&programs, fd, PROGRAMS_BYTES_MAX);
	if (r < 0)
		return err_set(err, r, "cannot read the programs of %s: %s", image, strerror(-r));
	return manifest_find_program(programs.data, programs.len, argv0, out->program,
				     sizeof(out->program));
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

static int nothing_matched(const struct walk *walk, const char *argv0, struct err *err)
{
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

int agent_task_find(struct agent_policies *policies, const struct agent_images *images,
		    const struct agent_identity *identity, const struct agent_request *request,
		    struct agent_task *out, struct err *err)
{
	struct walk walk = {0};
	struct policy_request facts;

	if (!policies->policy)
		return err_set(
			err, -EACCES,
			"no policy is applied on this machine yet; `ampoule status` shows why");
	for (size_t i = 0; i < policy_task_count(policies->policy); i++) {
		struct err why = {0};

		policy_task_at(policies->policy, i, &out->task);
		int r = resolve(images, identity, out->task.image, request->argv[0], out, &why);

		if (r == -ENOENT || r == -ENAMETOOLONG) {
			walk.only_image = out->task.image;
			continue;
		}
		if (r < 0) {
			walk.missing_image = out->task.image;
			walk.image_err = why;
			walk.image_err.code = r;
			continue;
		}
		agent_request_facts(request, out->program, &facts);
		agent_policies_facts(policies, &facts);
		if (policy_task_matches(policies->policy, i, &facts)) {
			out->index = i;
			return check_shape(out, err);
		}
		walk.no_match = out->task.id;
	}
	return nothing_matched(&walk, request->argv[0], err);
}
