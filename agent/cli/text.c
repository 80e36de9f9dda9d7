#include "agent/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char *agent_text_size(uint64_t bytes, char out[32])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double n = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)snprintf(out, 32, "%" PRIu64 " bytes", bytes);
		return out;
	}
	for (; n >= 1024 && unit < 3; unit++)
		n /= 1024;
	(void)snprintf(out, 32, "%.1f %s", n, units[unit]);
	return out;
}

const char *agent_text_when(uint64_t ns, char out[32])
{
	time_t s = (time_t)(ns / 1000000000u);
	struct tm tm;

	if (ns == 0 || !gmtime_r(&s, &tm))
		return "-";
	(void)strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}
