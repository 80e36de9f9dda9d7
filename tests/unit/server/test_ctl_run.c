/* The command line of ampoulectl: what it takes, what it refuses, and with which status. No server. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ctl/ask.h"
#include "server/ctl/ctl.h"
#include "server/ctl/profile.h"
#include "tests/support/suite.h"

static char out[16384], errors[16384];
static char home[] = "/tmp/ctl-test-XXXXXX";

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(home));
	setenv("XDG_CONFIG_HOME", home, 1);
}

static void teardown(void)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/ampoule/login.json", home);
	unlink(path);
	snprintf(path, sizeof(path), "%s/ampoule/ca.pem", home);
	unlink(path);
	snprintf(path, sizeof(path), "%s/ampoule", home);
	rmdir(path);
	rmdir(home);
}

/* Runs "ampoulectl LINE", split at blanks. */
static int run(const char *line)
{
	char copy[8192], *save = NULL;
	const char *argv[32] = {"ampoulectl"};
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w && argc < 32; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	memset(out, 0, sizeof(out));
	memset(errors, 0, sizeof(errors));
	FILE *o = fmemopen(out, sizeof(out), "w"), *e = fmemopen(errors, sizeof(errors), "w");
	int r = ctl_run(argc, argv, stdin, o, e);

	fclose(o);
	fclose(e);
	return r;
}

static const struct {
	const char *line;
	const char *says;
} misuses[] = {
	{"", "Usage:"},
	{"nonsense", "unknown command nonsense"},
	{"policy", "unknown command policy"},
	{"policy nonsense", "unknown command policy"},
	{"policy apply", "something is missing"},
	{"policy apply a b", "too many arguments"},
	{"policy apply a --group", "--group needs a GROUP"},
	{"policy apply a --group x --group y", "--group given twice"},
	{"policy apply a --wait=1", "--wait takes no value"},
	{"policy apply a --timeout 0", "from 1 to 86400"},
	{"policy apply a --timeout 1x", "from 1 to 86400"},
	{"policy apply a --nonsense", "unknown option --nonsense"},
	{"policy apply a -x", "unknown option -x"},
	{"policy apply a --gro x", "unknown option --gro"},
	{"device ls a b", "too many arguments"},
	{"event ls --limit 1001", "from 1 to 1000"},
	{"token new api", "--role is needed"},
	{"token new", "unknown command token"},
	{"token new enrol --uses 0", "from 1 to 100000"},
	{"token revoke", "something is missing"},
	{"login --server https://x", "--server and --ca are needed"},
	{"login --server http://x --ca y", "https://HOST:PORT"},
	{"login --server https://x/path --ca y", "https://HOST:PORT"},
	{"login --server https://u@x --ca y", "https://HOST:PORT"},
	{"login --server https:// --ca y", "https://HOST:PORT"},
};

START_TEST(a_wrong_command_line_says_what_is_wrong)
{
	ck_assert_int_eq(run(misuses[_i].line), CTL_USAGE);
	ck_assert_msg(strstr(errors, misuses[_i].says) != NULL, "%s", errors);
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(every_command_has_help_and_needs_a_login)
{
	char line[200];

	snprintf(line, sizeof(line), "%s --help", ctl_commands[_i].name);
	ck_assert_int_eq(run(line), CTL_OK);
	ck_assert_ptr_nonnull(strstr(out, ctl_commands[_i].synopsis));
	ck_assert_ptr_nonnull(strstr(out, "Exit status:"));
	for (const struct ctl_option *o = ctl_commands[_i].options; o && o->name; o++)
		ck_assert_msg(strstr(out, o->name) != NULL, "%s", o->name);
}
END_TEST

START_TEST(the_overview_names_every_command)
{
	ck_assert_int_eq(run("--help"), CTL_OK);
	for (size_t i = 0; i < ctl_command_count; i++)
		ck_assert_ptr_nonnull(strstr(out, ctl_commands[i].name));
}
END_TEST

START_TEST(a_value_that_is_too_long_is_refused)
{
	char line[5000] = "event ls --rule ";

	memset(line + strlen(line), 'a', 500);
	ck_assert_int_eq(run(line), CTL_USAGE);
	memset(line, 0, sizeof(line));
	strcat(line, "device ls ");
	memset(line + strlen(line), 'a', 4900);
	ck_assert_int_eq(run(line), CTL_USAGE);
}
END_TEST

START_TEST(without_a_login_nothing_is_asked)
{
	static const char *const lines[] = {"whoami",          "policy get",     "policy ls",
					    "device ls",       "device ls x",    "event ls",
					    "image ls",        "image trust ab", "token ls",
					    "token new enrol", "token revoke x"};

	ck_assert_int_eq(run(lines[_i]), CTL_FORBIDDEN);
	ck_assert_ptr_nonnull(strstr(errors, "ampoulectl login"));
}
END_TEST

START_TEST(a_login_survives_and_is_private)
{
	struct ctl_profile p = {0}, q = {0};
	struct err err = {0};
	struct stat st;
	char path[200];

	ck_assert_int_eq(ctl_profile_set_server(&p, "https://host:1/", &err), 0);
	ck_assert_int_eq(ctl_profile_set_token(&p, "  abc\n", 6, &err), 0);
	ck_assert_int_eq(buf_put(&p.ca, "PEM", 3), 0);
	ck_assert_msg(ctl_profile_save(&p, &err) == 0, "%s", err.text);
	ck_assert_msg(ctl_profile_load(&q, &err) == 0, "%s", err.text);
	ck_assert_str_eq(q.server, "https://host:1");
	ck_assert_str_eq(q.token, "abc");
	ck_assert_uint_eq(q.ca.len, 3);
	ctl_profile_release(&q);
	snprintf(path, sizeof(path), "%s/ampoule/login.json", home);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(ctl_profile_load(&q, &err), -EPERM);
	ctl_profile_release(&q);
	ctl_profile_release(&p);
}
END_TEST

START_TEST(a_damaged_login_is_refused)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"server\": \"https://x\"}",
		"{\"server\": \"http://x\", \"token\": \"t\"}",
		"{\"server\": \"https://x\", \"token\": \"a b\"}",
		"{\"server\": \"https://x\", \"token\": \"t\", \"x\": 1}"};
	struct ctl_profile p = {0};
	struct err err = {0};
	char path[200];

	snprintf(path, sizeof(path), "%s/ampoule", home);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/ampoule/login.json", home);
	FILE *f = fopen(path, "we");

	fputs(bad[_i], f);
	fclose(f);
	chmod(path, 0600);
	ck_assert_int_eq(ctl_profile_load(&p, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "log in again"));
	ctl_profile_release(&p);
}
END_TEST

START_TEST(paths_are_escaped)
{
	struct ctl_path path;

	ctl_path_set(&path, "/events");
	ctl_path_component(&path, "a/b?c");
	ctl_path_add(&path, "rule", "x&y=z\xff");
	ctl_path_add(&path, "none", NULL);
	ctl_path_add(&path, "task", "");
	ck_assert_str_eq(path.text, "/events/a%2Fb%3Fc?rule=x%26y%3Dz%FF&task=");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("run");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_wrong_command_line_says_what_is_wrong, 0, 25);
	tcase_add_loop_test(t, every_command_has_help_and_needs_a_login, 0, (int)ctl_command_count);
	tcase_add_test(t, the_overview_names_every_command);
	tcase_add_test(t, a_value_that_is_too_long_is_refused);
	tcase_add_loop_test(t, without_a_login_nothing_is_asked, 0, 11);
	tcase_add_test(t, a_login_survives_and_is_private);
	tcase_add_loop_test(t, a_damaged_login_is_refused, 0, 7);
	tcase_add_test(t, paths_are_escaped);
	return suite_run("server/ctl/run", t);
}
