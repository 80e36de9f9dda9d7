#include "agent/agent/deltas.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "agent/agent/sweep.h"
#include "common/fd.h"
#include "common/log.h"
#include "microvisor/delta.h"

/* Paths here are made of the state folder, a uid and an id that is checked: no name that a guest or user chose. */

enum {
	PATH_BYTES = PATH_MAX
};

static bool is_id(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n < MV_NAME_MAX && id[n] == '\0';
}

static const char *path_of(const struct agent_deltas *deltas, uid_t uid, const char *id,
			   const char *rest, char out[PATH_BYTES])
{
	(void)snprintf(out, PATH_BYTES, "%s/%u/%s%s", deltas->folder, uid, id,
		       rest); /* AGENT_FOLDER_MAX */
	return out;
}

int agent_deltas_open_one(const struct agent_deltas *deltas, uid_t uid, const char *id)
{
	char path[PATH_BYTES];

	if (!is_id(id))
		return -ENOENT;
	int fd = open(path_of(deltas, uid, id, "", path),
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int agent_deltas_read_meta(int folder, struct agent_delta_meta *ret_meta)
{
	cleanup_fd int fd = openat(folder, "meta", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = fd_read_all(fd, ret_meta, sizeof(*ret_meta));

	if (r < 0)
		return r == -EPIPE ? -EBADMSG : r;
	if (ret_meta->magic != AGENT_DELTA_MAGIC || ret_meta->state < AGENT_KEPT_RUNNING ||
	    ret_meta->state >= AGENT_KEPT_STATES || ret_meta->id[MV_NAME_MAX - 1] ||
	    ret_meta->task[MV_NAME_MAX - 1] || ret_meta->program[sizeof(ret_meta->program) - 1])
		return -EBADMSG;
	return 0;
}

/* At the launch not on disk yet, which would keep the user waiting: a store without it is incomplete anyway. */
static int write_first_meta(const char *path, const struct agent_delta_meta *meta)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd_write_all(fd, meta, sizeof(*meta));
}

static int make_folders(const struct agent_deltas *deltas, uid_t uid, const char *id)
{
	static const char *const folders[] = {"", "/store", "/store/" MV_STORE_TREE, "/before"};
	char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/%u", deltas->folder, uid);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdir(path_of(deltas, uid, id, folders[i], path), 0700) < 0)
			return -errno;
	return 0;
}

/* From a plain folder descriptor ".." would lead on; from a mount of its own it leads nowhere. */
static int clone_store(const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW};
	cleanup_fd int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return take_fd(fd);
}

static int make_store(struct agent_deltas *deltas, const struct agent_delta_meta *meta,
		      uid_t vm_uid, gid_t vm_gid)
{
	char path[PATH_BYTES];
	int r = make_folders(deltas, meta->uid, meta->id);

	if (r == 0)
		r = write_first_meta(path_of(deltas, meta->uid, meta->id, "/meta", path), meta);
	if (r < 0)
		return r;
	if (chown(path_of(deltas, meta->uid, meta->id, "/store/" MV_STORE_TREE, path), vm_uid,
		  vm_gid) < 0 ||
	    chown(path_of(deltas, meta->uid, meta->id, "/store", path), vm_uid, vm_gid) < 0)
		return -errno;
	return clone_store(path);
}

int agent_deltas_make(struct agent_deltas *deltas, const struct agent_delta_meta *meta,
		      uid_t vm_uid, gid_t vm_gid, struct err *err)
{
	if (!is_id(meta->id))
		return err_set(err, -EINVAL, "a micro-VM without an id has no store");
	int r = make_store(deltas, meta, vm_uid, vm_gid);

	if (r < 0) {
		agent_deltas_remove(deltas, meta->uid, meta->id);
		return err_set(err, r, "cannot make a store for what the task writes: %s",
			       strerror(-r));
	}
	return r;
}

int agent_deltas_end(struct agent_deltas *deltas, uid_t uid, const char *id,
		     enum agent_kept_state state)
{
	struct agent_delta_meta meta;
	char path[PATH_BYTES];
	struct timespec now;
	cleanup_fd int folder = agent_deltas_open_one(deltas, uid, id);
	int r = folder < 0 ? folder : agent_deltas_read_meta(folder, &meta);

	if (r == -EBADMSG || r == -ENOENT) {
		meta = (struct agent_delta_meta){.magic = AGENT_DELTA_MAGIC, .uid = uid};
		(void)snprintf(meta.id, sizeof(meta.id), "%s", id);
		state = AGENT_KEPT_INCOMPLETE;
		r = folder < 0 ? folder : 0;
	}
	if (r < 0)
		return r;
	/* The slot's uid goes to another micro-VM now. What lies inside is reached through this alone. */
	if (fchownat(folder, "store", 0, 0, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	clock_gettime(CLOCK_REALTIME, &now);
	meta.state = state;
	meta.ended_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return fd_replace_file(path_of(deltas, uid, id, "/meta", path), &meta, sizeof(meta), 0600);
}

static void sweep(struct agent_deltas *deltas);

static void on_swept(void *context, int status)
{
	struct agent_deltas *deltas = context;

	if (status != 0)
		log_warn("deltas: the trash could not be emptied status=%d, ignoring", status);
	if (deltas->sweep_again) {
		deltas->sweep_again = false;
		sweep(deltas);
	}
}

static void sweep(struct agent_deltas *deltas)
{
	if (deltas->sweeper.pid > 0) {
		deltas->sweep_again = true;
		return;
	}
	int r = agent_sweep_start(&deltas->sweeper, deltas->loop, deltas->folder, on_swept, deltas);

	if (r < 0)
		log_warn("deltas: no process to empty the trash: %s, ignoring", strerror(-r));
}

void agent_deltas_remove(struct agent_deltas *deltas, uid_t uid, const char *id)
{
	char from[PATH_BYTES];
	char to[PATH_BYTES];
	uint64_t random = 0;

	if (!is_id(id))
		return;
	(void)!getrandom(&random, sizeof(random), 0); /* a name that is taken fails below */
	(void)snprintf(to, sizeof(to), "%s/trash/%s-%" PRIx64, deltas->folder, id, random);
	if (rename(path_of(deltas, uid, id, "", from), to) < 0 && errno != ENOENT)
		log_warn("deltas: a store cannot be destroyed id=%s: %m, ignoring", id);
	sweep(deltas);
}

/* The entries of a folder, read before any of them is handled. */
static int list_names(const char *path, char names[][MV_NAME_MAX], size_t max)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (const struct dirent *e = readdir(dir); e && n < max; e = readdir(dir))
		if (e->d_name[0] != '.' && strlen(e->d_name) < MV_NAME_MAX)
			(void)snprintf(names[n++], MV_NAME_MAX, "%s", e->d_name);
	closedir(dir);
	return (int)n;
}

enum {
	NAMES_MAX = 4096
};

int agent_deltas_each(const struct agent_deltas *deltas, uid_t uid, agent_deltas_fn *fn,
		      void *context)
{
	char(*names)[MV_NAME_MAX] = calloc(NAMES_MAX, MV_NAME_MAX);
	char path[PATH_BYTES];
	int r = 0;

	if (!names)
		return -ENOMEM;
	(void)snprintf(path, sizeof(path), "%s/%u", deltas->folder, uid);
	int n = list_names(path, names, NAMES_MAX);

	for (int i = 0; i < n && r == 0; i++)
		if (is_id(names[i]))
			r = fn(context, uid, names[i]);
	free(names);
	return n < 0 ? n : r;
}

static int each_user(const struct agent_deltas *deltas, agent_deltas_fn *fn, void *context)
{
	char(*names)[MV_NAME_MAX] = calloc(NAMES_MAX, MV_NAME_MAX);
	int r = 0;

	if (!names)
		return -ENOMEM;
	int n = list_names(deltas->folder, names, NAMES_MAX);

	for (int i = 0; i < n && r == 0; i++) {
		char *end;
		unsigned long uid = strtoul(names[i], &end, 10);

		if (*end == '\0' && uid <= UINT32_MAX)
			r = agent_deltas_each(deltas, (uid_t)uid, fn, context);
	}
	free(names);
	return n < 0 ? n : r;
}

struct expiring {
	struct agent_deltas *deltas;
	uint64_t now_ns;
};

static int expire_one(void *context, uid_t uid, const char *id)
{
	const struct expiring *e = context;
	struct agent_delta_meta meta;
	cleanup_fd int folder = agent_deltas_open_one(e->deltas, uid, id);

	if (folder < 0 || agent_deltas_read_meta(folder, &meta) < 0 ||
	    meta.state == AGENT_KEPT_RUNNING)
		return 0;
	/* A clock that was set back keeps things longer, never shorter. */
	if (e->now_ns > meta.ended_ns && e->now_ns - meta.ended_ns >= e->deltas->grace_ns) {
		log_info("deltas: the grace time is over id=%s", id);
		agent_deltas_remove(e->deltas, uid, id);
	}
	return 0;
}

void agent_deltas_expire(struct agent_deltas *deltas, uint64_t now_ns)
{
	struct expiring e = {deltas, now_ns};
	int r = each_user(deltas, expire_one, &e);

	if (r < 0)
		log_warn("deltas: what is kept cannot be listed: %s, ignoring", strerror(-r));
}

/* Its agent ended without it: nothing that a task had open can be known to be whole. */
static int mark_one(void *context, uid_t uid, const char *id)
{
	struct agent_deltas *deltas = context;
	struct agent_delta_meta meta;
	cleanup_fd int folder = agent_deltas_open_one(deltas, uid, id);
	int r = folder < 0 ? folder : agent_deltas_read_meta(folder, &meta);

	if (r == 0 && meta.state != AGENT_KEPT_RUNNING)
		return 0;
	log_warn("deltas: a micro-VM ended with its agent, possibly incomplete id=%s", id);
	r = agent_deltas_end(deltas, uid, id, AGENT_KEPT_INCOMPLETE);
	if (r < 0)
		log_error("deltas: cannot be marked id=%s: %s", id, strerror(-r));
	return 0;
}

static bool is_folder_empty(const char *path)
{
	char name[1][MV_NAME_MAX];

	return list_names(path, name, 1) == 0;
}

int agent_deltas_open(struct agent_deltas *deltas, const struct agent_options *options,
		      struct agent_loop *loop, struct err *err)
{
	char trash[PATH_BYTES];

	*deltas = (struct agent_deltas){.loop = loop, .grace_ns = options->grace_ms * 1000000};
	(void)snprintf(deltas->folder, sizeof(deltas->folder), "%s/deltas", options->state_dir);
	(void)snprintf(trash, sizeof(trash), "%s/trash", deltas->folder);
	int r = agent_make_folder(deltas->folder, 0700, err);

	if (r == 0)
		r = agent_make_folder(trash, 0700, err);
	if (r < 0)
		return r;
	r = each_user(deltas, mark_one, deltas);
	if (r < 0)
		return err_set(err, r, "cannot read %s: %s", deltas->folder, strerror(-r));
	if (!is_folder_empty(trash))
		sweep(deltas);
	return 0;
}

void agent_deltas_close(struct agent_deltas *deltas)
{
	agent_child_kill(&deltas->sweeper);
}

static int add_bytes(void *context, uid_t uid, const char *id)
{
	struct {
		const struct agent_deltas *deltas;
		uint64_t bytes;
	} *sum = context;
	char path[PATH_BYTES];

	sum->bytes += agent_sweep_measure(path_of(sum->deltas, uid, id, "", path),
					  AGENT_DELTA_ENTRIES_MAX);
	return 0;
}

uint64_t agent_deltas_bytes(const struct agent_deltas *deltas, uid_t uid, const char *id)
{
	struct {
		const struct agent_deltas *deltas;
		uint64_t bytes;
	} sum = {deltas, 0};

	if (id && is_id(id))
		(void)add_bytes(&sum, uid, id); /* has no errors */
	else if (!id && agent_deltas_each(deltas, uid, add_bytes, &sum) < 0)
		return UINT64_MAX; /* what cannot be counted is full */
	return sum.bytes;
}
