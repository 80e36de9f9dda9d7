#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "common/policy/network.h"
#include "tests/support/suite.h"

static const struct {
	const char *text;
	const char *object; /* NULL: refused */
} connections[] = {
	{"tcp:git.corp.example:443", "tcp:[].git.corp.example:443"},
	{"udp:192.0.2.1:53", "udp:[c0000201]:53"},
	{"tcp:[192.0.2.1]:53", "tcp:[c0000201]:53"},
	{"tcp:[2001:db8::1]:443", "tcp:[20010db8000000000000000000000001]:443"},
	{"tcp:[::ffff:10.0.0.5]:443", "tcp:[0a000005]:443"},
	{"tcp:a.example[10.0.0.5]:443", "tcp:[0a000005].a.example:443"},
	{"tcp:a.example[::ffff:a00:5]:443", "tcp:[0a000005].a.example:443"},
	{"", NULL},
	{"tcp:", NULL},
	{"tcp::443", NULL},
	{"tcp:[]:443", NULL},
	{"tcp:a.example", NULL},
	{"tcp:a.example:", NULL},
	{"tcp:a.example:0", NULL},
	{"tcp:a.example:01", NULL},
	{"tcp:a.example:65536", NULL},
	{"tcp:a.example:443x", NULL},
	{"icmp:a.example:443", NULL},
	{"tcp:A.example:443", NULL},
	{"tcp:a..example:443", NULL},
	{"tcp:*.example:443", NULL},
	{"tcp:a.example[10.0.0.5:443", NULL},
	{"tcp:a.example10.0.0.5]:443", NULL},
	{"tcp:a.example[10.0.0.5]x:443", NULL},
	{"tcp:a.example[]:443", NULL},
	{"tcp:a.example[10.0.0]:443", NULL},
	{"tcp:10.0.0:443", NULL},
	{"tcp:010.0.0.5:443", NULL},
	{"tcp:2001:db8::1:443", NULL},
	{"tcp:a.5:443", NULL},
	{"tcp:0x0a000005:443", NULL}, /* some resolvers take it for an address */
	{"tcp:a.0x5:443", NULL},
};

START_TEST(a_connection_has_one_spelling)
{
	char object[NETWORK_OBJECT_MAX];
	int r = network_object(connections[_i].text, object);

	ck_assert_msg(r == (connections[_i].object ? 0 : -EINVAL), "%s", connections[_i].text);
	if (connections[_i].object)
		ck_assert_str_eq(object, connections[_i].object);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused)
{
	char text[600], object[NETWORK_OBJECT_MAX];

	memset(text, 'a', sizeof(text));
	memcpy(text, "tcp:", 4);
	memcpy(text + 258, ":443", 5);
	ck_assert_int_eq(network_object(text, object), -EINVAL);
	memcpy(text + 257, ":443", 5);
	ck_assert_int_eq(network_object(text, object), 0);
	text[257] = 'a';
	memcpy(text + 500, ":443", 5);
	ck_assert_int_eq(network_object(text, object), -EINVAL);
}
END_TEST

static const struct {
	const char *item;
	const char *patterns; /* NULL: refused */
} networks[] = {
	{"10.0.0.0/8", "[0a??????]"},
	{"192.0.2.1", "[c0000201]"},
	{"0.0.0.0/0", "[????????]"},
	{"172.16.0.0/12", "[ac1?????]"},
	{"10.128.0.0/9",
	 "[0a8?????][0a9?????][0aa?????][0ab?????][0ac?????][0ad?????][0ae?????][0af?????]"},
	{"192.0.2.4/31", "[c0000204][c0000205]"},
	{"2001:db8::/31", "[20010db8????????????????????????][20010db9????????????????????????]"},
	{"::ffff:10.0.0.0/104", "[0a??????]"},
	{"::/0", "[????????????????????????????????]"},
	{"10.0.0.1/8", NULL},
	{"10.0.0.0/33", NULL},
	{"10.0.0.0/", NULL},
	{"10.0.0.0/-1", NULL},
	{"10.0.0.0/8x", NULL},
	{"10.0.0.0/0000008", NULL},
	{"10.0.0/24", NULL},
	{"10.0.0.0/8/8", NULL},
	{"2001:db8::1/32", NULL},
	{"::/129", NULL},
	{"/8", NULL},
	{"a.example/8", NULL},
	{"fe80::1%eth0", NULL},
};

static int append(void *context, const char *text)
{
	char *out = context;

	strcat(out, text);
	return 0;
}

START_TEST(a_network_is_a_few_patterns)
{
	struct network network;
	char out[400] = "";
	bool ok = network_parse(networks[_i].item, &network);

	ck_assert_msg(ok == (networks[_i].patterns != NULL), "%s", networks[_i].item);
	if (!ok)
		return;
	ck_assert_int_eq(network_patterns(&network, append, out), 0);
	ck_assert_str_eq(out, networks[_i].patterns);
}
END_TEST

START_TEST(a_number_at_the_end_is_no_name)
{
	ck_assert(network_is_meant("10.0.0.1"));
	ck_assert(network_is_meant("a.example.5"));
	ck_assert(network_is_meant("5"));
	ck_assert(network_is_meant("::1"));
	ck_assert(network_is_meant("10/8"));
	ck_assert(network_is_meant("0x7f000001"));
	ck_assert(!network_is_meant("0x.example"));
	ck_assert(!network_is_meant("5.example"));
	ck_assert(!network_is_meant("a5"));
	ck_assert(!network_is_meant("*"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("network");

	tcase_add_loop_test(t, a_connection_has_one_spelling, 0,
			    sizeof(connections) / sizeof(connections[0]));
	tcase_add_test(t, a_name_that_is_too_long_is_refused);
	tcase_add_loop_test(t, a_network_is_a_few_patterns, 0,
			    sizeof(networks) / sizeof(networks[0]));
	tcase_add_test(t, a_number_at_the_end_is_no_name);
	return suite_run("common/policy/network", t);
}
