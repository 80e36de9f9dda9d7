#include "agent/agent/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first processor's line "flags" decides; the kernel leaves the flag out when the firmware has
 * switched virtualisation off. Intel calls it vmx, AMD svm. */

static bool is_virtualisation(const char *flag)
{
	return strcmp(flag, "vmx") == 0 || strcmp(flag, "svm") == 0;
}

static bool has_virtualisation(char *line)
{
	char *rest = NULL;
	char *colon = strchr(line, ':');

	if (!colon)
		return false;
	for (char *flag = strtok_r(colon + 1, " \t\n", &rest); flag;
	     flag = strtok_r(NULL, " \t\n", &rest)) {
		if (is_virtualisation(flag))
			return true;
	}
	return false;
}

static bool has_hardware(const char *cpuinfo)
{
	cleanup_free char *line = NULL;
	size_t cap = 0;
	FILE *file = fopen(cpuinfo, "re");
	bool found = false;

	if (!file)
		return false;
	while (getline(&line, &cap, file) > 0) {
		if (strncmp(line, "flags", strlen("flags")) != 0)
			continue;
		found = has_virtualisation(line);
		break;
	}
	fclose(file);
	return found;
}

int agent_kvm_open(const char *cpuinfo, struct err *err)
{
	static const char instead[] = "nothing is opened on the host instead";
	cleanup_fd int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, -ENODEV,
			       "isolation unavailable: this machine has no /dev/kvm; %s", instead);
	if (fd < 0)
		return err_set(err, -ENODEV,
			       "isolation unavailable: /dev/kvm cannot be used (%m); %s", instead);
	if (!has_hardware(cpuinfo))
		return err_set(err, -ENODEV,
			       "isolation unavailable: /dev/kvm has no hardware virtualisation "
			       "behind it (neither vmx nor svm in %s); %s",
			       cpuinfo, instead);
	return take_fd(fd);
}
