#include "server/fleet/rows.h"

#include <stdbool.h>
#include <string.h>

#include "common/policy/words.h"
#include "microvisor/arbiter/access.h"
#include "proto/frame.h"

enum {
	TEXT_BYTES = 256,
	COLUMNS = 23,
	QUARANTINE_COLUMNS = 5
};

/* PostgreSQL, "COPY", section "Binary Format": signature, flags, length of the header extension. */
static const uint8_t copy_header[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
static const uint8_t copy_end[2] = {0xff, 0xff};

const char srv_rows_copy_sql[] =
	"COPY events (device, group_name, stream, sequence, wall_clock_ns, "
	"vm, task, user_name, class, "
	"operation, object, verdict, audit, severity, policy_id, serial, "
	"rule, exit_reason, guest_rip, "
	"count, dropped, image, program) FROM STDIN (FORMAT binary)";

static bool is_word(const char *(*name)(unsigned), const char *text)
{
	for (unsigned i = 1; i < 64; i++) {
		const char *word = name(i);

		if (word && strcmp(word, text) == 0)
			return true;
	}
	return false;
}

const char *srv_event_unacceptable(const Ampoule__Event *e)
{
	const char *const texts[] = {e->vm,   e->task,        e->user,  e->policy_id,
				     e->rule, e->exit_reason, e->image, e->program};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strlen(texts[i]) > TEXT_BYTES)
			return "a text is too long";
	}
	if (e->object.len > MV_PATH_MAX)
		return "the object is too long";
	if (!is_word(words_class, e->class_))
		return "an unknown class";
	if (!is_word(words_op, e->operation))
		return "an unknown operation";
	if (!is_word(words_verdict, e->verdict))
		return "an unknown verdict";
	if (!is_word(words_severity, e->severity))
		return "an unknown severity";
	return NULL;
}

/* A field of a row: its length, big endian, and its bytes. The first error sticks. */
struct row {
	struct buf *out;
	int r;
};

static void put_be(struct row *row, uint64_t v, size_t bytes)
{
	uint8_t be[8];

	for (size_t i = 0; i < bytes; i++)
		be[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	if (row->r == 0)
		row->r = buf_put(row->out, be, bytes);
}

static void put_bytes(struct row *row, const void *bytes, size_t n)
{
	put_be(row, n, 4);
	if (row->r == 0 && n)
		row->r = buf_put(row->out, bytes, n);
}

static void put_text(struct row *row, const char *text)
{
	put_bytes(row, text, strlen(text));
}

static void put_int(struct row *row, uint64_t v)
{
	put_be(row, 8, 4);
	put_be(row, v, 8);
}

/* In the order of srv_rows_copy_sql. */
int srv_rows_put_event(struct buf *out, const uint8_t device[16], const uint8_t stream[16],
		       const char *group, const Ampoule__Event *e)
{
	struct row row = {.out = out};
	uint8_t audit = e->audit ? 1 : 0;

	put_be(&row, COLUMNS, 2);
	put_bytes(&row, device, 16);
	put_text(&row, group);
	put_bytes(&row, stream, 16);
	put_int(&row, e->sequence);
	put_int(&row, e->wall_clock_ns);
	put_text(&row, e->vm);
	put_text(&row, e->task);
	put_text(&row, e->user);
	put_text(&row, e->class_);
	put_text(&row, e->operation);
	put_bytes(&row, e->object.data, e->object.len);
	put_text(&row, e->verdict);
	put_bytes(&row, &audit, 1);
	put_text(&row, e->severity);
	put_text(&row, e->policy_id);
	put_int(&row, e->serial);
	put_text(&row, e->rule);
	put_text(&row, e->exit_reason);
	put_int(&row, e->guest_rip);
	put_int(&row, e->count);
	put_int(&row, e->dropped);
	put_text(&row, e->image);
	put_text(&row, e->program);
	return row.r;
}

const char srv_rows_quarantine_sql[] = "COPY events_quarantine (device, stream, sequence, reason, "
				       "packed) FROM STDIN (FORMAT binary)";

int srv_rows_put_quarantine(struct buf *out, const uint8_t device[16], const uint8_t stream[16],
			    const char *reason, const Ampoule__Event *e)
{
	cleanup_buf struct buf packed = {0};
	struct row row = {.out = out, .r = wire_put_message(&packed, &e->base)};

	put_be(&row, QUARANTINE_COLUMNS, 2);
	put_bytes(&row, device, 16);
	put_bytes(&row, stream, 16);
	put_int(&row, e->sequence);
	put_text(&row, reason);
	put_bytes(&row, packed.data, packed.len);
	return row.r;
}

int srv_rows_begin(struct buf *out)
{
	return buf_put(out, copy_header, sizeof(copy_header));
}

int srv_rows_end(struct buf *out)
{
	return buf_put(out, copy_end, sizeof(copy_end));
}
