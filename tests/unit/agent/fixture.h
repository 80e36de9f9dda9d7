/* What the agent's tests share: a folder of their own, keys, signed policies. */
#ifndef TESTS_UNIT_AGENT_FIXTURE_H
#define TESTS_UNIT_AGENT_FIXTURE_H

#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent/identity.h"
#include "common/buf.h"
#include "common/sign.h"
#include "proto/frame.h"
#include "proto/policy.pb-c.h"

static char fixture_folder_path[64];

static inline int fixture_remove_one(const char *path, const struct stat *st, int kind,
				     struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void fixture_remove(void)
{
	(void)nftw(fixture_folder_path, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A fresh folder below /tmp, removed at the test's end; Check forks each test, so nothing is shared. */
static inline const char *fixture_folder(void)
{
	(void)snprintf(fixture_folder_path, sizeof(fixture_folder_path),
		       "/tmp/ampoule-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture_folder_path));
	(void)atexit(fixture_remove);
	return fixture_folder_path;
}

static inline const char *fixture_path(const char *folder, const char *name)
{
	static char path[256];

	ck_assert_int_lt(snprintf(path, sizeof(path), "%s/%s", folder, name), (int)sizeof(path));
	return path;
}

/* An identity of group "default" that trusts one key for everything. */
static inline void fixture_identity(struct agent_identity *identity, uint8_t secret[32])
{
	*identity = (struct agent_identity){.policy_key_count = 1, .image_key_count = 1};
	(void)snprintf(identity->group, sizeof(identity->group), "default");
	ck_assert_int_eq(sign_make_key(secret, identity->policy_keys[0]), 0);
	memcpy(identity->image_keys[0], identity->policy_keys[0], SIGN_KEY_BYTES);
}

static const char fixture_policy[] =
	"ampoule: 1\nkind: base\nid: office\ntrust_levels: [trusted, untrusted]\n"
	"default_task: refuse\n"
	"tasks:\n"
	"  - id: pdf\n"
	"    match: { program: [/usr/bin/mutool], file: [\"*.pdf\"] }\n"
	"    run: { image: debian-docs, level: untrusted, memory: 256Mi, cpus: 1 }\n"
	"    file:\n"
	"      - { id: doc, path: [\"{file}\"], do: read }\n";

struct fixture_envelope {
	const char *group;
	uint64_t serial;
	uint64_t expires_s;
	const char *document;
};

/* Appends a signed envelope. */
static inline void fixture_sign(struct buf *out, const uint8_t secret[32],
				const struct fixture_envelope *what)
{
	struct buf body = {0};
	uint8_t key[SIGN_KEY_BYTES];
	uint8_t id[SIGN_KEY_ID_BYTES];
	uint8_t signature[SIGN_BYTES];
	char policy_id[] = "office";
	char group[64];
	char document[4096];
	Ampoule__PolicyContent content;
	Ampoule__SignedPolicy envelope;

	ampoule__policy_content__init(&content);
	ampoule__signed_policy__init(&envelope);
	(void)snprintf(group, sizeof(group), "%s", what->group);
	(void)snprintf(document, sizeof(document), "%s", what->document);
	content.policy_id = policy_id;
	content.group = group;
	content.serial = what->serial;
	content.expires_s = what->expires_s;
	content.document.data = (uint8_t *)document;
	content.document.len = strlen(document);
	ck_assert_int_eq(wire_put_message(&body, &content.base), 0);
	ck_assert_int_eq(sign_public_key(secret, key), 0);
	sign_key_id(key, id);
	ck_assert_int_eq(sign_document(SIGN_PURPOSE_POLICY, secret, body.data, body.len, signature),
			 0);
	envelope.body.data = body.data;
	envelope.body.len = body.len;
	envelope.signature.data = signature;
	envelope.signature.len = sizeof(signature);
	envelope.key_id.data = id;
	envelope.key_id.len = sizeof(id);
	ck_assert_int_eq(wire_put_message(out, &envelope.base), 0);
	buf_release(&body);
}

#endif
