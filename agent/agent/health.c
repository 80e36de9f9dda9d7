#include "agent/agent/health.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent/agent.h"
#include "agent/agent/answers.h"

static void count_images(struct agent *agent, struct agent_link_health *out)
{
	const char *name;

	while ((name = agent_policies_image(&agent->policies, out->images))) {
		struct agent_rep_image image;

		agent_answer_image(agent, name, &image);
		out->images++;
		out->images_ready += image.ready ? 1 : 0;
	}
}

static void count_templates(const struct agent *agent, struct agent_link_health *out)
{
	for (size_t i = 0; i < agent->templates.count; i++) {
		const struct agent_template *one = &agent->templates.list[i];

		out->templates += one->is_wanted;
		out->templates_ready += one->is_wanted && one->state == AGENT_TEMPLATE_READY;
	}
}

void agent_health_look(struct agent *agent, struct agent_link_health *out)
{
	struct agent_spool_stats stats;

	*out = (struct agent_link_health){.type = AGENT_LINK_HEALTH};
	agent_check_isolation(agent);
	agent_spool_stat(agent->spool, &stats);
	out->isolation = agent->isolation;
	if (!agent->isolation)
		(void)snprintf(out->isolation_reason, sizeof(out->isolation_reason), "%.255s",
			       agent->no_isolation.text);
	count_images(agent, out);
	count_templates(agent, out);
	for (const struct agent_vm *vm = agent->vms.first; vm; vm = vm->next)
		out->running += !vm->ended;
	out->backlog = stats.events;
	out->backlog_since_ns = stats.oldest_ns;
	memcpy(out->microvm, agent->microvm, sizeof(out->microvm));
}

/* What an admin waits for; running micro-VMs and the backlog come and go. */
static bool has_changed(const struct agent_link_health *a, const struct agent_link_health *b)
{
	return a->isolation != b->isolation || a->images != b->images ||
	       a->images_ready != b->images_ready || a->templates != b->templates ||
	       a->templates_ready != b->templates_ready;
}

static void on_time(void *context)
{
	struct agent_health *health = context;
	struct agent *agent = health->agent;
	struct agent_link_health now;
	uint64_t now_ms = agent_now_ms();

	agent_timer_start(&health->timer, &agent->loop, AGENT_HEALTH_LOOK_MS, on_time, health);
	agent_health_look(agent, &now);
	if (health->sent_ms && now_ms - health->sent_ms < health->every_ms &&
	    !has_changed(&now, &health->last))
		return;
	health->last = now;
	health->sent_ms = now_ms;
	(void)!agent_uplink_send(&agent->uplink, &now, sizeof(now), NULL,
				 0); /* at the next welcome */
}

void agent_health_start(struct agent_health *health, struct agent *agent, uint32_t every_s)
{
	agent_health_stop(health);
	health->agent = agent;
	health->every_ms = (uint64_t)every_s * 1000;
	health->sent_ms = 0;
	if (every_s)
		on_time(health);
}

void agent_health_stop(struct agent_health *health)
{
	agent_timer_stop(&health->timer);
}
