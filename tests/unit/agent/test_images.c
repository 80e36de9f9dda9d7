#include <errno.h>

#include "agent/agent/images.h"
#include "common/fd.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static struct agent_identity identity;
static uint8_t secret[32];
static struct agent_images images;
static char source[300];
static struct err err;

static const char *const contents[MANIFEST_FILES] = {"the kernel", "the initramfs", "the root",
						     "/usr/bin/mutool\t/usr/bin/mutool\n"};

/* A manifest of the four contents; returns its length. */
static size_t make_manifest(char *out, size_t cap, const char *name, unsigned version)
{
	char hex[MANIFEST_FILES][DIGEST_HEX];
	uint8_t digest[DIGEST_BYTES];

	for (int i = 0; i < MANIFEST_FILES; i++) {
		ck_assert_int_eq(digest_bytes(contents[i], strlen(contents[i]), digest), 0);
		digest_hex(digest, hex[i]);
	}
	int n = snprintf(
		out, cap,
		"{\"ampoule_image\": 1, \"name\": \"%s\", \"version\": %u, \"arch\": \"x86_64\","
		"\"created\": \"2026-01-01T00:00:00Z\", \"cmdline\": \"quiet\","
		"\"shapes\": [{\"memory_mib\": 256, \"cpus\": 1}], \"files\": {"
		"\"kernel\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"initramfs\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"root\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"programs\": {\"digest\": \"%s\", \"bytes\": %zu}}}",
		name, version, hex[0], strlen(contents[0]), hex[1], strlen(contents[1]), hex[2],
		strlen(contents[2]), hex[3], strlen(contents[3]));
	ck_assert_int_lt(n, (int)cap);
	return (size_t)n;
}

static int put(const char *asked, const char *name, unsigned version, const uint8_t key[32])
{
	char json[4096];
	uint8_t signature[SIGN_BYTES];
	size_t n = make_manifest(json, sizeof(json), name, version);

	ck_assert_int_eq(sign_document(SIGN_PURPOSE_IMAGE, key, json, n, signature), 0);
	return agent_images_put_manifest(&images, &identity, asked, json, n, signature, &err);
}

static void digest_of(int i, uint8_t out[DIGEST_BYTES])
{
	ck_assert_int_eq(digest_bytes(contents[i], strlen(contents[i]), out), 0);
}

static int append(int i, uint64_t offset, size_t n)
{
	uint8_t digest[DIGEST_BYTES];

	digest_of(i, digest);
	return agent_images_append(&images, digest, offset, strlen(contents[i]),
				   contents[i] + offset, n, &err);
}

static void setup(void)
{
	const char *folder = fixture_folder();

	fixture_identity(&identity, secret);
	ck_assert_int_eq(agent_images_open(&images, folder, &err), 0);
	(void)snprintf(source, sizeof(source), "%s/source", folder);
	ck_assert_int_eq(mkdir(source, 0755), 0);
}

START_TEST(an_image_is_complete_when_its_last_file_is_in)
{
	struct manifest m;

	ck_assert_int_eq(put("debian-docs", "debian-docs", 1, secret), 0);
	for (int i = 0; i < MANIFEST_FILES; i++) {
		ck_assert_int_eq(agent_images_promote(&images, &identity, "debian-docs", &err),
				 -ENOENT);
		ck_assert_int_eq(append(i, 0, strlen(contents[i])), 1);
	}
	ck_assert_int_eq(agent_images_promote(&images, &identity, "debian-docs", &err), 0);
	ck_assert_int_eq(agent_images_load(&images, &identity, "debian-docs", false, &m, &err), 0);
	ck_assert_uint_eq(m.version, 1);
}
END_TEST

START_TEST(a_download_goes_on_where_it_stopped)
{
	uint8_t digest[DIGEST_BYTES];

	digest_of(0, digest);
	ck_assert_int_eq(append(0, 0, 4), 0);
	ck_assert_uint_eq(agent_images_inbox_bytes(&images, digest), 4);
	ck_assert_int_eq(append(0, 4, 3), 0);
	ck_assert_int_eq(append(0, 7, strlen(contents[0]) - 7), 1);
	ck_assert(agent_images_has_file(&images, digest, strlen(contents[0])));
	ck_assert_uint_eq(agent_images_inbox_bytes(&images, digest), 0);
}
END_TEST

START_TEST(a_part_that_does_not_continue_is_refused)
{
	ck_assert_int_eq(append(0, 3, 4), -ERANGE);
	ck_assert_int_eq(append(0, 0, 4), 0);
	ck_assert_int_eq(append(0, 0, 4), -ERANGE);
}
END_TEST

START_TEST(more_than_the_whole_is_refused)
{
	uint8_t digest[DIGEST_BYTES];

	digest_of(0, digest);
	ck_assert_int_eq(agent_images_append(&images, digest, 0, 4, contents[0], 5, &err), -ERANGE);
}
END_TEST

START_TEST(a_wrong_digest_is_thrown_away)
{
	uint8_t digest[DIGEST_BYTES];

	digest_of(0, digest);
	ck_assert_int_eq(agent_images_append(&images, digest, 0, 4, "evil", 4, &err), -EBADMSG);
	ck_assert_uint_eq(agent_images_inbox_bytes(&images, digest), 0);
	ck_assert(!agent_images_has_file(&images, digest, 4));
}
END_TEST

START_TEST(a_stored_file_of_another_size_is_refused)
{
	uint8_t digest[DIGEST_BYTES];

	digest_of(0, digest);
	ck_assert_int_eq(append(0, 0, strlen(contents[0])), 1);
	ck_assert_int_eq(agent_images_open_file(&images, digest, 3, &err), -EBADMSG);
}
END_TEST

START_TEST(a_manifest_of_another_key_is_refused)
{
	uint8_t other[32];
	uint8_t key[32];

	ck_assert_int_eq(sign_make_key(other, key), 0);
	ck_assert_int_eq(put("debian-docs", "debian-docs", 1, other), -EKEYREJECTED);
}
END_TEST

START_TEST(a_manifest_of_another_image_is_refused)
{
	ck_assert_int_eq(put("debian-docs", "debian-evil", 1, secret), -EINVAL);
}
END_TEST

START_TEST(a_name_that_leaves_the_folder_is_refused)
{
	struct manifest m;

	ck_assert_int_eq(agent_images_load(&images, &identity, "../../etc/passwd", false, &m, &err),
			 -EINVAL);
	ck_assert_int_eq(agent_images_load(&images, &identity, ".hidden", false, &m, &err),
			 -EINVAL);
}
END_TEST

START_TEST(an_older_version_is_refused)
{
	ck_assert_int_eq(put("debian-docs", "debian-docs", 2, secret), 0);
	for (int i = 0; i < MANIFEST_FILES; i++)
		ck_assert_int_eq(append(i, 0, strlen(contents[i])), 1);
	ck_assert_int_eq(agent_images_promote(&images, &identity, "debian-docs", &err), 0);
	ck_assert_int_eq(put("debian-docs", "debian-docs", 1, secret), -ESTALE);
	ck_assert_int_eq(put("debian-docs", "debian-docs", 3, secret), 0);
}
END_TEST

/* Writes the builder's folder; spoiled: the file whose content is wrong, -1 for none. */
static void write_source(int spoiled)
{
	char json[4096];
	uint8_t signature[SIGN_BYTES];
	size_t n = make_manifest(json, sizeof(json), "debian-docs", 1);

	ck_assert_int_eq(sign_document(SIGN_PURPOSE_IMAGE, secret, json, n, signature), 0);
	ck_assert_int_eq(fd_replace_file(fixture_path(source, "manifest.json"), json, n, 0644), 0);
	ck_assert_int_eq(fd_replace_file(fixture_path(source, "manifest.sig"), signature,
					 sizeof(signature), 0644),
			 0);
	for (int i = 0; i < MANIFEST_FILES; i++) {
		const char *content = i == spoiled ? "spoiled" : contents[i];

		ck_assert_int_eq(fd_replace_file(fixture_path(source, manifest_file_name(i)),
						 content, strlen(content), 0644),
				 0);
	}
}

START_TEST(a_folder_of_the_builder_is_installed)
{
	char name[MANIFEST_NAME_MAX];

	write_source(-1);
	ck_assert_int_eq(agent_images_install(&images, &identity, source, name, &err), 0);
	ck_assert_str_eq(name, "debian-docs");
}
END_TEST

START_TEST(a_folder_with_a_changed_file_is_refused)
{
	char name[MANIFEST_NAME_MAX];
	struct manifest m;

	write_source(_i);
	ck_assert_int_eq(agent_images_install(&images, &identity, source, name, &err), -EBADMSG);
	ck_assert_int_eq(agent_images_load(&images, &identity, "debian-docs", false, &m, &err),
			 -ENOENT);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("images");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, an_image_is_complete_when_its_last_file_is_in);
	tcase_add_test(t, a_download_goes_on_where_it_stopped);
	tcase_add_test(t, a_part_that_does_not_continue_is_refused);
	tcase_add_test(t, more_than_the_whole_is_refused);
	tcase_add_test(t, a_wrong_digest_is_thrown_away);
	tcase_add_test(t, a_stored_file_of_another_size_is_refused);
	tcase_add_test(t, a_manifest_of_another_key_is_refused);
	tcase_add_test(t, a_manifest_of_another_image_is_refused);
	tcase_add_test(t, a_name_that_leaves_the_folder_is_refused);
	tcase_add_test(t, an_older_version_is_refused);
	tcase_add_test(t, a_folder_of_the_builder_is_installed);
	tcase_add_loop_test(t, a_folder_with_a_changed_file_is_refused, 0, MANIFEST_FILES);
	return suite_run("agent/images", t);
}
