#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/sign.h"
#include "tests/support/suite.h"

static char dir[] = "/tmp/test_sign.XXXXXX";
static char path[64];
static uint8_t secret[SIGN_SECRET_BYTES], key[SIGN_KEY_BYTES], signature[SIGN_BYTES];
static const char document[] = "what is said";

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	ck_assert_int_eq(sign_make_key(secret, key), 0);
	ck_assert_int_eq(sign_document(SIGN_PURPOSE_IMAGE, secret, document, sizeof(document),
				       signature),
			 0);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

static int verify(const char *purpose)
{
	return sign_verify(purpose, key, document, sizeof(document), signature);
}

START_TEST(a_good_signature_is_accepted)
{
	ck_assert_int_eq(verify(SIGN_PURPOSE_IMAGE), 0);
}
END_TEST

START_TEST(a_signature_for_another_purpose_is_refused)
{
	ck_assert_int_eq(verify(SIGN_PURPOSE_POLICY), -EKEYREJECTED);
}
END_TEST

START_TEST(a_changed_signature_is_refused)
{
	signature[SIGN_BYTES - 1] ^= 1;
	ck_assert_int_eq(verify(SIGN_PURPOSE_IMAGE), -EKEYREJECTED);
}
END_TEST

START_TEST(a_changed_or_cut_document_is_refused)
{
	ck_assert_int_eq(sign_verify(SIGN_PURPOSE_IMAGE, key, "what is sand", sizeof(document),
				     signature),
			 -EKEYREJECTED);
	ck_assert_int_eq(sign_verify(SIGN_PURPOSE_IMAGE, key, document, sizeof(document) - 1,
				     signature),
			 -EKEYREJECTED);
	ck_assert_int_eq(sign_verify(SIGN_PURPOSE_IMAGE, key, NULL, 0, signature), -EKEYREJECTED);
}
END_TEST

START_TEST(another_key_is_refused)
{
	uint8_t other_secret[SIGN_SECRET_BYTES];

	ck_assert_int_eq(sign_make_key(other_secret, key), 0);
	ck_assert_int_eq(verify(SIGN_PURPOSE_IMAGE), -EKEYREJECTED);
}
END_TEST

START_TEST(bytes_cannot_move_from_document_to_purpose)
{
	ck_assert_int_eq(sign_document("a", secret, "b\0c", 3, signature), 0);
	ck_assert_int_eq(sign_verify("ab", key, "c", 1, signature), -EKEYREJECTED);
}
END_TEST

/* RFC 8032, section 7.1, test 1: key and public key. */
START_TEST(the_public_key_is_that_of_the_rfc)
{
	static const uint8_t rfc_secret[SIGN_SECRET_BYTES] =
		"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4"
		"\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
	static const uint8_t rfc_key[] =
		"\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a"
		"\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";

	ck_assert_int_eq(sign_public_key(rfc_secret, key), 0);
	ck_assert_mem_eq(key, rfc_key, SIGN_KEY_BYTES);
}
END_TEST

START_TEST(a_key_id_tells_keys_apart)
{
	uint8_t id[SIGN_KEY_ID_BYTES], again[SIGN_KEY_ID_BYTES], other[SIGN_KEY_ID_BYTES];

	sign_key_id(key, id);
	sign_key_id(key, again);
	key[0] ^= 1;
	sign_key_id(key, other);
	ck_assert_mem_eq(id, again, sizeof(id));
	ck_assert_mem_ne(id, other, sizeof(id));
}
END_TEST

START_TEST(a_saved_secret_is_loaded_again_and_private)
{
	uint8_t loaded[SIGN_SECRET_BYTES];
	struct stat st;
	struct err err = {0};

	ck_assert_int_eq(sign_save_secret(path, secret, &err), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(sign_load_secret(path, loaded, &err), 0);
	ck_assert_mem_eq(loaded, secret, SIGN_SECRET_BYTES);
}
END_TEST

START_TEST(a_secret_that_others_may_read_is_refused)
{
	struct err err = {0};

	ck_assert_int_eq(sign_save_secret(path, secret, &err), 0);
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(sign_load_secret(path, secret, &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.text, path));
}
END_TEST

static const char *const no_keys[] = {
	"",
	"00\n",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000000\n\n",
	"x000000000000000000000000000000000000000000000000000000000000000\n",
};

START_TEST(a_file_that_is_no_key_is_refused)
{
	struct err err = {0};

	ck_assert_int_eq(fd_replace_file(path, no_keys[_i], strlen(no_keys[_i]), 0600), 0);
	ck_assert_int_eq(sign_load_secret(path, secret, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "not a secret key"));
}
END_TEST

START_TEST(a_missing_file_is_said_to_be_missing)
{
	struct err err = {0};

	ck_assert_int_eq(sign_load_secret(path, secret, &err), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *signing = tcase_create("signing");
	TCase *files = tcase_create("files");

	tcase_add_checked_fixture(signing, setup, teardown);
	tcase_add_checked_fixture(files, setup, teardown);
	tcase_add_test(signing, a_good_signature_is_accepted);
	tcase_add_test(signing, a_signature_for_another_purpose_is_refused);
	tcase_add_test(signing, a_changed_signature_is_refused);
	tcase_add_test(signing, a_changed_or_cut_document_is_refused);
	tcase_add_test(signing, another_key_is_refused);
	tcase_add_test(signing, bytes_cannot_move_from_document_to_purpose);
	tcase_add_test(signing, the_public_key_is_that_of_the_rfc);
	tcase_add_test(signing, a_key_id_tells_keys_apart);
	tcase_add_test(files, a_saved_secret_is_loaded_again_and_private);
	tcase_add_test(files, a_secret_that_others_may_read_is_refused);
	tcase_add_loop_test(files, a_file_that_is_no_key_is_refused, 0,
			    sizeof(no_keys) / sizeof(no_keys[0]));
	tcase_add_test(files, a_missing_file_is_said_to_be_missing);
	return suite_run("common/sign", signing, files);
}
