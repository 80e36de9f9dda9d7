#include <check.h>
#include <dirent.h>
#include <errno.h>

#include "tests/support/fuse.h"
#include "tests/support/suite.h"

static const struct table_rule rules[] = {
	{.id = "secret", .verdict = MV_DENY, .subtree = "/home/u/docs/secret"},
	{.id = "key", .verdict = MV_DENY, .glob = "/home/u/docs/**.key"},
	{.id = "hush", .verdict = MV_HIDE, .exact = "/home/u/docs/.dot"},
	{.id = "ban", .verdict = MV_DENY, .exact = "/srv/x/ban"},
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
	{.id = "one", .verdict = MV_COPY, .exact = "/home/u/one.txt"},
	{0},
};

static struct guest guest;

static void setup(void)
{
	guest_init(&guest, rules);
}

static void teardown(void)
{
	guest_release(&guest);
}

/* The names of a READDIR reply, joined; the last one's position in *ret_next. */
static const char *names(uint64_t *ret_next)
{
	static char joined[4096];
	size_t at = 0;

	joined[0] = '\0';
	while (at < guest.reply_bytes) {
		struct fuse_dirent entry;

		memcpy(&entry, guest.reply + at, FUSE_NAME_OFFSET);
		ck_assert_uint_ne(entry.ino, 0);
		ck_assert(entry.type == DT_DIR || entry.type == DT_REG);
		snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%.*s ",
			 (int)entry.namelen, guest.reply + at + FUSE_NAME_OFFSET);
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + entry.namelen);
		*ret_next = entry.off;
	}
	return joined;
}

/* Lists a folder in replies of at most size bytes; the sorted names. */
static const char *listing(const char *path, uint32_t size)
{
	static char all[4096];
	char *list[64];
	size_t count = 0;
	uint64_t fh;
	uint64_t at = 0;
	uint64_t node = guest_walk(&guest, path);
	char joined[4096] = "";
	char *rest = NULL;

	ck_assert_int_eq(guest_open(&guest, FUSE_OPENDIR, node, 0, &fh), 0);
	for (int i = 0; i < 64; i++) {
		ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, node, fh, at, size), 0);
		if (guest.reply_bytes == 0)
			break;
		strcat(joined, names(&at));
	}
	for (char *name = strtok_r(joined, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
		size_t i = count++;

		for (; i > 0 && strcmp(list[i - 1], name) > 0; i--)
			list[i] = list[i - 1];
		list[i] = name;
	}
	all[0] = '\0';
	for (size_t i = 0; i < count; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ", list[i]);
	return all;
}

START_TEST(a_folder_lists_what_may_be_seen_whatever_the_size)
{
	static const uint32_t sizes[] = {4096, 64, 40};

	ck_assert_str_eq(listing("/home/u/docs", sizes[_i]), ". .. a.txt empty sub ");
	ck_assert_str_eq(listing("/home/u/docs/sub", sizes[_i]), ". .. b.txt ");
	ck_assert_str_eq(listing("/home/u", sizes[_i]), ". .. docs one.txt ");
	ck_assert_str_eq(listing("/home", sizes[_i]), ". .. u ");
	ck_assert_str_eq(listing("/", sizes[_i]), ". .. home media mnt srv ");
	ck_assert_str_eq(listing("/srv", sizes[_i]), ". .. ");
	ck_assert_str_eq(listing("/srv/x", sizes[_i]), ". .. ");
	mv_audit_flush(guest.audit, 1);
	ck_assert_uint_eq(guest.event_count, 0);
}
END_TEST

START_TEST(a_listing_with_no_room_or_a_wild_position_is_refused)
{
	uint64_t fh;
	uint64_t node = guest_walk(&guest, "/home/u/docs");
	uint64_t way = guest_walk(&guest, "/home/u");
	uint64_t way_fh;

	ck_assert_int_eq(guest_open(&guest, FUSE_OPENDIR, node, 0, &fh), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPENDIR, way, 0, &way_fh), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, node, fh, 0, 10), -EINVAL);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, way, way_fh, 0, 0), -EINVAL);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, node, fh, 1ULL << 63, 4096), -EINVAL);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, way, way_fh, UINT64_MAX, 4096), -EINVAL);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, way, way_fh, INT64_MAX, 4096), 0);
	ck_assert_uint_eq(guest.reply_bytes, 0);
	(void)guest_read(&guest, FUSE_READDIR, node, fh, INT64_MAX, 4096);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, way, fh, 0, 4096), -EBADF);
	guest.room = sizeof(struct fuse_out_header) + 8;
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, node, fh, 0, 4096), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("folders");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_folder_lists_what_may_be_seen_whatever_the_size, 0, 3);
	tcase_add_test(t, a_listing_with_no_room_or_a_wild_position_is_refused);
	return suite_run("microvisor/folders", t);
}
