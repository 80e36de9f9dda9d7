/* From a command line to a handler: words, options, help. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/ctl/ask.h"
#include "server/ctl/ctl.h"

static const char exits[] = "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 server not "
			    "reachable, 4 not logged in or not allowed.\n";

static bool begins(const struct ctl_command *command, const char *word)
{
	size_t n = strlen(word);

	return strncmp(command->name, word, n) == 0 && command->name[n] == ' ';
}

/* Prints the commands that begin with the word, NULL: all; their number. */
static size_t print_commands(FILE *out, const char *word)
{
	size_t count = 0;

	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];

		if (word && !begins(c, word))
			continue;
		fprintf(out, "  %s%s%s\n", c->name, c->synopsis[0] ? " " : "", c->synopsis);
		count++;
	}
	return count;
}

static void print_overview(FILE *out)
{
	fprintf(out,
		"ampoulectl: manage policies, devices, images, tokens and events of an Ampoule "
		"server\n\nUsage: ampoulectl COMMAND [ARGUMENTS] [--json] [--help]\n\n");
	(void)print_commands(out, NULL);
	fprintf(out, "\nampoulectl COMMAND --help says more. %s", exits);
}

static void print_help(const struct ctl_command *command, FILE *out)
{
	fprintf(out, "Usage: ampoulectl %s %s\n\n%s\n\n", command->name, command->synopsis,
		command->help);
	for (const struct ctl_option *o = command->options; o && o->name; o++) {
		char left[40];

		snprintf(left, sizeof(left), "%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		fprintf(out, "  %-20s %s\n", left, o->help);
	}
	fprintf(out, "  %-20s %s\n  %-20s %s\n\n%s", "--json", "print the server's answer as JSON",
		"--help", "print this", exits);
}

enum ctl_exit ctl_misused(struct ctl_call *call, const char *fmt, ...)
{
	va_list ap;

	fprintf(call->err, "ampoulectl: ");
	va_start(ap, fmt);
	vfprintf(call->err, fmt, ap);
	va_end(ap);
	fprintf(call->err, "\nTry: ampoulectl %s --help\n", call->command->name);
	return CTL_USAGE;
}

enum ctl_exit ctl_fail(struct ctl_call *call, const char *fmt, ...)
{
	va_list ap;

	fprintf(call->err, "ampoulectl: ");
	va_start(ap, fmt);
	vfprintf(call->err, fmt, ap);
	va_end(ap);
	fputc('\n', call->err);
	return CTL_FAILED;
}

enum ctl_exit ctl_number(struct ctl_call *call, size_t i, long long min, long long max,
			 long long *ret)
{
	const char *text = call->options[i];
	char *end;

	if (!text)
		return CTL_OK;
	errno = 0;
	long long n = strtoll(text, &end, 10);

	if (errno || end == text || *end || n < min || n > max)
		return ctl_misused(call, "%s: want a number from %lld to %lld",
				   call->command->options[i].name, min, max);
	*ret = n;
	return CTL_OK;
}

/* The command whose name is the longest front part of the words; *ret_used = words it took. */
static const struct ctl_command *find(int argc, const char *const *argv, int *ret_used)
{
	const struct ctl_command *best = NULL;

	*ret_used = 0;
	for (size_t i = 0; i < ctl_command_count; i++) {
		const char *at = ctl_commands[i].name;
		int used = 0;

		while (*at && used < argc && argv[used]) {
			size_t n = strcspn(at, " ");

			if (strlen(argv[used]) != n || strncmp(argv[used], at, n))
				break;
			used++;
			at += n + (at[n] == ' ');
		}
		if (*at || used <= *ret_used)
			continue;
		best = &ctl_commands[i];
		*ret_used = used;
	}
	return best;
}

static int find_option(const struct ctl_option *options, const char *text, size_t n)
{
	for (int i = 0; options && options[i].name; i++) {
		if (strlen(options[i].name) == n && !strncmp(options[i].name, text, n))
			return i;
	}
	return -1;
}

/* One "--name", "--name VALUE" or "--name=VALUE" at argv[*at]. */
static enum ctl_exit take_option(struct ctl_call *call, int argc, const char *const *argv, int *at)
{
	const char *text = argv[*at], *value = strchr(text, '=');
	size_t n = value ? (size_t)(value - text) : strlen(text);
	char quoted[64];
	int i = find_option(call->command->options, text, n);

	if (i < 0)
		return ctl_misused(call, "unknown option %s",
				   log_quote(quoted, sizeof(quoted), text, n));
	if (call->options[i])
		return ctl_misused(call, "%s given twice", call->command->options[i].name);
	if (!call->command->options[i].value) {
		if (value)
			return ctl_misused(call, "%s takes no value",
					   call->command->options[i].name);
		call->options[i] = "";
		return CTL_OK;
	}
	if (!value && *at + 1 >= argc)
		return ctl_misused(call, "%s needs a %s", call->command->options[i].name,
				   call->command->options[i].value);
	call->options[i] = value ? value + 1 : argv[++*at];
	if (strlen(call->options[i]) > CTL_VALUE_MAX &&
	    strcmp(call->command->options[i].value, "FILE"))
		return ctl_misused(call, "%s: too long", call->command->options[i].name);
	return CTL_OK;
}

static enum ctl_exit take_arguments(struct ctl_call *call, int argc, const char *const *argv)
{
	bool options_end = false;
	enum ctl_exit r = CTL_OK;

	for (int i = 0; i < argc && r == CTL_OK; i++) {
		if (!options_end && !strcmp(argv[i], "--"))
			options_end = true;
		else if (!options_end && !strcmp(argv[i], "--json"))
			call->json = true;
		else if (!options_end && argv[i][0] == '-' && argv[i][1])
			r = take_option(call, argc, argv, &i);
		else if (call->word_count == call->command->words_max)
			r = ctl_misused(call, "too many arguments");
		else if (strlen(argv[i]) > CTL_WORD_MAX)
			r = ctl_misused(call, "an argument is too long");
		else
			call->words[call->word_count++] = argv[i];
	}
	if (r == CTL_OK && call->word_count < call->command->words_min)
		r = ctl_misused(call, "something is missing: %s %s", call->command->name,
				call->command->synopsis);
	return r;
}

static bool has_help(int argc, const char *const *argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	}
	return false;
}

int ctl_run(int argc, const char *const *argv, FILE *in, FILE *out, FILE *err)
{
	struct ctl_call call = {.in = in, .out = out, .err = err};
	int used;

	argc--;
	argv++;
	call.command = find(argc, argv, &used);
	if (!call.command) {
		bool asked = has_help(argc, argv);

		if (argc && !asked) {
			char quoted[64];

			fprintf(err, "ampoulectl: unknown command %s%s\n",
				log_quote(quoted, sizeof(quoted), argv[0], strlen(argv[0])),
				argc > 1 ? " ..." : "");
			if (print_commands(err, argv[0]) == 0)
				fprintf(err, "Try: ampoulectl --help\n");
			return CTL_USAGE;
		}
		print_overview(asked ? out : err);
		return asked ? CTL_OK : CTL_USAGE;
	}
	if (has_help(argc - used, argv + used)) {
		print_help(call.command, out);
		return CTL_OK;
	}
	int r = (int)take_arguments(&call, argc - used, argv + used);

	if (r == CTL_OK)
		r = (int)call.command->run(&call);
	ctl_client_close(call.client);
	if (fflush(out) || ferror(out)) {
		fprintf(err, "ampoulectl: cannot write the output: %s\n", strerror(errno));
		return r ? r : CTL_FAILED;
	}
	return r;
}
