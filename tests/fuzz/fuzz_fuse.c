/* The FUSE server over a real temporary tree: the input is a sequence of requests, each {u16 bytes, bytes}. Numbers
 * of nodes and handles in them below 16 are replaced by the last ones given, so that what is open is reached. */
#include "tests/support/fuse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct table_rule rules[] = {
	{.id = "secret", .verdict = MV_DENY, .subtree = "/home/u/docs/secret"},
	{.id = "key", .verdict = MV_DENY, .glob = "/home/u/docs/**.key"},
	{.id = "docs", .verdict = MV_COPY, .subtree = "/home/u/docs"},
	{.id = "one", .verdict = MV_COPY, .exact = "/home/u/one.txt"},
	{0},
};

static struct guest guest;

enum {
	REQUESTS_MAX = 64
};

struct given {
	uint64_t nodes[16];
	uint64_t fh;
	unsigned count;
};

static void remember(struct given *given, uint32_t opcode, const uint8_t *reply, size_t n)
{
	size_t payload = sizeof(struct fuse_out_header);

	if (n < payload + 8)
		return;
	if (opcode == FUSE_LOOKUP || opcode == FUSE_CREATE || opcode == FUSE_MKDIR)
		memcpy(&given->nodes[given->count++ % 16], reply + payload, 8);
	if (opcode == FUSE_OPEN || opcode == FUSE_OPENDIR)
		memcpy(&given->fh, reply + payload, 8);
}

static void one_request(struct given *given, const uint8_t *data, size_t n)
{
	struct fuse_in_header header;
	const void *reply;
	uint8_t *copy = malloc(n + 1);

	if (!copy)
		return;
	memcpy(copy, data, n);
	memset(&header, 0, sizeof(header));
	if (n >= sizeof(header)) {
		memcpy(&header, copy, sizeof(header));
		if (header.len == 0)
			header.len = (uint32_t)n;
		if (header.nodeid > 1 && header.nodeid < 16)
			header.nodeid = given->nodes[header.nodeid];
		memcpy(copy, &header, sizeof(header));
	}
	if (n >= sizeof(header) + 8 && copy[sizeof(header)] == 1)
		memcpy(copy + sizeof(header), &given->fh, 8);
	uint8_t *exact = malloc(n ? n : 1);

	if (exact) {
		memcpy(exact, copy, n);
		size_t room = n % 7 == 0 ? n : GUEST_ROOM;
		size_t bytes = mv_view_serve(guest.view, &guest.from, exact, n, room, &reply);

		if (bytes > room)
			abort();
		remember(given, header.opcode, reply, bytes);
	}
	free(exact);
	free(copy);
}

static void clean_up(void)
{
	guest_release(&guest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct given given = {0};

	if (!guest.view) {
		guest_init(&guest, rules);
		guest_give_store(&guest, 1 << 20, 0);
		if (atexit(clean_up) != 0)
			abort();
	}
	mv_view_reset(guest.view);
	if (size == 0 || data[0] != 'x') /* 'x': without INIT */
		(void)guest_mount(&guest, 37);
	for (int i = 0; i < REQUESTS_MAX && size >= 2; i++) {
		size_t n = (size_t)(data[0] | data[1] << 8);

		n = n < size - 2 ? n : size - 2;
		one_request(&given, data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
	mv_audit_flush(guest.audit, 1);
	guest.event_count = 0;
	return 0;
}
