/* Why the guest could not run its task: an errno and one line, which FAILED carries to the host. */
#ifndef MESSAGE_FAULT_H
#define MESSAGE_FAULT_H

enum {
	FAULT_TEXT_MAX = 256
};

struct fault {
	int code; /* negative errno */
	char text[FAULT_TEXT_MAX + 1];
};

/* Fills *fault with -error and a text that ends in the words of error; returns -error. */
int fault_set(struct fault *fault, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
