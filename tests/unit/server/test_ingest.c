#include <sys/wait.h>
#include <zstd.h>

#include "common/digest.h"
#include "tests/support/suite.h"
#include "tests/unit/server/fleet.h"

static uint64_t expect_ack(struct client *c)
{
	Ampoule__Frame *frame = client_expect(c, AMPOULE__FRAME__KIND_EVENT_ACK);
	uint64_t sequence = frame->event_ack->sequence;

	wire_free(&frame->base);
	return sequence;
}

START_TEST(events_are_stored_with_every_field)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_events(&c, 1, 2, "file", "/home/user1/.ssh/id_rsa");
	ck_assert_uint_eq(expect_ack(&c), 2);
	ck_assert_int_eq(
		pg_number(
			config.db,
			"SELECT count(*) FROM events e JOIN devices d ON d.id = e.device WHERE "
			"object = '/home/user1/.ssh/id_rsa' AND class = 'file' AND operation = "
			"'open' "
			"AND verdict = 'deny' AND severity = 'high' AND user_name = 'user1' AND "
			"e.group_name = 'default' AND guest_rip = x'ffffffff81000000'::bigint AND "
			"count = 1 AND NOT audit AND wall_clock_ns = 1790000000000000000"),
		2);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(events_sent_again_are_stored_once)
{
	struct identity id = fleet_enroll();
	struct client c;
	uint64_t acked, counter = fleet_hello(&c, &id, 0, 0, &acked);

	ck_assert_uint_eq(acked, 0);
	client_events(&c, 1, 5, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 5);
	client_events(&c, 1, 5, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 5);
	client_events(&c, 3, 5, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 7);
	client_close(&c);
	(void)fleet_hello(&c, &id, counter, 0, &acked);
	ck_assert_uint_eq(acked, 7);
	client_close(&c);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 7);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT sequence) FROM events"), 7);
	fleet_forget(&id);
}
END_TEST

START_TEST(an_event_that_cannot_be_stored_is_quarantined_and_acked)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_events(&c, 1, 1, "file", "/a");
	client_events(&c, 2, 1, "no-class", "/b");
	client_events(&c, 3, 1, "file", "/c");
	ck_assert_uint_eq(expect_ack(&c), 1);
	ck_assert_uint_eq(expect_ack(&c), 2);
	ck_assert_uint_eq(expect_ack(&c), 3);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 2);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events_quarantine WHERE "
					      "sequence = 2 AND reason = 'an unknown class' AND "
					      "octet_length(packed) > 0"),
			 1);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_batch_of_too_many_is_refused)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_events(&c, 1, 512, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 512);
	client_events(&c, 513, 513, "file", "/a");
	client_expect_refusal(&c, "bad-batch", false);
	client_close(&c);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 512);
	fleet_forget(&id);
}
END_TEST

START_TEST(without_the_database_nothing_is_acked)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	fleet_sql("ALTER TABLE events RENAME TO gone", NULL, 0);
	client_events(&c, 1, 1, "file", "/a");
	client_expect_refusal(&c, "unavailable", false);
	client_close(&c);
	ck_assert_int_eq(pg_number(config.db, "SELECT max(last_sequence) FROM streams"), 0);
	fleet_forget(&id);
}
END_TEST

/* Serves in a process of its own, so that it can be killed; its port. */
static pid_t serve_elsewhere(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	pid_t pid = fork();

	if (pid == 0) {
		fleet_serve();
		(void)!write(fds[1], &port, sizeof(port));
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(fds[0], &port, sizeof(port)), sizeof(port));
	close(fds[0]);
	close(fds[1]);
	return pid;
}

/* The server is killed at 12 different moments after a batch has left; what was not acked is sent again. */
START_TEST(a_killed_server_loses_and_doubles_nothing)
{
	uint64_t counter = 0, acked = 0, sent = 0;
	struct client c;
	pid_t pid = serve_elsewhere();
	struct identity id = fleet_enroll();

	for (unsigned round = 0; round < 12; round++) {
		counter = fleet_hello(&c, &id, counter, 0, &acked);
		ck_assert_uint_le(acked, sent);
		client_events(&c, acked + 1, 100, "file", "/a");
		sent = acked + 100;
		usleep(round * 700);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		client_close(&c);
		pid = serve_elsewhere();
	}
	(void)fleet_hello(&c, &id, counter, 0, &acked);
	client_events(&c, acked + 1, 10, "file", "/a");
	sent = acked + 10;
	ck_assert_uint_eq(expect_ack(&c), sent);
	client_close(&c);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), (int64_t)sent);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT sequence) FROM events"),
			 (int64_t)sent);
	fleet_forget(&id);
}
END_TEST

enum {
	MIB = 1 << 20
};

/* A blob of n bytes, and an image "debian-docs" of that one file. */
static void store_image(const uint8_t *blob, size_t n, uint8_t digest[DIGEST_BYTES], bool complete)
{
	ck_assert_int_eq(digest_bytes(blob, n, digest), 0);
	const struct srv_param head[] = {SRV_BYTES(digest, DIGEST_BYTES), SRV_INT(n),
					 SRV_BOOL(complete)};

	fleet_sql("INSERT INTO blobs (digest, bytes, complete) VALUES ($1, $2, $3::boolean)", head,
		  3);
	for (size_t at = 0; at < n; at += MIB) {
		const struct srv_param piece[] = {
			SRV_BYTES(digest, DIGEST_BYTES), SRV_INT(at / MIB),
			SRV_BYTES(blob + at, n - at < MIB ? n - at : MIB)};

		fleet_sql("INSERT INTO blob_chunks VALUES ($1, $2, $3)", piece, 3);
	}
	fleet_sql(
		"INSERT INTO images (name, version, manifest, signature) VALUES ('debian-docs', 1, "
		"'manifest', decode(repeat('00', 64), 'hex'))",
		NULL, 0);
	fleet_sql("INSERT INTO image_files VALUES ('debian-docs', 1, 'root', $1, $2)", head, 2);
}

static void fetch_image(struct client *c)
{
	Ampoule__ImageFetch fetch;
	Ampoule__Frame frame;
	char name[] = "debian-docs";

	ampoule__image_fetch__init(&fetch);
	ampoule__frame__init(&frame);
	fetch.name = name;
	frame.kind_case = AMPOULE__FRAME__KIND_IMAGE_FETCH;
	frame.image_fetch = &fetch;
	client_send(c, &frame);
}

static void fetch_blob(struct client *c, const uint8_t digest[DIGEST_BYTES], uint64_t offset)
{
	Ampoule__BlobFetch fetch;
	Ampoule__Frame frame;
	uint8_t copy[DIGEST_BYTES];

	ampoule__blob_fetch__init(&fetch);
	ampoule__frame__init(&frame);
	memcpy(copy, digest, sizeof(copy));
	fetch.digest.data = copy;
	fetch.digest.len = sizeof(copy);
	fetch.offset = offset;
	frame.kind_case = AMPOULE__FRAME__KIND_BLOB_FETCH;
	frame.blob_fetch = &fetch;
	client_send(c, &frame);
}

/* Reads chunks from offset to the end and compares each with the blob. */
static void expect_chunks(struct client *c, const uint8_t *blob, size_t n, uint64_t offset)
{
	uint8_t *content = malloc(MIB);

	do {
		Ampoule__Frame *frame = client_expect(c, AMPOULE__FRAME__KIND_BLOB_CHUNK);
		const Ampoule__BlobChunk *chunk = frame->blob_chunk;
		size_t got = ZSTD_decompress(content, MIB, chunk->data.data, chunk->data.len);

		ck_assert(!ZSTD_isError(got));
		ck_assert_uint_eq(chunk->total, n);
		ck_assert_uint_eq(chunk->offset, offset);
		ck_assert_uint_le(offset + got, n);
		ck_assert_int_eq(memcmp(content, blob + offset, got), 0);
		offset += got;
		wire_free(&frame->base);
	} while (offset < n);
	free(content);
}

static uint8_t *make_blob(size_t n)
{
	uint8_t *blob = malloc(n);

	for (size_t i = 0; i < n; i++)
		blob[i] = (uint8_t)(i * 2654435761U >> 13);
	return blob;
}

START_TEST(an_image_is_downloaded_and_resumed)
{
	size_t n = 3 * MIB + 4097;
	uint8_t digest[DIGEST_BYTES], *blob = make_blob(n);
	struct identity id = fleet_enroll();
	struct client c;

	store_image(blob, n, digest, true);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	fetch_image(&c);
	Ampoule__Frame *frame = client_expect(&c, AMPOULE__FRAME__KIND_IMAGE_MANIFEST);

	ck_assert_mem_eq(frame->image_manifest->manifest.data, "manifest", 8);
	ck_assert_uint_eq(frame->image_manifest->signature.len, 64);
	wire_free(&frame->base);
	fetch_blob(&c, digest, 0);
	expect_chunks(&c, blob, n, 0);
	fetch_blob(&c, digest, MIB + 5);
	expect_chunks(&c, blob, n, MIB + 5);
	fetch_blob(&c, digest, n);
	expect_chunks(&c, blob, n, n);
	fetch_blob(&c, digest, n + 1);
	client_expect_refusal(&c, "bad-offset", true);
	digest[0] ^= 1;
	fetch_blob(&c, digest, 0);
	client_expect_refusal(&c, "unknown-blob", true);
	client_hello(&c, 0, 0);
	client_expect_refusal(&c, "unexpected", false);
	client_close(&c);
	free(blob);
	fleet_forget(&id);
}
END_TEST

START_TEST(an_incomplete_image_is_not_there)
{
	uint8_t digest[DIGEST_BYTES], *blob = make_blob(10);
	struct identity id = fleet_enroll();
	struct client c;

	store_image(blob, 10, digest, false);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	fetch_image(&c);
	client_expect_refusal(&c, "unknown-image", true);
	fetch_blob(&c, digest, 0);
	client_expect_refusal(&c, "unknown-blob", true);
	client_close(&c);
	free(blob);
	fleet_forget(&id);
}
END_TEST

static void stop_nothing(void)
{
	fleet = NULL;
	context.hub = NULL;
	context.db = NULL;
	fleet_stop();
}

int main(void)
{
	TCase *t = tcase_create("events"), *killed = tcase_create("kill -9"),
	      *download = tcase_create("download");

	pg_start();
	tcase_set_timeout(t, 60);
	tcase_set_timeout(killed, 120);
	tcase_set_timeout(download, 60);
	tcase_add_checked_fixture(t, fleet_start, fleet_stop);
	tcase_add_checked_fixture(killed, fleet_make_state, stop_nothing);
	tcase_add_checked_fixture(download, fleet_start, fleet_stop);
	tcase_add_test(t, events_are_stored_with_every_field);
	tcase_add_test(t, events_sent_again_are_stored_once);
	tcase_add_test(t, an_event_that_cannot_be_stored_is_quarantined_and_acked);
	tcase_add_test(t, a_batch_of_too_many_is_refused);
	tcase_add_test(t, without_the_database_nothing_is_acked);
	tcase_add_test(killed, a_killed_server_loses_and_doubles_nothing);
	tcase_add_test(download, an_image_is_downloaded_and_resumed);
	tcase_add_test(download, an_incomplete_image_is_not_there);
	return suite_run("server/ingest", t, killed, download);
}
