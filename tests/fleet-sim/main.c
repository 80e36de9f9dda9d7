/* fleet-sim --agents N [--store DIR] [--connectors N] TOKEN-FILE: thousands of endpoints in one process.
 *
 * Each is enrolled with the token and has its own key, certificate and connection; TLS, channel, enrolment,
 * the policy store and the compiler are the agent's own code. What they do is told by commands on stdin
 * (command.h). The store, best on tmpfs, is removed at the end. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "tests/fleet-sim/command.h"

enum {
	AGENTS_MAX = 100000,
	CONNECTORS = 32
};

struct options {
	unsigned agents, connectors;
	const char *store, *token;
};

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {{"agents", required_argument, NULL, 'n'},
					      {"store", required_argument, NULL, 's'},
					      {"connectors", required_argument, NULL, 'c'},
					      {NULL}};
	int c;

	*o = (struct options){.connectors = CONNECTORS, .store = "/dev/shm"};
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			o->agents = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 's')
			o->store = optarg;
		else if (c == 'c')
			o->connectors = (unsigned)strtoul(optarg, NULL, 10);
		else
			return -1;
	}
	o->token = argv[optind];
	return o->token && o->agents && o->agents <= AGENTS_MAX && o->connectors ? 0 : -1;
}

/* Three descriptors per agent at most: its connection, and while a file is written. */
static void raise_descriptor_limit(void)
{
	int r = fd_raise_limit();

	if (r < 0)
		log_warn("fleet-sim: the limit of descriptors stays, ignoring: %s", strerror(-r));
}

static int read_token(const char *path, struct token *token)
{
	cleanup_buf struct buf text = {0};
	struct err err = {0};
	int r = buf_read_file(&text, path, TOKEN_TEXT_MAX);

	if (r < 0)
		(void)err_set(&err, r, "%s: %s", path, strerror(-r));
	else
		r = token_parse((const char *)text.data, text.len, token, &err);
	if (r < 0)
		log_error("fleet-sim: %s", err.text);
	return r;
}

static int make_agents(struct sim_loop *loop, const char *store)
{
	loop->agents = calloc(loop->count, sizeof(*loop->agents));
	if (!loop->agents)
		return -1;
	for (unsigned i = 0; i < loop->count; i++) {
		int r = sim_agent_init(&loop->agents[i], &loop->shared, i, store);

		if (r < 0) {
			log_error("fleet-sim: agent %u: %s", i, strerror(-r));
			return -1;
		}
	}
	return 0;
}

static void remove_store(struct sim_loop *loop, const char *store)
{
	static const char *const files[] = {"key.pem", "cert.pem", "policy.envelope"};
	char path[128];

	for (unsigned i = 0; loop->agents && i < loop->count; i++) {
		for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
			(void)snprintf(path, sizeof(path), "%s/%s", loop->agents[i].folder,
				       files[f]);
			(void)unlink(path);
		}
		(void)rmdir(loop->agents[i].folder);
		sim_agent_release(&loop->agents[i]);
	}
	(void)rmdir(store);
	free(loop->agents);
}

static int run(struct sim_loop *loop, const struct options *o)
{
	loop->shared.epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->pool = sim_pool_start(o->connectors);
	if (loop->shared.epoll < 0 || !loop->pool || sim_loop_start(loop) < 0) {
		log_error("fleet-sim: no threads");
		return EXIT_FAILURE;
	}
	int r = sim_commands_run(loop);

	sim_loop_stop(loop);
	sim_pool_stop(loop->pool);
	return r;
}

int main(int argc, char **argv)
{
	static struct sim_loop loop;
	struct options options;
	struct token token;
	char store[32];

	if (parse_options(argc, argv, &options) < 0 || strlen(options.store) > 10) {
		(void)fputs(
			"usage: fleet-sim --agents N [--store DIR] [--connectors N] TOKEN-FILE\n",
			stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	(void)snprintf(store, sizeof(store), "%s/fleet-XXXXXX", options.store);
	if (read_token(options.token, &token) < 0)
		return EXIT_FAILURE;
	if (!mkdtemp(store)) {
		log_error("fleet-sim: %s: %m", store);
		return EXIT_FAILURE;
	}
	loop.shared.token = &token;
	loop.count = options.agents;
	int r = make_agents(&loop, store) < 0 ? EXIT_FAILURE : run(&loop, &options);

	remove_store(&loop, store);
	explicit_bzero(&token, sizeof(token));
	return r;
}
