/* Public keys of image builders that this installation trusts: manifests must be signed by one of them,
 * and enrolment tokens pin them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "common/sign.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"
#include "server/store/tokens.h"

enum body {
	B_KEY,
	B_NOTE
};
const struct srv_field srv_keys_body[] = {
	[B_KEY] = {"key", SRV_FIELD_TEXT, true, 64, 64},
	[B_NOTE] = {"note", SRV_FIELD_TEXT, .max = 200},
	{NULL},
};

_Static_assert((int)SIGN_KEY_BYTES == (int)DIGEST_BYTES, "keys are shown as digests are");

static json_t *key_json(const struct srv_rows *rows, size_t i)
{
	size_t n;
	const uint8_t *key = srv_rows_bytes(rows, i, SRV_KEY_COLUMN_KEY, &n);

	return json_pack("{s:o, s:s, s:o}", "key", srv_json_digest(key, n), "note",
			 srv_rows_text(rows, i, SRV_KEY_COLUMN_NOTE), "added_at",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_KEY_COLUMN_ADDED)));
}

int srv_keys_handle_list(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_keys_list(call->conn, "image", &rows, err);
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, key_json(rows, i), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	srv_reply_json(call->req, 200, srv_page_json("keys", list, NULL));
	return 0;
}

int srv_keys_handle_post(struct srv_call *call, struct err *err)
{
	const struct srv_value *b = call->body;
	uint8_t key[DIGEST_BYTES];
	bool added;

	if (digest_parse(b[B_KEY].text, key) < 0) {
		srv_reply_problem(call->req, SRV_BAD_FIELD,
				  "key: is not 64 hex digits, an Ed25519 public key.");
		return 0;
	}
	int r = srv_keys_add(call->conn, "image", key, b[B_NOTE].given ? b[B_NOTE].text : "",
			     &added, err);

	snprintf(call->object, sizeof(call->object), "%s", b[B_KEY].text);
	if (r == 0)
		srv_reply_json(call->req, added ? 201 : 200,
			       json_pack("{s:o}", "key", srv_json_digest(key, sizeof(key))));
	return r;
}
