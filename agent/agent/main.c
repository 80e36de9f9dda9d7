/* ampoule-agent: the endpoint's root process, and the commands that prepare it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent/agent.h"
#include "agent/agent/client.h"
#include "agent/agent/enroll.h"
#include "agent/agent/prepare.h"
#include "agent/socket.h"
#include "common/fd.h"
#include "common/log.h"

enum exit_status {
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2
};

/* The command line, parsed. */
struct cli {
	struct agent_options options;
	const char *token_file;
	const char *group;
	struct agent_identity pins; /* --policy-key, --image-key */
	const char *argument;       /* what follows the command */
};

static const char usage[] =
	"usage: ampoule-agent COMMAND [OPTION...]\n"
	"\n"
	"  run                    serve this endpoint until SIGTERM\n"
	"  enroll                 join a fleet with a token (from --token-file, or stdin)\n"
	"  trust                  use this endpoint without a server: pin keys and name its group\n"
	"  policy-install FILE    put a signed policy in force\n"
	"  image-install FOLDER   take a signed image into the store\n"
	"  prepare-image          forget who this endpoint is, before its disk is copied; images "
	"stay\n"
	"\n"
	"  --state-dir DIR        what is kept (default /var/lib/ampoule/agent)\n"
	"  --run-dir DIR          where the socket is (default /run/ampoule)\n"
	"  --bin-dir DIR          where ampoule-link, -helper and -microvm are (default: beside "
	"this program)\n"
	"  --token-file FILE      enroll: the token; never on the command line\n"
	"  --group NAME           trust: the group whose policies are accepted\n"
	"  --policy-key HEX       trust: a key that may sign policies (repeatable)\n"
	"  --image-key HEX        trust: a key that may sign images (repeatable)\n"
	"  --boot-limit SECONDS   run: the longest a micro-VM may take to boot (default 90)\n"
	"  --shells N             run: micro-VMs made ahead of their tasks (default 4, at most "
	"32)\n"
	"  --grace HOURS          run: how long what a task wrote and nobody saved is kept "
	"(default 24)\n"
	"  --vms N                run: micro-VMs at once on this machine (default 512, at most "
	"4096)\n"
	"  --vms-per-user N       run: of those, how many of one user (default 16)\n"
	"  --help\n"
	"\n"
	"Exit status: 0 done, 1 refused or failed, 2 wrong usage.\n";

static int complain(const struct err *err)
{
	fprintf(stderr, "ampoule-agent: %s\n", err->text);
	return EXIT_REFUSED;
}

static int command_run(struct cli *cli)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	struct err err = {0};

	if (!agent)
		return EXIT_REFUSED;
	int r = agent_start(agent, &cli->options, &err);

	if (r == 0) {
		r = agent_run(agent);
		if (r < 0)
			err_set(&err, r, "the event loop failed: %s", strerror(-r));
	}
	agent_stop(agent);
	free(agent);
	return r < 0 ? complain(&err) : EXIT_SUCCESS;
}

/* Makes and locks the state folder for a command that writes it. -EBUSY: an agent runs on it. */
static int prepare_state(const struct cli *cli, struct err *err)
{
	int r = agent_make_folder(cli->options.state_dir, 0700, err);

	return r < 0 ? r : agent_lock_state(cli->options.state_dir, err);
}

static int read_token(const struct cli *cli, struct token *token, struct err *err)
{
	cleanup_buf struct buf text = {0};
	int r = cli->token_file ? buf_read_file(&text, cli->token_file, TOKEN_TEXT_MAX)
				: buf_read_fd(&text, STDIN_FILENO, TOKEN_TEXT_MAX);

	if (r < 0)
		return err_set(err, r, "cannot read the token from %s: %s",
			       cli->token_file ? cli->token_file : "stdin", strerror(-r));
	if (text.len == 0)
		return err_set(
			err, -EINVAL,
			"no token was given on %s: make one with `ampoulectl token new enrol`",
			cli->token_file ? cli->token_file : "stdin");
	r = token_parse((const char *)text.data, text.len, token, err);
	if (text.data)
		explicit_bzero(text.data, text.len);
	return r;
}

static int command_enroll(struct cli *cli)
{
	struct agent_identity identity;
	struct token token = {0};
	struct err err = {0};
	cleanup_fd int lock = prepare_state(cli, &err);

	/* A running agent that is not enrolled holds the lock and only reads what enrolling writes. */
	if (lock < 0 && lock != -EBUSY)
		return complain(&err);
	if (read_token(cli, &token, &err) < 0)
		return complain(&err);
	int r = agent_enroll(&cli->options, &token, &identity, &err);

	explicit_bzero(&token, sizeof(token));
	if (r < 0)
		return complain(&err);
	printf("enrolled at %s as device %s, group %s\n", identity.server, identity.device_id,
	       identity.group);
	if (lock == -EBUSY && agent_client_ask(&cli->options, AGENT_REQ_RELOAD, -1, &err) < 0)
		fprintf(stderr, "ampoule-agent: the running agent must be started again: %s\n",
			err.text);
	return EXIT_SUCCESS;
}

static int command_trust(struct cli *cli)
{
	struct agent_identity old;
	struct err err = {0};
	cleanup_fd int lock = prepare_state(cli, &err);

	if (lock < 0)
		return complain(&err);
	if (!cli->group || !cli->pins.policy_key_count || !cli->pins.image_key_count) {
		fprintf(stderr,
			"ampoule-agent: trust needs --group, --policy-key and --image-key\n");
		return EXIT_USAGE;
	}
	if (agent_identity_load(cli->options.state_dir, &old, &err) == 0 &&
	    agent_identity_is_enrolled(&old)) {
		err_set(&err, -EEXIST, "this endpoint is enrolled at %s, whose keys it trusts",
			old.server);
		return complain(&err);
	}
	(void)snprintf(cli->pins.group, sizeof(cli->pins.group), "%s", cli->group);
	if (agent_identity_save(cli->options.state_dir, &cli->pins, &err) < 0)
		return complain(&err);
	return EXIT_SUCCESS;
}

static int install_policy_here(const struct cli *cli, const struct buf *envelope, struct err *err)
{
	struct agent_policies policies = {0};
	struct agent_identity identity;
	int r = agent_identity_load(cli->options.state_dir, &identity, err);

	if (r == 0)
		r = agent_policies_open(&policies, cli->options.state_dir, &identity, err);
	if (r == 0)
		r = agent_policies_accept(&policies, &identity, envelope->data, envelope->len,
					  agent_wall_ns() / 1000000000u, err);
	if (r >= 0)
		printf("policy %s serial %" PRIu64 " is in force\n", policies.id, policies.serial);
	agent_policies_release(&policies);
	return r;
}

static int command_policy_install(struct cli *cli)
{
	cleanup_buf struct buf envelope = {0};
	struct err err = {0};
	int r = buf_read_file(&envelope, cli->argument, AGENT_ENVELOPE_MAX);

	if (r < 0) {
		err_set(&err, r, "cannot read %s: %s", cli->argument, strerror(-r));
		return complain(&err);
	}
	cleanup_fd int lock = prepare_state(cli, &err);

	if (lock < 0 && lock != -EBUSY)
		return complain(&err);
	if (lock >= 0)
		return install_policy_here(cli, &envelope, &err) < 0 ? complain(&err)
								     : EXIT_SUCCESS;
	cleanup_fd int fd = fd_sealed("envelope", envelope.data, envelope.len);

	if (fd < 0 || agent_client_ask(&cli->options, AGENT_REQ_POLICY, fd, &err) < 0)
		return complain(&err);
	printf("the running agent has put the policy in force\n");
	return EXIT_SUCCESS;
}

static int command_image_install(struct cli *cli)
{
	struct agent_identity identity;
	struct agent_images images;
	char name[MANIFEST_NAME_MAX];
	struct err err = {0};

	if (agent_identity_load(cli->options.state_dir, &identity, &err) < 0 ||
	    agent_images_open(&images, cli->options.state_dir, &err) < 0 ||
	    agent_images_install(&images, &identity, cli->argument, name, &err) < 0)
		return complain(&err);
	printf("image %s is in the store\n", name);
	return EXIT_SUCCESS;
}

static int command_prepare_image(struct cli *cli)
{
	struct err err = {0};
	cleanup_fd int lock = prepare_state(cli, &err);

	if (lock < 0 || agent_prepare_image(cli->options.state_dir, &err) < 0)
		return complain(&err);
	printf("this endpoint is nobody: each copy of its disk joins a fleet by `ampoule-agent "
	       "enroll`.\n"
	       "Empty /etc/machine-id too, and revoke the device it was: ampoulectl device "
	       "revoke\n");
	return EXIT_SUCCESS;
}

static const struct {
	const char *name;
	bool needs_argument;
	int (*run)(struct cli *cli);
} commands[] = {
	{"run", false, command_run},
	{"enroll", false, command_enroll},
	{"trust", false, command_trust},
	{"policy-install", true, command_policy_install},
	{"image-install", true, command_image_install},
	{"prepare-image", false, command_prepare_image},
};

static int set_folder(char out[AGENT_FOLDER_MAX], const char *value)
{
	return value[0] == '/' && snprintf(out, AGENT_FOLDER_MAX, "%s", value) < AGENT_FOLDER_MAX
		       ? 0
		       : -EINVAL;
}

static int add_key(uint8_t keys[][SIGN_KEY_BYTES], size_t *count, const char *hex)
{
	if (*count == TOKEN_KEYS_MAX)
		return -ENOSPC;
	return digest_parse(hex, keys[(*count)++]);
}

static int set_number(unsigned *out, const char *value, unsigned min, unsigned max)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (end == value || *end || n < min || n > max)
		return -EINVAL;
	*out = (unsigned)n;
	return 0;
}

static int take_option(struct cli *cli, int option, const char *value)
{
	switch (option) {
	case 's':
		return set_folder(cli->options.state_dir, value);
	case 'r':
		return set_folder(cli->options.run_dir, value);
	case 'b':
		return set_folder(cli->options.bin_dir, value);
	case 't':
		cli->token_file = value;
		return 0;
	case 'g':
		cli->group = value;
		return strlen(value) < MV_NAME_MAX ? 0 : -EINVAL;
	case 'p':
		return add_key(cli->pins.policy_keys, &cli->pins.policy_key_count, value);
	case 'i':
		return add_key(cli->pins.image_keys, &cli->pins.image_key_count, value);
	case 'l':
		cli->options.boot_limit_ms = strtoull(value, NULL, 10) * 1000;
		return cli->options.boot_limit_ms ? 0 : -EINVAL;
	case 'S':
		return set_number(&cli->options.shells, value, 0, AGENT_SHELLS_MAX);
	case 'v':
		return set_number(&cli->options.vms_max, value, 1, AGENT_VMS_MAX);
	case 'u':
		return set_number(&cli->options.vms_per_user, value, 1, AGENT_VMS_MAX);
	case 'k':
		cli->options.grace_ms = strtoull(value, NULL, 10) * 3600 * 1000;
		return cli->options.grace_ms ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static const struct option long_options[] = {
	{"state-dir", required_argument, NULL, 's'},
	{"run-dir", required_argument, NULL, 'r'},
	{"bin-dir", required_argument, NULL, 'b'},
	{"token-file", required_argument, NULL, 't'},
	{"group", required_argument, NULL, 'g'},
	{"policy-key", required_argument, NULL, 'p'},
	{"image-key", required_argument, NULL, 'i'},
	{"boot-limit", required_argument, NULL, 'l'},
	{"shells", required_argument, NULL, 'S'},
	{"grace", required_argument, NULL, 'k'},
	{"vms", required_argument, NULL, 'v'},
	{"vms-per-user", required_argument, NULL, 'u'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* -1 to go on, else the exit status. */
static int parse_options(struct cli *cli, int argc, char **argv)
{
	int option;
	int index = 0;

	while ((option = getopt_long(argc, argv, "h", long_options, &index)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		if (option == '?')
			return EXIT_USAGE;
		if (take_option(cli, option, optarg) < 0) {
			fprintf(stderr,
				"ampoule-agent: --%s: this value cannot be used; see --help\n",
				long_options[index].name);
			return EXIT_USAGE;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct cli *cli = calloc(1, sizeof(*cli));
	struct err err = {0};

	if (!cli || agent_options_init(&cli->options, &err) < 0)
		return complain(&err);
	int status = parse_options(cli, argc, argv);

	for (size_t i = 0; status < 0 && optind < argc && i < sizeof(commands) / sizeof(*commands);
	     i++) {
		if (strcmp(argv[optind], commands[i].name) != 0)
			continue;
		int left = argc - optind - 1;

		if (left != (commands[i].needs_argument ? 1 : 0))
			break;
		cli->argument = left ? argv[optind + 1] : NULL;
		status = commands[i].run(cli);
	}
	if (status < 0) {
		fprintf(stderr, "ampoule-agent: %s\nTry: ampoule-agent --help\n",
			optind < argc ? "no such command, or not what it works on"
				      : "a command is missing");
		status = EXIT_USAGE;
	}
	free(cli);
	return status;
}
