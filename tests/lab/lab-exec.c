/* lab-exec: runs one command in the lab's machine and behaves as the command did.
 *
 *	lab-exec PORT TOKEN-FILE TIMEOUT-S FLAGS USER CWD CMD [ARG...]
 *
 * FLAGS are letters: i forwards standard input, t gives the command a terminal, - is nothing.
 * Its environment PATH, TERM and LAB_* variables go along. The exit status is the command's; 124 the time
 * limit, 125 the machine ended or was never there. TIMEOUT-S 0 means none. One thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>

#include "common/fd.h"
#include "common/rd.h"
#include "tests/lab/wire.h"

/* QEMU's TCG loses an interrupt now and then (seen in 7.2): its main loop sets a bit of the vCPU's
 * interrupt requests while the vCPU thread, emulating VMRUN or #VMEXIT, changes another of the same
 * word without the lock. A lost timer interrupt leaves the whole machine asleep, for minutes, until
 * another interrupt makes the APIC look again. So one is sent all the time: a frame, ignored there. */
enum {
	PULSE_MS = 200
};

enum {
	STATUS_TIME_LIMIT = 124,
	STATUS_NO_MACHINE = 125,
	MS_PER_S = 1000,
	NS_PER_MS = 1000000
};

extern char **environ;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

static int connect_to(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || connect(sock, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return sock;
}

static bool goes_along(const char *entry)
{
	return strncmp(entry, "PATH=", 5) == 0 || strncmp(entry, "LAB_", 4) == 0 ||
	       strncmp(entry, "TERM=", 5) == 0;
}

static int send_request(int sock, char **argv)
{
	struct buf b cleanup_buf = {0};
	char token[LAB_TOKEN_MAX], count[24];
	size_t argc = 0;
	int r = lab_read_token(argv[2], token);

	while (argv[7 + argc])
		argc++;
	snprintf(count, sizeof(count), "%zu", argc);
	const char *first[] = {token, argv[4], argv[5], argv[6], count};

	for (size_t i = 0; r == 0 && i < sizeof(first) / sizeof(first[0]); i++)
		r = lab_put_text(&b, first[i]);
	for (size_t i = 0; r == 0 && i < argc; i++)
		r = lab_put_text(&b, argv[7 + i]);
	const char *fixed[] = {"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash"};

	for (size_t i = 0; r == 0 && i < sizeof(fixed) / sizeof(fixed[0]); i++)
		r = lab_put_text(&b, fixed[i]);
	for (char **e = environ; r == 0 && *e; e++)
		r = goes_along(*e) ? lab_put_text(&b, *e) : 0;
	return r < 0 ? r : lab_send(sock, LAB_EXEC, b.data, b.len);
}

/* True when the command ended; its status is in ret_status. */
static bool take_frame(int sock, int *ret_status)
{
	struct buf payload cleanup_buf = {0};
	uint32_t type = 0;
	int r = lab_recv(sock, &type, &payload);
	struct rd rd = rd_of(payload.data, payload.len);

	if (r == 0 && type == LAB_EXIT) {
		*ret_status = (int)rd_u32le(&rd);
		return true;
	}
	if (r == 0 && (type == LAB_STDOUT || type == LAB_STDERR)) {
		r = fd_write_all(type == LAB_STDOUT ? 1 : 2, payload.data, payload.len);
		*ret_status = STATUS_NO_MACHINE;
		return r < 0; /* nobody reads us: let the command be killed */
	}
	fprintf(stderr, "lab: the machine ended before the command did\n");
	*ret_status = STATUS_NO_MACHINE;
	return true;
}

static bool send_input(int sock)
{
	static char chunk[LAB_CHUNK_BYTES];
	ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));

	if (n < 0)
		n = 0;
	return lab_send(sock, LAB_STDIN, chunk, (size_t)n) == 0 && n > 0;
}

static int converse(int sock, bool input, int64_t limit_ms)
{
	int64_t end = now_ms() + limit_ms;
	int status = STATUS_NO_MACHINE;

	for (;;) {
		struct pollfd p[] = {{.fd = sock, .events = POLLIN},
				     {.fd = input ? STDIN_FILENO : -1, .events = POLLIN}};
		int64_t left = limit_ms ? end - now_ms() : PULSE_MS;

		if (left <= 0) {
			fprintf(stderr, "lab: time limit of %lld s reached\n",
				(long long)(limit_ms / MS_PER_S));
			return STATUS_TIME_LIMIT;
		}
		int n = poll(p, 2, left < PULSE_MS ? (int)left : PULSE_MS);

		if (n < 0 && errno != EINTR)
			return STATUS_NO_MACHINE;
		/* A machine that has ended is told of by the next read. */
		if (n == 0)
			(void)lab_send(sock, LAB_PULSE, NULL, 0);
		if (p[0].revents && take_frame(sock, &status))
			return status;
		if (p[1].revents)
			input = send_input(sock);
	}
}

int main(int argc, char **argv)
{
	struct termios saved, raw;

	if (argc < 8) {
		fprintf(stderr,
			"usage: lab-exec PORT TOKEN-FILE TIMEOUT-S FLAGS USER CWD CMD [ARG...]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	int sock = connect_to(argv[1]);

	if (sock < 0 || send_request(sock, argv) < 0) {
		fprintf(stderr, "lab: cannot reach the machine: %m\n");
		return STATUS_NO_MACHINE;
	}
	bool terminal = strchr(argv[4], 't') && tcgetattr(STDIN_FILENO, &saved) == 0;

	if (terminal) {
		raw = saved;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	int status = converse(sock, strchr(argv[4], 'i') != NULL, atoll(argv[3]) * MS_PER_S);

	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	return status;
}
