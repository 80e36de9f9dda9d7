/* /metrics is OpenMetrics text that a strict reader takes, and deploy/alerts.yml asks only for what is in it. */
#include <ctype.h>
#include <errno.h>

#include "tests/support/suite.h"
#include "tests/unit/server/access_table.h"

static char text[65536];

static void fetch(void)
{
	struct peer_call call = {
		.method = "GET", .path = "/metrics", .token = access_token("all-viewer")};

	access_send(&call);
	ck_assert_int_eq(call.status, 200);
	ck_assert_ptr_nonnull(strstr(call.head, "Content-Type: application/openmetrics-text; "
						"version=1.0.0; charset=utf-8\r\n"));
	snprintf(text, sizeof(text), "%s", peer_text(&call));
	peer_done(&call);
}

/* What a family is called for a sample's name, by its type. */
static void family_of(const char *sample, const char *type, char out[100])
{
	static const char *const tails[] = {"_bucket", "_sum", "_count"};
	size_t n = strlen(sample);

	snprintf(out, 100, "%s", sample);
	if (!strcmp(type, "counter")) {
		ck_assert_msg(n > 6 && !strcmp(sample + n - 6, "_total"), "%s", sample);
		out[n - 6] = '\0';
	}
	for (size_t i = 0; !strcmp(type, "histogram") && i < 3; i++) {
		size_t len = strlen(tails[i]);

		if (n > len && !strcmp(sample + n - len, tails[i]))
			out[n - len] = '\0';
	}
}

static void check_sample(const char *line, const char *family, const char *type)
{
	char name[100], found[100];
	size_t n = strcspn(line, "{ ");
	const char *value = line + n;

	snprintf(name, sizeof(name), "%.*s", (int)n, line);
	family_of(name, type, found);
	ck_assert_msg(!strcmp(found, family), "%s is not of %s", line, family);
	if (*value == '{')
		value = strstr(line, "} ") + 1;
	char *end;

	(void)strtod(value + 1, &end);
	ck_assert_msg(*value == ' ' && end != value + 1 && !*end, "%s", line);
}

START_TEST(the_text_is_openmetrics)
{
	char families[4000] = "", family[100] = "", type[20] = "", seen[102], *save = NULL;

	fetch();
	fetch(); /* the second one counts the first */
	size_t n = strlen(text);

	ck_assert(n > 6 && !strcmp(text + n - 6, "# EOF\n"));
	ck_assert_ptr_nonnull(strstr(text, "ampoule_http_answers_total{method=\"GET\",route=\"/"
					   "metrics\",class=\"2xx\"} "));
	text[n - 6] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "# HELP ", 7)) {
			sscanf(line, "# HELP %99s", family);
			snprintf(seen, sizeof(seen), " %s ", family);
			ck_assert_msg(!strstr(families, seen), "%s comes twice", family);
			snprintf(families + strlen(families), sizeof(families) - strlen(families),
				 "%s", seen);
		} else if (!strncmp(line, "# TYPE ", 7)) {
			sscanf(line, "# TYPE %*s %19s", type);
		} else if (line[0] != '#') {
			check_sample(line, family, type);
		}
	}
}
END_TEST

START_TEST(figures_are_those_of_the_database)
{
	access_sql("UPDATE devices SET last_seen = now() - interval '2 days' WHERE id = '" DEVICE_A
		   "'");
	fetch();
	ck_assert_ptr_nonnull(strstr(text, "ampoule_devices{state=\"offline\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nampoule_devices_silent 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nampoule_audit_broken 0\n"));
}
END_TEST

/* Whether the text has a sample or a family of that name. */
static bool is_known(const char *name)
{
	size_t n = strlen(name);

	for (const char *at = text; (at = strstr(at, name)); at += n) {
		if ((at == text || at[-1] == '\n' || !strncmp(at - 7, "# HELP ", 7)) &&
		    strchr("{ _", at[n]))
			return true;
	}
	return false;
}

START_TEST(alerts_ask_for_what_is_there)
{
	FILE *f = fopen("deploy/alerts.yml", "re");
	char line[500], name[100];
	int count = 0;

	ck_assert_ptr_nonnull(f);
	access_do("", "GET", "/api/nothing", NULL, 404);
	access_do("all-admin", "GET", "/api/v1/devices?limit=0", NULL, 400);
	fetch();
	while (fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "expr: ");

		for (at = at ? strstr(at, "ampoule_") : NULL; at; at = strstr(at, "ampoule_")) {
			size_t n = 0;

			while (isalnum((unsigned char)at[n]) || at[n] == '_')
				n++;
			snprintf(name, sizeof(name), "%.*s", (int)n, at);
			ck_assert_msg(is_known(name), "%s", name);
			count++;
			at += n;
		}
	}
	fclose(f);
	ck_assert_int_gt(count, 10);
}
END_TEST

START_TEST(every_figure_is_in_the_docs)
{
	FILE *f = fopen("docs/metrics.md", "re");
	char docs[16384], *save = NULL, family[100];

	ck_assert_ptr_nonnull(f);
	docs[fread(docs, 1, sizeof(docs) - 1, f)] = '\0';
	fclose(f);
	fetch();
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "# HELP %99s", family) == 1)
			ck_assert_msg(strstr(docs, family) != NULL, "%s", family);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("metrics");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_test(t, the_text_is_openmetrics);
	tcase_add_test(t, figures_are_those_of_the_database);
	tcase_add_test(t, alerts_ask_for_what_is_there);
	tcase_add_test(t, every_figure_is_in_the_docs);
	return suite_run("server/rest/metrics", t);
}
