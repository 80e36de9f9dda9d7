/* Base64 with padding, the standard alphabet (RFC 4648, section 4). Any thread. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stddef.h>

#include "common/buf.h"
#include "common/cleanup.h"

/* Appends the text of n bytes. -ENOMEM. */
int base64_put(struct buf *out, const void *bytes, size_t n) must_check;
/* Appends the bytes of n characters. -EINVAL unless they are exactly an encoding: no white space, padding
 * complete, unused bits zero. -ENOMEM. */
int base64_decode(struct buf *out, const char *text, size_t n) must_check;

#endif
