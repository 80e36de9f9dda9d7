/* sign-policy: makes policy keys and signed envelopes, so that tests need no server and no signer.
 *	sign-policy key FILE                                   makes a key, prints its public half
 *	sign-policy sign KEY GROUP SERIAL EXPIRES DOCUMENT     writes an envelope to stdout (EXPIRES 0 = never) */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/fd.h"
#include "common/sign.h"
#include "proto/frame.h"
#include "proto/policy.pb-c.h"

static int make_key(const char *path)
{
	uint8_t secret[SIGN_SECRET_BYTES];
	uint8_t key[SIGN_KEY_BYTES];
	char hex[DIGEST_HEX];
	struct err err = {0};

	if (sign_make_key(secret, key) < 0 || sign_save_secret(path, secret, &err) < 0) {
		fprintf(stderr, "sign-policy: %s\n", err.text);
		return 1;
	}
	digest_hex(key, hex);
	puts(hex);
	return 0;
}

static int put_body(struct buf *body, char **argv, const struct buf *document)
{
	Ampoule__PolicyContent content;
	char id[] = "test";

	ampoule__policy_content__init(&content);
	content.policy_id = id;
	content.group = argv[3];
	content.serial = strtoull(argv[4], NULL, 10);
	content.issued_s = (uint64_t)time(NULL);
	content.expires_s = strtoull(argv[5], NULL, 10);
	content.document.data = document->data;
	content.document.len = document->len;
	return wire_put_message(body, &content.base);
}

static int sign(char **argv)
{
	cleanup_buf struct buf document = {0};
	cleanup_buf struct buf body = {0};
	cleanup_buf struct buf out = {0};
	uint8_t secret[SIGN_SECRET_BYTES];
	uint8_t key[SIGN_KEY_BYTES];
	uint8_t id[SIGN_KEY_ID_BYTES];
	uint8_t signature[SIGN_BYTES];
	Ampoule__SignedPolicy envelope;
	struct err err = {0};

	if (buf_read_file(&document, argv[6], 1 << 20) < 0 ||
	    sign_load_secret(argv[2], secret, &err) < 0 || sign_public_key(secret, key) < 0 ||
	    put_body(&body, argv, &document) < 0 ||
	    sign_document(SIGN_PURPOSE_POLICY, secret, body.data, body.len, signature) < 0)
		return 1;
	sign_key_id(key, id);
	ampoule__signed_policy__init(&envelope);
	envelope.body.data = body.data;
	envelope.body.len = body.len;
	envelope.signature.data = signature;
	envelope.signature.len = sizeof(signature);
	envelope.key_id.data = id;
	envelope.key_id.len = sizeof(id);
	if (wire_put_message(&out, &envelope.base) < 0)
		return 1;
	return fd_write_all(STDOUT_FILENO, out.data, out.len) < 0;
}

int main(int argc, char **argv)
{
	int r = 2;

	if (argc == 3 && strcmp(argv[1], "key") == 0)
		r = make_key(argv[2]);
	else if (argc == 7 && strcmp(argv[1], "sign") == 0)
		r = sign(argv);
	if (r)
		fprintf(stderr, "sign-policy: failed, or wrong usage\n");
	return r;
}
