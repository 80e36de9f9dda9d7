#include "agent/agent/identity.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/fd.h"

enum {
	IDENTITY_BYTES_MAX = 64 << 10
};

static void free_json(json_t **json)
{
	json_decref(*json);
}
#define cleanup_json cleanup_(free_json)

static int file_of(const char *state_dir, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/identity.json", state_dir) < PATH_MAX ? 0
										 : -ENAMETOOLONG;
}

static int get_text(const json_t *object, const char *key, char *out, size_t cap)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text || snprintf(out, cap, "%s", text) >= (int)cap)
		return -EINVAL;
	return 0;
}

/* Keys are 32 bytes, written as a digest is. */
static int get_keys(const json_t *object, const char *key, uint8_t keys[][SIGN_KEY_BYTES],
		    size_t *ret_count)
{
	const json_t *list = json_object_get(object, key);
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > TOKEN_KEYS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || digest_parse(text, keys[i]) < 0)
			return -EINVAL;
	}
	*ret_count = n;
	return 0;
}

static int parse(const struct buf *text, struct agent_identity *out)
{
	cleanup_json json_t *root =
		json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, NULL);
	char ca[DIGEST_HEX];
	struct agent_identity id = {0};

	if (!json_is_object(root) || get_text(root, "server", id.server, sizeof(id.server)) < 0 ||
	    get_text(root, "device_id", id.device_id, sizeof(id.device_id)) < 0 ||
	    get_text(root, "group", id.group, sizeof(id.group)) < 0 ||
	    get_text(root, "ca", ca, sizeof(ca)) < 0 || digest_parse(ca, id.ca) < 0 ||
	    get_keys(root, "policy_keys", id.policy_keys, &id.policy_key_count) < 0 ||
	    get_keys(root, "image_keys", id.image_keys, &id.image_key_count) < 0)
		return -EINVAL;
	id.counter = (uint64_t)json_integer_value(json_object_get(root, "counter"));
	*out = id;
	return 0;
}

int agent_identity_load(const char *state_dir, struct agent_identity *out, struct err *err)
{
	cleanup_buf struct buf text = {0};
	char path[PATH_MAX];

	*out = (struct agent_identity){0};
	int r = file_of(state_dir, path);

	if (r == 0)
		r = buf_read_file(&text, path, IDENTITY_BYTES_MAX);
	if (r == -ENOENT)
		return err_set(err, r, "this endpoint is not enrolled: run ampoule-agent enroll");
	if (r < 0)
		return err_set(err, r, "cannot read %s: %s", path, strerror(-r));
	r = parse(&text, out);
	if (r < 0)
		return err_set(err, r, "%s is damaged: remove it and enrol again", path);
	return 0;
}

static json_t *keys_json(const uint8_t keys[][SIGN_KEY_BYTES], size_t n)
{
	json_t *list = json_array();
	char hex[DIGEST_HEX];

	for (size_t i = 0; i < n; i++) {
		digest_hex(keys[i], hex);
		if (json_array_append_new(list, json_string(hex)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int agent_identity_save(const char *state_dir, const struct agent_identity *id, struct err *err)
{
	char path[PATH_MAX];
	char ca[DIGEST_HEX];

	digest_hex(id->ca, ca);
	int r = file_of(state_dir, path);

	if (r < 0)
		return err_set(err, r, "the state folder's name is too long");
	cleanup_json json_t *root =
		json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "server", id->server, "device_id",
			  id->device_id, "group", id->group, "ca", ca, "counter",
			  (json_int_t)id->counter, "policy_keys",
			  keys_json(id->policy_keys, id->policy_key_count), "image_keys",
			  keys_json(id->image_keys, id->image_key_count));
	cleanup_free char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;

	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	r = fd_replace_file(path, text, strlen(text), 0600);
	if (r < 0)
		return err_set(err, r, "cannot write %s: %s", path, strerror(-r));
	return 0;
}

bool agent_identity_is_enrolled(const struct agent_identity *identity)
{
	return identity->server[0] && identity->device_id[0];
}

void agent_identity_pin(struct agent_identity *id, const struct token *token)
{
	(void)snprintf(id->server, sizeof(id->server), "%s", token->server);
	memcpy(id->ca, token->ca, sizeof(id->ca));
	id->policy_key_count = token->policy_key_count;
	memcpy(id->policy_keys, token->policy_keys, sizeof(id->policy_keys));
	id->image_key_count = token->image_key_count;
	memcpy(id->image_keys, token->image_keys, sizeof(id->image_keys));
}
