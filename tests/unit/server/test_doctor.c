/* The doctor names each thing that is wrong, with a cure, and says nothing of what is well. */
#include <errno.h>
#include <sys/stat.h>

#include "server/doctor.h"
#include "tests/support/suite.h"
#include "tests/unit/server/access.h"

static char text[16384];

static int examine(const char *dir)
{
	FILE *f = fmemopen(text, sizeof(text), "w");
	int status = (int)srv_doctor(dir, true, f);

	fclose(f);
	return status;
}

/* Whether the check of that name says so. */
static bool says(const char *name, const char *state)
{
	json_t *json = json_loads(text, 0, NULL), *check;
	bool found = false;
	size_t i;

	ck_assert_msg(json != NULL, "%s", text);
	json_array_foreach(json_object_get(json, "checks"), i, check)
	{
		bool well = !strcmp(json_string_value(json_object_get(check, "state")), "ok");

		ck_assert_int_eq(well, json_is_null(json_object_get(check, "mend")) ||
					       !json_object_get(check, "mend"));
		found |= !strcmp(json_string_value(json_object_get(check, "name")), name) &&
			 !strcmp(json_string_value(json_object_get(check, "state")), state);
	}
	json_decref(json);
	return found;
}

static const char *path_of(const char *file)
{
	static char paths[2][SRV_PATH_MAX + 40];
	static unsigned next;
	char *path = paths[next++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", config.state_dir, file);
	return path;
}

static void setup(void)
{
	struct err err = {0};

	access_start();
	snprintf(config.names, sizeof(config.names), "127.0.0.1");
	snprintf(config.listen_agents, sizeof(config.listen_agents), "127.0.0.1:0");
	snprintf(config.public_agents, sizeof(config.public_agents), "127.0.0.1:1");
	snprintf(config.signer_socket, sizeof(config.signer_socket), "%s/no-signer",
		 config.state_dir);
	ck_assert_msg(srv_config_save(&config, &err) == 0, "%s", err.text);
	access_add_person("root", "admin", "{*}");
}

static void teardown(void)
{
	(void)unlink(path_of("server.conf"));
	access_stop();
}

START_TEST(what_is_well_is_said_to_be)
{
	static const char *const well[] = {"state folder", "server.conf", "ca.key", "server.key",
					   "ca.pem",       "server.pem",  "tls",    "database",
					   "schema",       "clock",       "admins"};

	ck_assert_int_eq(examine(config.state_dir), SRV_DOCTOR_BROKEN); /* there is no signer */
	for (size_t i = 0; i < sizeof(well) / sizeof(well[0]); i++)
		ck_assert_msg(says(well[i], "ok"), "%s: %s", well[i], text);
	ck_assert(says("signer", "broken"));
}
END_TEST

START_TEST(a_key_that_others_may_read_is_named)
{
	ck_assert_int_eq(chmod(path_of("ca.key"), 0640), 0);
	ck_assert_int_eq(examine(config.state_dir), SRV_DOCTOR_BROKEN);
	ck_assert_msg(says("ca.key", "broken"), "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "chmod 0600"));
	ck_assert_int_eq(chmod(path_of("ca.key"), 0600), 0);
	ck_assert_int_eq(chmod(config.state_dir, 0777), 0);
	(void)examine(config.state_dir);
	ck_assert(says("state folder", "broken"));
	ck_assert_int_eq(chmod(config.state_dir, 0711), 0);
}
END_TEST

START_TEST(a_schema_of_before_or_after_is_named)
{
	access_sql("INSERT INTO schema_migrations (version, name) VALUES (999, 'later')");
	ck_assert_int_eq(examine(config.state_dir), SRV_DOCTOR_BROKEN);
	ck_assert(says("schema", "broken"));
	access_sql("DELETE FROM schema_migrations WHERE version = 999");
}
END_TEST

START_TEST(nobody_who_could_sign_in_is_named)
{
	access_sql("UPDATE people SET disabled_at = now()");
	(void)examine(config.state_dir);
	ck_assert(says("admins", "warning"));
	access_sql("UPDATE people SET disabled_at = NULL");
}
END_TEST

START_TEST(a_key_of_another_certificate_is_named)
{
	struct err err = {0};
	char other[] = "/tmp/ampoule-doctor-XXXXXX", from[100];

	ck_assert_ptr_nonnull(mkdtemp(other));
	ck_assert_int_eq(srv_ca_create(other, &err), 0);
	struct srv_ca *ca = srv_ca_open(other, &err);

	ck_assert_int_eq(srv_ca_issue_server(ca, other, "127.0.0.1", &err), 0);
	srv_ca_close(ca);
	snprintf(from, sizeof(from), "%s/server.pem", other);
	ck_assert_int_eq(rename(path_of("server.pem"), path_of("kept")), 0);
	ck_assert_int_eq(rename(from, path_of("server.pem")), 0);
	(void)examine(config.state_dir);
	ck_assert_msg(says("tls", "broken"), "%s", text);
	ck_assert_int_eq(rename(path_of("kept"), path_of("server.pem")), 0);
	for (size_t i = 0; i < 3; i++) {
		static const char *const files[] = {"ca.key", "ca.pem", "server.key"};

		snprintf(from, sizeof(from), "%s/%s", other, files[i]);
		ck_assert_int_eq(unlink(from), 0);
	}
	ck_assert_int_eq(rmdir(other), 0);
}
END_TEST

START_TEST(a_certificate_near_its_end_is_a_warning)
{
	static struct peer_identity soon; /* holds for an hour */
	FILE *f;

	peer_make_identity(&soon);
	ck_assert_int_eq(rename(path_of("server.pem"), path_of("kept")), 0);
	f = fopen(path_of("server.pem"), "we");
	ck_assert_int_ge(fputs(soon.certificate, f), 0);
	fclose(f);
	(void)examine(config.state_dir);
	ck_assert_msg(says("server.pem", "warning"), "%s", text);
	f = fopen(path_of("server.pem"), "we");
	fclose(f);
	(void)examine(config.state_dir);
	ck_assert_msg(says("server.pem", "broken"), "%s", text);
	ck_assert_int_eq(rename(path_of("kept"), path_of("server.pem")), 0);
}
END_TEST

START_TEST(a_folder_that_was_never_set_up_is_named)
{
	ck_assert_int_eq(examine("/nonexistent"), SRV_DOCTOR_BROKEN);
	ck_assert(says("configuration", "broken"));
	ck_assert_ptr_nonnull(strstr(text, "ampoule-server setup"));
}
END_TEST

START_TEST(a_database_that_is_away_is_one_finding)
{
	struct srv_config away = config;
	struct err err = {0};

	snprintf(away.db, sizeof(away.db), "host=/nonexistent dbname=x password=geheim");
	ck_assert_int_eq(srv_config_save(&away, &err), 0);
	ck_assert_int_eq(examine(config.state_dir), SRV_DOCTOR_BROKEN);
	ck_assert(says("database", "broken"));
	ck_assert_ptr_null(strstr(text, "schema"));
	ck_assert_ptr_null(strstr(text, "geheim"));
	ck_assert_int_eq(srv_config_save(&config, &err), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("doctor");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_well_is_said_to_be);
	tcase_add_test(t, a_key_that_others_may_read_is_named);
	tcase_add_test(t, a_schema_of_before_or_after_is_named);
	tcase_add_test(t, nobody_who_could_sign_in_is_named);
	tcase_add_test(t, a_key_of_another_certificate_is_named);
	tcase_add_test(t, a_certificate_near_its_end_is_a_warning);
	tcase_add_test(t, a_folder_that_was_never_set_up_is_named);
	tcase_add_test(t, a_database_that_is_away_is_one_finding);
	return suite_run("server/doctor", t);
}
