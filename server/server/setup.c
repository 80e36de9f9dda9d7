#include "server/server/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/digest.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/sign.h"
#include "server/audit.h"
#include "server/ca.h"
#include "server/db.h"
#include "server/migrate.h"
#include "server/secret.h"
#include "server/signer/client.h"
#include "server/store/people.h"

enum {
	LINK_S = 24 * 3600
};

/* The row "set_up_at" is written last, in the transaction that also holds the token. Whatever went wrong
 * before it can be mended and setup run again; after it setup refuses. */
static int refuse_second(struct srv_conn *conn, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err, "SELECT value FROM meta WHERE key = 'set_up_at'");

	if (r < 0 || srv_rows_count(rows) == 0)
		return r;
	return err_set(err, -EEXIST,
		       "this database was set up at %s; another instance needs a copy of the first "
		       "one's state folder, not a setup",
		       srv_rows_text(rows, 0, 0));
}

static int make_certificates(const struct srv_config *config, struct err *err)
{
	struct err ignored = {0};
	int r = srv_ca_create(config->state_dir, &ignored);

	if (r == -EEXIST)
		log_info("setup: the CA of an earlier attempt is used");
	else if (r < 0)
		return err_set(err, r, "%s", ignored.text);
	struct srv_ca *ca = srv_ca_open(config->state_dir, err);

	if (!ca)
		return -EIO;
	r = srv_ca_issue_server(ca, config->state_dir, config->names, err);
	srv_ca_close(ca);
	return r;
}

static int write_token(const char *token_file, const char *text, struct err *err)
{
	char line[SRV_API_TOKEN_TEXT + 1];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	if (!token_file) {
		(void)fwrite(line, 1, (size_t)n, stdout);
		explicit_bzero(line, sizeof(line));
		return fflush(stdout) ? err_set(err, -errno, "cannot print the token: %m") : 0;
	}
	cleanup_fd int fd =
		open(token_file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, line, (size_t)n);

	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	explicit_bzero(line, sizeof(line));
	return r < 0 ? err_set(err, r, "cannot write '%s': %s", token_file, strerror(-r)) : 0;
}

static int store(struct srv_conn *conn, const uint8_t *policy_key, const uint8_t *hash,
		 struct err *err)
{
	int r = srv_query(conn, NULL, err,
			  "INSERT INTO trusted_keys (purpose, key, note) "
			  "VALUES ('policy', $1, 'ampoule-signer') ON CONFLICT DO NOTHING",
			  SRV_BYTES(policy_key, SIGN_KEY_BYTES));

	if (r == 0)
		r = srv_query(
			conn, NULL, err,
			"INSERT INTO tokens (kind, secret_hash, name, role, groups, created_by) "
			"VALUES ('api', $1, 'setup', 'admin', '{*}', 'setup')",
			SRV_BYTES(hash, SRV_HASH_BYTES));
	if (r == 0)
		r = srv_script(conn, "INSERT INTO meta VALUES ('set_up_at', now()::text)", err);
	return r;
}

/* The token leaves before the commit: a commit that fails leaves a text that opens nothing, the other
 * order would leave an installation that nobody can enter. */
static int make_admin(struct srv_conn *conn, const struct srv_config *config,
		      const uint8_t *policy_key, const char *token_file, struct err *err)
{
	uint8_t secret[SRV_SECRET_BYTES], hash[SRV_HASH_BYTES];
	char text[SRV_API_TOKEN_TEXT];
	int r = srv_secret_make(secret);

	if (r < 0)
		return err_set(err, r, "the random generator fails");
	srv_secret_hash(secret, hash);
	srv_api_token_text(secret, text);
	r = srv_begin(conn, err);
	if (r == 0)
		r = store(conn, policy_key, hash, err);
	if (r == 0)
		r = srv_config_save(config, err);
	if (r == 0)
		r = write_token(token_file, text, err);
	if (r == 0) {
		r = srv_commit(conn, err);
		if (r < 0 && token_file)
			(void)unlink(token_file); /* it opens nothing */
	}
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	return r;
}

/* "https://NAME:PORT/setup#SECRET": what follows "#" never reaches a server's log. */
static int print_link(const struct srv_config *config, const uint8_t secret[SRV_SECRET_BYTES],
		      struct err *err)
{
	const char *port = strrchr(config->listen_api, ':');
	char text[SRV_SECRET_TEXT];

	srv_secret_text(SRV_LINK_PREFIX, secret, text);
	printf("https://%.*s%s/setup#%s\n", (int)strcspn(config->names, ","), config->names,
	       port ? port : "", text);
	explicit_bzero(text, sizeof(text));
	return fflush(stdout) ? err_set(err, -errno, "cannot print the link: %m") : 0;
}

/* The link leaves before the commit, as the token does. */
static int make_link(struct srv_conn *conn, const struct srv_config *config, struct err *err)
{
	const struct srv_audit_entry entry = {
		.actor = "(the server's own machine)", .action = "link", .outcome = "done"};
	uint8_t secret[SRV_SECRET_BYTES], hash[SRV_HASH_BYTES];
	int r = srv_secret_make(secret);

	if (r < 0)
		return err_set(err, r, "the random generator fails");
	srv_secret_hash(secret, hash);
	r = srv_begin(conn, err);
	if (r == 0)
		r = srv_links_add(conn, hash, LINK_S, err);
	if (r == 0)
		r = srv_audit_add(conn, &entry, err);
	if (r == 0)
		r = print_link(config, secret, err);
	if (r == 0)
		r = srv_commit(conn, err);
	explicit_bzero(secret, sizeof(secret));
	return r;
}

int srv_setup_link(const struct srv_config *config, struct err *err)
{
	struct srv_conn *conn = srv_conn_open(config->db, err);

	if (!conn)
		return -ENOTCONN;
	int r = make_link(conn, config, err);

	srv_conn_close(conn);
	return r;
}

int srv_setup_renew(const struct srv_config *config, struct err *err)
{
	struct srv_ca *ca = srv_ca_open(config->state_dir, err);
	int r = ca ? srv_ca_issue_server(ca, config->state_dir, config->names, err) : -EIO;

	srv_ca_close(ca);
	if (r == 0)
		log_info("renew: done days=%d", SRV_SERVER_DAYS);
	return r;
}

/* What must be there when the machine is not, to be kept on paper: no secret is on it. */
static int print_sheet(const struct srv_config *config, const uint8_t *policy_key, struct err *err)
{
	struct srv_ca *ca = srv_ca_open(config->state_dir, err);
	uint8_t pin[DIGEST_BYTES];
	char pin_hex[DIGEST_HEX], key_hex[DIGEST_HEX];
	int r = ca ? srv_ca_pin(ca, pin) : -EIO;

	srv_ca_close(ca);
	if (r < 0)
		return err_set(err, r, "cannot read the new CA");
	digest_hex(pin, pin_hex);
	digest_hex(policy_key, key_hex);
	printf("\n---- recovery sheet: print it, keep it away from this machine ----\n"
	       "Server: %s, agents reach it at %s\n"
	       "CA, SHA-256 of its public key:  %s\n"
	       "Policy key (Ed25519, public):   %s\n"
	       "Back up, encrypted, together:\n"
	       "  the PostgreSQL database\n"
	       "  %s/{server.conf,ca.key,ca.pem,server.key,server.pem}\n"
	       "  the state folder of ampoule-signer: its key exists nowhere else\n"
	       "Without ca.key: devices enrol anew, second factors and the audit log's chain of "
	       "before "
	       "are lost.\n"
	       "Without the signer's key: devices take no policy until they enrol anew.\n"
	       "New machine: install, restore the three, ampoule-server doctor, then serve.\n"
	       "Nobody can sign in: ampoule-server link, on the server's machine.\n"
	       "Certificate ends: ampoule-server renew.   What is wrong: ampoule-server doctor.\n"
	       "-------------------------------------------------------------------\n",
	       config->names, config->public_agents, pin_hex, key_hex, config->state_dir);
	return fflush(stdout) ? err_set(err, -errno, "cannot print the recovery sheet: %m") : 0;
}

static int with_connection(struct srv_conn *conn, const struct srv_config *config,
			   const char *token_file, struct err *err)
{
	uint8_t policy_key[SIGN_KEY_BYTES];
	int r = refuse_second(conn, err);

	if (r == 0)
		r = srv_signer_key(config->signer_socket, policy_key, err);
	if (r == 0)
		r = make_certificates(config, err);
	if (r == 0)
		r = make_admin(conn, config, policy_key, token_file, err);
	if (r == 0)
		r = make_link(conn, config, err);
	return r < 0 ? r : print_sheet(config, policy_key, err);
}

int srv_setup(const struct srv_config *config, const char *token_file, struct err *err)
{
	if (mkdir(config->state_dir, 0711) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make '%s': %m", config->state_dir);
	int r = srv_migrate(config->db, err);

	if (r < 0)
		return r;
	struct srv_conn *conn = srv_conn_open(config->db, err);

	if (!conn)
		return -ENOTCONN;
	r = with_connection(conn, config, token_file, err);
	srv_conn_close(conn);
	if (r == 0)
		log_info("setup: done state=%s", config->state_dir);
	return r;
}
