#include "common/token.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* The token comes from a person's clipboard, so every refusal says what is wrong; but it also carries a
 * secret, so no refusal quotes a value. Buffers that held the secret are wiped; jansson's copy of it is
 * freed, not wiped. */

#define TOKEN_PREFIX "ampoule-1:"

enum {
	HEX_BYTES = 32, /* keys, the CA's hash and the secret are all of this size */
	HEX_DIGITS = 2 * HEX_BYTES,
	PORT_MAX = 65535
};

_Static_assert((int)SIGN_KEY_BYTES == (int)HEX_BYTES && (int)TOKEN_SECRET_BYTES == (int)HEX_BYTES,
	       "keys and the secret are read alike");

/* RFC 4648, section 5. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int put_base64url(struct buf *out, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)bytes[i] << 16;
		char text[4];

		if (have > 1)
			v |= (uint32_t)bytes[i + 1] << 8;
		if (have > 2)
			v |= bytes[i + 2];
		for (size_t k = 0; k < 4; k++)
			text[k] = alphabet[v >> (18 - 6 * k) & 63];
		int r = buf_put(out, text, have + 1);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Strict: no padding, no foreign byte, no left-over bits that are set. The length, or -EINVAL. */
static ssize_t parse_base64url(const char *text, size_t n, uint8_t *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!at)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[len++] = (uint8_t)(bits >> count);
			bits &= (1U << count) - 1;
		}
	}
	return count == 6 || bits ? -EINVAL : (ssize_t)len;
}

static bool parse_hex(const char *text, size_t n, uint8_t out[HEX_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	if (n != HEX_DIGITS)
		return false;
	for (size_t i = 0; i < HEX_DIGITS; i++) {
		const char *at = text[i] ? strchr(digits, text[i]) : NULL;

		if (!at)
			return false;
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | (at - digits));
	}
	return true;
}

static int put_hex(struct buf *out, const uint8_t bytes[HEX_BYTES])
{
	int r = 0;

	for (size_t i = 0; i < HEX_BYTES && r == 0; i++)
		r = buf_printf(out, "%02x", bytes[i]);
	return r;
}

static bool is_port(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= 5 && strspn(text, "0123456789") == n && text[0] != '0' &&
	       strtoul(text, NULL, 10) <= PORT_MAX;
}

/* "host:port" or "[IPv6]:port". */
static bool is_server(const char *text)
{
	const char *colon = strrchr(text, ':');

	if (!colon || colon == text || !is_port(colon + 1))
		return false;
	size_t n = (size_t)(colon - text);

	if (text[0] == '[')
		return n > 2 && text[n - 1] == ']' &&
		       strspn(text + 1, "0123456789abcdefABCDEF:.") == n - 2;
	return strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-") ==
	       n;
}

static int read_server(const json_t *value, struct token *out, struct err *err)
{
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) >= TOKEN_SERVER_MAX ||
	    strlen(text) != json_string_length(value) || !is_server(text))
		return err_set(err, -EINVAL, "token: server: not \"host:port\"");
	memcpy(out->server, text, strlen(text) + 1);
	return 0;
}

static int read_hex(const json_t *value, const char *name, uint8_t out[HEX_BYTES], struct err *err)
{
	const char *text = json_string_value(value);

	if (!text || !parse_hex(text, json_string_length(value), out))
		return err_set(err, -EINVAL, "token: %s: not 64 lower-case hex digits", name);
	return 0;
}

static int read_keys(const json_t *value, const char *name, uint8_t keys[][SIGN_KEY_BYTES],
		     size_t *ret_count, struct err *err)
{
	size_t n = json_array_size(value); /* 0 for what is no array */

	if (n < 1 || n > TOKEN_KEYS_MAX)
		return err_set(err, -EINVAL, "token: %s: not a list of 1 to %d keys", name,
			       TOKEN_KEYS_MAX);
	for (size_t i = 0; i < n; i++) {
		int r = read_hex(json_array_get(value, i), name, keys[i], err);

		if (r < 0)
			return r;
	}
	*ret_count = n;
	return 0;
}

static const char *const keys_of_token[] = {"server", "ca", "policy_keys", "image_keys", "secret"};

enum {
	TOKEN_FIELDS = sizeof(keys_of_token) / sizeof(keys_of_token[0])
};

static int check_keys(const json_t *root, struct err *err)
{
	if (!json_is_object(root))
		return err_set(err, -EINVAL, "token: its content is not a JSON object");
	for (size_t i = 0; i < TOKEN_FIELDS; i++) {
		if (!json_object_get(root, keys_of_token[i]))
			return err_set(err, -EINVAL, "token: %s: missing", keys_of_token[i]);
	}
	/* Each of ours is there once (duplicates are refused), so anything more is unknown. */
	if (json_object_size(root) != TOKEN_FIELDS)
		return err_set(err, -EINVAL, "token: a key that this version does not know");
	return 0;
}

static int read_fields(const json_t *root, struct token *out, struct err *err)
{
	int r = check_keys(root, err);

	if (r == 0)
		r = read_server(json_object_get(root, "server"), out, err);
	if (r == 0)
		r = read_hex(json_object_get(root, "ca"), "ca", out->ca, err);
	if (r == 0)
		r = read_keys(json_object_get(root, "policy_keys"), "policy_keys", out->policy_keys,
			      &out->policy_key_count, err);
	if (r == 0)
		r = read_keys(json_object_get(root, "image_keys"), "image_keys", out->image_keys,
			      &out->image_key_count, err);
	if (r == 0)
		r = read_hex(json_object_get(root, "secret"), "secret", out->secret, err);
	return r;
}

static int read_json(const char *json, size_t n, struct token *out, struct err *err)
{
	json_error_t problem;
	json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &problem);
	struct token token = {0};

	if (!root)
		return err_set(err, -EINVAL, "token: its content is not JSON");
	int r = read_fields(root, &token, err);

	json_decref(root);
	if (r == 0)
		*out = token;
	explicit_bzero(&token, sizeof(token));
	return r;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int token_parse(const char *text, size_t n, struct token *out, struct err *err)
{
	const size_t prefix = strlen(TOKEN_PREFIX);
	uint8_t json[TOKEN_TEXT_MAX];

	while (n && is_space(text[0])) {
		text++;
		n--;
	}
	while (n && is_space(text[n - 1]))
		n--;
	if (n > TOKEN_TEXT_MAX)
		return err_set(err, -EINVAL, "token: longer than %d bytes", TOKEN_TEXT_MAX);
	if (n < prefix || memcmp(text, TOKEN_PREFIX, prefix) != 0)
		return err_set(err, -EINVAL, "token: does not begin with \"%s\"", TOKEN_PREFIX);
	ssize_t len = parse_base64url(text + prefix, n - prefix, json);

	if (len < 0)
		return err_set(err, -EINVAL, "token: not base64url; was it cut or wrapped?");
	int r = read_json((const char *)json, (size_t)len, out, err);

	explicit_bzero(json, sizeof(json));
	return r;
}

static int put_keys(struct buf *out, const char *name, const uint8_t keys[][SIGN_KEY_BYTES],
		    size_t n)
{
	int r = buf_printf(out, ", \"%s\": [", name);

	for (size_t i = 0; i < n && r == 0; i++) {
		r = buf_printf(out, "%s\"", i ? ", " : "");
		if (r == 0)
			r = put_hex(out, keys[i]);
		if (r == 0)
			r = buf_put_u8(out, '"');
	}
	return r == 0 ? buf_put_u8(out, ']') : r;
}

static int put_json(struct buf *out, const struct token *token)
{
	int r = buf_printf(out, "{\"server\": \"%s\", \"ca\": \"", token->server);

	if (r == 0)
		r = put_hex(out, token->ca);
	if (r == 0)
		r = buf_put_u8(out, '"');
	if (r == 0)
		r = put_keys(out, "policy_keys", token->policy_keys, token->policy_key_count);
	if (r == 0)
		r = put_keys(out, "image_keys", token->image_keys, token->image_key_count);
	if (r == 0)
		r = buf_printf(out, ", \"secret\": \"");
	if (r == 0)
		r = put_hex(out, token->secret);
	return r == 0 ? buf_printf(out, "\"}") : r;
}

int token_put(struct buf *out, const struct token *token)
{
	cleanup_buf struct buf json = {0};
	size_t before = out->len;
	int r = put_json(&json, token);

	if (r == 0)
		r = buf_put(out, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
	if (r == 0)
		r = put_base64url(out, json.data, json.len);
	if (r < 0)
		out->len = before;
	if (json.data)
		explicit_bzero(json.data, json.len);
	return r;
}
