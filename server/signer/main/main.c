/* ampoule-signer: the only holder of the policy key, in a process and under a uid of its own. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/digest.h"
#include "common/log.h"
#include "server/signer/keeper.h"
#include "server/signer/service.h"

static const char usage_text[] =
	"usage: ampoule-signer init    --state DIR [--user NAME] [--passphrase-file FILE]\n"
	"       ampoule-signer serve   --state DIR --socket PATH [--user NAME] [--uid N]\n"
	"                              [--passphrase-file FILE]\n"
	"       ampoule-signer protect --state DIR --passphrase-file FILE [--old-passphrase-file "
	"FILE] [--user NAME]\n"
	"init makes the policy key and prints its public half; serve signs for root, its own uid\n"
	"and uid N. With --user, root's rights are given up before the key is touched.\n"
	"A passphrase seals the key on disk; protect seals one that was made without, or anew. "
	"Without\n"
	"--passphrase-file the systemd credential " SRV_VAULT_CREDENTIAL
	" is used, if there is one.\n"
	"Exit status: 0 done, 1 refused or failed, 2 wrong usage.\n";

struct options {
	const char *state;
	const char *socket;
	const char *user;
	const char *passphrase_file;
	const char *old_passphrase_file;
	uid_t allowed_uid;
	uid_t uid; /* what we run as */
	gid_t gid;
};

static int parse_uid(const char *text, uid_t *ret_uid)
{
	char *end = NULL;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end || v >= UINT32_MAX)
		return -EINVAL;
	*ret_uid = (uid_t)v;
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{"state", required_argument, NULL, 's'},
		{"socket", required_argument, NULL, 'k'},
		{"user", required_argument, NULL, 'u'},
		{"uid", required_argument, NULL, 'i'},
		{"passphrase-file", required_argument, NULL, 'p'},
		{"old-passphrase-file", required_argument, NULL, 'o'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 's')
			o->state = optarg;
		else if (c == 'k')
			o->socket = optarg;
		else if (c == 'u')
			o->user = optarg;
		else if (c == 'p')
			o->passphrase_file = optarg;
		else if (c == 'o')
			o->old_passphrase_file = optarg;
		else if (c != 'i' || parse_uid(optarg, &o->allowed_uid) < 0)
			return -EINVAL;
	}
	return o->state && optind == argc ? 0 : -EINVAL;
}

static int find_user(struct options *o, struct err *err)
{
	if (!o->user)
		return 0;
	const struct passwd *pw = getpwnam(o->user);

	if (!pw)
		return err_set(err, -ENOENT, "there is no account '%s'", o->user);
	o->uid = pw->pw_uid;
	o->gid = pw->pw_gid;
	return 0;
}

static int drop(const struct options *o, struct err *err)
{
	if (o->user && (setgroups(0, NULL) < 0 || setresgid(o->gid, o->gid, o->gid) < 0 ||
			setresuid(o->uid, o->uid, o->uid) < 0))
		return err_set(err, -errno, "cannot become '%s': %m", o->user);
	return 0;
}

/* While root can still read it; the key's own file is for the account alone. */
static int read_and_drop(const struct options *o, struct srv_passphrase *passphrase,
			 struct err *err)
{
	int r = srv_passphrase_read(o->passphrase_file, passphrase, err);

	return r < 0 ? r : drop(o, err);
}

static int init(const struct options *o, struct err *err)
{
	struct srv_passphrase passphrase;
	uint8_t key[SIGN_KEY_BYTES];
	char hex[DIGEST_HEX];

	if (o->user) {
		if (mkdir(o->state, 0700) < 0 && errno != EEXIST)
			return err_set(err, -errno, "cannot make '%s': %m", o->state);
		if (lchown(o->state, o->uid, o->gid) < 0)
			return err_set(err, -errno, "cannot give '%s' away: %m", o->state);
	}
	int r = read_and_drop(o, &passphrase, err);

	if (r == 0)
		r = srv_keeper_init(o->state, &passphrase, key, err);
	explicit_bzero(&passphrase, sizeof(passphrase));
	if (r < 0)
		return r;
	digest_hex(key, hex);
	printf("%s\n", hex);
	return 0;
}

static int protect(const struct options *o, struct err *err)
{
	struct srv_passphrase old = {0}, new = {0};
	int r = o->old_passphrase_file ? srv_passphrase_read(o->old_passphrase_file, &old, err) : 0;

	if (r == 0)
		r = read_and_drop(o, &new, err);
	if (r == 0)
		r = srv_keeper_protect(o->state, &old, &new, err);
	explicit_bzero(&old, sizeof(old));
	explicit_bzero(&new, sizeof(new));
	return r;
}

static int serve(const struct options *o, struct err *err)
{
	struct srv_passphrase passphrase = {0};
	cleanup_fd int listener = srv_signer_listen(o->socket, o->uid, o->gid, err);

	if (listener < 0)
		return listener;
	int r = read_and_drop(o, &passphrase, err);
	struct srv_keeper *keeper = r == 0 ? srv_keeper_open(o->state, &passphrase, err) : NULL;

	explicit_bzero(&passphrase, sizeof(passphrase));
	if (!keeper)
		return -1;
	log_info("signer: serving socket=%s", o->socket);
	r = srv_signer_serve(keeper, listener, o->allowed_uid);
	srv_keeper_close(keeper);
	return err_set(err, r, "accept: %s", strerror(-r));
}

static const struct {
	const char *name;
	bool needs_socket;
	int (*run)(const struct options *o, struct err *err);
} commands[] = {
	{"init", false, init},
	{"serve", true, serve},
	{"protect", false, protect},
};

int main(int argc, char **argv)
{
	const struct rlimit no_core = {0};
	struct options o = {.allowed_uid = (uid_t)-1, .uid = geteuid(), .gid = getegid()};
	struct err err = {0};

	/* The key must not end up in a core dump, nor be read by a debugger of the same uid. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc && i < 3; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return fputs(usage_text, stdout) < 0;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) != 0 ||
		    parse_options(argc - 1, argv + 1, &o) < 0 ||
		    (commands[i].needs_socket && !o.socket))
			continue;
		int r = find_user(&o, &err);

		if (r == 0)
			r = commands[i].run(&o, &err);
		if (r < 0)
			log_error("signer: %s", err.text);
		return r < 0;
	}
	fputs(usage_text, stderr);
	return 2;
}
