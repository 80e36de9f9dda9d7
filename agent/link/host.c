#include "agent/link/host.h"

#include <string.h>
#include <unistd.h>

#include "common/buf.h"

static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

void agent_host_name(char out[AGENT_HOSTNAME_MAX])
{
	memset(out, 0, AGENT_HOSTNAME_MAX);
	if (gethostname(out, AGENT_HOSTNAME_MAX - 1) < 0)
		out[0] = '\0';
	for (char *p = out; *p; p++)
		if (!strchr(allowed, *p))
			*p = '-';
}

void agent_host_machine_id(char out[AGENT_MACHINE_ID_MAX])
{
	cleanup_buf struct buf text = {0};
	size_t n = 0;

	memset(out, 0, AGENT_MACHINE_ID_MAX);
	if (buf_read_file(&text, "/etc/machine-id", 4096) < 0)
		return;
	while (n < text.len && n < AGENT_MACHINE_ID_MAX - 1 &&
	       memchr("0123456789abcdef", text.data[n], 16))
		n++;
	memcpy(out, text.data, n);
}
