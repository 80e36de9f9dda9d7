#include "agent/agent/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "agent/agent/loop.h"
#include "common/fd.h"
#include "microvisor/guest.h"

static const char *const view_roots[] = {"/home", "/media", "/mnt", "/srv"};

enum {
	VIEW_ROOTS = sizeof(view_roots) / sizeof(view_roots[0]),
	OWN_ENV = 4
};

static int put_string(struct buf *out, const char *text)
{
	size_t n = strlen(text);
	int r = buf_put_u32le(out, (uint32_t)n);

	return r < 0 ? r : buf_put(out, text, n);
}

/* What a Debian program expects to find; the user's own names, since the view shows his own places. */
static int put_env(struct buf *out, const struct agent_request *request)
{
	static const char path[] = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
	char text[1100];
	int r = put_string(out, path);

	(void)snprintf(text, sizeof(text), "HOME=%s", request->account.home);
	if (r == 0)
		r = put_string(out, text);
	(void)snprintf(text, sizeof(text), "USER=%s", request->account.name);
	if (r == 0)
		r = put_string(out, text);
	(void)snprintf(text, sizeof(text), "LOGNAME=%s", request->account.name);
	if (r == 0)
		r = put_string(out, text);
	for (size_t i = 0; r == 0 && i < request->envc; i++)
		r = put_string(out, request->env[i]);
	return r;
}

static int put_strings(struct buf *out, const struct agent_request *request, const char *program,
		       const char *folder)
{
	int r = put_string(out, program);

	for (size_t i = 1; r == 0 && i < request->argc; i++)
		r = put_string(out, request->argv[i]);
	if (r == 0)
		r = put_env(out, request);
	if (r == 0)
		r = put_string(out, folder);
	for (size_t i = 0; r == 0 && i < VIEW_ROOTS; i++)
		r = put_string(out, view_roots[i]);
	return r;
}

int agent_message_put(struct buf *out, const struct agent_request *request, const char *program,
		      const struct policy_task *task, const char *folder)
{
	struct mv_launch_header header = {.magic = MV_LAUNCH_MAGIC,
					  .argc = (uint32_t)request->argc,
					  .envc = (uint32_t)request->envc + OWN_ENV,
					  .mountc = VIEW_ROOTS,
					  .uid = task->uid,
					  .processes = task->processes,
					  .wall_clock_ns = agent_wall_ns()};
	size_t at = out->len;

	if (getrandom(header.entropy, sizeof(header.entropy), 0) != sizeof(header.entropy))
		return -EIO;
	int r = buf_put(out, &header, sizeof(header));

	if (r == 0)
		r = put_strings(out, request, program, folder);
	if (r < 0)
		return r;
	header.total_bytes = (uint32_t)(out->len - at);
	if (header.total_bytes > MV_FRAME_BYTES_MAX)
		return -EFBIG;
	memcpy(out->data + at, &header, sizeof(header));
	explicit_bzero(header.entropy, sizeof(header.entropy));
	return 0;
}

int agent_message_seal(const struct agent_request *request, const char *program,
		       const struct policy_task *task, const char *folder)
{
	cleanup_buf struct buf message = {0};
	int r = agent_message_put(&message, request, program, task, folder);

	return r < 0 ? r : fd_sealed("launch", message.data, message.len);
}
