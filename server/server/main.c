/* ampoule-server: one binary, any number of equal instances, PostgreSQL the only shared state. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "server/db.h"
#include "server/doctor.h"
#include "server/migrate.h"
#include "server/server/serve.h"
#include "server/server/setup.h"

#define DEFAULT_STATE  "/var/lib/ampoule/server"
#define DEFAULT_AGENTS "0.0.0.0:7443"
#define DEFAULT_API    "0.0.0.0:8443"
#define DEFAULT_SIGNER "/run/ampoule/signer.sock"

static const char usage_text[] =
	"usage: ampoule-server setup   [--state DIR] (--db CONNINFO | --db-file FILE) --name "
	"HOST[,HOST...]\n"
	"                              [--listen-agents HOST:PORT] [--listen-api HOST:PORT]\n"
	"                              [--agents-address HOST:PORT] [--signer SOCKET] "
	"[--token-file FILE]\n"
	"                              [--events-days DAYS] [--events-gib GIB]\n"
	"       ampoule-server migrate [--state DIR]\n"
	"       ampoule-server serve   [--state DIR]\n"
	"       ampoule-server link    [--state DIR]\n"
	"       ampoule-server renew   [--state DIR]\n"
	"       ampoule-server doctor  [--state DIR] [--json]\n"
	"setup makes the tables, the CA, the server's certificate for the names, the configuration "
	"in\n"
	"DIR/server.conf, and the first admin's API token, which is printed once or written to "
	"FILE, and a link, good once and for a day, for the first person's name and password. "
	"link\n"
	"makes another one. Last it prints a recovery sheet, to be kept on paper. renew makes a "
	"new "
	"server\n"
	"certificate, which running instances take within half a minute, or at once on SIGHUP. "
	"doctor says\n"
	"what is wrong, or soon will be, and how to mend it.\n"
	"A conninfo with a password must come from a file. migrate brings the tables up to date; "
	"serve\n"
	"runs until SIGTERM.\n"
	"\n"
	"Without the option: --state " DEFAULT_STATE ", --listen-agents " DEFAULT_AGENTS
	",\n--listen-api " DEFAULT_API ", --signer " DEFAULT_SIGNER ",\n"
	"--agents-address: the first name and the port of --listen-agents; events are kept for 90 "
	"days,\n"
	"whatever their size.\n"
	"Exit status: 0 done, 1 refused or failed (doctor: something is broken), 2 wrong usage, 3 "
	"doctor:\n"
	"it works, and will not for long.\n";

struct options {
	struct srv_config config;
	const char *db_file;
	const char *token_file;
	bool json;
	int status; /* of the exit, when the command went through */
};

/* Options that are a field of the configuration. */
static const struct {
	const char *name;
	size_t offset;
	size_t cap;
} fields[] = {
#define FIELD(name, member)                                      \
	{                                                        \
		name, offsetof(struct srv_config, member),       \
			sizeof(((struct srv_config *)0)->member) \
	}
	FIELD("state", state_dir),
	FIELD("db", db),
	FIELD("name", names),
	FIELD("listen-agents", listen_agents),
	FIELD("listen-api", listen_api),
	FIELD("agents-address", public_agents),
	FIELD("signer", signer_socket),
	FIELD("events-days", events_days),
	FIELD("events-gib", events_gib),
#undef FIELD
};

enum {
	FIELDS = sizeof(fields) / sizeof(fields[0]),
	OPTION_DB_FILE = FIELDS,
	OPTION_TOKEN_FILE,
	OPTION_JSON
};

static int set_field(struct srv_config *config, size_t n, const char *value)
{
	int len = snprintf((char *)config + fields[n].offset, fields[n].cap, "%s", value);

	return len < 0 || (size_t)len >= fields[n].cap ? -EINVAL : 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	struct option table[FIELDS + 4] = {0};
	int c;

	for (int i = 0; i < FIELDS; i++)
		table[i] = (struct option){fields[i].name, required_argument, NULL, i};
	table[FIELDS] = (struct option){"db-file", required_argument, NULL, OPTION_DB_FILE};
	table[FIELDS + 1] =
		(struct option){"token-file", required_argument, NULL, OPTION_TOKEN_FILE};
	table[FIELDS + 2] = (struct option){"json", no_argument, NULL, OPTION_JSON};
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		int r = 0;

		if (c == OPTION_DB_FILE)
			o->db_file = optarg;
		else if (c == OPTION_TOKEN_FILE)
			o->token_file = optarg;
		else if (c == OPTION_JSON)
			o->json = true;
		else
			r = c < FIELDS ? set_field(&o->config, (size_t)c, optarg) : -EINVAL;
		if (r < 0)
			return r;
	}
	return optind == argc ? 0 : -EINVAL;
}

static int read_conninfo(struct options *o, struct err *err)
{
	cleanup_buf struct buf text = {0};

	if (!o->db_file)
		return strcasestr(o->config.db, "password")
			       ? err_set(err, -EINVAL,
					 "a password on the command line is seen by everyone: "
					 "use --db-file")
			       : 0;
	int r = buf_read_file(&text, o->db_file, sizeof(o->config.db) - 1);

	if (r < 0)
		return err_set(err, r, "cannot read '%s': %s", o->db_file, strerror(-r));
	while (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	memcpy(o->config.db, text.data, text.len);
	o->config.db[text.len] = '\0';
	return 0;
}

/* "FIRST-NAME:PORT of listen-agents" unless the admin said how endpoints reach us. */
static int complete(struct options *o, struct err *err)
{
	struct srv_config *c = &o->config;
	const char *port = strrchr(c->listen_agents, ':');
	char first[256];

	(void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(c->names, ","), c->names);
	if (!c->db[0] || !c->names[0])
		return err_set(err, -EINVAL, "setup needs --db or --db-file, and --name");
	if (!port)
		return err_set(err, -EINVAL, "--listen-agents must be HOST:PORT");
	if (!c->public_agents[0])
		(void)snprintf(c->public_agents, sizeof(c->public_agents), "%s%s", first, port);
	return 0;
}

static int run_setup(struct options *o, struct err *err)
{
	int r = read_conninfo(o, err);

	if (r == 0)
		r = complete(o, err);
	return r < 0 ? r : srv_setup(&o->config, o->token_file, err);
}

static int run_migrate(struct options *o, struct err *err)
{
	struct srv_config config;
	int r = srv_config_load(o->config.state_dir, &config, err);

	if (r == 0)
		r = srv_migrate(config.db, err);
	if (r >= 0)
		log_info("migrate: %d versions applied, schema=%d", r, srv_schema_latest());
	return r;
}

static int run_serve(struct options *o, struct err *err)
{
	struct srv_config config;
	int r = srv_config_load(o->config.state_dir, &config, err);

	return r < 0 ? r : srv_serve(&config, err);
}

static int run_link(struct options *o, struct err *err)
{
	struct srv_config config;
	int r = srv_config_load(o->config.state_dir, &config, err);

	return r < 0 ? r : srv_setup_link(&config, err);
}

static int run_renew(struct options *o, struct err *err)
{
	struct srv_config config;
	int r = srv_config_load(o->config.state_dir, &config, err);

	return r < 0 ? r : srv_setup_renew(&config, err);
}

static int run_doctor(struct options *o, struct err *err)
{
	(void)err;
	o->status = (int)srv_doctor(o->config.state_dir, o->json, stdout);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct options *o, struct err *err);
} commands[] = {
	{"setup", run_setup}, {"migrate", run_migrate}, {"serve", run_serve},
	{"link", run_link},   {"renew", run_renew},     {"doctor", run_doctor},
};

int main(int argc, char **argv)
{
	struct options o = {.config = {.state_dir = DEFAULT_STATE,
				       .listen_agents = DEFAULT_AGENTS,
				       .listen_api = DEFAULT_API,
				       .signer_socket = DEFAULT_SIGNER}};
	struct err err = {0};

	for (int i = 1; i < argc && i < 3; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return fputs(usage_text, stdout) < 0;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (parse_options(argc - 1, argv + 1, &o) < 0)
			break;
		if (commands[i].run(&o, &err) >= 0)
			return o.status;
		log_error("%s: %s", commands[i].name, err.text);
		return 1;
	}
	fputs("Try: ampoule-server --help, for its commands setup, migrate, serve, link, renew and "
	      "doctor\n",
	      stderr);
	return 2;
}
