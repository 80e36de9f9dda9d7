#include <errno.h>

#include "agent/agent/task.h"
#include "common/fd.h"
#include "common/policy/policy.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static struct agent_identity identity;
static uint8_t secret[32];
static struct agent_images images;
static struct agent_policies policies;
static struct agent_request request;
static struct agent_task task;
static char folder[300];
static struct err err;

/* An image with these programs, installed as the builder would hand it over. */
static void install(const char *name, const char *programs)
{
	const char *contents[MANIFEST_FILES] = {"kernel", "initramfs", "root", programs};
	char json[4096], source[400], path[500], hex[MANIFEST_FILES][DIGEST_HEX];
	uint8_t digest[DIGEST_BYTES], signature[SIGN_BYTES];
	char installed[MANIFEST_NAME_MAX];

	snprintf(source, sizeof(source), "%s/%s", folder, name);
	ck_assert_int_eq(mkdir(source, 0755), 0);
	for (int i = 0; i < MANIFEST_FILES; i++) {
		ck_assert_int_eq(digest_bytes(contents[i], strlen(contents[i]), digest), 0);
		digest_hex(digest, hex[i]);
		snprintf(path, sizeof(path), "%s/%s", source, manifest_file_name(i));
		ck_assert_int_eq(fd_replace_file(path, contents[i], strlen(contents[i]), 0644), 0);
	}
	int n = snprintf(
		json, sizeof(json),
		"{\"ampoule_image\": 1, \"name\": \"%s\", \"version\": 1, \"arch\": \"x86_64\","
		"\"created\": \"2026-01-01T00:00:00Z\", \"cmdline\": \"quiet\","
		"\"shapes\": [{\"memory_mib\": 256, \"cpus\": 1}], \"files\": {"
		"\"kernel\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"initramfs\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"root\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"programs\": {\"digest\": \"%s\", \"bytes\": %zu}}}",
		name, hex[0], strlen(contents[0]), hex[1], strlen(contents[1]), hex[2],
		strlen(contents[2]), hex[3], strlen(contents[3]));

	ck_assert_int_eq(sign_document(SIGN_PURPOSE_IMAGE, secret, json, (size_t)n, signature), 0);
	snprintf(path, sizeof(path), "%s/manifest.json", source);
	ck_assert_int_eq(fd_replace_file(path, json, (size_t)n, 0644), 0);
	snprintf(path, sizeof(path), "%s/manifest.sig", source);
	ck_assert_int_eq(fd_replace_file(path, signature, sizeof(signature), 0644), 0);
	ck_assert_msg(agent_images_install(&images, &identity, source, installed, &err) == 0, "%s",
		      err.text);
}

static void set_policy(const char *default_task)
{
	char text[1000];
	struct policy_errors errors;
	int n = snprintf(text, sizeof(text),
			 "ampoule: 1\nkind: base\nid: office\ntrust_levels: [u]\n"
			 "default_task: %s\ntasks:\n"
			 "  - id: pdf\n"
			 "    match: { program: [/usr/bin/mutool], file: [\"*.pdf\"] }\n"
			 "    run: { image: docs, level: u }\n"
			 "  - id: any\n"
			 "    match: { program: [/usr/bin/nothing] }\n"
			 "    run: { image: tools, level: u }\n",
			 default_task);

	policies.policy = policy_parse(text, (size_t)n, &errors);
	ck_assert_msg(policies.policy != NULL, "%s", errors.list[0].text);
}

static int find(const char *program)
{
	request.argc = 1;
	request.argv[0] = program;
	return agent_task_find(&policies, &images, &identity, &request, &task, &err);
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "%s", fixture_folder());
	fixture_identity(&identity, secret);
	snprintf(request.account.name, sizeof(request.account.name), "user1");
	snprintf(request.account.home, sizeof(request.account.home), "/home/user1");
	ck_assert_int_eq(agent_images_open(&images, folder, &err), 0);
}

START_TEST(without_a_policy_nothing_runs)
{
	ck_assert_int_eq(find("/usr/bin/mutool"), -EACCES);
}
END_TEST

START_TEST(a_program_that_no_task_matches_is_refused)
{
	install("docs", "/usr/bin/mutool\t/usr/bin/mutool\n");
	install("tools", "/usr/bin/jq\t/usr/bin/jq\n");
	set_policy("refuse");
	ck_assert_int_eq(find("/usr/bin/jq"), -EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "no task"));
}
END_TEST

START_TEST(a_program_that_no_task_matches_runs_as_the_default_task)
{
	install("docs", "/usr/bin/mutool\t/usr/bin/mutool\n");
	install("tools", "/usr/bin/jq\t/usr/bin/jq-1.6\n");
	set_policy("any");
	ck_assert_msg(find("/usr/bin/jq") == 0, "%s", err.text);
	ck_assert_str_eq(task.task.id, "any");
	ck_assert_str_eq(task.program, "/usr/bin/jq-1.6");
	ck_assert_uint_eq(task.index, 1);
}
END_TEST

START_TEST(a_task_that_matches_comes_before_the_default_task)
{
	install("docs", "/usr/bin/mutool\t/usr/bin/mutool\n");
	install("tools", "/usr/bin/mutool\t/usr/bin/mutool\n");
	set_policy("any");
	char path[] = "/home/user1/a.pdf";

	request.file_count = 1;
	request.files[0] = (struct agent_file){.fd = -1, .path = path};
	ck_assert_msg(find("/usr/bin/mutool") == 0, "%s", err.text);
	ck_assert_str_eq(task.task.id, "pdf");
}
END_TEST

START_TEST(the_default_task_waits_for_the_image_of_a_task_that_may_match)
{
	install("tools", "/usr/bin/mutool\t/usr/bin/mutool\n");
	set_policy("any");
	ck_assert_int_eq(find("/usr/bin/mutool"), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(err.text, "docs"));
}
END_TEST

START_TEST(a_program_that_the_default_tasks_image_lacks_is_refused)
{
	install("docs", "/usr/bin/mutool\t/usr/bin/mutool\n");
	install("tools", "/usr/bin/jq\t/usr/bin/jq\n");
	set_policy("any");
	ck_assert_int_eq(find("/usr/bin/gone"), -ENOENT);
	ck_assert_int_eq(find("/usr/bin/mutool"), -EACCES);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("task");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, without_a_policy_nothing_runs);
	tcase_add_test(t, a_program_that_no_task_matches_is_refused);
	tcase_add_test(t, a_program_that_no_task_matches_runs_as_the_default_task);
	tcase_add_test(t, a_task_that_matches_comes_before_the_default_task);
	tcase_add_test(t, the_default_task_waits_for_the_image_of_a_task_that_may_match);
	tcase_add_test(t, a_program_that_the_default_tasks_image_lacks_is_refused);
	return suite_run("agent/task", t);
}
