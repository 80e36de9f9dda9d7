/* Bytes that came as a sealed memfd, copied once. Any thread. */
#ifndef AGENT_SEALED_H
#define AGENT_SEALED_H

#include <stddef.h>

#include "common/buf.h"
#include "common/cleanup.h"

/* Appends the whole content to out. -EPERM: not a memfd sealed against writing and resizing, so that
 * reading it could block or change under us; -EFBIG: more than max bytes; -errno. fd is borrowed. */
int agent_sealed_read(int fd, size_t max, struct buf *out) must_check;

#endif
