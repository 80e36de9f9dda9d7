/* What a template depends on besides its image: this machine's CPU, its kernel, and our microvisor. */
#ifndef AGENT_AGENT_HOST_H
#define AGENT_AGENT_HOST_H

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/err.h"

/* A digest over CPU model, stepping, microcode and features, the running kernel's release and build, and
 * the bytes of ampoule-microvm in bin_dir. -errno with what could not be read. */
int agent_host_digest(const char *bin_dir, uint8_t ret_digest[DIGEST_BYTES],
		      struct err *err) must_check;

/* The digest of ampoule-microvm in bin_dir: which microvisor it is. -errno. */
int agent_host_microvm(const char *bin_dir, uint8_t ret_digest[DIGEST_BYTES]) must_check;

#endif
