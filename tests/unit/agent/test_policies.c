#include <errno.h>

#include "agent/agent/policies.h"
#include "common/fd.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

enum {
	NOW_S = 1000000
};

static struct agent_identity identity;
static uint8_t secret[32];
static struct agent_policies policies;
static const char *folder;
static struct err err;

static void setup(void)
{
	folder = fixture_folder();
	fixture_identity(&identity, secret);
	ck_assert_int_eq(agent_policies_open(&policies, folder, &identity, &err), 0);
	ck_assert_ptr_null(policies.policy);
}

static void teardown(void)
{
	agent_policies_release(&policies);
}

static int accept_with(const uint8_t key[32], struct fixture_envelope what)
{
	struct buf envelope = {0};

	fixture_sign(&envelope, key, &what);
	int r = agent_policies_accept(&policies, &identity, envelope.data, envelope.len, NOW_S,
				      &err);

	buf_release(&envelope);
	return r;
}

static int accept(const char *group, uint64_t serial, uint64_t expires_s)
{
	return accept_with(secret,
			   (struct fixture_envelope){group, serial, expires_s, fixture_policy});
}

START_TEST(a_good_policy_is_in_force_and_found_again)
{
	struct agent_policies again;

	ck_assert_int_eq(accept("default", 3, NOW_S + 1), 0);
	ck_assert_uint_eq(policies.serial, 3);
	ck_assert_str_eq(policies.id, "office");
	ck_assert_str_eq(agent_policies_image(&policies, 0), "debian-docs");
	ck_assert_ptr_null(agent_policies_image(&policies, 1));
	ck_assert_int_eq(agent_policies_open(&again, folder, &identity, &err), 0);
	ck_assert_uint_eq(again.serial, 3);
	ck_assert_mem_eq(again.digest, policies.digest, sizeof(again.digest));
	agent_policies_release(&again);
}
END_TEST

START_TEST(the_same_policy_again_changes_nothing)
{
	ck_assert_int_eq(accept("default", 3, 0), 0);
	ck_assert_int_eq(accept("default", 3, 0), 1);
}
END_TEST

START_TEST(another_key_is_refused)
{
	uint8_t other[32];
	uint8_t key[32];

	ck_assert_int_eq(sign_make_key(other, key), 0);
	ck_assert_int_eq(accept_with(other,
				     (struct fixture_envelope){"default", 3, 0, fixture_policy}),
			 -EKEYREJECTED);
	ck_assert_ptr_null(policies.policy);
}
END_TEST

START_TEST(another_group_is_refused)
{
	ck_assert_int_eq(accept("others", 3, 0), -EPERM);
	ck_assert_ptr_null(policies.policy);
}
END_TEST

START_TEST(an_older_serial_is_refused)
{
	ck_assert_int_eq(accept("default", 3, 0), 0);
	ck_assert_int_eq(accept("default", 2, 0), -ESTALE);
	ck_assert_uint_eq(policies.serial, 3);
}
END_TEST

START_TEST(the_same_serial_with_another_content_is_refused)
{
	ck_assert_int_eq(accept("default", 3, 0), 0);
	ck_assert_int_eq(accept("default", 3, NOW_S + 9), -ESTALE);
}
END_TEST

START_TEST(a_new_policy_that_has_expired_is_refused)
{
	ck_assert_int_eq(accept("default", 3, NOW_S), -EKEYEXPIRED);
	ck_assert_ptr_null(policies.policy);
}
END_TEST

START_TEST(an_expired_policy_in_force_stays_in_force)
{
	struct agent_policies again;

	ck_assert_int_eq(accept("default", 3, NOW_S + 1), 0); /* long ago, by the real clock */
	ck_assert_int_eq(agent_policies_open(&again, folder, &identity, &err), 0);
	ck_assert_ptr_nonnull(again.policy);
	agent_policies_release(&again);
}
END_TEST

START_TEST(a_document_that_the_language_refuses_is_refused)
{
	ck_assert_int_eq(accept_with(secret,
				     (struct fixture_envelope){"default", 3, 0,
							       "ampoule: 1\nnonsense: 2\n"}),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "line "));
}
END_TEST

START_TEST(a_document_of_a_later_language_is_refused_by_what_it_needs)
{
	ck_assert_int_eq(accept_with(secret,
				     (struct fixture_envelope){"default", 3, 0,
							       "ampoule: 3\nkind: base\nid: p\n"
							       "quarantine: [usb]\n"}),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "needs an Ampoule that knows version 3"));
	ck_assert_ptr_null(policies.policy);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct buf envelope = {0};

	fixture_sign(&envelope, secret,
		     &(struct fixture_envelope){"default", 3, 0, fixture_policy});
	for (size_t n = 0; n < envelope.len; n++)
		ck_assert_int_lt(agent_policies_accept(&policies, &identity, envelope.data, n,
						       NOW_S, &err),
				 0);
	ck_assert_ptr_null(policies.policy);
	buf_release(&envelope);
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
	struct buf envelope = {0};

	fixture_sign(&envelope, secret,
		     &(struct fixture_envelope){"default", 3, 0, fixture_policy});
	for (size_t i = 0; i < envelope.len; i++) {
		envelope.data[i] ^= 1;
		ck_assert_int_lt(agent_policies_accept(&policies, &identity, envelope.data,
						       envelope.len, NOW_S, &err),
				 0);
		envelope.data[i] ^= 1;
	}
	buf_release(&envelope);
}
END_TEST

START_TEST(a_stored_policy_that_was_changed_is_not_used)
{
	struct agent_policies again;
	struct buf bytes = {0};

	ck_assert_int_eq(accept("default", 3, 0), 0);
	ck_assert_int_eq(buf_read_file(&bytes, policies.path, 1 << 20), 0);
	bytes.data[bytes.len / 2] ^= 1;
	ck_assert_int_eq(fd_replace_file(policies.path, bytes.data, bytes.len, 0600), 0);
	ck_assert_int_lt(agent_policies_open(&again, folder, &identity, &err), 0);
	ck_assert_ptr_null(again.policy);
	buf_release(&bytes);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("policies");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_good_policy_is_in_force_and_found_again);
	tcase_add_test(t, the_same_policy_again_changes_nothing);
	tcase_add_test(t, another_key_is_refused);
	tcase_add_test(t, another_group_is_refused);
	tcase_add_test(t, an_older_serial_is_refused);
	tcase_add_test(t, the_same_serial_with_another_content_is_refused);
	tcase_add_test(t, a_new_policy_that_has_expired_is_refused);
	tcase_add_test(t, an_expired_policy_in_force_stays_in_force);
	tcase_add_test(t, a_document_that_the_language_refuses_is_refused);
	tcase_add_test(t, a_document_of_a_later_language_is_refused_by_what_it_needs);
	tcase_add_test(t, every_truncation_is_refused);
	tcase_add_test(t, every_flipped_bit_is_refused);
	tcase_add_test(t, a_stored_policy_that_was_changed_is_not_used);
	return suite_run("agent/policies", t);
}
