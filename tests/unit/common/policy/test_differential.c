#include <check.h>
#include <stdio.h>

#include "common/policy/network.h"
#include "common/policy/words.h"
#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

/* Random policies and accesses, decided by the product and by a model that is slow and plain: it keeps the
 * rules of all layers in a list, matches by trying every way to split, and knows nothing of tables. FULL=1
 * tries a million accesses. */

enum {
	RULES_MAX = 160,
	ACCESSES = 100,
	ROUNDS = 60,
	ROUNDS_FULL = 5000
};

enum layer {
	FINAL,
	EXCEPTION,
	LEAF,
	ROOT,
	BASE,
	LAYER_COUNT
};

struct model_rule {
	enum layer layer;
	bool net;
	unsigned verdict; /* read, copy, deny; allow, deny */
	bool audit;
	bool high;
	char pattern[3][64];
	int patterns;
	unsigned port;
	char id[16];
};

struct model {
	struct model_rule rules[RULES_MAX];
	int count;
	bool terminate; /* on_deny at high */
};

static uint64_t state;

static unsigned random_below(unsigned n)
{
	state = state * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(state >> 33) % n;
}

/* ---- documents ---- */

static const char *const names[] = {"a", "b", "ab", ".x", "c.pdf", "a.pdf", "d"};

static const char *name(void)
{
	return names[random_below(sizeof(names) / sizeof(names[0]))];
}

static void make_path(char out[64], bool pattern)
{
	static const char *const parts[] = {"*", "**", "?", "a*", "*.pdf", "?.pdf"};
	int depth = 1 + (int)random_below(3);
	size_t at = (size_t)snprintf(out, 64, "%s", random_below(2) ? "~" : "/srv");

	for (int i = 0; i < depth; i++)
		at += (size_t)snprintf(out + at, 64 - at, "/%s",
				       pattern && !random_below(4) ? parts[random_below(6)]
								   : name());
	if (pattern && !random_below(3))
		(void)snprintf(out + at, 64 - at, "/");
}

/* "10.a.b.c", now and then as a network with any prefix. */
static void make_network(char out[64], bool pattern)
{
	uint32_t address =
		10U << 24 | random_below(4) << 22 | random_below(3) << 8 | random_below(16);
	unsigned prefix = pattern ? random_below(33) : 32;

	address &= prefix ? UINT32_MAX << (32 - prefix) : 0;
	int n = snprintf(out, 64, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
			 address >> 8 & 255, address & 255);

	if (pattern)
		(void)snprintf(out + n, 64 - (size_t)n, "/%u", prefix);
}

static void make_host(char out[64], bool pattern)
{
	size_t at = 0;

	if (pattern && !random_below(3)) {
		make_network(out, true);
		return;
	}

	if (pattern && !random_below(6)) {
		(void)snprintf(out, 64, "*");
		return;
	}
	if (pattern && random_below(2))
		at = (size_t)snprintf(out, 64, "*.");
	for (unsigned i = random_below(2) + 1; i > 0; i--)
		at += (size_t)snprintf(out + at, 64 - at, "%c.", "abc"[random_below(3)]);
	(void)snprintf(out + at, 64 - at, "example");
}

static void make_rule(struct model_rule *rule, int n)
{
	static const unsigned verdicts[] = {MV_ALLOW, MV_COPY, MV_DENY, MV_DENY};

	*rule = (struct model_rule){.layer = random_below(LAYER_COUNT),
				    .net = !random_below(3),
				    .high = !random_below(3),
				    .patterns = 1 + (int)random_below(3),
				    .port = 442 + random_below(2)};
	rule->verdict =
		rule->net ? (random_below(2) ? MV_ALLOW : MV_DENY) : verdicts[random_below(4)];
	rule->audit = rule->verdict == MV_DENY && !random_below(3);
	(void)snprintf(rule->id, sizeof(rule->id), "r%d", n);
	for (int i = 0; i < rule->patterns; i++)
		(rule->net ? make_host : make_path)(rule->pattern[i], true);
}

static void put_rules(struct buf *out, const struct model *m, enum layer layer, bool net)
{
	int before = 0;

	for (int i = 0; i < m->count; i++) {
		const struct model_rule *r = &m->rules[i];

		if (r->layer != layer || r->net != net)
			continue;
		ck_assert_int_eq(buf_printf(out, "%s    - { id: %s, %s: [",
					    before++ ? ""
					    : net    ? "    net:\n"
						     : "    file:\n",
					    r->id, net ? "host" : "path"),
				 0);
		for (int k = 0; k < r->patterns; k++)
			ck_assert_int_eq(buf_printf(out, "\"%s\", ", r->pattern[k]), 0);
		ck_assert_int_eq(buf_printf(out, "], do: %s%s%s%s }\n",
					    r->verdict == MV_DENY   ? "deny"
					    : r->verdict == MV_COPY ? "copy"
					    : net                   ? "allow"
								    : "read",
					    r->audit ? ", mode: audit" : "",
					    r->high ? ", severity: high" : "",
					    !net             ? ""
					    : r->port == 443 ? ", port: [443]"
							     : ", port: [442]"),
				 0);
	}
}

static void put_text(struct buf *out, const char *text)
{
	ck_assert_int_eq(buf_put(out, text, strlen(text)), 0);
}

static void put_document(struct buf *out, const struct model *m)
{
	static const struct {
		enum layer layer;
		const char *head;
	} laid[] = {{ROOT, "kind: delta\nid: root\ngroup: r\n"},
		    {LEAF, "kind: delta\nid: leaf\ngroup: l\n"},
		    {EXCEPTION, "kind: exception\nid: exc\nfor: { users: [u], devices: [all] }\n"
				"until: 2026-12-24T00:00:00Z\nreason: r\n"}};

	put_text(out, "ampoule: 1\nkind: base\nid: p\ntrust_levels: [u]\nfinal:\n    dns: [ { id: "
		      "nobody, host: [x.invalid], do: deny } ]\n");
	put_rules(out, m, FINAL, false);
	put_rules(out, m, FINAL, true);
	put_text(out, "tasks:\n  - id: t\n    match: { program: [/bin/t] }\n"
		      "    run: { image: i, level: u }\n");
	put_rules(out, m, BASE, false);
	put_rules(out, m, BASE, true);
	if (m->terminate)
		put_text(out, "    on_deny: { at_least: high, do: terminate }\n");
	for (size_t i = 0; i < 3; i++) {
		put_text(out, "---\nampoule: 1\nextends: p\n");
		put_text(out, laid[i].head);
		put_text(out, "tasks:\n  - id: t\n");
		put_rules(out, m, laid[i].layer, false);
		put_rules(out, m, laid[i].layer, true);
	}
}

/* ---- the model ---- */

/* One star stays in a component, two cross; two between slashes may be one slash. Tries every split. */
static bool matches(const char *p, const char *t, const char *start)
{
	if (!*p)
		return !*t;
	if (p[0] == '*' && p[1] == '*') {
		if (p > start && p[-1] == '/' && p[2] == '/' && matches(p + 3, t, start))
			return true;
		for (;; t++) {
			if (matches(p + 2, t, start))
				return true;
			if (!*t)
				return false;
		}
	}
	if (*p == '*') {
		for (;; t++) {
			if (matches(p + 1, t, start))
				return true;
			if (!*t || *t == '/')
				return false;
		}
	}
	return *t && (*p == *t || (*p == '?' && *t != '/')) && matches(p + 1, t + 1, start);
}

static bool path_matches(const char *pattern, const char *path)
{
	char whole[128];
	size_t n =
		(size_t)snprintf(whole, sizeof(whole), "%s%s", pattern[0] == '~' ? "/home/u" : "",
				 pattern + (pattern[0] == '~'));

	if (whole[n - 1] != '/')
		return matches(whole, path, whole);
	whole[n - 1] = '\0';
	if (matches(whole, path, whole))
		return true;
	(void)snprintf(whole + n - 1, sizeof(whole) - n, "/**");
	return matches(whole, path, whole);
}

/* Bit by bit. */
static bool lies_in(const char *address, const char *network)
{
	unsigned a[4], n[4], prefix;

	if (sscanf(network, "%u.%u.%u.%u/%u", &n[0], &n[1], &n[2], &n[3], &prefix) != 5 ||
	    sscanf(address, "%u.%u.%u.%u", &a[0], &a[1], &a[2], &a[3]) != 4)
		return false;
	for (unsigned bit = 0; bit < prefix; bit++) {
		if ((a[bit / 8] ^ n[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	}
	return true;
}

/* "name", "address" or "name[address]". */
static bool host_matches(const char *pattern, const char *host)
{
	const char *open = strchr(host, '[');
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, "["), host);
	if (strchr(pattern, '/'))
		return lies_in(open ? open + 1 : host, pattern);
	if (!strcmp(pattern, "*"))
		return true;
	return !(host[0] >= '0' && host[0] <= '9') && matches(pattern, name, pattern);
}

static bool rule_matches(const struct model_rule *r, bool net, const char *object, unsigned port)
{
	for (int i = 0; r->net == net && i < r->patterns; i++) {
		if (net ? r->port == port && host_matches(r->pattern[i], object)
			: path_matches(r->pattern[i], object))
			return true;
	}
	return false;
}

struct answer {
	unsigned verdict;
	const char *rule;
	unsigned audits;
};

static struct answer ask_model(const struct model *m, bool net, const char *object, unsigned port,
			       bool write, bool is_u)
{
	struct answer a = {.verdict = net ? MV_DENY : MV_HIDE, .rule = ""};

	for (enum layer layer = FINAL; layer < LAYER_COUNT; layer++) {
		for (int i = 0; i < m->count; i++) {
			const struct model_rule *r = &m->rules[i];

			if (r->layer != layer || (layer == EXCEPTION && !is_u) ||
			    !rule_matches(r, net, object, port))
				continue;
			if (r->audit) {
				a.audits++;
				continue;
			}
			a.rule = r->id;
			a.verdict = r->verdict == MV_ALLOW && write && !net ? MV_DENY : r->verdict;
			/* a write under read is a deny by that rule, but on_deny asks for deny rules */
			if (a.verdict == MV_DENY && r->verdict == MV_DENY && m->terminate &&
			    r->high)
				a.verdict = MV_TERMINATE;
			return a;
		}
	}
	return a;
}

/* ---- the comparison ---- */

static struct answer ask_product(const struct mv_policy *table, bool net, const char *object,
				 unsigned port, bool write, char rule[MV_NAME_MAX])
{
	char text[NETWORK_OBJECT_MAX], spelled[160];

	(void)snprintf(text, sizeof(text), "%s", object);
	(void)snprintf(spelled, sizeof(spelled), "tcp:%s:%u", object, port);
	if (net)
		ck_assert_int_eq(network_object(spelled, text), 0);
	struct mv_access access = {.class = net ? MV_CLASS_NET : MV_CLASS_FILE,
				   .op = net     ? MV_OP_CONNECT
					 : write ? MV_OP_WRITE
						 : MV_OP_READ,
				   .object = text,
				   .object_bytes = (uint16_t)strlen(text)};
	struct mv_decision d;

	mv_arbitrate(table, &access, &d);
	mv_policy_rule_id(table, d.rule, rule);
	for (unsigned i = 1; i < d.audit_hits && i < MV_AUDIT_MAX; i++)
		ck_assert_int_lt(d.audit[i - 1], d.audit[i]);
	return (struct answer){.verdict = d.verdict, .rule = rule, .audits = d.audit_hits};
}

static void make_connection(char out[64], bool pattern)
{
	char address[64], name[64] = "";
	unsigned kind = random_below(3);

	make_network(address, false);
	if (kind)
		make_host(name, pattern);
	if (kind == 1)
		(void)snprintf(out, 64, "%s", name);
	else if (kind == 2)
		(void)snprintf(out, 64, "%.40s[%.20s]", name, address);
	else
		(void)snprintf(out, 64, "%s", address);
}

static void compare(const struct model *m, const struct policy *policy, bool is_u)
{
	struct policy_request request = {.user = is_u ? "u" : "v", .home = "/home/u"};
	cleanup_buf struct buf bytes = {0};
	struct mv_policy table;

	ck_assert_int_eq(policy_compile(policy, 0, &request, 1, &bytes), 0);
	ck_assert_int_eq(mv_policy_init(&table, bytes.data, bytes.len), 0);
	for (int i = 0; i < ACCESSES; i++) {
		char object[64], whole[96], rule[MV_NAME_MAX];
		bool net = !random_below(3), write = random_below(2);
		unsigned port = 442 + random_below(2);

		(net ? make_connection : make_path)(object, false);
		(void)snprintf(whole, sizeof(whole), "%s%s", object[0] == '~' ? "/home/u" : "",
			       object + (object[0] == '~'));
		struct answer want = ask_model(m, net, whole, port, write, is_u);
		struct answer got = ask_product(&table, net, whole, port, write, rule);

		ck_assert_msg(want.verdict == got.verdict && !strcmp(want.rule, got.rule) &&
				      want.audits == got.audits,
			      "%s: wanted %s by '%s' after %u, got %s by '%s' after %u", whole,
			      words_verdict(want.verdict), want.rule, want.audits,
			      words_verdict(got.verdict), got.rule, got.audits);
	}
}

static void play(unsigned seed)
{
	static struct model m;
	cleanup_buf struct buf text = {0};
	struct policy_errors errors;

	state = seed;
	m.count = 1 + (int)random_below(random_below(2) ? 12 : RULES_MAX);
	m.terminate = random_below(2);
	for (int i = 0; i < m.count; i++)
		make_rule(&m.rules[i], i);
	put_document(&text, &m);
	struct policy *policy = policy_parse(text.data, text.len, &errors);

	ck_assert_msg(policy != NULL, "seed %u: %d:%d: %s", seed, errors.list[0].line,
		      errors.list[0].column, errors.list[0].text);
	compare(&m, policy, true);
	compare(&m, policy, false);
	policy_free(policy);
}

START_TEST(the_product_and_the_model_agree)
{
	unsigned rounds = getenv("FULL") ? ROUNDS_FULL : ROUNDS;

	for (unsigned seed = 1; seed <= rounds; seed++)
		play(seed);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("differential");

	tcase_set_timeout(t, 600);
	tcase_add_test(t, the_product_and_the_model_agree);
	return suite_run("common/policy/differential", t);
}
