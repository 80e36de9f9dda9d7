/* An agent with a policy, one client, and a micro-VM whose process has just gone, with what it wrote. Needs root. */
#ifndef TESTS_UNIT_AGENT_KEEP_FIXTURE_H
#define TESTS_UNIT_AGENT_KEEP_FIXTURE_H

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/agent/agent.h"
#include "agent/agent/save.h"
#include "agent/agent/session.h"
#include "common/fd.h"
#include "common/log.h"
#include "tests/support/delta.h"
#include "tests/unit/agent/fixture.h"

static struct agent agent;
static struct agent_vm *vm;
static struct err err;
static union agent_any_rep reply;
static char home[64];
static char store[256]; /* of vm-1: where its tree has the home */
static int sock;
static int listing = -1;

/* save: what is in out/ and a.txt; ask: the rest of the home. */
static const char keep_policy[] =
	"ampoule: 1\nkind: base\nid: office\ntrust_levels: [trusted, untrusted]\n"
	"default_task: refuse\n"
	"tasks:\n"
	"  - id: pdf\n"
	"    match: { program: [/usr/bin/mutool] }\n"
	"    run: { image: debian-docs, level: untrusted, memory: 256Mi, cpus: 1 }\n"
	"    file:\n"
	"      - { id: all, path: [\"~/\"], do: copy }\n"
	"    save:\n"
	"      - { id: never, path: [\"~/never/\"], do: discard }\n"
	"      - { id: back, path: [\"~/a.txt\", \"~/out/\"], do: save, unsealed: true }\n"
	"      - { id: rest, path: [\"~/\"], do: ask }\n";

static inline void keep_remove_home(void)
{
	(void)nftw(home, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *in_home(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", home, name);
	return path;
}

static inline const char *in_store(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", store, name);
	return path;
}

static inline void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline const char *text_at(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd < 0)
		return "(none)";
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* What the task wrote. */
static inline void wrote_new(const char *name, const char *text)
{
	close(delta_make_new(in_store(name), text));
}

static inline void wrote_over(const char *name, const char *text)
{
	close(delta_make_changed(in_store(name), text, in_home(name)));
}

static inline void keep_make_store(void)
{
	struct agent_delta_meta meta = {.magic = AGENT_DELTA_MAGIC,
					.state = AGENT_KEPT_RUNNING,
					.started_ns = agent_wall_ns(),
					.id = "vm-1",
					.task = "pdf",
					.program = "/usr/bin/mutool"};
	int fd = agent_deltas_make(&agent.deltas, &meta, 2000000000, 2000000000, &err);

	ck_assert_msg(fd >= 0, "%s", err.text);
	close(fd);
	(void)snprintf(store, sizeof(store), "%s/0/vm-1/store/tree/home", agent.deltas.folder);
	ck_assert_int_eq(mkdir(store, 0700), 0);
	(void)snprintf(store, sizeof(store), "%s/0/vm-1/store/tree%s", agent.deltas.folder, home);
	ck_assert_int_eq(mkdir(store, 0700), 0);
}

static inline void keep_make_vm(void)
{
	vm = calloc(1, sizeof(*vm));
	*vm = (struct agent_vm){.agent = &agent,
				.id = "vm-1",
				.task_id = "pdf",
				.program = "/usr/bin/mutool",
				.control = -1,
				.end = MV_END_TASK,
				.store_bytes = 1 << 30,
				.request = calloc(1, sizeof(struct agent_request))};
	memset(vm->request->stdio, 0xff, sizeof(vm->request->stdio));
	vm->request->flags = AGENT_RUN_ASK;
	vm->request->account = (struct agent_account){.name = "root", .group_count = 1};
	(void)snprintf(vm->request->account.home, sizeof(vm->request->account.home), "%s", home);
	agent_vms_add(&agent.vms, vm);
}

static inline void keep_take_policy(void)
{
	struct buf envelope = {0};
	uint8_t secret[32];

	fixture_identity(&agent.identity, secret);
	fixture_sign(&envelope, secret,
		     &(struct fixture_envelope){
			     .group = "default", .serial = 1, .document = keep_policy});
	ck_assert_int_eq(agent_policies_accept(&agent.policies, &agent.identity, envelope.data,
					       envelope.len, 1, &err),
			 0);
	buf_release(&envelope);
}

static inline int keep_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/%s",
		       agent.options.run_dir, AGENT_SOCKET_NAME);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void keep_setup(void)
{
	struct agent_options options;
	const char *folder = fixture_folder();

	log_set_level(LOG_LEVEL_ERROR - 1);
	(void)snprintf(home, sizeof(home), "/home/ampoule-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	(void)atexit(keep_remove_home);
	ck_assert_int_eq(agent_options_init(&options, &err), 0);
	/* ampoule-helper lies beside the agent's program, not beside the test. */
	(void)snprintf(strstr(options.bin_dir, "/tests/"), 5, "/bin");
	(void)snprintf(options.state_dir, sizeof(options.state_dir), "%s/state", folder);
	(void)snprintf(options.run_dir, sizeof(options.run_dir), "%s/run", folder);
	ck_assert_int_eq(agent_start(&agent, &options, &err), 0);
	keep_take_policy();
	keep_make_store();
	keep_make_vm();
	sock = keep_connect();
	while (!agent.listener.sessions)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 20), 0);
}

static inline void keep_teardown(void)
{
	close(sock);
	if (listing >= 0)
		close(listing);
	agent_stop(&agent);
}

/* The micro-VM's process has gone. */
static inline void end_vm(void)
{
	vm->ended = true;
	vm->session = NULL;
	agent_save_begin(vm, agent.listener.sessions);
}

/* Lets the agent work until the client has the next reply; a list's descriptor is put aside. */
static inline uint32_t hear(void)
{
	for (int i = 0; i < 5000; i++) {
		int fd = -1;
		size_t nfds = 1;
		ssize_t n = fd_recv(sock, &reply, sizeof(reply), &fd, &nfds);

		if (n > 0 && nfds == 1) {
			if (listing >= 0)
				close(listing);
			listing = fd;
		}
		if (n > 0 && reply.type == AGENT_REP_SAVING)
			continue;
		if (n > 0)
			return reply.type;
		ck_assert_int_eq(n, -EAGAIN);
		ck_assert_int_eq(agent_loop_step(&agent.loop, 20), 0);
	}
	ck_abort_msg("no reply");
	return 0;
}

static inline void hear_end(void)
{
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_uint_eq(hear(), AGENT_REP_EXITED);
	ck_assert_uint_eq(reply.rep.value, vm->end);
	ck_assert_str_eq(reply.rep.id, "vm-1");
}

static inline void tell_agent(uint32_t type, uint32_t value, const char *id)
{
	struct agent_req req = {.type = type, .version = AGENT_SOCKET_VERSION, .value = value};

	(void)snprintf(req.id, sizeof(req.id), "%s", id);
	ck_assert_int_eq(fd_send(sock, &req, sizeof(req), NULL, 0), 0);
}

/* What the list says of a file of the home. path "" in it: nothing. */
static inline struct agent_change listed(const char *name)
{
	static struct buf bytes;
	struct agent_change change;
	struct agent_kept_head head;
	int r;

	buf_clear(&bytes);
	ck_assert_int_ge(listing, 0);
	ck_assert_int_eq(lseek(listing, 0, SEEK_SET), 0);
	ck_assert_int_eq(buf_read_fd(&bytes, listing, 1 << 26), 0);
	struct rd rd = rd_of(bytes.data, bytes.len);

	while ((r = agent_listing_next(&rd, &head, &change)) > 0)
		if (r == 2 && strcmp(change.path, in_home(name)) == 0)
			return change;
	ck_assert_int_eq(r, 0);
	return (struct agent_change){.path = ""};
}

static inline bool is_kept(void)
{
	return access(store, F_OK) == 0;
}

#endif
