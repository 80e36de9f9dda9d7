/* The policy language as a table: every key, where it stands, what it takes. Reading, checking,
 * suggestions and docs/policy.md all come from it. Constant; any thread. */
#ifndef COMMON_POLICY_FIELD_H
#define COMMON_POLICY_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The maps of the language. */
enum object {
	OBJECT_POLICY,
	OBJECT_FINAL,
	OBJECT_TASK,
	OBJECT_MATCH,
	OBJECT_RUN,
	OBJECT_FILE_RULE,
	OBJECT_NET_RULE,
	OBJECT_SAVE_RULE,
	OBJECT_ON_DENY,
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
	FIELD_TEXTS,    /* const struct node *: list of 1 to max texts */
	FIELD_NUMBERS,  /* const struct node *: list of numbers, min to max */
	FIELD_VARS,     /* const struct node *: map of lists of texts */
	FIELD_MAP,      /* pointer to the object `of` */
	FIELD_LIST,     /* struct object_list of the object `of`, at most max */
	FIELD_TYPE_COUNT
};

/* How a key is met. */
enum field_need {
	FIELD_OPTIONAL,
	FIELD_REQUIRED,
	FIELD_RESERVED /* of the language, refused by this version */
};

struct field_word {
	const char *text;
	unsigned value; /* with WORD_RESERVED: of the language, refused by this version */
};

enum {
	WORD_RESERVED = 1 << 16
};

struct field {
	enum object in;
	const char *key;
	enum field_type type;
	enum field_need need;
	unsigned since;       /* version of the language */
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
/* The row of a key, or NULL. */
const struct field *field_find(enum object in, const char *key);
/* The key of that map which the misspelt one is nearest to, or NULL when none is near. */
const char *field_nearest(enum object in, const char *key);

#endif
