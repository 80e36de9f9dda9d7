/* The writable view against a plain folder: the same random operations on both, and the same answers, names and
 * bytes. A short run by default; FULL=1 runs a million steps. The seed is in the log: SEED=N repeats it. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdint.h>

#include "microvisor/view/tree.h"
#include "tests/support/fuse.h"
#include "tests/support/suite.h"
#include "tests/support/twin.h"

enum {
	OPEN_MAX_FILES = 6,
	BYTES_MAX = 70000,
	CHUNK = 9000,
	NAMES = 7,
	ROOM = 16384
};

static const struct table_rule rules[] = {
	{.id = "docs", .verdict = MV_COPY, .subtree = "/home/u/docs"},
	{.id = "one", .verdict = MV_ALLOW, .exact = "/home/u/one.txt"},
	{0}};

static struct guest guest;
static uint64_t random_state;
static char twin[80];

/* Files open on both sides; some have lost their names. */
static struct {
	bool used;
	uint64_t node;
	uint64_t fh;
	int fd;
} files[OPEN_MAX_FILES];

static uint32_t pick(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

static const char *pick_path(char out[64])
{
	static const char *const names[NAMES] = {"a", "b", "big", "sub", "d", "e\n\x1b\xff", "f"};
	unsigned depth = 1 + pick(3);

	out[0] = '\0';
	for (unsigned i = 0; i < depth; i++) {
		strcat(out, "/");
		strcat(out, names[pick(NAMES)]);
	}
	return out;
}

static const char *at_twin(const char *path)
{
	static char out[2][200];
	static int which;

	which = !which;
	snprintf(out[which], sizeof(out[0]), "%s%s", twin, path);
	return out[which];
}

/* Looks the folder of a path up, as a kernel does; *ret_name is its last name. */
static int parent_of(const char *path, uint64_t *ret_node, const char **ret_name)
{
	char folder[160];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof(folder), "/home/u/docs%.*s", (int)(slash - path), path);
	*ret_name = slash + 1;
	int r = guest_walk_to(&guest, folder, ret_node);
	struct fuse_getattr_in in = {0};
	struct fuse_attr_out out;

	if (r == 0)
		r = guest_ask(&guest, FUSE_GETATTR, *ret_node, &in, sizeof(in));
	if (r)
		return r;
	memcpy(&out, guest.reply, sizeof(out));
	return S_ISDIR(out.attr.mode) ? 0 : -ENOTDIR;
}

static int node_of(const char *path, struct fuse_entry_out *entry)
{
	uint64_t folder;
	const char *name;
	int r = parent_of(path, &folder, &name);

	return r ? r : guest_lookup(&guest, folder, name, entry);
}

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static void same(const char *what, const char *path, int got, int wanted)
{
	/* Either may be said of a name below one that is no folder. */
	if (got == -ENOTEMPTY && wanted == -EEXIST)
		got = wanted;
	ck_assert_msg(got == wanted, "%s %s: %d, on the plain folder %d", what, path, got, wanted);
}

static int free_slot(void)
{
	int i = (int)pick(OPEN_MAX_FILES);

	if (files[i].used) {
		struct fuse_release_in in = {.fh = files[i].fh};

		ck_assert_int_eq(guest_ask(&guest, FUSE_RELEASE, files[i].node, &in, sizeof(in)),
				 0);
		close(files[i].fd);
		guest_forget(&guest, files[i].node, 1);
		files[i].used = false;
	}
	return i;
}

static void on_create(const char *path)
{
	struct fuse_create_in in = {.flags = O_RDWR | O_CREAT | O_EXCL, .mode = S_IFREG | 0640};
	struct fuse_entry_out entry = {0};
	struct fuse_open_out out = {0};
	uint64_t folder;
	const char *name;
	int slot = free_slot();
	int r = parent_of(path, &folder, &name);

	if (r == 0)
		r = guest_name(&guest, FUSE_CREATE, folder, &in, sizeof(in), name);
	if (r == 0) {
		memcpy(&entry, guest.reply, sizeof(entry));
		memcpy(&out, guest.reply + sizeof(entry), sizeof(out));
	}
	int fd = open(at_twin(path), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	same("create", path, r, result(fd));
	if (r)
		return;
	files[slot].used = true;
	files[slot].node = entry.nodeid;
	files[slot].fh = out.fh;
	files[slot].fd = fd;
}

static void on_open(const char *path)
{
	struct fuse_entry_out entry;
	uint64_t fh = 0;
	int slot = free_slot();
	int flags = O_RDWR | (pick(8) == 0 ? O_TRUNC : 0);
	int r = node_of(path, &entry);

	if (r == 0 && !S_ISREG(entry.attr.mode))
		return;
	if (r == 0)
		r = guest_open(&guest, FUSE_OPEN, entry.nodeid, (uint32_t)flags, &fh);
	int fd = open(at_twin(path), flags | O_NOFOLLOW | O_CLOEXEC);

	same("open", path, r, result(fd));
	if (r)
		return;
	files[slot].used = true;
	files[slot].node = entry.nodeid;
	files[slot].fh = fh;
	files[slot].fd = fd;
}

/* Mostly near block boundaries. */
static uint32_t pick_offset(void)
{
	uint32_t at = pick(BYTES_MAX);

	return pick(3) ? at : at / MV_DELTA_BLOCK * MV_DELTA_BLOCK + pick(3);
}

static void on_write(const char *path)
{
	unsigned i = pick(OPEN_MAX_FILES);
	static uint8_t bytes[CHUNK];
	struct fuse_write_in in = {
		.fh = files[i].fh, .offset = pick_offset(), .size = 1 + pick(CHUNK - 1)};

	if (!files[i].used)
		return;
	for (size_t k = 0; k < in.size; k++)
		bytes[k] = (uint8_t)pick(256);
	int r = guest_ask2(&guest, FUSE_WRITE, files[i].node, &in, sizeof(in), bytes, in.size);

	ck_assert_int_eq(pwrite(files[i].fd, bytes, in.size, (off_t)in.offset), in.size);
	same("write", path, r, 0);
}

static void compare_bytes(uint64_t node, uint64_t fh, int fd, uint64_t at, uint32_t n)
{
	static uint8_t wanted[ROOM];

	ck_assert_int_eq(guest_read(&guest, FUSE_READ, node, fh, at, n), 0);
	ssize_t got = pread(fd, wanted, n, (off_t)at);

	ck_assert_int_eq((ssize_t)guest.reply_bytes, got);
	for (ssize_t i = 0; i < got; i++)
		ck_assert_msg(guest.reply[i] == wanted[i], "byte %llu", (unsigned long long)at + i);
}

static void on_read(const char *path)
{
	unsigned i = pick(OPEN_MAX_FILES);

	(void)path;
	if (files[i].used)
		compare_bytes(files[i].node, files[i].fh, files[i].fd, pick_offset(), pick(CHUNK));
}

static void on_truncate(const char *path)
{
	struct fuse_setattr_in in = {.valid = FATTR_SIZE, .size = pick_offset()};
	struct fuse_entry_out entry;
	int r = node_of(path, &entry);

	if (r || !S_ISREG(entry.attr.mode))
		return;
	r = guest_ask(&guest, FUSE_SETATTR, entry.nodeid, &in, sizeof(in));
	same("truncate", path, r, result(truncate(at_twin(path), (off_t)in.size)));
}

static void on_chmod(const char *path)
{
	struct fuse_setattr_in in = {.valid = FATTR_MODE | FATTR_MTIME,
				     .mode = S_IFREG | 0600 | pick(64),
				     .mtime = pick(1000000),
				     .mtimensec = 5};
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
					  {.tv_sec = (time_t)in.mtime, .tv_nsec = 5}};
	struct fuse_entry_out entry;
	int r = node_of(path, &entry);

	if (r || !S_ISREG(entry.attr.mode))
		return;
	same("chmod", path, guest_ask(&guest, FUSE_SETATTR, entry.nodeid, &in, sizeof(in)), 0);
	ck_assert_int_eq(chmod(at_twin(path), in.mode & 0777), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, at_twin(path), times, 0), 0);
}

static void on_mkdir(const char *path)
{
	struct fuse_mkdir_in in = {.mode = 0750};
	uint64_t folder;
	const char *name;
	int r = parent_of(path, &folder, &name);

	if (r == 0)
		r = guest_name(&guest, FUSE_MKDIR, folder, &in, sizeof(in), name);
	same("mkdir", path, r, result(mkdir(at_twin(path), 0750)));
}

static void on_unlink(const char *path)
{
	uint64_t folder;
	const char *name;
	int r = parent_of(path, &folder, &name);

	if (r == 0)
		r = guest_name(&guest, FUSE_UNLINK, folder, NULL, 0, name);
	same("unlink", path, r, result(unlink(at_twin(path))));
}

static void on_rmdir(const char *path)
{
	uint64_t folder;
	const char *name;
	int r = parent_of(path, &folder, &name);

	if (r == 0)
		r = guest_name(&guest, FUSE_RMDIR, folder, NULL, 0, name);
	if (r == -EPERM) /* nor is one removed */
		return;
	same("rmdir", path, r, result(rmdir(at_twin(path))));
}

static void on_rename(const char *path)
{
	char other[64];
	uint64_t from;
	uint64_t to;
	const char *from_name;
	const char *to_name;
	size_t n = strlen(path);

	pick_path(other);
	/* A kernel does not ask for a folder to be moved into itself. */
	if ((strncmp(path, other, n) == 0 && (other[n] == '/' || !other[n])) ||
	    (strncmp(path, other, strlen(other)) == 0 && path[strlen(other)] == '/'))
		return;
	int r = parent_of(path, &from, &from_name);

	if (r == 0)
		r = parent_of(other, &to, &to_name);
	if (r) /* which of the two is told first does not matter */
		return;
	struct fuse_rename2_in in = {.newdir = to};
	char names[200];
	size_t first = strlen(from_name) + 1;

	memcpy(names, from_name, first);
	memcpy(names + first, to_name, strlen(to_name) + 1);
	r = guest_ask2(&guest, FUSE_RENAME2, from, &in, sizeof(in), names,
		       first + strlen(to_name) + 1);
	if (r == -EXDEV) /* a folder of the host stays where it is */
		return;
	same("rename", path, r, result(rename(at_twin(path), at_twin(other))));
}

/* The names of a folder of the view, sorted as found: each must be in the twin, and their number the same. */
static unsigned count_names(const char *path, uint64_t node)
{
	uint64_t fh;
	uint64_t at = 0;
	unsigned count = 0;

	ck_assert_int_eq(guest_open(&guest, FUSE_OPENDIR, node, 0, &fh), 0);
	for (;;) {
		static uint8_t reply[ROOM];

		ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, node, fh, at, 700), 0);
		size_t n = guest.reply_bytes;

		if (n == 0)
			break;
		memcpy(reply, guest.reply, n);
		for (size_t i = 0; i < n;) {
			struct fuse_dirent entry;
			char name[300] = "";
			struct stat st;

			memcpy(&entry, reply + i, FUSE_NAME_OFFSET);
			snprintf(name, sizeof(name), "%s/%.*s", path, (int)entry.namelen,
				 (char *)reply + i + FUSE_NAME_OFFSET);
			ck_assert_msg(lstat(at_twin(name), &st) == 0, "%s is in the view alone",
				      name);
			ck_assert_uint_eq(IFTODT(st.st_mode), entry.type);
			at = entry.off;
			i += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + entry.namelen);
			count++;
		}
	}
	struct fuse_release_in in = {.fh = fh};

	ck_assert_int_eq(guest_ask(&guest, FUSE_RELEASEDIR, node, &in, sizeof(in)), 0);
	return count;
}

static void compare_file(const char *path, const struct fuse_entry_out *entry,
			 const struct stat *st)
{
	uint64_t fh;
	int fd = open(at_twin(path), O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, entry->nodeid, O_RDONLY, &fh), 0);
	for (off_t at = 0; at <= st->st_size; at += 8000)
		compare_bytes(entry->nodeid, fh, fd, (uint64_t)at, 8000);
	struct fuse_release_in in = {.fh = fh};

	ck_assert_int_eq(guest_ask(&guest, FUSE_RELEASE, entry->nodeid, &in, sizeof(in)), 0);
	close(fd);
}

static void compare_node(const char *path)
{
	struct fuse_entry_out entry;
	struct stat st;

	ck_assert_msg(node_of(path, &entry) == 0, "%s is not in the view", path);
	ck_assert_int_eq(lstat(at_twin(path), &st), 0);
	ck_assert_uint_eq(entry.attr.mode & S_IFMT, st.st_mode & S_IFMT);
	if (S_ISREG(st.st_mode)) {
		ck_assert_uint_eq(entry.attr.size, st.st_size);
		ck_assert_uint_eq(entry.attr.mode & 0777, st.st_mode & 0777);
		compare_file(path, &entry, &st);
	}
	guest_forget(&guest, entry.nodeid, 1);
}

static void compare_folder(const char *path)
{
	DIR *dir = opendir(at_twin(path));
	struct dirent *entry;
	unsigned count = 0;
	char folder[200];
	uint64_t node;

	snprintf(folder, sizeof(folder), "/home/u/docs%s", path);
	ck_assert_int_eq(guest_walk_to(&guest, folder, &node), 0);
	while ((entry = readdir(dir))) {
		char child[200];

		count++;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		compare_node(child);
		if (entry->d_type == DT_DIR)
			compare_folder(child);
	}
	closedir(dir);
	ck_assert_uint_eq(count_names(path, node), count);
}

/* As when the guest starts anew: what it did is still there. */
static void remount(void)
{
	for (unsigned i = 0; i < OPEN_MAX_FILES; i++) {
		if (files[i].used)
			close(files[i].fd);
		files[i].used = false;
	}
	mv_view_reset(guest.view);
	ck_assert_int_eq(guest_mount(&guest, 37), 0);
}

static void set_up(uint64_t whole_max)
{
	guest_init(&guest, rules);
	guest.room = ROOM;
	guest_remove(guest_host(&guest, "docs/secret"));
	(void)unlink(guest_host(&guest, "docs/link"));
	(void)unlink(guest_host(&guest, "docs/fifo"));
	guest_remove(guest_host(&guest, "docs/sub"));
	(void)unlink(guest_host(&guest, "docs/a.txt"));
	(void)unlink(guest_host(&guest, "docs/empty"));
	(void)unlink(guest_host(&guest, "docs/.dot"));
	twin_make_tree(guest_host(&guest, "docs"));
	guest_give_store(&guest, 1 << 30, whole_max);
	mv_view_reset(guest.view);
	ck_assert_int_eq(guest_mount(&guest, 37), 0);
	snprintf(twin, sizeof(twin), "%s/twin", guest.dir);
	ck_assert_int_eq(mkdir(twin, 0700), 0);
	twin_make_tree(twin);
}

static void walk(uint64_t whole_max, long steps)
{
	static void (*const actions[])(const char *path) = {
		on_create,   on_open,  on_open,  on_write,  on_write, on_write,  on_read,  on_read,
		on_truncate, on_chmod, on_mkdir, on_unlink, on_rmdir, on_rename, on_rename};
	const char *seed = getenv("SEED");
	char path[64];

	random_state =
		seed ? strtoull(seed, NULL, 0) : 0x9e3779b97f4a7c15 ^ (uint64_t)getpid() << 20;
	printf("SEED=%llu\n", (unsigned long long)random_state);
	umask(0);
	set_up(whole_max);
	for (long i = 0; i < steps; i++) {
		actions[pick(sizeof(actions) / sizeof(actions[0]))](pick_path(path));
		if (pick(2000) == 0)
			compare_folder("");
		if (pick(3000) == 0)
			remount();
	}
	compare_folder("");
	ck_assert_int_eq(twin_compare_originals(&guest), 0);
	remount();
	guest_release(&guest);
}

static long steps(void)
{
	return getenv("FULL") ? 500000 : 2000;
}

START_TEST(deltas_are_as_a_plain_folder)
{
	walk(0, steps());
}
END_TEST

START_TEST(whole_copies_are_as_a_plain_folder)
{
	walk(1 << 20, steps());
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("twin");

	tcase_set_timeout(t, 1800);
	tcase_add_test(t, deltas_are_as_a_plain_folder);
	tcase_add_test(t, whole_copies_are_as_a_plain_folder);
	return suite_run("microvisor/twin", t);
}
