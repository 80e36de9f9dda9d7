#include "server/ctl/secret.h"

#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Byte by byte from the descriptor: a stream would keep what it read ahead, and the secret, in its buffer. */
static int read_line(int fd, char out[CTL_SECRET_MAX])
{
	size_t n = 0;
	char c = 0;

	while (n < CTL_SECRET_MAX - 1 && read(fd, &c, 1) == 1 && c != '\n')
		out[n++] = c;
	out[n] = '\0';
	return n && n < CTL_SECRET_MAX - 1 ? 0 : -1;
}

enum ctl_exit ctl_secret_read(struct ctl_call *call, const char *prompt, char out[CTL_SECRET_MAX])
{
	struct termios before, silent;
	int fd = fileno(call->in);
	bool terminal = isatty(fd) && tcgetattr(fd, &before) == 0;

	if (terminal) {
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(call->err, "%s: ", prompt);
		fflush(call->err);
		(void)tcsetattr(fd, TCSAFLUSH, &silent); /* at worst it is seen */
	}
	int r = read_line(fd, out);

	if (terminal) {
		(void)tcsetattr(fd, TCSAFLUSH, &before);
		fputc('\n', call->err);
	}
	return r < 0 ? ctl_fail(call, "%s: nothing, or too much, on standard input", prompt)
		     : CTL_OK;
}
