#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/config.h"
#include "server/secret.h"
#include "server/uuid.h"
#include "tests/support/suite.h"

static struct srv_config config;
static struct err err;
static char path[SRV_PATH_MAX + 16];

static void make_folder(void)
{
	(void)snprintf(config.state_dir, sizeof(config.state_dir), "/tmp/ampoule-conf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(config.state_dir));
	ck_assert_int_eq(srv_config_path(&config, "server.conf", path, sizeof(path)), 0);
}

static void remove_folder(void)
{
	(void)unlink(path);
	(void)rmdir(config.state_dir);
}

START_TEST(what_is_saved_is_loaded_and_private)
{
	struct srv_config loaded;
	struct stat st;

	(void)snprintf(config.db, sizeof(config.db), "host=/x dbname=a=b password=secret");
	(void)snprintf(config.listen_api, sizeof(config.listen_api), "[::1]:8443");
	ck_assert_int_eq(srv_config_save(&config, &err), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_msg(srv_config_load(config.state_dir, &loaded, &err) == 0, "%s", err.text);
	ck_assert_str_eq(loaded.db, config.db);
	ck_assert_str_eq(loaded.listen_api, config.listen_api);
	ck_assert_str_eq(loaded.names, "");
}
END_TEST

START_TEST(a_value_of_two_lines_is_not_saved)
{
	(void)snprintf(config.db, sizeof(config.db), "a\nlisten_api=x");
	ck_assert_int_eq(srv_config_save(&config, &err), -EINVAL);
	ck_assert_int_eq(access(path, F_OK), -1);
	config.db[0] = '\0';
}
END_TEST

START_TEST(a_folder_that_was_never_set_up_is_told)
{
	struct srv_config loaded;

	ck_assert_int_eq(srv_config_load(config.state_dir, &loaded, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "setup"));
}
END_TEST

static const char *const bad_lines[] = {"db\n", "password=x\n", "# fine\n\nnames", "=x\n"};

START_TEST(a_line_that_is_not_known_is_refused_by_its_number)
{
	struct srv_config loaded;
	FILE *f = fopen(path, "we");

	(void)fputs(bad_lines[_i], f);
	(void)fclose(f);
	ck_assert_int_eq(srv_config_load(config.state_dir, &loaded, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, _i == 2 ? ":3:" : ":1:"));
}
END_TEST

START_TEST(a_value_that_is_too_long_is_refused_and_not_cut)
{
	struct srv_config loaded;
	FILE *f = fopen(path, "we");

	(void)fprintf(f, "db=%02000d\n", 1);
	(void)fclose(f);
	ck_assert_int_eq(srv_config_load(config.state_dir, &loaded, &err), -EINVAL);
}
END_TEST

START_TEST(an_api_token_survives_its_text)
{
	uint8_t secret[SRV_SECRET_BYTES], again[SRV_SECRET_BYTES];
	char text[SRV_API_TOKEN_TEXT + 1] = "";

	ck_assert_int_eq(srv_secret_make(secret), 0);
	srv_api_token_text(secret, text);
	ck_assert_int_eq(srv_api_token_parse(text, strlen(text), again), 0);
	ck_assert_mem_eq(secret, again, sizeof(secret));
	ck_assert_int_eq(srv_api_token_parse(text, strlen(text) - 1, again), -EINVAL);
	ck_assert_int_eq(srv_api_token_parse(text, strlen(text) + 1, again), -EINVAL);
	text[0] = 'A';
	ck_assert_int_eq(srv_api_token_parse(text, strlen(text), again), -EINVAL);
}
END_TEST

static const char *const bad_uuids[] = {"", "6f1d4c0e-98a1-4f5e-8d5b-2f0a1b3c4d5",
					"6F1D4C0E-98A1-4F5E-8D5B-2F0A1B3C4D5E",
					"6f1d4c0e098a1-4f5e-8d5b-2f0a1b3c4d5e",
					"6f1d4c0e-98a1-4f5e-8d5b-2f0a1b3c4d5e0"};

START_TEST(only_a_uuid_in_lower_case_is_one)
{
	char out[SRV_UUID_TEXT], made[SRV_UUID_TEXT];
	uint8_t bytes[16];

	ck_assert_int_eq(srv_uuid_parse(bad_uuids[_i], strlen(bad_uuids[_i]), out), -EINVAL);
	ck_assert_int_eq(srv_uuid_make(made), 0);
	ck_assert_int_eq(srv_uuid_parse(made, strlen(made), out), 0);
	srv_uuid_bytes(out, bytes);
	ck_assert_int_eq(bytes[6] >> 4, 4);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("config"), *texts = tcase_create("texts");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, what_is_saved_is_loaded_and_private);
	tcase_add_test(t, a_value_of_two_lines_is_not_saved);
	tcase_add_test(t, a_folder_that_was_never_set_up_is_told);
	tcase_add_loop_test(t, a_line_that_is_not_known_is_refused_by_its_number, 0, 4);
	tcase_add_test(t, a_value_that_is_too_long_is_refused_and_not_cut);
	tcase_add_test(texts, an_api_token_survives_its_text);
	tcase_add_loop_test(texts, only_a_uuid_in_lower_case_is_one, 0, 5);
	return suite_run("server/config", t, texts);
}
