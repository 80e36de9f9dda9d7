/* The API, whole: docs/openapi.yaml describes each row and a test holds the two together. */
#include "server/rest/blobs.h"
#include "server/rest/foureyes.h"
#include "server/rest/handlers.h"
#include "server/rest/metrics.h"
#include "server/rest/route.h"
#include "server/rest/versions.h"

enum {
	SMALL_BODY = 16 << 10,
	IMAGE_BODY = 128 << 10, /* a manifest of MANIFEST_BYTES_MAX in Base64, and its signature */
	POLICY_BODY = 4 << 20   /* a document of POLICY_BYTES_MAX, escaped for JSON */
};

#define V1 "/api/v1"

/* Sets of roles. Everybody may look, at what is in his groups. */
#define READ     SRV_ROLE_ANY
#define AUTHORS  (SRV_ROLE_AUTHOR | SRV_ROLE_GITOPS | SRV_ROLE_ADMIN)
#define PUSHERS  (SRV_ROLE_GITOPS | SRV_ROLE_ADMIN)
#define ADMIN    SRV_ROLE_ADMIN
#define DECIDERS (SRV_ROLE_APPROVER | SRV_ROLE_ADMIN | SRV_ROLE_AUTHOR)
#define AUDIT    (SRV_ROLE_AUDITOR | SRV_ROLE_ADMIN)
#define ME       SRV_SIGNED_IN

const struct srv_route srv_routes[] = {
	{"GET", V1 "/health", SRV_ROLE_NONE, .reach = SRV_REACH_SHARED, .handle = srv_health_get},
	{"GET", "/healthz", SRV_ROLE_NONE, .reach = SRV_REACH_SHARED, .handle = srv_live_get},
	{"GET", "/readyz", SRV_ROLE_NONE, .reach = SRV_REACH_SHARED, .handle = srv_health_get},
	{"GET", "/metrics", READ, .per_minute = 60, .handle = srv_metrics_handle_get},
	{"GET", V1 "/whoami", ME, .reach = SRV_REACH_SHARED, .handle = srv_whoami_get},
	{"GET", V1 "/overview", READ, .reach = SRV_REACH_GROUPS, .handle = srv_overview_get},

	{"POST", V1 "/setup", SRV_ROLE_NONE, SMALL_BODY, .body = srv_first_body,
	 .reach = SRV_REACH_SHARED, .per_minute = 10, .handle = srv_first_handle_post},
	{"POST", V1 "/session", SRV_ROLE_NONE, SMALL_BODY, .body = srv_session_body,
	 .reach = SRV_REACH_SHARED, .per_minute = 60, .handle = srv_session_handle_post},
	{"GET", V1 "/session", ME, .reach = SRV_REACH_SHARED, .people_only = true,
	 .handle = srv_session_handle_get},
	{"DELETE", V1 "/session", ME, .reach = SRV_REACH_SHARED, .people_only = true,
	 .handle = srv_session_handle_delete},
	{"POST", V1 "/session/proof", ME, SMALL_BODY, .body = srv_proof_body,
	 .reach = SRV_REACH_SHARED, .per_minute = 20, .people_only = true,
	 .prepare = srv_proof_prepare, .handle = srv_proof_handle_post},
	{"GET", V1 "/sessions", ME, .query = srv_sessions_query, .reach = SRV_REACH_SHARED,
	 .people_only = true, .handle = srv_sessions_handle_list},
	{"DELETE", V1 "/sessions/{id}", ME, .reach = SRV_REACH_SHARED, .people_only = true,
	 .handle = srv_sessions_handle_delete},
	{"POST", V1 "/me/totp", ME, SMALL_BODY, .body = srv_factor_body, .reach = SRV_REACH_SHARED,
	 .per_minute = 20, .people_only = true, .proof = true, .handle = srv_factor_handle_post},
	{"DELETE", V1 "/me/totp", ME, .reach = SRV_REACH_SHARED, .people_only = true, .proof = true,
	 .handle = srv_factor_handle_delete},

	{"GET", V1 "/people", ADMIN, .query = srv_people_query, .handle = srv_people_handle_list},
	{"POST", V1 "/people", ADMIN, SMALL_BODY, .body = srv_people_body, .per_minute = 30,
	 .people_only = true, .repeatable = true, .prepare = srv_people_prepare,
	 .eyes = srv_eyes_always, .handle = srv_people_handle_post},
	{"GET", V1 "/people/{id}", ADMIN, .current = srv_version_of_person,
	 .handle = srv_people_handle_get},
	{"PATCH", V1 "/people/{id}", ADMIN, SMALL_BODY, .body = srv_people_patch_body,
	 .people_only = true, .current = srv_version_of_person, .eyes = srv_eyes_person,
	 .handle = srv_people_handle_patch},
	{"DELETE", V1 "/people/{id}", ADMIN, .people_only = true, .current = srv_version_of_person,
	 .eyes = srv_eyes_always, .handle = srv_people_handle_delete},
	{"POST", V1 "/people/{id}/password", ME, SMALL_BODY, .body = srv_password_body,
	 .reach = SRV_REACH_SHARED, .per_minute = 20, .people_only = true,
	 .prepare = srv_password_prepare, .eyes = srv_eyes_password,
	 .handle = srv_password_handle_post},

	{"GET", V1 "/policies", READ, .query = srv_policies_query, .reach = SRV_REACH_GROUPS,
	 .handle = srv_policies_handle_list},
	{"POST", V1 "/policies", AUTHORS, POLICY_BODY, .body = srv_policies_body,
	 .reach = SRV_REACH_GROUPS, .per_minute = 120, .repeatable = true,
	 .current = srv_version_of_policy, .eyes = srv_eyes_policy,
	 .handle = srv_policies_handle_post},
	{"GET", V1 "/policies/{serial}", READ, .query = srv_policies_get_query,
	 .reach = SRV_REACH_GROUPS, .current = srv_version_of_policy,
	 .handle = srv_policies_handle_get},

	/* A layer concerns whatever group lies below it: its roles must reach all of them. */
	{"GET", V1 "/layers", READ, .current = srv_version_of_layers,
	 .handle = srv_layers_handle_list},
	{"POST", V1 "/layers", AUTHORS, POLICY_BODY, .body = srv_layers_body, .per_minute = 120,
	 .repeatable = true, .current = srv_version_of_layers, .eyes = srv_eyes_layers,
	 .handle = srv_layers_handle_post},
	{"GET", V1 "/layers/{id}", READ, .handle = srv_layers_handle_get},
	{"GET", V1 "/policy-diff", READ, .query = srv_policy_diff_query,
	 .handle = srv_policy_diff_handle_get},
	{"GET", V1 "/policy-rules", READ, .query = srv_policy_rules_query,
	 .handle = srv_policy_rules_handle_get},
	{"GET", V1 "/groups", READ, .current = srv_version_of_groups,
	 .handle = srv_groups_handle_list},
	{"POST", V1 "/groups", ADMIN, SMALL_BODY, .body = srv_groups_body, .repeatable = true,
	 .current = srv_version_of_groups, .handle = srv_groups_handle_post},

	{"GET", V1 "/devices", READ, .query = srv_devices_query, .reach = SRV_REACH_GROUPS,
	 .handle = srv_devices_handle_list},
	{"GET", V1 "/devices/{id}", READ, .reach = SRV_REACH_GROUPS,
	 .current = srv_version_of_device, .handle = srv_devices_handle_get},
	{"PATCH", V1 "/devices/{id}", ADMIN, SMALL_BODY, .body = srv_devices_patch_body,
	 .reach = SRV_REACH_GROUPS, .current = srv_version_of_device,
	 .handle = srv_devices_handle_patch},

	{"GET", V1 "/events", READ, .query = srv_events_query, .reach = SRV_REACH_GROUPS,
	 .handle = srv_events_handle_list},
	{"GET", V1 "/events/stream", READ, .query = srv_stream_query, .reach = SRV_REACH_GROUPS,
	 .per_minute = 60, .handle = srv_events_handle_stream},
	{"GET", V1 "/event-counts", READ, .query = srv_counts_query, .reach = SRV_REACH_GROUPS,
	 .handle = srv_counts_handle_get},

	/* Images are everybody's: which ones are used is for policies to say. */
	{"GET", V1 "/images", READ, .query = srv_images_query, .reach = SRV_REACH_SHARED,
	 .handle = srv_images_handle_list},
	{"POST", V1 "/images", PUSHERS, IMAGE_BODY, .body = srv_images_body, .repeatable = true,
	 .handle = srv_images_handle_post},
	{"PUT", V1 "/blobs/{digest}", PUSHERS, SRV_BLOB_BYTES_MAX, .begin = srv_blobs_begin,
	 .handle = srv_blobs_put},
	{"GET", V1 "/image-keys", READ, .reach = SRV_REACH_SHARED, .handle = srv_keys_handle_list},
	{"POST", V1 "/image-keys", ADMIN, SMALL_BODY, .body = srv_keys_body, .repeatable = true,
	 .eyes = srv_eyes_always, .handle = srv_keys_handle_post},

	/* Whoever has a role may make tokens of it. */
	{"GET", V1 "/tokens", READ, .query = srv_tokens_query, .reach = SRV_REACH_GROUPS,
	 .handle = srv_tokens_handle_list},
	{"POST", V1 "/tokens", READ, SMALL_BODY, .body = srv_tokens_body, .reach = SRV_REACH_GROUPS,
	 .per_minute = 120, .repeatable = true, .handle = srv_tokens_handle_post},
	{"DELETE", V1 "/tokens/{id}", READ, .reach = SRV_REACH_GROUPS,
	 .handle = srv_tokens_handle_delete},

	{"GET", V1 "/approvals", READ, .query = srv_approvals_query,
	 .handle = srv_approvals_handle_list},
	{"GET", V1 "/approvals/{id}", READ, .handle = srv_approvals_handle_get},
	/* Who decides and who declares an emergency are told apart by the handler. */
	{"POST", V1 "/approvals/{id}/decision", DECIDERS, SMALL_BODY, .body = srv_decision_body,
	 .per_minute = 60, .people_only = true, .proof = true, .handle = srv_decision_handle_post},
	{"GET", V1 "/four-eyes", READ, .handle = srv_four_eyes_handle_get},
	{"PUT", V1 "/four-eyes", ADMIN, SMALL_BODY, .body = srv_four_eyes_body, .people_only = true,
	 .proof = true, .eyes = srv_eyes_switch, .handle = srv_four_eyes_handle_put},

	{"GET", V1 "/audit", AUDIT, .query = srv_audit_query, .handle = srv_audit_handle_list},
	{"GET", V1 "/audit/verify", AUDIT, .query = srv_audit_verify_query, .per_minute = 30,
	 .handle = srv_audit_handle_verify},
};
const size_t srv_route_count = sizeof(srv_routes) / sizeof(srv_routes[0]);
