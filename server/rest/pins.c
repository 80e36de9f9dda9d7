#include "server/rest/pins.h"

#include <errno.h>
#include <string.h>

#include "server/ca.h"
#include "server/store/tokens.h"

static int hash_ca(const struct srv_config *config, uint8_t ret_hash[32], struct err *err)
{
	struct srv_ca *ca = srv_ca_open(config->state_dir, err);

	if (!ca)
		return err->code;
	int r = srv_ca_pin(ca, ret_hash);

	srv_ca_close(ca);
	return r < 0 ? err_set(err, r, "cannot take the hash of the CA's key") : 0;
}

static int fill_keys(struct srv_conn *conn, const char *purpose, const char *remedy,
		     uint8_t keys[TOKEN_KEYS_MAX][SIGN_KEY_BYTES], size_t *ret_count,
		     struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_keys_list(conn, purpose, &rows, err);

	if (r < 0)
		return r;
	size_t count = srv_rows_count(rows);

	if (!count || count > TOKEN_KEYS_MAX)
		return err_set(err, -ENOKEY, "%zu trusted %s keys; a token carries 1 to %d. %s",
			       count, purpose, TOKEN_KEYS_MAX, remedy);
	for (size_t i = 0; i < count; i++) {
		size_t n;
		const uint8_t *key = srv_rows_bytes(rows, i, SRV_KEY_COLUMN_KEY, &n);

		memcpy(keys[i], key, n < SIGN_KEY_BYTES ? n : SIGN_KEY_BYTES);
	}
	*ret_count = count;
	return 0;
}

int srv_pins_fill(const struct srv_config *config, struct srv_conn *conn, struct token *token,
		  struct err *err)
{
	int r = hash_ca(config, token->ca, err);

	if (r == 0)
		r = fill_keys(conn, "policy", "Run \"ampoule-server setup\" with the signer's key.",
			      token->policy_keys, &token->policy_key_count, err);
	if (r == 0)
		r = fill_keys(conn, "image",
			      "Trust a builder's key first: ampoulectl image trust HEX.",
			      token->image_keys, &token->image_key_count, err);
	if (r < 0)
		return r;
	size_t n = strlen(config->public_agents);

	if (n >= sizeof(token->server))
		return err_set(err, -ENAMETOOLONG, "the agents' address is too long for a token");
	memcpy(token->server, config->public_agents, n + 1);
	return 0;
}
