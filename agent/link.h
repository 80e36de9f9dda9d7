/* What passes between ampoule-agent (root) and ampoule-link (its own uid, the one that talks TLS).
 *
 * A SOCK_SEQPACKET pair; the link's end is descriptor AGENT_LINK_FD, its state folder (key, certificate)
 * AGENT_LINK_FOLDER_FD. Every message is one of these fixed-size structs. Bulk bytes travel as sealed
 * memfds, at most AGENT_LINK_CHUNK_MAX each. The agent takes nothing from the link on trust: envelopes
 * and manifests are verified by signature, blobs by digest, and a message of another size or type
 * makes the agent end the link and start another. */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include <stdint.h>

#include "microvisor/arbiter/access.h"

enum {
	AGENT_LINK_FD = 3,
	AGENT_LINK_FOLDER_FD = 4,
	AGENT_LINK_CHUNK_MAX = 2 << 20,
	AGENT_LINK_TEXT_MAX = 256,
	AGENT_LINK_EVENTS_MAX = 256, /* records in one AGENT_LINK_EVENTS */
	AGENT_LINK_SERVER_MAX = 304
};

enum agent_link_type {
	/* agent to link */
	AGENT_LINK_CONFIG = 1,   /* struct agent_link_config; always the first message */
	AGENT_LINK_POLICY_STATE, /* struct agent_link_policy: tell the server */
	AGENT_LINK_EVENTS, /* struct agent_link_msg and a sealed memfd of value records; one batch in flight */
	AGENT_LINK_MANIFEST_FETCH, /* struct agent_link_msg: name */
	AGENT_LINK_BLOB_FETCH,     /* struct agent_link_msg: digest, number = offset, total */
	AGENT_LINK_HEALTH, /* struct agent_link_health: tell the server, if it wants to know */
	/* link to agent */
	AGENT_LINK_UP,        /* struct agent_link_up: Welcome was received */
	AGENT_LINK_DOWN,      /* struct agent_link_msg: text = why */
	AGENT_LINK_POLICY,    /* struct agent_link_policy and a sealed memfd: the envelope */
	AGENT_LINK_EVENT_ACK, /* struct agent_link_msg: stream in digest[0..15], number = sequence */
	AGENT_LINK_MANIFEST, /* struct agent_link_msg and two sealed memfds: manifest, signature; name */
	AGENT_LINK_BLOB, /* struct agent_link_msg and a sealed memfd of value bytes: digest, number = offset */
	AGENT_LINK_FETCH_FAILED, /* struct agent_link_msg: digest or name, text = why */
	AGENT_LINK_ENROLLED /* struct agent_link_up: device id and group; the certificate is stored */
};

enum agent_link_mode {
	AGENT_LINK_RUN = 1,
	AGENT_LINK_ENROLL
};

struct agent_link_config {
	uint32_t type;
	uint32_t mode;      /* enum agent_link_mode */
	uint32_t isolation; /* 1: /dev/kvm works */
	uint32_t reserved;
	uint64_t counter;        /* as rolled by the last Welcome */
	uint64_t applied_serial; /* 0: none */
	uint8_t applied_digest[32];
	uint8_t ca[32];     /* SHA-256 of the CA certificate's SubjectPublicKeyInfo */
	uint8_t secret[32]; /* of the enrolment token; zero in AGENT_LINK_RUN */
	uint8_t event_stream[16];
	char server[AGENT_LINK_SERVER_MAX]; /* host:port */
	char applied_policy[MV_NAME_MAX];
};

struct agent_link_up {
	uint32_t type;
	uint32_t keepalive_s;
	uint32_t health_s; /* how often AGENT_LINK_HEALTH is wanted; 0: not at all */
	uint32_t reserved;
	uint64_t counter;
	uint64_t acked_sequence;
	char device_id[MV_NAME_MAX];
	char group[MV_NAME_MAX];
};

/* Phase as in fleet.proto's PolicyState. */
enum agent_policy_phase {
	AGENT_POLICY_RECEIVED = 1,
	AGENT_POLICY_APPLIED,
	AGENT_POLICY_FAILED
};

struct agent_link_policy {
	uint32_t type;
	uint32_t phase; /* enum agent_policy_phase, agent to link only */
	uint64_t serial;
	uint8_t digest[32];
	char text[AGENT_LINK_TEXT_MAX]; /* reason when failed */
};

struct agent_link_msg {
	uint32_t type;
	uint32_t value;
	uint64_t number;
	uint64_t total;
	uint8_t digest[32];
	char name[MV_NAME_MAX];
	char text[AGENT_LINK_TEXT_MAX];
};

/* How the endpoint is; what the link knows itself it adds. */
struct agent_link_health {
	uint32_t type;
	uint32_t isolation; /* 1: micro-VMs can be made */
	uint32_t images;    /* that the policy names */
	uint32_t images_ready;
	uint32_t templates;
	uint32_t templates_ready;
	uint32_t running; /* micro-VMs */
	uint32_t reserved;
	uint64_t backlog; /* events that wait */
	uint64_t backlog_since_ns;
	uint8_t microvm[32];                        /* digest of the program */
	char isolation_reason[AGENT_LINK_TEXT_MAX]; /* why not */
};

union agent_link_any {
	uint32_t type;
	struct agent_link_config config;
	struct agent_link_up up;
	struct agent_link_policy policy;
	struct agent_link_health health;
	struct agent_link_msg msg;
};

/* One event as it waits for the server: words are numbers of microvisor/arbiter/access.h. */
struct agent_event {
	uint64_t sequence; /* 0 until it is stored */
	uint64_t wall_clock_ns;
	uint64_t guest_rip;
	uint64_t count;
	uint64_t dropped;
	uint64_t serial;
	uint32_t exit_reason; /* KVM_EXIT_*, 0 = none */
	uint8_t class;
	uint8_t op;
	uint8_t verdict;
	uint8_t severity;
	uint8_t audit;
	uint8_t reserved[3];
	uint32_t object_bytes;
	char vm[MV_NAME_MAX];
	char task[MV_NAME_MAX];
	char user[MV_NAME_MAX];
	char policy_id[MV_NAME_MAX];
	char rule[MV_NAME_MAX];
	char image[MV_NAME_MAX];
	char program[256];
	char object[MV_PATH_MAX];
};

#endif
