/* What the tests of the saver share: a home with one file, a delta, a request for it. */
#ifndef TESTS_UNIT_AGENT_SAVE_FIXTURE_H
#define TESTS_UNIT_AGENT_SAVE_FIXTURE_H

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/helper/save.h"
#include "tests/support/delta.h"
#include "tests/unit/agent/fixture.h"

#define NEW_TEXT "what the task wrote\n"
#define OLD_TEXT "what was there\n"

static const char *folder;
static struct agent_helper_save request;
static struct agent_helper_saved reply;
static int fds[3]; /* folder, content, the version before */

static inline void put(const char *name, const char *text)
{
	int fd = open(fixture_path(folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline const char *text_of(int fd)
{
	static char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

static inline const char *text_at(const char *name)
{
	int fd = open(fixture_path(folder, name), O_RDONLY | O_CLOEXEC);
	const char *text = fd < 0 ? "(none)" : text_of(fd);

	if (fd >= 0)
		close(fd);
	return text;
}

static inline struct mv_original original(void)
{
	return delta_original(fixture_path(folder, "home/a.txt"));
}

/* The delta hides a.txt as it is now; or nothing. */
static inline void note_original(void)
{
	struct mv_delta_header header = {
		.magic = MV_DELTA_MAGIC, .mode = S_IFREG | 0666, .original = original()};

	delta_put_header(fds[1], &header);
}

static inline void note_nothing(void)
{
	struct mv_delta_header header = {.magic = MV_DELTA_MAGIC, .mode = S_IFREG | 0666};

	delta_put_header(fds[1], &header);
}

static inline void setup(void)
{
	folder = fixture_folder();
	ck_assert_int_eq(mkdir(fixture_path(folder, "home"), 0755), 0);
	put("home/a.txt", OLD_TEXT);
	fds[0] = open(fixture_path(folder, "home"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	fds[1] = delta_make_new(fixture_path(folder, "delta"), NEW_TEXT);
	note_original();
	fds[2] = open(fixture_path(folder, "before"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	request = (struct agent_helper_save){.type = AGENT_HELPER_SAVE,
					     .flags = AGENT_SAVE_BEFORE,
					     .path = "a.txt",
					     .beside = "a.vm-1.txt"};
}

static inline void teardown(void)
{
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static inline void save(void)
{
	helper_save(&request, fds, 3, &reply);
}

/* A child that saves: stopped before its first system call, traced, its status what came of it. */
static inline pid_t save_traced(int *ret_status)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(9);
		raise(SIGSTOP);
		save();
		_exit(reply.outcome == AGENT_SAVED ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, ret_status, 0), pid);
	return pid;
}

static inline void is_refused(enum agent_save_step step, int error)
{
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED_NOT);
	ck_assert_uint_eq(reply.step, step);
	ck_assert_uint_eq(reply.error, (unsigned)error);
	ck_assert_uint_eq(reply.before, 0);
}

#endif
