/* The policy language as a table: every key, where it stands, what it takes. Reading, checking,
 * suggestions and docs/policy.md all come from it. Constant; any thread. */
#ifndef COMMON_POLICY_FIELD_H
#define COMMON_POLICY_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/policy/policy.h"

/* The maps of the language. */
enum object {
	OBJECT_POLICY,
	OBJECT_FINAL,
	OBJECT_TASK,
	OBJECT_MATCH,
	OBJECT_ORIGIN,
	OBJECT_RUN,
	OBJECT_WINDOW,
	OBJECT_FILE_RULE,
	OBJECT_STDIO_RULE,
	OBJECT_NET_RULE,
	OBJECT_DNS_RULE,
	OBJECT_SAVE_RULE,
	OBJECT_EXEC_RULE,
	OBJECT_CLIPBOARD_RULE,
	OBJECT_PRINT_RULE,
	OBJECT_DEVICE_RULE,
	OBJECT_RAISE_RULE,
	OBJECT_ON_DENY,
	OBJECT_ON_THREAT,
	OBJECT_INGRESS,
	OBJECT_AGENT,
	OBJECT_SETTING,
	OBJECT_FOR,
	OBJECT_TEST,
	OBJECT_GIVEN,
	OBJECT_EXPECT,
	OBJECT_COUNT
};

enum field_type {
	FIELD_ID,       /* const char *: [a-z0-9-], 1 to 63 bytes */
	FIELD_NAME,     /* const char *: [A-Za-z0-9._-], 1 to 63 bytes */
	FIELD_TEXT,     /* const char *: 1 to max bytes */
	FIELD_ATTACK,   /* const char *: T1234 or T1234.567 */
	FIELD_WORD,     /* unsigned: the value of one of words */
	FIELD_BOOL,     /* bool */
	FIELD_NUMBER,   /* uint64_t, min to max */
	FIELD_SIZE,     /* uint64_t bytes, min to max */
	FIELD_DURATION, /* uint64_t milliseconds, min to max */
	FIELD_TIME,     /* uint64_t seconds since the epoch */
	FIELD_WORDS,    /* const struct node *: list of words */
	FIELD_TEXTS,    /* const struct node *: list of 1 to max texts */
	FIELD_NUMBERS,  /* const struct node *: list of numbers, min to max */
	FIELD_VARS,     /* const struct node *: map of lists of texts */
	FIELD_MAP,      /* pointer to the object `of` */
	FIELD_LIST,     /* struct object_list of the object `of`, at most max */
	FIELD_SETS,     /* the same, of a map by id */
	FIELD_TYPE_COUNT
};

/* How a key is met. */
enum field_need {
	FIELD_OPTIONAL,
	FIELD_REQUIRED,
	FIELD_REQUIRED_IN_BASE
};

/* A word's value with WORD_LATER, a key with later: of the language, accepted, and noted as not yet
 * enforced by this version. */
enum {
	WORD_LATER = 1 << 16,
	WORD_MASK = WORD_LATER - 1
};

struct field_word {
	const char *text;
	unsigned value;
};

/* The kinds of documents that have a key, as bits. */
enum {
	IN_BASE = 1 << POLICY_KIND_BASE,
	IN_DELTA = 1 << POLICY_KIND_DELTA,
	IN_EXCEPTION = 1 << POLICY_KIND_EXCEPTION,
	IN_ALL = IN_BASE | IN_DELTA | IN_EXCEPTION
};

struct field {
	enum object in;
	const char *key;
	enum field_type type;
	enum field_need need;
	unsigned kinds; /* IN_*; 0 = all */
	bool later;
	size_t offset;        /* of the member in the object's struct */
	const char *fallback; /* the value when the key is absent, as a document would spell it */
	uint64_t min, max;
	const struct field_word *words;
	enum object of;
	const char *example;
	const char *help;
};

extern const struct field policy_fields[];
extern const size_t policy_field_count;

/* Bytes of the object's struct (document.h). */
size_t field_object_size(enum object object);
/* Where the map stands: "tasks[].run"; "" for the whole document. */
const char *field_object_path(enum object object);
const char *field_type_name(enum field_type type);
/* Whether documents of that kind have the key. */
bool field_is_in(const struct field *field, unsigned kind);
/* The row of a key, or NULL. */
const struct field *field_find(enum object in, const char *key);
/* The key of that map, in documents of that kind, which the misspelt one is nearest to; NULL when none is
 * near. */
const char *field_nearest(enum object in, unsigned kind, const char *key);

#endif
