/* ampoule: runs a program on files in a micro-VM, and looks after the caller's micro-VMs. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli/recover.h"
#include "agent/cli/report.h"
#include "agent/cli/run.h"

enum {
	EXIT_USAGE = 2
};

static const char usage[] =
	"usage: ampoule COMMAND\n"
	"\n"
	"  run [--raw] [--json] -- PROGRAM [ARGUMENT...]\n"
	"                                         run a program of the golden image in a micro-VM "
	"of its own;\n"
	"                                         arguments that name files of yours become its "
	"files\n"
	"  ls [--json]                            your micro-VMs\n"
	"  stop ID                                end one\n"
	"  explain ID [--json]                    what was refused in one, by which rule\n"
	"  review ID [--json]                     what a running one changed so far, and what "
	"would "
	"become of it\n"
	"  recover [ID] [--json]                  what is kept of ended ones\n"
	"  recover ID FILE [--before] [--to PATH] bring back what the task wrote; --before: what "
	"was "
	"there before\n"
	"  recover ID --all [--before]            all files of one\n"
	"  recover ID --destroy                   destroy what is kept of one, now\n"
	"  status [--json]                        policy, images, connection of this machine\n"
	"  --help\n"
	"\n"
	"  --raw    do not filter terminal control sequences of the program\n"
	"  --json   of run: what the task changed is told as JSON, on stderr\n"
	"\n"
	"Exit status of run: the program's own; 128 + N when signal N ended it; 125 when Ampoule "
	"refused or\n"
	"failed, 126 when the program could not be executed, 127 when no image has it. Others: 0, "
	"1 refused\n"
	"or failed, 2 wrong usage. AMPOULE_RUN_DIR names another folder than /run/ampoule.\n";

static int wrong_usage(const char *what)
{
	fprintf(stderr, "ampoule: %s\nTry: ampoule --help\n", what);
	return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	bool raw = false;
	bool json = false;
	int at = 0;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		if (strcmp(argv[at], "--raw") != 0 && strcmp(argv[at], "--json") != 0) {
			(void)wrong_usage("run: unknown option in front of the program");
			return AGENT_EXIT_REFUSED;
		}
		*(argv[at][2] == 'r' ? &raw : &json) = true;
	}
	if (at >= argc) {
		(void)wrong_usage("run: which program?");
		return AGENT_EXIT_REFUSED;
	}
	return agent_command_run(raw, json, argc - at, argv + at);
}

/* Takes --json out of the arguments; what is left must be as many as wanted. */
static bool take_json(int *argc, char **argv, int wanted, bool *ret_json)
{
	int left = 0;

	*ret_json = false;
	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			*ret_json = true;
		else
			argv[left++] = argv[i];
	}
	*argc = left;
	return left == wanted;
}

static int ls(int argc, char **argv)
{
	bool json;

	return take_json(&argc, argv, 0, &json) ? agent_command_ls(json)
						: wrong_usage("ls takes --json and no more");
}

static int status(int argc, char **argv)
{
	bool json;

	return take_json(&argc, argv, 0, &json) ? agent_command_status(json)
						: wrong_usage("status takes --json and no more");
}

static int explain(int argc, char **argv)
{
	bool json;

	return take_json(&argc, argv, 1, &json)
		       ? agent_command_explain(json, argv[0])
		       : wrong_usage("explain which micro-VM? ampoule ls has their ids");
}

static int stop(int argc, char **argv)
{
	return argc == 1 && argv[0][0] != '-'
		       ? agent_command_stop(argv[0])
		       : wrong_usage("stop which micro-VM? ampoule ls has their ids");
}

static int review(int argc, char **argv)
{
	bool json;

	return take_json(&argc, argv, 1, &json)
		       ? agent_command_review(json, argv[0])
		       : wrong_usage("review which micro-VM? ampoule ls has their ids");
}

static int recover(int argc, char **argv)
{
	struct agent_recover what = {0};
	const char **next = &what.id;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			what.json = true;
		else if (strcmp(argv[i], "--before") == 0)
			what.before = true;
		else if (strcmp(argv[i], "--all") == 0)
			what.all = true;
		else if (strcmp(argv[i], "--destroy") == 0)
			what.destroy = true;
		else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc)
			what.to = argv[++i];
		else if (argv[i][0] != '-' && next) {
			*next = argv[i];
			next = next == &what.id ? &what.file : NULL;
		} else {
			return wrong_usage("recover: this does not fit; see --help");
		}
	}
	if ((!what.id && (what.all || what.destroy)) || (what.to && !what.file) ||
	    what.all + what.destroy + (what.file != NULL) > 1 ||
	    (what.before && !what.all && !what.file))
		return wrong_usage("recover: this does not fit; see --help");
	return agent_command_recover(&what);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"run", run},   {"ls", ls},         {"status", status},   {"explain", explain},
	{"stop", stop}, {"review", review}, {"recover", recover},
};

int main(int argc, char **argv)
{
	if (argc < 2)
		return wrong_usage("a command is missing");
	for (int i = 1; i < argc && i < 3; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return 0;
		}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	return wrong_usage("there is no such command");
}
