#include "agent/agent/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

enum {
	THREADS_MAX = 16,        /* as the microvm's own limit, microvisor/jail/jail.c */
	CPU_PERIOD_US = 100000,  /* the kernel's default */
	CPU_OVERHEAD_US = 25000, /* for the microvm's other threads: they must not stop its vCPUs */
	LEFTOVER_WAIT_MS = 2000
};

/* On top of the guest's memory: page tables, the microvm's own, and pages of the image that this one was
 * the first to touch (clean, so the kernel takes them back when the limit is near). */
static const uint64_t OVERHEAD_BYTES = UINT64_C(128) << 20;
static const char CONTROLLERS[] = "+memory +cpu +pids";
static const char LEAF[] = "ampoule-agent";

static int write_file(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Where the unified hierarchy is mounted: the fifth word of its line, proc_pid_mountinfo(5). */
static int find_mount(char ret_path[PATH_MAX])
{
	cleanup_free char *line = NULL;
	size_t cap = 0;
	FILE *file = fopen("/proc/self/mountinfo", "re");
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (r < 0 && getline(&line, &cap, file) > 0) {
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s / %4095s", ret_path) == 1)
			r = 0;
	}
	fclose(file);
	return r;
}

/* This process's own cgroup below the mount, "" for the root. */
static int find_own(char ret_path[PATH_MAX])
{
	cleanup_free char *line = NULL;
	size_t cap = 0;
	FILE *file = fopen("/proc/self/cgroup", "re");
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (r < 0 && getline(&line, &cap, file) > 0) {
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		r = snprintf(ret_path, PATH_MAX, "%s", line[4] ? line + 3 : "") < PATH_MAX
			    ? 0
			    : -ENAMETOOLONG;
	}
	fclose(file);
	return r;
}

/* No process may be in a cgroup that hands controllers on, the root excepted. */
static int move_into_leaf(const char *base)
{
	char leaf[PATH_MAX];

	if (snprintf(leaf, sizeof(leaf), "%s/%s", base, LEAF) >= (int)sizeof(leaf))
		return -ENAMETOOLONG;
	if (mkdir(leaf, 0755) < 0 && errno != EEXIST)
		return -errno;
	return write_file(leaf, "cgroup.procs", "0");
}

static void move_back(const char *base)
{
	char leaf[PATH_MAX];

	(void)snprintf(leaf, sizeof(leaf), "%s/%s", base, LEAF); /* it fitted before */
	if (write_file(base, "cgroup.procs", "0") == 0)
		(void)rmdir(leaf); /* somebody else's when it is not empty */
}

/* Kills what is in a cgroup, waits for its end, and removes it. A kill by process number could hit whoever
 * has the number by now; the kernel's own cannot. */
static int kill_and_remove(const char *folder)
{
	char path[PATH_MAX];
	char state[128];

	(void)write_file(folder, "cgroup.kill", "1"); /* from Linux 5.14; rmdir(2) tells the rest */
	(void)snprintf(path, sizeof(path), "%s/cgroup.events", folder);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct pollfd emptied = {.fd = fd, .events = POLLPRI};

	for (int i = 0; fd >= 0 && i < 2; i++) {
		/* A read arms the next poll. */
		if (pread(fd, state, sizeof(state), 0) < 0 || rmdir(folder) == 0)
			break;
		if (errno != EBUSY || poll(&emptied, 1, LEFTOVER_WAIT_MS) < 0)
			break;
	}
	return rmdir(folder) < 0 && errno != ENOENT ? -errno : 0;
}

static void remove_leftovers(const char *folder)
{
	char path[PATH_MAX];
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >=
			    (int)sizeof(path))
			continue;
		int r = kill_and_remove(path);

		if (r < 0)
			log_warn("cgroups: cannot remove %s: %s, ignoring", path, strerror(-r));
		else
			log_info("cgroups: removed what an earlier agent left name=%s",
				 entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static int make_folder(const char *base, const char *state_dir, char ret_folder[PATH_MAX],
		       struct err *err)
{
	struct stat st;

	if (stat(state_dir, &st) < 0)
		return err_set(err, -errno, "cannot look at %s: %m", state_dir);
	int r = write_file(base, "cgroup.subtree_control", CONTROLLERS);

	if (r < 0)
		return err_set(err, r,
			       "no memory, cpu and pids controllers in cgroup %s (%s); under "
			       "systemd the service needs Delegate=yes",
			       base, strerror(-r));
	if (snprintf(ret_folder, PATH_MAX, "%s/ampoule-%" PRIx64 "-%" PRIx64, base,
		     (uint64_t)st.st_dev, (uint64_t)st.st_ino) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "the cgroup's path is too long");
	if (mkdir(ret_folder, 0755) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make cgroup %s: %m", ret_folder);
	r = write_file(ret_folder, "cgroup.subtree_control", CONTROLLERS);
	return r < 0 ? err_set(err, r, "cgroup %s has no controllers to hand on: %s", ret_folder,
			       strerror(-r))
		     : 0;
}

int agent_cgroups_open(struct agent_cgroups *cgroups, const char *state_dir, struct err *err)
{
	char mount[PATH_MAX];
	char own[PATH_MAX];
	char base[PATH_MAX];
	char folder[PATH_MAX];

	*cgroups = (struct agent_cgroups){0};
	if (find_mount(mount) < 0 || find_own(own) < 0)
		return err_set(err, -ENOENT, "this machine has no cgroup v2 mounted");
	if (snprintf(base, sizeof(base), "%s%s", mount, own) >= (int)sizeof(base))
		return err_set(err, -ENAMETOOLONG, "the cgroup's path is too long");
	int r = own[0] ? move_into_leaf(base) : 0;

	if (r < 0)
		return err_set(err, r, "cannot make a cgroup in %s: %s", base, strerror(-r));
	r = make_folder(base, state_dir, folder, err);
	if (r < 0) {
		if (own[0])
			move_back(base);
		return r;
	}
	remove_leftovers(folder);
	memcpy(cgroups->folder, folder, sizeof(folder));
	if (own[0])
		memcpy(cgroups->home, base, sizeof(base));
	return 0;
}

void agent_cgroups_close(struct agent_cgroups *cgroups)
{
	/* One that is not empty belongs to a process that would not die: the next agent tries again. */
	if (cgroups->folder[0])
		(void)rmdir(cgroups->folder);
	/* As it was found: a cgroup that hands controllers on takes no process. */
	if (cgroups->home[0] &&
	    write_file(cgroups->home, "cgroup.subtree_control", "-memory -cpu -pids") == 0)
		move_back(cgroups->home);
	*cgroups = (struct agent_cgroups){0};
}

static int set_limits(const char *folder, const struct agent_cgroup_limits *limits)
{
	char memory[32];
	char cpu[32];
	char threads[16];

	(void)snprintf(memory, sizeof(memory), "%" PRIu64, limits->memory_bytes + OVERHEAD_BYTES);
	(void)snprintf(cpu, sizeof(cpu), "%" PRIu64 " %d",
		       (uint64_t)limits->cpus * CPU_PERIOD_US + CPU_OVERHEAD_US, CPU_PERIOD_US);
	(void)snprintf(threads, sizeof(threads), "%d", THREADS_MAX);
	const struct {
		const char *name;
		const char *text;
	} files[] = {
		{"memory.max", memory},
		{"memory.oom.group", "1"}, /* all of it or nothing: half a micro-VM is none */
		{"cpu.max", cpu},
		{"pids.max", threads},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int r = write_file(folder, files[i].name, files[i].text);

		if (r < 0)
			return r;
	}
	/* A guest's memory is gone with its process: no part of it on a disk. Kernels without swap
	 * accounting have no such file. */
	int r = write_file(folder, "memory.swap.max", "0");

	return r == -ENOENT ? 0 : r;
}

int agent_cgroups_make(const struct agent_cgroups *cgroups, const char *id,
		       const struct agent_cgroup_limits *limits, char *ret_folder, struct err *err)
{
	ret_folder[0] = '\0';
	if (!cgroups->folder[0])
		return 0;
	if (snprintf(ret_folder, PATH_MAX, "%s/%s", cgroups->folder, id) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "the cgroup's path is too long");
	int r = mkdir(ret_folder, 0755) < 0 ? -errno : set_limits(ret_folder, limits);

	if (r == 0)
		return 0;
	(void)rmdir(ret_folder);
	return err_set(err, r, "cannot limit the micro-VM by cgroup %s: %s", ret_folder,
		       strerror(-r));
}

void agent_cgroups_remove(const struct agent_cgroups *cgroups, const char *id)
{
	char path[PATH_MAX];

	/* Without an id it would be the folder of them all. */
	if (!cgroups->folder[0] || !id[0] ||
	    snprintf(path, sizeof(path), "%s/%s", cgroups->folder, id) >= (int)sizeof(path))
		return;
	(void)write_file(path, "cgroup.kill", "1"); /* only a process that should not be there */
	if (rmdir(path) < 0 && errno != ENOENT)
		log_warn("cgroups: cannot remove %s: %m, ignoring", path);
}
