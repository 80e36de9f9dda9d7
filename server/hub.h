/* The hub: which devices are connected to this instance, what each group should enforce, and the wake-ups
 * between them.
 *
 * One per serving process, made before the listeners. Its watcher thread LISTENs for stored policies,
 * reads the newest serials every 30 s besides (a lost notification costs time, never a push) and beats the
 * instance's heart, which is also when its devices were last seen. All functions may be called by any thread.
 * Whether a device is connected to *any* instance is a question for the database: view device_overview. */
#ifndef SERVER_HUB_H
#define SERVER_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/heads.h"

enum {
	SRV_UUID_TEXT = 37
};

struct srv_db;
struct srv_hub;

/* Registers the instance and starts the watcher, which keeps a connection of its own to conninfo. db is
 * borrowed. NULL with err. */
struct srv_hub *srv_hub_start(struct srv_db *db, const char *conninfo, struct err *err);
/* Stops the watcher and removes the instance; every session has left. */
void srv_hub_stop(struct srv_hub *hub);

/* Says that a policy of the group was stored: sessions of the group are woken at once instead of after
 * the notification. Call after the commit. */
void srv_hub_policy_changed(struct srv_hub *hub, const char *group, uint64_t serial);
/* Closes the device's connection to this instance, if there is one (revocation). */
void srv_hub_disconnect(struct srv_hub *hub, const char *device);
bool srv_hub_is_connected(struct srv_hub *hub, const char *device);
size_t srv_hub_count(struct srv_hub *hub);

/* For sessions (server/fleet). */

/* A session's place in the hub; embedded by the session, which sets the first four. */
struct srv_member {
	char device[SRV_UUID_TEXT];
	char group[SRV_GROUP_MAX]; /* guarded by the hub's lock */
	/* Called under the hub's lock, by any thread: the session is to ask srv_hub_policy() and is_closing. */
	void (*wake)(void *waker);
	void *waker;
	bool joined;
	bool closing;                    /* guarded by the hub's lock */
	struct srv_member *next, **prev; /* guarded by the hub's lock */
};

/* Joins; another session of the same device is told to close. */
void srv_hub_join(struct srv_hub *hub, struct srv_member *member);
/* Leaves, if it had joined: it is not woken any more. */
void srv_hub_leave(struct srv_hub *hub, struct srv_member *member);
bool srv_hub_is_closing(struct srv_hub *hub, const struct srv_member *member);
/* What the member's group should enforce now, with a reference; NULL: nothing. The group may change while the
 * session lives. */
struct srv_policy *srv_hub_policy(struct srv_hub *hub, const struct srv_member *member);
void srv_hub_group(struct srv_hub *hub, const struct srv_member *member, char out[SRV_GROUP_MAX]);
/* The UUID of this instance. */
const char *srv_hub_instance(const struct srv_hub *hub);

#endif
