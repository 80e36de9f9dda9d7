#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "agent/agent/agent.h"
#include "agent/agent/host.h"
#include "common/fd.h"
#include "common/log.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* The real store over an image of four small files; its micro-VM is a program that cannot be executed, so
 * that every making fails. What a made one is good for is tests/system/test_run.sh's. */

static struct agent agent;
static struct agent_templates *const templates = &agent.templates;
static struct err err;
static uint8_t secret[32];

static const char *const contents[MANIFEST_FILES] = {"the kernel", "the initramfs", "the root",
						     "/usr/bin/mutool\t/usr/bin/mutool\n"};

/* Version n of image debian-docs, complete in the store; its root has this content. */
static void install(unsigned version, const char *root)
{
	char json[4096];
	char hex[MANIFEST_FILES][DIGEST_HEX];
	uint8_t digest[MANIFEST_FILES][DIGEST_BYTES];
	uint8_t signature[SIGN_BYTES];
	const char *bytes[MANIFEST_FILES];

	memcpy(bytes, contents, sizeof(bytes));
	bytes[MANIFEST_ROOT] = root;
	for (int i = 0; i < MANIFEST_FILES; i++) {
		ck_assert_int_eq(digest_bytes(bytes[i], strlen(bytes[i]), digest[i]), 0);
		digest_hex(digest[i], hex[i]);
	}
	int n = snprintf(
		json, sizeof(json),
		"{\"ampoule_image\": 1, \"name\": \"debian-docs\", \"version\": %u, \"arch\": "
		"\"x86_64\", \"created\": \"2026-01-01T00:00:00Z\", \"cmdline\": \"quiet\","
		"\"shapes\": [{\"memory_mib\": 256, \"cpus\": 1}], \"files\": {"
		"\"kernel\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"initramfs\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"root\": {\"digest\": \"%s\", \"bytes\": %zu},"
		"\"programs\": {\"digest\": \"%s\", \"bytes\": %zu}}}",
		version, hex[0], strlen(bytes[0]), hex[1], strlen(bytes[1]), hex[2],
		strlen(bytes[2]), hex[3], strlen(bytes[3]));

	ck_assert_int_eq(sign_document(SIGN_PURPOSE_IMAGE, secret, json, (size_t)n, signature), 0);
	ck_assert_int_eq(agent_images_put_manifest(&agent.images, &agent.identity, "debian-docs",
						   json, (size_t)n, signature, &err),
			 0);
	for (int i = 0; i < MANIFEST_FILES; i++)
		if (!agent_images_has_file(&agent.images, digest[i], strlen(bytes[i])))
			ck_assert_int_eq(agent_images_append(&agent.images, digest[i], 0,
							     strlen(bytes[i]), bytes[i],
							     strlen(bytes[i]), &err),
					 1);
	ck_assert_int_eq(agent_images_promote(&agent.images, &agent.identity, "debian-docs", &err),
			 0);
}

static void apply(uint64_t serial, const char *document)
{
	cleanup_buf struct buf envelope = {0};
	const struct fixture_envelope what = {
		.group = "default", .serial = serial, .document = document};

	fixture_sign(&envelope, secret, &what);
	ck_assert_int_eq(agent_apply_policy(&agent, envelope.data, envelope.len, &err), 0);
}

static void setup(void)
{
	struct agent_options options;
	const char *folder = fixture_folder();

	log_set_level(LOG_LEVEL_ERROR - 1);
	ck_assert_int_eq(agent_options_init(&options, &err), 0);
	(void)snprintf(options.state_dir, sizeof(options.state_dir), "%s/state", folder);
	(void)snprintf(options.run_dir, sizeof(options.run_dir), "%s/run", folder);
	(void)snprintf(options.bin_dir, sizeof(options.bin_dir), "%s", folder);
	ck_assert_int_eq(fd_replace_file(fixture_path(folder, "ampoule-microvm"), "none", 4, 0755),
			 0);
	ck_assert_int_eq(agent_start(&agent, &options, &err), 0);
	fixture_identity(&agent.identity, secret);
	agent_templates_stop(templates);
	agent_templates_start(templates, &agent); /* whether or not this machine has /dev/kvm */
}

static void teardown(void)
{
	agent_stop(&agent);
}

static void until_failed(unsigned times)
{
	for (int i = 0; i < 600 && templates->list[0].failures < times; i++)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 50), 0);
	ck_assert_uint_eq(templates->list[0].failures, times);
}

static const struct agent_template *find(void)
{
	return agent_templates_find(templates, &templates->list[0].manifest, 256 << 20, 1);
}

START_TEST(what_the_policy_names_is_wanted_when_its_image_is_here)
{
	apply(1, fixture_policy);
	ck_assert_uint_eq(templates->count, 0);
	install(1, contents[MANIFEST_ROOT]);
	agent_templates_restart(templates);
	ck_assert_uint_eq(templates->count, 1);
	ck_assert_int_eq(templates->list[0].state, AGENT_TEMPLATE_WAITING);
	ck_assert_uint_eq(templates->list[0].memory_bytes, 256 << 20);
	ck_assert_ptr_null(find());
}
END_TEST

START_TEST(a_failure_leaves_nothing_and_the_next_try_comes_later)
{
	install(1, contents[MANIFEST_ROOT]);
	apply(1, fixture_policy);
	until_failed(1);
	const struct agent_template *one = &templates->list[0];

	ck_assert_int_eq(one->state, AGENT_TEMPLATE_FAILED);
	ck_assert_int_eq(one->memory_fd, -1);
	ck_assert_int_eq(one->state_fd, -1);
	ck_assert_ptr_null(templates->making);
	ck_assert_int_eq(templates->child.pid, 0);
	ck_assert_int_ne(one->text[0], '\0');
	ck_assert_ptr_null(find());
	uint64_t first = one->retry_ms - agent_now_ms();

	ck_assert_uint_le(first, AGENT_TEMPLATE_RETRY_MS);
	templates->list[0].retry_ms = 0; /* the time has come */
	agent_templates_restart(templates);
	until_failed(2);
	ck_assert_uint_gt(one->retry_ms - agent_now_ms(), AGENT_TEMPLATE_RETRY_MS);
}
END_TEST

START_TEST(without_descriptors_none_is_made_and_the_next_try_goes_on)
{
	struct rlimit few, before;
	const struct agent_template *one = &templates->list[0];

	install(1, contents[MANIFEST_ROOT]);
	apply(1, fixture_policy);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	int next = dup(STDERR_FILENO);

	close(next);
	few = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	until_failed(1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_str_eq(one->text, "cannot make its files: Too many open files");
	ck_assert_int_eq(one->memory_fd, -1);
	ck_assert_int_eq(one->state_fd, -1);
	ck_assert_ptr_null(templates->making);
	int after = dup(STDERR_FILENO);

	close(after);
	ck_assert_int_eq(after, next);   /* nothing is left open */
	templates->list[0].retry_ms = 0; /* the time has come */
	agent_templates_restart(templates);
	until_failed(2);
	ck_assert_ptr_null(strstr(one->text, "cannot make its files"));
}
END_TEST

START_TEST(one_whose_clone_was_refused_is_thrown_away_and_made_anew)
{
	struct agent_template *one = &templates->list[0];

	install(1, contents[MANIFEST_ROOT]);
	apply(1, fixture_policy);
	until_failed(1);
	one->state = AGENT_TEMPLATE_READY;
	one->memory_fd = memfd_create("memory", MFD_CLOEXEC);
	one->state_fd = memfd_create("state", MFD_CLOEXEC);
	one->failures = 0;
	int memory = one->memory_fd;

	ck_assert_ptr_eq(find(), one);
	agent_templates_distrust(templates, (const uint8_t[DIGEST_BYTES]){1}); /* not this one */
	ck_assert_ptr_eq(find(), one);
	agent_templates_distrust(templates, one->key);
	ck_assert_ptr_null(find());
	ck_assert_int_eq(one->state, AGENT_TEMPLATE_FAILED);
	ck_assert_int_eq(fcntl(memory, F_GETFD), -1);
	ck_assert_str_eq(one->text, "a clone of it did not come up");
	one->retry_ms = 0; /* the time has come */
	until_failed(2);   /* it was tried again: the first time is its being thrown away */
}
END_TEST

START_TEST(another_root_is_another_template_and_the_old_one_goes)
{
	uint8_t old[DIGEST_BYTES];

	install(1, contents[MANIFEST_ROOT]);
	apply(1, fixture_policy);
	memcpy(old, templates->list[0].key, sizeof(old));
	install(2, "another root");
	agent_templates_restart(templates);
	ck_assert_uint_eq(templates->count, 1);
	ck_assert_uint_eq(templates->list[0].manifest.version, 2);
	ck_assert_mem_ne(templates->list[0].key, old, sizeof(old));
}
END_TEST

START_TEST(what_the_policy_names_no_more_is_forgotten)
{
	install(1, contents[MANIFEST_ROOT]);
	apply(1, fixture_policy);
	ck_assert_uint_eq(templates->count, 1);
	apply(2, "ampoule: 1\nkind: base\nid: office\ntrust_levels: [untrusted]\n"
		 "default_task: refuse\ntasks:\n  - id: pdf\n"
		 "    match: { program: [/usr/bin/mutool] }\n"
		 "    run: { image: another, level: untrusted, memory: 256Mi, cpus: 1 }\n");
	ck_assert_uint_eq(templates->count, 0);
}
END_TEST

START_TEST(another_microvisor_is_another_host)
{
	const char *folder = agent.options.bin_dir;
	uint8_t one[DIGEST_BYTES];
	uint8_t other[DIGEST_BYTES];

	ck_assert_int_eq(agent_host_digest(folder, one, &err), 0);
	ck_assert_int_eq(agent_host_digest(folder, other, &err), 0);
	ck_assert_mem_eq(one, other, sizeof(one));
	ck_assert_int_eq(fd_replace_file(fixture_path(folder, "ampoule-microvm"), "new", 3, 0755),
			 0);
	ck_assert_int_eq(agent_host_digest(folder, other, &err), 0);
	ck_assert_mem_ne(one, other, sizeof(one));
	ck_assert_int_eq(agent_host_digest("/nonexistent", other, &err), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *store = tcase_create("store");

	tcase_add_checked_fixture(store, setup, teardown);
	tcase_set_timeout(store, 60);
	tcase_add_test(store, what_the_policy_names_is_wanted_when_its_image_is_here);
	tcase_add_test(store, a_failure_leaves_nothing_and_the_next_try_comes_later);
	tcase_add_test(store, without_descriptors_none_is_made_and_the_next_try_goes_on);
	tcase_add_test(store, one_whose_clone_was_refused_is_thrown_away_and_made_anew);
	tcase_add_test(store, another_root_is_another_template_and_the_old_one_goes);
	tcase_add_test(store, what_the_policy_names_no_more_is_forgotten);
	tcase_add_test(store, another_microvisor_is_another_host);
	return suite_run("agent/templates", store);
}
