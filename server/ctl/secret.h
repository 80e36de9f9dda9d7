/* Asking a person for what must not be seen: at a terminal without echo, else the next line of stdin. One thread. */
#ifndef SERVER_CTL_SECRET_H
#define SERVER_CTL_SECRET_H

#include "server/ctl/ctl.h"

enum {
	CTL_SECRET_MAX = 512
};

/* Reads one line, without its end, into out. Wipe it. CTL_FAILED, told, when there is none or it is too long. */
enum ctl_exit ctl_secret_read(struct ctl_call *call, const char *prompt,
			      char out[CTL_SECRET_MAX]) must_check;

#endif
