#include "agent/cli/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agent/cli/changes.h"
#include "agent/cli/text.h"
#include "common/log.h"

static const char choices[] = "[y]es, [n]o, keep it for now, save [a]ll, save n[o]ne? ";

void agent_ask_open(struct agent_ask *ask)
{
	ask->waiting = false;
	ask->tty = isatty(STDERR_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;
}

void agent_ask_close(struct agent_ask *ask)
{
	if (ask->tty >= 0)
		close(ask->tty);
	ask->tty = -1;
}

unsigned agent_ask_put(struct agent_ask *ask, const struct agent_rep_ask *question)
{
	char *quoted = malloc(4 * MV_PATH_MAX + 8);
	char size[32];

	/* In the background reading would stop us, and nobody looks. */
	if (ask->tty < 0 || !quoted || tcgetpgrp(ask->tty) != getpgrp()) {
		free(quoted);
		return AGENT_ANSWER_KEEP;
	}
	(void)tcflush(ask->tty, TCIFLUSH); /* what was typed for the task is no answer */
	dprintf(ask->tty, "ampoule: save the %s file %s (%s)? %s",
		question->kind == AGENT_CHANGE_FOLDER ? "new folder, no"
						      : agent_changes_kind(question->kind),
		log_quote(quoted, 4 * MV_PATH_MAX + 8, question->path,
			  strnlen(question->path, sizeof(question->path))),
		agent_text_size(question->bytes, size), choices);
	free(quoted);
	ask->waiting = true;
	return 0;
}

static unsigned answer_of(char letter)
{
	switch (letter) {
	case 'y':
	case 'Y':
		return AGENT_ANSWER_SAVE;
	case 'n':
	case 'N':
		return AGENT_ANSWER_KEEP;
	case 'a':
	case 'A':
		return AGENT_ANSWER_SAVE_ALL;
	case 'o':
	case 'O':
		return AGENT_ANSWER_KEEP_ALL;
	default:
		return 0;
	}
}

unsigned agent_ask_read(struct agent_ask *ask)
{
	char line[256];
	ssize_t n = read(ask->tty, line, sizeof(line));
	unsigned answer = n > 0 ? answer_of(line[0]) : AGENT_ANSWER_KEEP_ALL;

	if (n < 0 && errno == EINTR)
		return 0;
	if (answer == 0)
		dprintf(ask->tty, "ampoule: %s", choices);
	ask->waiting = answer == 0;
	return answer;
}
