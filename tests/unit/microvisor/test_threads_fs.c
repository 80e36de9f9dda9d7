#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "microvisor/virtio/devices.h"
#include "tests/support/driver.h"
#include "tests/support/fuse.h"
#include "tests/support/suite.h"

/* The file system device on the vCPU thread, while the main loop puts other policies in force and tells
 * what waits in the audit record: each request meets one policy whole, and no refusal is lost. */

enum {
	REQUEST = RING_DATA,
	REPLY = RING_DATA + 0x10000,
	ROUNDS = 400
};

static const struct table_rule opening[] = {
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
	{0},
};
static const struct table_rule closing[] = {
	{.id = "shut", .verdict = MV_DENY, .exact = "/home/u/docs/a.txt"},
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
	{0},
};

static struct guest guest;
static struct ring ring;
static struct mv_device *dev;
static atomic_bool vcpu_is_done;
static unsigned refused; /* by the guest's count; read after the join */
static unsigned granted;
static uint64_t told;
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;

static void count_event(void *context, const struct mv_event *event)
{
	(void)context;
	ck_assert_str_eq(event->rule, "shut");
	pthread_mutex_lock(&told_lock);
	told += event->count + event->dropped;
	pthread_mutex_unlock(&told_lock);
}

static void setup(void)
{
	guest = (struct guest){.room = GUEST_ROOM, .from.reason = 6};
	guest_tree(&guest);
	guest.audit = mv_audit_new(count_event, guest_clock, NULL);
	guest_put_policy(&guest, opening, 1);
	guest.view = mv_view_new(guest.arbiter, 1000);
	guest_share(&guest, MV_SHARE_FOLDER, "docs", "/home/u/docs");
	ring_init(&ring);
	dev = mv_fs_new(&ring.mem, guest.view, &guest.from);
	driver_bring_up(dev, 1);
}

static void teardown(void)
{
	mv_device_free(dev);
	ring_release(&ring);
	guest_release(&guest);
}

/* One request through the ring; the reply's error, its payload to out. */
static int ask(uint32_t opcode, uint64_t node, const void *in, size_t n, void *out, size_t out_n)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + n),
					.opcode = opcode,
					.nodeid = node,
					.unique = 9};
	struct fuse_out_header reply;

	memcpy(ring_at(&ring, REQUEST, sizeof(header)), &header, sizeof(header));
	memcpy(ring_at(&ring, REQUEST + sizeof(header), n), in, n);
	ring_desc(&ring, 0, REQUEST, header.len, VRING_DESC_F_NEXT, 1);
	ring_desc(&ring, 1, REPLY, 4096, VRING_DESC_F_WRITE, 0);
	ring_offer(&ring, 0);
	driver_notify(dev, 1);
	memcpy(&reply, ring_at(&ring, REPLY, sizeof(reply)), sizeof(reply));
	memcpy(out, ring_at(&ring, REPLY + sizeof(reply), out_n), out_n);
	return reply.error;
}

static uint64_t walk(const char *const *names)
{
	struct fuse_entry_out entry = {.nodeid = FUSE_ROOT_ID};

	for (; *names; names++)
		ck_assert_int_eq(ask(FUSE_LOOKUP, entry.nodeid, *names, strlen(*names) + 1, &entry,
				     sizeof(entry)),
				 0);
	return entry.nodeid;
}

/* Looks a file up, opens and reads it, again and again; each step may meet another policy. */
static void *vcpu(void *nothing)
{
	static const char *const folder[] = {"home", "u", "docs", NULL};
	struct fuse_init_in init = {.major = 7, .minor = 37};
	struct fuse_init_out init_out;
	struct fuse_entry_out entry;

	ck_assert_int_eq(ask(FUSE_INIT, 0, &init, sizeof(init), &init_out, sizeof(init_out)), 0);
	uint64_t docs = walk(folder);

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct fuse_open_in open = {.flags = O_RDONLY};
		struct fuse_open_out file;
		char text[5];

		guest.from.rip++;
		int r = ask(FUSE_LOOKUP, docs, "a.txt", 6, &entry, sizeof(entry));

		if (r == 0)
			r = ask(FUSE_OPEN, entry.nodeid, &open, sizeof(open), &file, sizeof(file));
		if (r == 0) {
			struct fuse_read_in read = {.fh = file.fh, .size = 5};
			struct fuse_release_in done = {.fh = file.fh};

			r = ask(FUSE_READ, entry.nodeid, &read, sizeof(read), text, sizeof(text));
			if (r == 0)
				ck_assert_mem_eq(text, "hello", 5);
			ck_assert_int_eq(
				ask(FUSE_RELEASE, entry.nodeid, &done, sizeof(done), text, 0), 0);
		}
		ck_assert(r == 0 || r == -EACCES);
		refused += r != 0;
		granted += r == 0;
	}
	atomic_store(&vcpu_is_done, true);
	return nothing;
}

START_TEST(requests_go_on_while_policies_change)
{
	void *tables[2];
	size_t n[2];
	uint64_t serial = 1;
	pthread_t thread;

	tables[0] = table_build(opening, 2, &n[0]);
	tables[1] = table_build(closing, 3, &n[1]);
	ck_assert_int_eq(pthread_create(&thread, NULL, vcpu, NULL), 0);
	for (unsigned i = 0; !atomic_load(&vcpu_is_done); i++) {
		ck_assert_int_eq(
			mv_arbiter_replace(guest.arbiter, tables[i % 2], n[i % 2], &serial), 0);
		(void)mv_audit_flush(guest.audit, 0);
	}
	pthread_join(thread, NULL);
	(void)mv_audit_flush(guest.audit, 1);
	ck_assert_uint_eq(refused + granted, ROUNDS);
	ck_assert_uint_eq(told, refused);
	free(tables[0]);
	free(tables[1]);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("threads-fs");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, requests_go_on_while_policies_change);
	return suite_run("microvisor/threads-fs", t);
}
