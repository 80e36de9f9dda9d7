/* How times and sizes are written for people; each returns out, or a constant. */
#ifndef AGENT_CLI_TEXT_H
#define AGENT_CLI_TEXT_H

#include <stdint.h>

/* "12.3 MiB". */
const char *agent_text_size(uint64_t bytes, char out[32]);
/* A time in UTC, RFC 3339, "-" for none. */
const char *agent_text_when(uint64_t ns, char out[32]);

#endif
