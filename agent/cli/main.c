/* ampoule: runs programs in micro-VMs, and lists, stops and explains the caller's own. */
#include <stdio.h>
#include <string.h>

#include "agent/cli/cli.h"

static const struct command {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(const struct cli *);
	int min_args;
	int max_args;
} commands[] = {
	{"run", "[--raw] -- PROGRAM [ARGUMENT...]",
	 "Runs a program of the golden image in a micro-VM of its own. Files named as arguments are\n"
	 "opened as you and handed over, read only; the policy says what else it may see. Input,\n"
	 "output and exit status are the program's. --raw lets terminal control sequences through.\n"
	 "Ends with 125 when Ampoule refused or failed, 126 when the program cannot be executed,\n"
	 "127 when the image has no such program, 128+N when signal N ended it.",
	 cli_run, 1, AGENT_ARGS_MAX},
	{"ls", "[--json]", "Lists your micro-VMs.", cli_ls, 0, 0},
	{"stop", "ID", "Ends one of your micro-VMs at once; its memory is gone.", cli_stop, 1, 1},
	{"status", "[--json]", "Says how this endpoint is: server, policy, images, isolation, events waiting.",
	 cli_status, 0, 0},
	{"explain", "[--json] ID", "Says what was refused to one of your micro-VMs, and by which rule.", cli_explain,
	 1, 1},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
	fprintf(out, "usage: ampoule COMMAND [OPTION...]\n"
		     "Runs untrusted documents and programs in micro-VMs, by the policy of this endpoint.\n\n");
	for (int i = 0; i < COMMANDS; i++)
		fprintf(out, "  ampoule %s %s\n", commands[i].name, commands[i].arguments);
	fprintf(out, "\n`ampoule COMMAND --help` says more. --run-dir DIR: where the agent's socket is\n"
		     "(/run/ampoule). Exit status: 0 done, 1 refused or failed, 2 wrong usage; run: see its help.\n");
}

static int print_command_help(const struct command *command)
{
	printf("usage: ampoule %s %s\n%s\n", command->name, command->arguments, command->help);
	return 0;
}

static int usage(const struct command *command, const char *what)
{
	cli_fail(CLI_USAGE, what);
	if (command)
		fprintf(stderr, "usage: ampoule %s %s\n", command->name, command->arguments);
	else
		fprintf(stderr, "`ampoule --help` lists the commands\n");
	return command && command->run == cli_run ? CLI_RUN_FAILED : CLI_USAGE;
}

/* Takes the options before the first argument or "--"; 0, 1 for --help, -1 for an unknown one. */
static int take_options(struct cli *cli)
{
	while (cli->argc > 0 && cli->argv[0][0] == '-') {
		const char *option = cli->argv[0];

		cli->argc--;
		cli->argv++;
		if (strcmp(option, "--") == 0)
			return 0;
		if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0)
			return 1;
		if (strcmp(option, "--json") == 0) {
			cli->json = true;
		} else if (strcmp(option, "--raw") == 0) {
			cli->raw = true;
		} else if (strcmp(option, "--run-dir") == 0 && cli->argc > 0) {
			cli->run_dir = cli->argv[0];
			cli->argc--;
			cli->argv++;
		} else {
			return -1;
		}
	}
	return 0;
}

static int run_command(const struct command *command, struct cli *cli)
{
	int r = take_options(cli);

	if (r > 0)
		return print_command_help(command);
	if (r < 0)
		return usage(command, "unknown option");
	if (cli->argc < command->min_args)
		return usage(command, command->run == cli_run ? "which program?" : "which micro-VM? `ampoule ls` lists them");
	if (cli->argc > command->max_args)
		return usage(command, "too many arguments");
	return command->run(cli);
}

int main(int argc, char **argv)
{
	struct cli cli = {.run_dir = "/run/ampoule", .argc = argc - 1, .argv = argv + 1};
	int r = take_options(&cli);

	if (r < 0)
		return usage(NULL, "unknown option");
	if (r > 0 || cli.argc == 0) {
		print_help(r > 0 ? stdout : stderr);
		return r > 0 ? 0 : CLI_USAGE;
	}
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(cli.argv[0], commands[i].name) != 0)
			continue;
		cli.argc--;
		cli.argv++;
		return run_command(&commands[i], &cli);
	}
	return usage(NULL, "unknown command");
}
