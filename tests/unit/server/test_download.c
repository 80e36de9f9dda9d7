#include <zstd.h>

#include "common/digest.h"
#include "tests/support/suite.h"
#include "tests/unit/server/fleet.h"

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

int main(void)
{
	TCase *t = tcase_create("download");

	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, fleet_start, fleet_stop);
	tcase_add_test(t, an_image_is_downloaded_and_resumed);
	tcase_add_test(t, an_incomplete_image_is_not_there);
	return suite_run("server/download", t);
}
