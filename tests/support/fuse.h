/* A guest that speaks FUSE to a view of a real temporary folder, for tests and fuzzing.
 *
 *	struct guest guest;
 *	guest_init(&guest, rules, NULL);       makes the tree below, shares it, and mounts
 *	uint64_t node = guest_walk(&guest, "/home/u/docs/a.txt");
 *	int error = guest_ask(&guest, FUSE_OPEN, node, &in, sizeof(in), NULL);
 *
 * On the host: T/docs/{a.txt,empty,.dot,sub/b.txt,sub/c.key,link,fifo,secret/s.txt} and T/one.txt. In the view:
 * folder T/docs at /home/u/docs and file T/one.txt at /home/u/one.txt. */
#ifndef TESTS_SUPPORT_FUSE_H
#define TESTS_SUPPORT_FUSE_H

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "microvisor/view/view.h"
#include "tests/support/table.h"

enum {
	GUEST_EVENTS_MAX = 64,
	GUEST_ROOM = 16384
};

struct guest {
	char dir[64];
	struct mv_audit *audit;
	struct mv_arbiter *arbiter;
	struct mv_view *view;
	struct mv_exit from;
	size_t room; /* given for each reply */
	const uint8_t *reply;
	size_t reply_bytes;
	size_t event_count;
	struct mv_event events[GUEST_EVENTS_MAX];
};

static inline void guest_event(void *context, const struct mv_event *event)
{
	struct guest *guest = context;

	if (guest->event_count < GUEST_EVENTS_MAX)
		guest->events[guest->event_count++] = *event;
}

static inline uint64_t guest_clock(void *context)
{
	(void)context;
	return 1;
}

/* Path of a name in the temporary folder; one call at a time. */
static inline const char *guest_host(const struct guest *guest, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", guest->dir, name);
	return path;
}

static inline void guest_write(const struct guest *guest, const char *name, const char *text)
{
	int fd = open(guest_host(guest, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static inline void guest_tree(struct guest *guest)
{
	strcat(guest->dir, "/tmp/ampoule-view-XXXXXX");
	if (!mkdtemp(guest->dir) || mkdir(guest_host(guest, "docs"), 0700) < 0 ||
	    mkdir(guest_host(guest, "docs/sub"), 0700) < 0 ||
	    mkdir(guest_host(guest, "docs/secret"), 0700) < 0 ||
	    symlink("/etc/passwd", guest_host(guest, "docs/link")) < 0 ||
	    mkfifo(guest_host(guest, "docs/fifo"), 0600) < 0)
		abort();
	guest_write(guest, "docs/a.txt", "hello");
	guest_write(guest, "docs/empty", "");
	guest_write(guest, "docs/.dot", "dot");
	guest_write(guest, "docs/sub/b.txt", "b");
	guest_write(guest, "docs/sub/c.key", "key");
	guest_write(guest, "docs/secret/s.txt", "secret");
	guest_write(guest, "one.txt", "one");
}

static inline void guest_put_policy(struct guest *guest, const struct table_rule *rules,
				    uint64_t serial)
{
	size_t n;
	uint64_t in_force;
	void *table = table_build(rules, serial, &n);
	int r = guest->arbiter ? mv_arbiter_replace(guest->arbiter, table, n, &in_force)
			       : mv_arbiter_new(table, n, guest->audit, &guest->arbiter);

	if (r < 0)
		abort();
	free(table);
}

static inline int guest_ask2(struct guest *guest, uint32_t opcode, uint64_t node, const void *in,
			     size_t in_bytes, const void *more, size_t more_bytes)
{
	uint8_t request[GUEST_ROOM] = {0};
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + in_bytes + more_bytes),
					.opcode = opcode,
					.unique = 77,
					.nodeid = node,
					.uid = 1000,
					.pid = 42};
	struct fuse_out_header out = {0};
	const void *reply;

	memcpy(request, &header, sizeof(header));
	if (in_bytes)
		memcpy(request + sizeof(header), in, in_bytes);
	if (more_bytes)
		memcpy(request + sizeof(header) + in_bytes, more, more_bytes);
	guest->reply_bytes =
		mv_view_serve(guest->view, &guest->from, request, header.len, guest->room, &reply);
	if (guest->reply_bytes < sizeof(out))
		return 1;
	memcpy(&out, reply, sizeof(out));
	if (out.len != guest->reply_bytes || out.unique != 77 || out.len > guest->room)
		abort();
	guest->reply = (const uint8_t *)reply + sizeof(out);
	guest->reply_bytes -= sizeof(out);
	return out.error;
}

/* The reply's error; 1 when there was no reply. Its payload is at guest->reply. */
static inline int guest_ask(struct guest *guest, uint32_t opcode, uint64_t node, const void *in,
			    size_t in_bytes)
{
	return guest_ask2(guest, opcode, node, in, in_bytes, NULL, 0);
}

/* A request of a structure and a name. */
static inline int guest_name(struct guest *guest, uint32_t opcode, uint64_t node, const void *in,
			     size_t in_bytes, const char *name)
{
	return guest_ask2(guest, opcode, node, in, in_bytes, name, strlen(name) + 1);
}

static inline int guest_lookup(struct guest *guest, uint64_t parent, const char *name,
			       struct fuse_entry_out *ret_entry)
{
	int error = guest_name(guest, FUSE_LOOKUP, parent, NULL, 0, name);

	memset(ret_entry, 0, sizeof(*ret_entry));
	if (error == 0)
		memcpy(ret_entry, guest->reply, sizeof(*ret_entry));
	return error;
}

/* Looks up each component; the error of the first that fails. */
static inline int guest_walk_to(struct guest *guest, const char *path, uint64_t *ret_node)
{
	char copy[MV_PATH_MAX * 2];
	struct fuse_entry_out entry;
	char *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	*ret_node = FUSE_ROOT_ID;
	for (char *name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
		int error = guest_lookup(guest, *ret_node, name, &entry);

		if (error)
			return error;
		*ret_node = entry.nodeid;
	}
	return 0;
}

static inline uint64_t guest_walk(struct guest *guest, const char *path)
{
	uint64_t node;

	return guest_walk_to(guest, path, &node) == 0 ? node : 0;
}

static inline int guest_open(struct guest *guest, uint32_t opcode, uint64_t node, uint32_t flags,
			     uint64_t *ret_fh)
{
	struct fuse_open_in in = {.flags = flags};
	struct fuse_open_out out = {0};
	int error = guest_ask(guest, opcode, node, &in, sizeof(in));

	if (error == 0)
		memcpy(&out, guest->reply, sizeof(out));
	*ret_fh = out.fh;
	return error;
}

static inline int guest_read(struct guest *guest, uint32_t opcode, uint64_t node, uint64_t fh,
			     uint64_t offset, uint32_t size)
{
	struct fuse_read_in in = {.fh = fh, .offset = offset, .size = size};

	return guest_ask(guest, opcode, node, &in, sizeof(in));
}

static inline void guest_forget(struct guest *guest, uint64_t node, uint64_t lookups)
{
	struct fuse_forget_in in = {.nlookup = lookups};

	(void)guest_ask(guest, FUSE_FORGET, node, &in, sizeof(in));
}

static inline int guest_mount(struct guest *guest, uint32_t minor)
{
	struct fuse_init_in in = {
		.major = 7, .minor = minor, .flags = UINT32_MAX, .max_readahead = 131072};

	return guest_ask(guest, FUSE_INIT, 0, &in, sizeof(in));
}

static inline void guest_share(struct guest *guest, enum mv_share_kind kind, const char *name,
			       const char *path)
{
	int flags = kind == MV_SHARE_FOLDER ? O_PATH | O_DIRECTORY : O_RDONLY;
	int fd = open(guest_host(guest, name), flags | O_CLOEXEC);

	if (mv_view_add(guest->view, kind, path, strlen(path), fd) < 0)
		abort();
}

/* A store for changes, T/store. */
static inline void guest_give_store(struct guest *guest, uint64_t bytes_max, uint64_t whole_max)
{
	if (mkdir(guest_host(guest, "store"), 0700) < 0 ||
	    mkdir(guest_host(guest, "store/tree"), 0700) < 0)
		abort();
	int fd = open(guest_host(guest, "store"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (mv_view_set_store(guest->view, fd, bytes_max, whole_max) < 0)
		abort();
}

static inline void guest_init(struct guest *guest, const struct table_rule *rules)
{
	*guest = (struct guest){.room = GUEST_ROOM, .from.reason = 6};
	guest_tree(guest);
	guest->audit = mv_audit_new(guest_event, guest_clock, guest);
	guest_put_policy(guest, rules, 1);
	guest->view = mv_view_new(guest->arbiter, 1000);
	guest_share(guest, MV_SHARE_FOLDER, "docs", "/home/u/docs");
	guest_share(guest, MV_SHARE_FILE, "one.txt", "/home/u/one.txt");
	if (guest_mount(guest, 37) != 0)
		abort();
}

static inline void guest_remove(const char *path)
{
	char *const argv[] = {(char[]){"rm"}, (char[]){"-rf"}, strdup(path), NULL};
	pid_t child = fork();

	if (child == 0) {
		execv("/bin/rm", argv);
		_exit(1);
	}
	free(argv[2]);
	(void)waitpid(child, NULL, 0);
}

static inline void guest_release(struct guest *guest)
{
	mv_view_free(guest->view);
	mv_arbiter_free(guest->arbiter);
	mv_audit_free(guest->audit);
	guest_remove(guest->dir);
}

/* The event about object, or NULL. Everything that waits is told first. */
static inline const struct mv_event *guest_told(struct guest *guest, const char *object)
{
	mv_audit_flush(guest->audit, 1);
	for (size_t i = 0; i < guest->event_count; i++) {
		if (guest->events[i].object_bytes == strlen(object) &&
		    memcmp(guest->events[i].object, object, strlen(object)) == 0)
			return &guest->events[i];
	}
	return NULL;
}

#endif
