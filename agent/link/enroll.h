/* Enrolment as the link does it: key, certificate request, the server's answer. */
#ifndef AGENT_LINK_ENROLL_H
#define AGENT_LINK_ENROLL_H

#include "agent/link.h"
#include "common/cleanup.h"
#include "common/err.h"

/* Makes key.pem, asks the server for a certificate and stores cert.pem. -EACCES: the server refused, with
 * its word; -errno. */
int agent_link_enroll(const struct agent_link_config *config, struct agent_link_up *ret_up,
		      struct err *err) must_check;

#endif
