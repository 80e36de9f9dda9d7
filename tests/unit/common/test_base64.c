#include <errno.h>
#include <string.h>

#include "common/base64.h"
#include "tests/support/suite.h"

/* RFC 4648, section 10. */
static const struct {
	const char *bytes;
	const char *text;
} vectors[] = {{"", ""},
	       {"f", "Zg=="},
	       {"fo", "Zm8="},
	       {"foo", "Zm9v"},
	       {"foob", "Zm9vYg=="},
	       {"fooba", "Zm9vYmE="},
	       {"foobar", "Zm9vYmFy"}};

START_TEST(the_vectors_of_the_rfc_go_both_ways)
{
	struct buf text = {0}, bytes = {0};

	ck_assert_int_eq(base64_put(&text, vectors[_i].bytes, strlen(vectors[_i].bytes)), 0);
	ck_assert_uint_eq(text.len, strlen(vectors[_i].text));
	if (text.len)
		ck_assert_mem_eq(text.data, vectors[_i].text, text.len);
	ck_assert_int_eq(base64_decode(&bytes, vectors[_i].text, text.len), 0);
	ck_assert_uint_eq(bytes.len, strlen(vectors[_i].bytes));
	if (bytes.len)
		ck_assert_mem_eq(bytes.data, vectors[_i].bytes, bytes.len);
	buf_release(&text);
	buf_release(&bytes);
}
END_TEST

START_TEST(every_byte_survives)
{
	uint8_t all[256];
	struct buf text = {0}, bytes = {0};

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	ck_assert_int_eq(base64_put(&text, all, sizeof(all)), 0);
	ck_assert_int_eq(base64_decode(&bytes, (const char *)text.data, text.len), 0);
	ck_assert_uint_eq(bytes.len, sizeof(all));
	ck_assert_mem_eq(bytes.data, all, sizeof(all));
	buf_release(&text);
	buf_release(&bytes);
}
END_TEST

START_TEST(what_is_no_encoding_is_refused)
{
	static const char *const bad[] = {
		"Z",      "Zg",   "Zg=",  "====",    "Zg==Zg==", "Z===", "Zh==",      "Zm9=",
		"Zm9v\n", "Zm 9", "Zm-_", "Zm9\x80", "=Zm9",     "Zm=v", "Zg==\n===", "Zm9vZg="};
	struct buf out = {0};

	ck_assert_int_eq(base64_decode(&out, bad[_i], strlen(bad[_i])), -EINVAL);
	buf_release(&out);
}
END_TEST

START_TEST(a_nul_inside_is_refused)
{
	struct buf out = {0};

	ck_assert_int_eq(base64_decode(&out, "Z\0==", 4), -EINVAL);
	buf_release(&out);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("base64");

	tcase_add_loop_test(t, the_vectors_of_the_rfc_go_both_ways, 0, 7);
	tcase_add_test(t, every_byte_survives);
	tcase_add_loop_test(t, what_is_no_encoding_is_refused, 0, 16);
	tcase_add_test(t, a_nul_inside_is_refused);
	return suite_run("common/base64", t);
}
