/* ampoule-server doctor: what is wrong with this installation, or soon will be, and how to mend it. It changes
 * nothing, and runs beside a serving instance or without one. One thread. */
#ifndef SERVER_DOCTOR_H
#define SERVER_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

enum srv_doctor_exit {
	SRV_DOCTOR_WELL = 0,
	SRV_DOCTOR_BROKEN = 1,
	SRV_DOCTOR_SOON = 3 /* it works, and will not for long */
};

/* Looks at everything and prints it: lines for people, or {"state", "checks": [{"name", "state", "text",
 * "mend"}]}. */
enum srv_doctor_exit srv_doctor(const char *state_dir, bool json, FILE *out);

#endif
