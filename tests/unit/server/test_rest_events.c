/* Reading events: that none is skipped whatever commits late, that none is given to whom it does not concern, and
 * that a search ends. */
#include <errno.h>

#include "server/store/events.h"
#include "tests/support/suite.h"
#include "tests/unit/server/access_table.h"

static struct err err;

/* INSERTs n events of group a with this rule; the caller adds what else it wants to the SELECT's end. */
#define EVENTS(n, rule)                                                                         \
	"INSERT INTO events (device, group_name, stream, sequence, wall_clock_ns, vm, task, "   \
	"user_name, class, operation, object, verdict, audit, severity, policy_id, serial, "    \
	"rule, exit_reason, guest_rip, count, dropped, image, program) SELECT '" DEVICE_A       \
	"', 'a', '', n, 0, 'vm', 'pdf', 'user1', 'file', 'open', '/x', 'deny', false, 'high', " \
	"'', 0, '" rule "', '', 0, 1, 0, '', '' FROM generate_series(1, " #n ") n"

static json_t *list(const char *who, const char *path, long status)
{
	return access_ask(who, "GET", path, NULL, status);
}

/* The page from `after` on, whose events are counted; the next cursor replaces it. */
static size_t read_on(const char *query, char after[SRV_CURSOR_TEXT])
{
	char path[300];

	snprintf(path, sizeof(path), "/api/v1/events?after=%s&limit=1000%s", after, query);
	json_t *page = list("all-admin", path, 200);
	size_t n = json_array_size(json_object_get(page, "events"));

	snprintf(after, SRV_CURSOR_TEXT, "%s", json_string_value(json_object_get(page, "next")));
	json_decref(page);
	return n;
}

static void begin_at_end(char after[SRV_CURSOR_TEXT])
{
	snprintf(after, SRV_CURSOR_TEXT, "1-0-0");
	while (read_on("", after))
		;
}

START_TEST(an_event_that_commits_late_is_not_skipped)
{
	char after[SRV_CURSOR_TEXT];
	struct srv_conn *late = srv_conn_open(config.db, &err);

	begin_at_end(after);
	ck_assert_int_eq(srv_begin(late, &err), 0);
	ck_assert_int_eq(srv_script(late, EVENTS(1, "late"), &err), 0);
	access_sql(EVENTS(2, "early")); /* later ids, earlier commit */
	ck_assert_uint_eq(read_on("", after), 0);
	ck_assert_int_eq(srv_commit(late, &err), 0);
	ck_assert_uint_eq(read_on("", after), 3);
	ck_assert_uint_eq(read_on("", after), 0);
	srv_conn_close(late);
}
END_TEST

START_TEST(a_transaction_of_another_database_holds_events_back_and_that_is_told)
{
	char after[SRV_CURSOR_TEXT], elsewhere[256];

	pg_conninfo("postgres", elsewhere, sizeof(elsewhere));
	struct srv_conn *other = srv_conn_open(elsewhere, &err);

	begin_at_end(after);
	ck_assert_int_eq(srv_begin(other, &err), 0);
	ck_assert_int_eq(srv_script(other, "SELECT pg_current_xact_id()", &err), 0);
	access_sql(EVENTS(4, "held"));
	access_sql("UPDATE events SET received_at = received_at - interval '20 s' WHERE rule = "
		   "'held'");
	json_t *page = list("all-admin", "/api/v1/events?limit=1", 200);

	ck_assert_int_ge(json_integer_value(json_object_get(page, "held_s")), 20);
	json_decref(page);
	ck_assert_uint_eq(read_on("&rule=held", after), 0);
	ck_assert_int_eq(srv_commit(other, &err), 0);
	ck_assert_uint_eq(read_on("&rule=held", after), 4);
	page = list("all-admin", "/api/v1/events?limit=1", 200);
	ck_assert_int_eq(json_integer_value(json_object_get(page, "held_s")), 0);
	json_decref(page);
	srv_conn_close(other);
}
END_TEST

static const struct {
	const char *path, *detail;
} gone[] = {
	{"/api/v1/events?after=1-40-7", "the oldest one is 1-50-7"},
	{"/api/v1/events?after=1-50-6", "the oldest one is 1-50-7"},
	{"/api/v1/events?after=2-60-1", "the oldest one is 1-50-7"}, /* of another epoch */
	{"/api/v1/events/stream?after=1-50-6", "the oldest one is 1-50-7"},
};

START_TEST(a_cursor_before_what_was_dropped_is_gone)
{
	struct peer_call call = {
		.method = "GET", .path = gone[_i].path, .cookie = access_cookie("all-admin")};

	access_sql("UPDATE event_log SET gone_xact = '50', gone_id = 7");
	access_send(&call);
	access_sql("UPDATE event_log SET gone_xact = '0', gone_id = 0");
	ck_assert_int_eq(call.status, 410);
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "\"code\":\"cursor-gone\""));
	ck_assert_msg(strstr(peer_text(&call), gone[_i].detail) != NULL, "%s", peer_text(&call));
	peer_done(&call);
}
END_TEST

START_TEST(the_oldest_cursor_is_good)
{
	access_sql("UPDATE event_log SET gone_xact = '50', gone_id = 7");
	json_decref(list("all-admin", "/api/v1/events?after=1-50-7", 200));
	access_sql("UPDATE event_log SET gone_xact = '0', gone_id = 0");
}
END_TEST

/* One event in 25,000, by what no index knows: each step looks at a bounded number of rows, says how far it came,
 * and together they find it once. */
START_TEST(a_search_without_an_index_goes_step_by_step)
{
	struct srv_conn *conn = srv_conn_open(config.db, &err);
	const struct srv_event_filter filter = {
		.scope = SRV_GROUPS_ALL, .newest_first = _i, .user = "needle"};
	struct srv_event_search search = {0};
	size_t found = 0, steps = 0;

	access_sql(EVENTS(25000, "hay"));
	access_sql(
		"UPDATE events SET user_name = 'needle' WHERE rule = 'hay' AND sequence = 12345");
	while (!search.done) {
		struct srv_rows *rows = NULL;

		ck_assert_msg(srv_events_step(conn, &filter, 10, &search, &rows, &err) == 0, "%s",
			      err.text);
		found += srv_rows_count(rows);
		steps++;
		ck_assert(search.done || search.searched_to_us > 0);
		srv_rows_free(rows);
	}
	ck_assert_uint_eq(found, 1);
	ck_assert_uint_ge(steps, 3);
	srv_conn_close(conn);
	access_sql("DELETE FROM events WHERE rule = 'hay'");
}
END_TEST

START_TEST(by_an_index_one_step_is_enough)
{
	struct srv_conn *conn = srv_conn_open(config.db, &err);
	const struct srv_event_filter filter = {.scope = SRV_GROUPS_ALL, .rule = "rare"};
	struct srv_event_search search = {0};
	struct srv_rows *rows = NULL;

	access_sql(EVENTS(15000, "common"));
	access_sql(EVENTS(1, "rare"));
	ck_assert_int_eq(srv_events_step(conn, &filter, 10, &search, &rows, &err), 0);
	ck_assert(search.done);
	ck_assert_uint_eq(srv_rows_count(rows), 1);
	srv_rows_free(rows);
	srv_conn_close(conn);
	access_sql("DELETE FROM events WHERE rule IN ('common', 'rare')");
}
END_TEST

/* Sends a request for a stream and reads until the text comes. */
static void stream(struct peer_call *call, const char *until)
{
	call->method = "GET";
	call->until = until;
	peer_send(call, &identity, srv_rest_port(rest));
	ck_assert_msg(strstr(peer_text(call), until) != NULL, "%ld %s", call->status,
		      peer_text(call));
}

START_TEST(a_stream_gives_lines_and_goes_on_from_a_cursor)
{
	char after[SRV_CURSOR_TEXT], path[200];

	begin_at_end(after);
	access_sql(EVENTS(3, "streamed"));
	snprintf(path, sizeof(path), "/api/v1/events/stream?after=%s", after);
	struct peer_call call = {.path = path, .cookie = access_cookie("all-viewer")};

	stream(&call, "\"next\"");
	ck_assert_int_eq(call.status, 200);
	ck_assert_ptr_nonnull(strstr(call.head, "Content-Type: application/x-ndjson"));
	size_t lines = 0;
	char *rest_of = NULL, *text = (char *)call.reply.data;

	for (char *line = strtok_r(text, "\n", &rest_of); line;
	     line = strtok_r(NULL, "\n", &rest_of)) {
		json_t *json = json_loads(line, 0, NULL);

		ck_assert_msg(json != NULL, "%s", line);
		lines += json_object_get(json, "rule") != NULL;
		json_decref(json);
	}
	ck_assert_uint_eq(lines, 3);
	peer_done(&call);
}
END_TEST

/* What is inserted while the stream runs comes through it; in another transaction first, that commits last. */
static void *insert_later(void *unused)
{
	struct srv_conn *late = srv_conn_open(config.db, &err);

	(void)unused;
	usleep(700000);
	ck_assert_int_eq(srv_begin(late, &err), 0);
	ck_assert_int_eq(srv_script(late, EVENTS(1, "tail-late"), &err), 0);
	access_sql(EVENTS(1, "tail-early"));
	usleep(700000);
	ck_assert_int_eq(srv_commit(late, &err), 0);
	access_sql(EVENTS(1, "tail-last"));
	srv_conn_close(late);
	return NULL;
}

START_TEST(a_live_tail_gives_what_commits_late)
{
	pthread_t thread;
	struct peer_call call = {.path = "/api/v1/events/stream",
				 .cookie = access_cookie("a-viewer"),
				 .accept = "text/event-stream"};

	ck_assert_int_eq(pthread_create(&thread, NULL, insert_later, NULL), 0);
	stream(&call, "tail-last");
	pthread_join(thread, NULL);
	ck_assert_ptr_nonnull(strstr(call.head, "Content-Type: text/event-stream"));
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "tail-late"));
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "tail-early"));
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "id: 1-"));
	peer_done(&call);
}
END_TEST

START_TEST(a_stream_shows_the_callers_groups_only)
{
	struct peer_call call = {.path = "/api/v1/events/stream?after=1-0-0",
				 .cookie = access_cookie("a-viewer")};

	stream(&call, "\"next\"");
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "vm-a"));
	ck_assert_ptr_null(strstr(peer_text(&call), "vm-b"));
	peer_done(&call);
}
END_TEST

START_TEST(counts_are_of_the_callers_groups)
{
	access_sql("INSERT INTO events_minutes SELECT date_trunc('minute', now()) - interval '5 "
		   "minutes', gen_random_uuid(), g, 'file', 'deny', 'high', false, 'r', 't', 2, 30 "
		   "FROM unnest(ARRAY['a', 'a', 'b']) g");
	json_t *all = list("all-viewer", "/api/v1/event-counts?by=group", 200);
	json_t *own = list("a-viewer", "/api/v1/event-counts?by=group", 200);
	json_t *time = list("a-viewer", "/api/v1/event-counts?step_s=86400", 200);
	json_t *first = json_array_get(json_object_get(own, "counts"), 0);

	ck_assert_uint_eq(json_array_size(json_object_get(all, "counts")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(own, "counts")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(first, "key")), "a");
	ck_assert_int_eq(json_integer_value(json_object_get(first, "events")), 4);
	ck_assert_int_eq(json_integer_value(json_object_get(first, "total")), 60);
	first = json_array_get(json_object_get(time, "counts"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(first, "events")), 4);
	json_decref(all);
	json_decref(own);
	json_decref(time);
	access_do("a-viewer", "GET", "/api/v1/event-counts?since=yesterdayish", NULL, 400);
	access_sql("DELETE FROM events_minutes");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("events");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_test(t, an_event_that_commits_late_is_not_skipped);
	tcase_add_test(t, a_transaction_of_another_database_holds_events_back_and_that_is_told);
	tcase_add_loop_test(t, a_cursor_before_what_was_dropped_is_gone, 0, 4);
	tcase_add_test(t, the_oldest_cursor_is_good);
	tcase_add_loop_test(t, a_search_without_an_index_goes_step_by_step, 0, 2);
	tcase_add_test(t, by_an_index_one_step_is_enough);
	tcase_add_test(t, a_stream_gives_lines_and_goes_on_from_a_cursor);
	tcase_add_test(t, a_live_tail_gives_what_commits_late);
	tcase_add_test(t, a_stream_shows_the_callers_groups_only);
	tcase_add_test(t, counts_are_of_the_callers_groups);
	return suite_run("server/rest/events", t);
}
