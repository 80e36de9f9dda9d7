#include "agent/agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>

#include "agent/agent/host.h"
#include "agent/agent/jail.h"
#include "agent/agent/kvm.h"
#include "agent/agent/memory.h"
#include "agent/agent/save.h"
#include "agent/agent/store.h"
#include "common/log.h"

/* Order of life: the lock on the state folder, the stores, the socket, the link; undone backwards. A
 * policy that no longer verifies does not keep the agent from running: without a policy it refuses tasks,
 * and says why, and the server can send another one. */

int agent_lock_state(const char *state_dir, struct err *err)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/lock", state_dir); /* AGENT_FOLDER_MAX */
	cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
			       "an ampoule-agent is already using %s", state_dir);
	return take_fd(fd);
}

static void on_signal(void *context, uint32_t events)
{
	struct agent *agent = context;
	struct signalfd_siginfo info;

	(void)events;
	if (read(agent->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_info("agent: ending signal=%u", info.ssi_signo);
	agent_loop_quit(&agent->loop);
}

static int watch_signals(struct agent *agent, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_set(err, -errno, "cannot block signals: %m");
	agent->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (agent->signal_fd < 0)
		return err_set(err, -errno, "cannot make a signal descriptor: %m");
	return agent_watch_start(&agent->signals, &agent->loop, agent->signal_fd, EPOLLIN,
				 on_signal, agent);
}

/* The device is only opened here and for a launch. */
void agent_check_isolation(struct agent *agent)
{
	struct err why = {0};
	cleanup_fd int fd = agent_kvm_open(AGENT_KVM_CPUINFO, &why);
	char object[sizeof(why.text) + 32];
	bool told = !agent->isolation && agent->no_isolation.code;

	agent->isolation = fd >= 0;
	agent->no_isolation = why;
	if (agent->isolation || told)
		return;
	const char *reason = strchr(agent->no_isolation.text, ':');

	(void)snprintf(object, sizeof(object), "isolation-unavailable%s", reason ? reason : "");
	log_error("agent: %s; tasks are refused", agent->no_isolation.text);
	agent_record_incident(agent, object, MV_HIGH);
}

/* What the jail of each micro-VM will not have here: said once, and in each status. */
static void check_jail(struct agent *agent)
{
	struct err err = {0};
	int landlock = agent_jail_landlock_abi();
	int r = agent_cgroups_open(&agent->cgroups, agent->options.state_dir, &err);

	if (agent_memory_protect_self() < 0)
		log_warn("agent: no protection from the OOM killer: %m, ignoring");
	if (r < 0)
		log_warn("agent: micro-VMs run without cgroup limits: %s", err.text);
	if (!landlock)
		log_warn("agent: micro-VMs run without Landlock: this kernel has none");
	log_info("agent: jail landlock=%d cgroups=%s", landlock,
		 r < 0 ? "none" : agent->cgroups.folder);
	(void)snprintf(agent->jail_text, sizeof(agent->jail_text), "%s%s%s%.400s",
		       landlock ? "" : "no Landlock in this kernel", !landlock && r < 0 ? "; " : "",
		       r < 0 ? "no cgroup limits: " : "", r < 0 ? err.text : "");
}

static int open_stores(struct agent *agent, struct err *err)
{
	const char *dir = agent->options.state_dir;
	char path[PATH_MAX];
	struct err why = {0};
	int r = agent_identity_load(dir, &agent->identity, err);

	if (r < 0 && r != -ENOENT)
		return r;
	r = agent_images_open(&agent->images, dir, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/spool.db", dir); /* AGENT_FOLDER_MAX */
	r = agent_spool_open(path, AGENT_SPOOL_EVENTS_MAX, &agent->spool, err);
	if (r < 0)
		return r;
	if (agent_policies_open(&agent->policies, dir, &agent->identity, &why) < 0)
		log_error("policy: %s", why.text);
	return 0;
}

static int make_folders(const struct agent_options *options, struct err *err)
{
	char jail[PATH_MAX];

	(void)snprintf(jail, sizeof(jail), "%s/root", options->run_dir); /* AGENT_FOLDER_MAX */
	int r = agent_make_folder(options->state_dir, 0700, err);

	if (r == 0)
		r = agent_make_folder(options->run_dir, 0755, err);
	return r < 0 ? r : agent_make_folder(jail, 0555, err);
}

/* A micro-VM costs three descriptors: its control socket, its process, its client. */
static void raise_descriptors(unsigned vms)
{
	const rlim_t wanted = 4 * (rlim_t)vms + 512;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
		log_warn("agent: %llu descriptors are too few for %u micro-VMs, ignoring",
			 (unsigned long long)limit.rlim_cur, vms);
}

static void watch_exceptions(struct agent *agent);

/* An exception has ended, or the clock is looked at again: the rules of running micro-VMs are compiled anew. */
static void on_exception_end(void *context)
{
	struct agent *agent = context;
	uint64_t now_s = agent_policies_now_s(&agent->policies);

	if (agent->exception_end_s && agent->exception_end_s <= now_s) {
		log_info("policy: an exception has ended id=%s", agent->policies.id);
		for (struct agent_vm *vm = agent->vms.first; vm; vm = vm->next)
			agent_vm_update_policy(vm);
	}
	watch_exceptions(agent);
}

static void watch_exceptions(struct agent *agent)
{
	uint64_t now_s = agent_policies_now_s(&agent->policies), wait_ms = AGENT_CLOCK_LOOK_MS;

	agent_timer_stop(&agent->exception_timer);
	agent->exception_end_s =
		agent->policies.policy ? policy_next_end(agent->policies.policy, now_s) : 0;
	if (!agent->exception_end_s)
		return;
	if (agent->exception_end_s - now_s < AGENT_CLOCK_LOOK_MS / 1000)
		wait_ms = (agent->exception_end_s - now_s) * 1000;
	agent_timer_start(&agent->exception_timer, &agent->loop, wait_ms, on_exception_end, agent);
}

/* What running micro-VMs write, and what has been kept for long enough. */
static void on_store_time(void *context)
{
	struct agent *agent = context;
	uint64_t now_ms = agent_now_ms();

	agent_store_watch(agent);
	if (now_ms - agent->expired_ms >= AGENT_EXPIRE_EVERY_MS) {
		agent->expired_ms = now_ms;
		agent_deltas_expire(&agent->deltas, agent_wall_ns());
	}
	agent_timer_start(&agent->store_timer, &agent->loop, AGENT_STORE_LOOK_MS, on_store_time,
			  agent);
}

int agent_start(struct agent *agent, const struct agent_options *options, struct err *err)
{
	*agent =
		(struct agent){.options = *options,
			       .lock_fd = -1,
			       .signal_fd = -1,
			       .vms = {.max = options->vms_max, .per_user = options->vms_per_user}};
	int r = agent_loop_init(&agent->loop);

	if (r < 0)
		return err_set(err, r, "cannot make an event loop: %s", strerror(-r));
	raise_descriptors(options->vms_max);
	r = make_folders(options, err);
	if (r < 0)
		return r;
	agent->lock_fd = agent_lock_state(options->state_dir, err);
	if (agent->lock_fd < 0)
		return agent->lock_fd;
	r = open_stores(agent, err);
	if (r == 0)
		r = agent_deltas_open(&agent->deltas, options, &agent->loop, err);
	if (r == 0)
		r = watch_signals(agent, err);
	if (r == 0)
		r = agent_listener_start(&agent->listener, agent, err);
	if (r < 0)
		return r;
	agent_check_isolation(agent);
	if (agent_host_microvm(options->bin_dir, agent->microvm) < 0)
		log_warn("agent: ampoule-microvm cannot be read in %s", options->bin_dir);
	check_jail(agent);
	if (agent->isolation)
		agent_templates_start(&agent->templates, agent);
	if (agent->isolation)
		agent_shells_start(&agent->shells, agent);
	watch_exceptions(agent);
	agent_deltas_expire(&agent->deltas, agent_wall_ns());
	agent->expired_ms = agent_now_ms();
	on_store_time(agent);
	agent_uplink_start(&agent->uplink, agent);
	log_info("agent: running policy=%s serial=%" PRIu64 " socket=%s/%s",
		 agent->policies.policy ? agent->policies.id : "none", agent->policies.serial,
		 options->run_dir, AGENT_SOCKET_NAME);
	if (!agent->policies.policy)
		log_warn("agent: no policy yet, every task is refused; `ampoule-agent enroll` "
			 "joins a fleet");
	return 0;
}

int agent_run(struct agent *agent)
{
	return agent_loop_run(&agent->loop);
}

void agent_stop(struct agent *agent)
{
	agent_shells_stop(&agent->shells);
	agent_listener_stop(&agent->listener);
	agent_templates_stop(&agent->templates);
	agent_vms_release(&agent->vms);
	agent_saves_release(agent);
	agent_timer_stop(&agent->store_timer);
	agent_deltas_close(&agent->deltas);
	agent_uplink_stop(&agent->uplink);
	agent_health_stop(&agent->health);
	agent_timer_stop(&agent->apply_timer);
	agent_timer_stop(&agent->exception_timer);
	agent_timer_stop(&agent->spool_timer);
	agent_timer_stop(&agent->downloads.retry);
	agent_watch_stop(&agent->signals);
	agent_cgroups_close(&agent->cgroups);
	agent_spool_close(agent->spool);
	agent_policies_release(&agent->policies);
	agent_loop_release(&agent->loop);
	if (agent->signal_fd >= 0)
		close(agent->signal_fd);
	if (agent->lock_fd >= 0)
		close(agent->lock_fd);
}

int agent_reload(struct agent *agent, struct err *err)
{
	struct agent_policies fresh;
	int r = agent_identity_load(agent->options.state_dir, &agent->identity, err);

	if (r < 0)
		return r;
	if (!agent->policies.policy) {
		r = agent_policies_open(&fresh, agent->options.state_dir, &agent->identity, err);
		if (r < 0)
			return r;
		agent->policies = fresh;
		watch_exceptions(agent);
	}
	agent_uplink_stop(&agent->uplink);
	agent_uplink_start(&agent->uplink, agent);
	agent_templates_restart(&agent->templates);
	log_info("agent: reloaded device=%s group=%s", agent->identity.device_id,
		 agent->identity.group);
	return 0;
}

static void finish_applying(struct agent *agent)
{
	const struct agent_policies *policies = &agent->policies;

	agent->applying = false;
	agent_timer_stop(&agent->apply_timer);
	log_info("policy: applied id=%s serial=%" PRIu64, policies->id, policies->serial);
	agent_uplink_policy_state(&agent->uplink, AGENT_POLICY_APPLIED, policies->serial,
				  policies->digest, "");
}

void agent_check_applied(struct agent *agent)
{
	if (!agent->applying)
		return;
	for (const struct agent_vm *vm = agent->vms.first; vm; vm = vm->next)
		if (!vm->ended && vm->child.pid > 0 && vm->applied_serial < agent->policies.serial)
			return;
	finish_applying(agent);
}

static void end_one_that_did_not_apply(struct agent *agent)
{
	for (struct agent_vm *vm = agent->vms.first; vm; vm = vm->next)
		if (!vm->ended && vm->child.pid > 0 &&
		    vm->applied_serial < agent->policies.serial) {
			log_error("vm: it did not take the new policy, ending it id=%s", vm->id);
			agent_vm_stop(vm);
		}
}

static void on_apply_late(void *context)
{
	struct agent *agent = context;

	/* A micro-VM under an old policy is not left running; "applied" then is true. */
	end_one_that_did_not_apply(agent);
	agent_timer_start(&agent->apply_timer, &agent->loop, AGENT_APPLY_LIMIT_MS, on_apply_late,
			  agent);
}

int agent_apply_policy(struct agent *agent, const void *envelope, size_t n, struct err *err)
{
	struct agent_policies *policies = &agent->policies;
	int r = agent_policies_accept(policies, &agent->identity, envelope, n,
				      agent_wall_ns() / 1000000000u, err);

	if (r < 0)
		return r;
	if (r == 1) {
		if (!agent->applying)
			agent_uplink_policy_state(&agent->uplink, AGENT_POLICY_APPLIED,
						  policies->serial, policies->digest, "");
		return 0;
	}
	log_info("policy: received id=%s serial=%" PRIu64, policies->id, policies->serial);
	agent_uplink_policy_state(&agent->uplink, AGENT_POLICY_RECEIVED, policies->serial,
				  policies->digest, "");
	agent->applying = true;
	agent_timer_start(&agent->apply_timer, &agent->loop, AGENT_APPLY_LIMIT_MS, on_apply_late,
			  agent);
	for (struct agent_vm *vm = agent->vms.first; vm; vm = vm->next)
		agent_vm_update_policy(vm);
	agent_check_applied(agent);
	watch_exceptions(agent);
	agent_downloads_restart(&agent->downloads, agent);
	agent_templates_restart(&agent->templates);
	return 0;
}

static void on_spool_time(void *context)
{
	struct agent *agent = context;

	agent_timer_stop(&agent->spool_timer);
	if (agent_spool_commit(agent->spool) < 0)
		log_error("spool: events could not be written");
	agent_uplink_send_events(&agent->uplink);
}

void agent_record(struct agent *agent, const struct agent_event *event)
{
	int waiting = agent_spool_put(agent->spool, event);

	if (waiting < 0)
		log_error("spool: an event could not be written");
	else if (waiting >= AGENT_SPOOL_GROUP)
		on_spool_time(agent);
	else if (waiting > 0 && !agent->spool_timer.loop)
		agent_timer_start(&agent->spool_timer, &agent->loop, AGENT_SPOOL_DELAY_MS,
				  on_spool_time, agent);
}

void agent_record_incident(struct agent *agent, const char *object, uint8_t severity)
{
	struct agent_event event = {.wall_clock_ns = agent_wall_ns(),
				    .count = 1,
				    .class = MV_CLASS_MACHINE,
				    .op = MV_OP_OPEN,
				    .verdict = MV_DENY,
				    .severity = severity,
				    .serial = agent->policies.serial};

	(void)snprintf(event.policy_id, sizeof(event.policy_id), "%s", agent->policies.id);
	event.object_bytes = (uint32_t)snprintf(event.object, sizeof(event.object), "%s", object);
	agent_record(agent, &event);
}
