/* labd: process 1 of the lab's machine. Runs commands that lab-exec asks for; wire.h is the protocol.
 *
 * The parent accepts and reaps; each connection is a process of its own, with one command in a session
 * of its own. The connection's process never blocks on the command: its standard input is written only
 * when there is room, and no more is read from the client until it is.
 * What a background process writes after the command itself has ended is not waited for. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <utmp.h>

#include "common/fd.h"
#include "common/rd.h"
#include "tests/lab/wire.h"

enum {
	ARGS_MAX = 4096,
	BACKLOG = 64,
	DRAIN_READS_MAX = 256,
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127
};

struct request {
	char *token, *flags, *user, *cwd;
	char **argv; /* NULL-terminated; all strings are ours */
	char **envp;
};

struct command {
	int sock;
	pid_t pid;
	int pidfd;
	int in, out, err;   /* -1 when closed; with a terminal in == out's twin and err == -1 */
	struct buf pending; /* for in */
	bool in_ended;
};

static char *read_text(struct rd *r)
{
	uint32_t n = rd_u32le(r);
	const uint8_t *p = rd_bytes(r, n);

	return p ? strndup((const char *)p, n) : NULL;
}

static char **read_texts(struct rd *r, size_t n)
{
	char **texts = calloc(n + 1, sizeof(*texts));

	for (size_t i = 0; texts && i < n; i++)
		texts[i] = read_text(r);
	return texts;
}

/* The process ends with the request, so nothing of it is freed. */
static int parse_request(const struct buf *payload, struct request *req)
{
	struct rd r = rd_of(payload->data, payload->len);

	req->token = read_text(&r);
	req->flags = read_text(&r);
	req->user = read_text(&r);
	req->cwd = read_text(&r);
	char *count = read_text(&r);
	unsigned long argc = count ? strtoul(count, NULL, 10) : 0;

	if (r.bad || argc == 0 || argc > ARGS_MAX)
		return -EBADMSG;
	req->argv = read_texts(&r, argc);
	req->envp = calloc(ARGS_MAX + 1, sizeof(char *));
	for (size_t i = 0; req->envp && i < ARGS_MAX && rd_left(&r) > 0; i++)
		req->envp[i] = read_text(&r);
	return r.bad || !req->argv || !req->envp ? -EBADMSG : 0;
}

/* In the child. Says why on standard error and gives the status to leave with. */
static int become_user(const char *name)
{
	struct passwd *pw = getpwnam(name);

	if (!pw) {
		fprintf(stderr, "lab: no user '%s' in the machine\n", name);
		return -1;
	}
	if (initgroups(name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0) {
		perror("lab: cannot become the user");
		return -1;
	}
	setenv("HOME", pw->pw_dir, 1);
	setenv("USER", name, 1);
	setenv("LOGNAME", name, 1);
	setenv("SHELL", pw->pw_shell, 1);
	return 0;
}

static _Noreturn void run_child(const struct request *req)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	clearenv();
	for (char **e = req->envp; *e; e++)
		putenv(*e);
	if (chdir(req->cwd) < 0 && chdir("/") < 0)
		_exit(STATUS_NOT_EXECUTABLE);
	if (req->user[0] && become_user(req->user) < 0)
		_exit(STATUS_NOT_EXECUTABLE);
	execvp(req->argv[0], req->argv);
	int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;

	fprintf(stderr, "lab: %s: %m\n", req->argv[0]);
	_exit(status);
}

static int start_on_terminal(const struct request *req, struct command *cmd)
{
	int master;

	cmd->pid = forkpty(&master, NULL, NULL, NULL);
	if (cmd->pid < 0)
		return -errno;
	if (cmd->pid == 0)
		run_child(req);
	cmd->out = master;
	cmd->in = fcntl(master, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static int start_on_pipes(const struct request *req, struct command *cmd)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	cmd->pid = fork();
	if (cmd->pid < 0)
		return -errno;
	if (cmd->pid == 0) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		setsid();
		dup2(strchr(req->flags, 'i') ? in[0] : null, STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		run_child(req);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	cmd->in = in[1];
	cmd->out = out[0];
	cmd->err = err[0];
	return 0;
}

static void close_in(struct command *cmd)
{
	close(cmd->in);
	cmd->in = -1;
}

/* Forwards one read. False when nothing more will come just now. */
static bool forward(struct command *cmd, int *fd, uint32_t type)
{
	static char chunk[LAB_CHUNK_BYTES];
	ssize_t n = *fd < 0 ? -1 : read(*fd, chunk, sizeof(chunk));

	if (n > 0 && lab_send(cmd->sock, type, chunk, (size_t)n) == 0)
		return true;
	if (*fd >= 0 && (n >= 0 || (errno != EAGAIN && errno != EINTR))) {
		close(*fd);
		*fd = -1;
	}
	return false;
}

static void feed(struct command *cmd)
{
	ssize_t n = write(cmd->in, cmd->pending.data, cmd->pending.len);

	if (n > 0)
		buf_consume(&cmd->pending, (size_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		close_in(cmd);
}

static int take_input(struct command *cmd)
{
	struct buf frame cleanup_buf = {0};
	uint32_t type;
	int r = lab_recv(cmd->sock, &type, &frame);

	if (r == 0 && type == LAB_PULSE)
		return 0;
	if (r < 0 || type != LAB_STDIN)
		return -EPIPE;
	if (frame.len == 0)
		cmd->in_ended = true;
	if (cmd->in < 0 || frame.len == 0)
		return 0;
	return buf_put(&cmd->pending, frame.data, frame.len);
}

/* The client may be gone already; then nobody misses the answer. */
static void send_exit(int sock, int status)
{
	struct buf b cleanup_buf = {0};

	if (buf_put_u32le(&b, (uint32_t)status) == 0)
		(void)lab_send(sock, LAB_EXIT, b.data, b.len);
}

static void finish(struct command *cmd)
{
	int wait_status = 0;

	(void)waitpid(cmd->pid, &wait_status, 0);
	for (int i = 0; i < DRAIN_READS_MAX && forward(cmd, &cmd->out, LAB_STDOUT); i++)
		continue;
	for (int i = 0; i < DRAIN_READS_MAX && forward(cmd, &cmd->err, LAB_STDERR); i++)
		continue;
	send_exit(cmd->sock,
		  WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status));
}

/* One round of the connection. False when it is over. */
static bool serve_once(struct command *cmd)
{
	struct pollfd p[] = {
		{.fd = cmd->pending.len ? -1 : cmd->sock, .events = POLLIN},
		{.fd = cmd->out, .events = POLLIN},
		{.fd = cmd->err, .events = POLLIN},
		{.fd = cmd->pending.len ? cmd->in : -1, .events = POLLOUT},
		{.fd = cmd->pidfd, .events = POLLIN},
	};

	if (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0)
		return errno == EINTR;
	if (p[0].revents && take_input(cmd) < 0) {
		kill(-cmd->pid, SIGKILL);
		return false;
	}
	if (p[1].revents)
		(void)forward(cmd, &cmd->out, LAB_STDOUT);
	if (p[2].revents)
		(void)forward(cmd, &cmd->err, LAB_STDERR);
	if (p[3].revents && cmd->in >= 0)
		feed(cmd);
	if (cmd->in >= 0 && cmd->in_ended && cmd->pending.len == 0)
		close_in(cmd);
	if (!p[4].revents)
		return true;
	finish(cmd);
	return false;
}

static int nonblocking(int fd)
{
	return fd < 0 ? 0 : fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void serve(int sock, const char *token)
{
	struct buf frame = {0};
	struct request req = {0};
	struct command cmd = {.sock = sock, .in = -1, .out = -1, .err = -1};
	uint32_t type;

	if (lab_recv(sock, &type, &frame) < 0 || type != LAB_EXEC ||
	    parse_request(&frame, &req) < 0 || strcmp(req.token, token) != 0)
		return;
	int r = strchr(req.flags, 't') ? start_on_terminal(&req, &cmd) : start_on_pipes(&req, &cmd);

	if (r < 0) {
		(void)lab_send(sock, LAB_STDERR, strerror(-r), strlen(strerror(-r)));
		send_exit(sock, STATUS_NOT_EXECUTABLE);
		return;
	}
	cmd.pidfd = pidfd_open(cmd.pid, 0);
	if (cmd.pidfd < 0 || nonblocking(cmd.in) < 0 || nonblocking(cmd.out) < 0 ||
	    nonblocking(cmd.err) < 0)
		return;
	while (serve_once(&cmd))
		continue;
	/* A close with unread input would be a reset, which may overtake the exit status: to the end. */
	shutdown(sock, SHUT_WR);
	while (read(sock, frame.data, LAB_HEADER_BYTES) > 0)
		continue;
}

static int listen_here(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(LAB_PORT)};
	int one = 1;
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(sock, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(sock, BACKLOG) < 0)
		return -errno;
	return sock;
}

static void on_child(int signo)
{
	(void)signo;
}

/* labd TOKEN-FILE READY-FILE */
int main(int argc, char **argv)
{
	char token[LAB_TOKEN_MAX];
	sigset_t child, before;
	struct sigaction reap = {.sa_handler = on_child};
	int listener = listen_here();

	if (argc != 3 || listener < 0 || lab_read_token(argv[1], token) < 0 || !token[0]) {
		fprintf(stderr, "labd: cannot start: %m\n");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &reap, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	close(open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (;;) {
		struct pollfd p = {.fd = listener, .events = POLLIN};

		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		if (ppoll(&p, 1, NULL, &before) <= 0)
			continue;
		int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (sock >= 0 && fork() == 0) {
			close(listener);
			signal(SIGCHLD, SIG_DFL);
			serve(sock, token);
			_exit(0);
		}
		close(sock);
	}
}
