#include "agent/agent/policies.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent/loop.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "proto/frame.h"
#include "proto/policy.pb-c.h"

/* What one envelope says, after its signature was found good. */
struct content {
	Ampoule__PolicyContent *message; /* owned */
	struct policy *policy;           /* owned */
	uint8_t digest[DIGEST_BYTES];
};

static void free_signed(Ampoule__SignedPolicy **message)
{
	wire_free((ProtobufCMessage *)*message);
}

static void content_release(struct content *content)
{
	wire_free((ProtobufCMessage *)content->message);
	policy_free(content->policy);
}

static int verify_signature(const struct agent_identity *identity,
			    const Ampoule__SignedPolicy *envelope, struct err *err)
{
	uint8_t id[SIGN_KEY_ID_BYTES];

	if (envelope->signature.len != SIGN_BYTES || envelope->key_id.len != SIGN_KEY_ID_BYTES)
		return err_set(err, -EBADMSG, "the signature or key id has a wrong length");
	for (size_t i = 0; i < identity->policy_key_count; i++) {
		sign_key_id(identity->policy_keys[i], id);
		if (memcmp(id, envelope->key_id.data, sizeof(id)) == 0 &&
		    sign_verify(SIGN_PURPOSE_POLICY, identity->policy_keys[i], envelope->body.data,
				envelope->body.len, envelope->signature.data) == 0)
			return 0;
	}
	return err_set(err, -EKEYREJECTED, "no policy key of this endpoint made the signature");
}

static int parse_document(struct content *content, struct err *err)
{
	const ProtobufCBinaryData *document = &content->message->document;
	cleanup_free struct policy_errors *errors = calloc(1, sizeof(*errors));

	if (!errors)
		return err_set(err, -ENOMEM, "out of memory");
	content->policy = policy_parse(document->data, document->len, errors);
	if (content->policy)
		return 0;
	return err_set(err, -EINVAL, "line %d: %s: %s", errors->list[0].line, errors->list[0].path,
		       errors->list[0].text);
}

/* Everything that does not depend on what is in force: form, signature, audience, language. */
static int read_envelope(const struct agent_identity *identity, const void *bytes, size_t n,
			 struct content *out, struct err *err)
{
	cleanup_(free_signed) Ampoule__SignedPolicy *envelope = NULL;
	ProtobufCMessage *message = NULL;

	if (n > AGENT_ENVELOPE_MAX)
		return err_set(err, -EBADMSG, "the policy is larger than any policy may be");
	int r = wire_unpack(&ampoule__signed_policy__descriptor, bytes, n, &message);

	if (r < 0)
		return err_set(err, -EBADMSG, "not a signed policy: %s", strerror(-r));
	envelope = (Ampoule__SignedPolicy *)message;
	r = verify_signature(identity, envelope, err);
	if (r < 0)
		return r;
	r = wire_unpack(&ampoule__policy_content__descriptor, envelope->body.data,
			envelope->body.len, &message);
	if (r < 0)
		return err_set(err, -EBADMSG, "the signed content is damaged: %s", strerror(-r));
	out->message = (Ampoule__PolicyContent *)message;
	if (strcmp(out->message->group, identity->group) != 0)
		return err_set(err, -EPERM, "the policy is for another group than '%s'",
			       identity->group);
	if (strlen(out->message->policy_id) >= MV_NAME_MAX)
		return err_set(err, -EBADMSG, "the policy's id is too long");
	r = digest_bytes(bytes, n, out->digest);
	if (r < 0)
		return err_set(err, r, "cannot digest the policy: %s", strerror(-r));
	return parse_document(out, err);
}

static void put_in_force(struct agent_policies *p, struct content *content)
{
	policy_free(p->policy);
	p->policy = take_ptr(content->policy);
	(void)snprintf(p->id, sizeof(p->id), "%s", content->message->policy_id);
	p->serial = content->message->serial;
	p->expires_s = content->message->expires_s;
	p->issued_s = content->message->issued_s;
	p->applied_ns = agent_wall_ns();
	memcpy(p->digest, content->digest, sizeof(p->digest));
}

int agent_policies_open(struct agent_policies *p, const char *state_dir,
			const struct agent_identity *identity, struct err *err)
{
	cleanup_(content_release) struct content content = {0};
	cleanup_buf struct buf bytes = {0};

	*p = (struct agent_policies){0};
	(void)snprintf(p->device, sizeof(p->device), "%s", identity->device_id);
	if (gethostname(p->hostname, sizeof(p->hostname) - 1) < 0)
		p->hostname[0] = '\0'; /* then exceptions go by the id alone */
	if (snprintf(p->path, sizeof(p->path), "%s/policy.envelope", state_dir) >=
	    (int)sizeof(p->path))
		return err_set(err, -ENAMETOOLONG, "the state folder's name is too long");
	int r = buf_read_file(&bytes, p->path, AGENT_ENVELOPE_MAX);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(err, r, "cannot read %s: %s", p->path, strerror(-r));
	r = read_envelope(identity, bytes.data, bytes.len, &content, err);
	if (r < 0)
		return err_prefix(err, "the stored policy is refused");
	put_in_force(p, &content);
	return 0;
}

void agent_policies_release(struct agent_policies *p)
{
	policy_free(p->policy);
	p->policy = NULL;
}

int agent_policies_accept(struct agent_policies *p, const struct agent_identity *identity,
			  const void *envelope, size_t n, uint64_t now_s, struct err *err)
{
	cleanup_(content_release) struct content content = {0};
	int r = read_envelope(identity, envelope, n, &content, err);

	if (r < 0)
		return r;
	if (p->policy && memcmp(p->digest, content.digest, sizeof(p->digest)) == 0)
		return 1;
	if (p->policy && content.message->serial <= p->serial)
		return err_set(err, -ESTALE,
			       "serial %" PRIu64 " is not above %" PRIu64 ", in force",
			       content.message->serial, p->serial);
	if (content.message->expires_s && content.message->expires_s <= now_s)
		return err_set(err, -EKEYEXPIRED, "the policy has expired");
	r = fd_replace_file(p->path, envelope, n, 0600);
	if (r < 0)
		return err_set(err, r, "cannot write %s: %s", p->path, strerror(-r));
	put_in_force(p, &content);
	return 0;
}

uint64_t agent_policies_now_s(struct agent_policies *p)
{
	uint64_t now_s = agent_wall_ns() / 1000000000U;

	if (now_s > p->latest_s)
		p->latest_s = now_s;
	if (p->issued_s > p->latest_s)
		p->latest_s = p->issued_s;
	return p->latest_s;
}

void agent_policies_facts(struct agent_policies *p, struct policy_request *request)
{
	request->device = p->device[0] ? p->device : NULL;
	request->hostname = p->hostname[0] ? p->hostname : NULL;
	request->now_s = agent_policies_now_s(p);
}

const char *agent_policies_image(const struct agent_policies *p, size_t n)
{
	const char *name;
	int line;

	if (!p->policy)
		return NULL;
	for (size_t i = 0; (name = policy_image(p->policy, i, &line)); i++) {
		bool repeated = false;

		/* A policy names few images, one per task. */
		for (size_t k = 0; k < i && !repeated; k++)
			repeated = strcmp(name, policy_image(p->policy, k, &line)) == 0;
		if (!repeated && n-- == 0)
			return name;
	}
	return NULL;
}
