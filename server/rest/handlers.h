/* The handlers of the route table, by noun; each file holds one noun and the tables of its fields.
 * See struct srv_route for what a handler may do. */
#ifndef SERVER_REST_HANDLERS_H
#define SERVER_REST_HANDLERS_H

#include "server/rest/route.h"

/* health.c */
int srv_health_get(struct srv_call *call, struct err *err);
int srv_live_get(struct srv_call *call, struct err *err);
int srv_whoami_get(struct srv_call *call, struct err *err);

/* overview.c */
int srv_overview_get(struct srv_call *call, struct err *err);

/* session.c */
extern const struct srv_field srv_session_body[];
int srv_session_handle_post(struct srv_call *call, struct err *err);
int srv_session_handle_get(struct srv_call *call, struct err *err);
int srv_session_handle_delete(struct srv_call *call, struct err *err);

/* proof.c */
extern const struct srv_field srv_proof_body[];
int srv_proof_prepare(struct srv_call *call, struct err *err);
int srv_proof_handle_post(struct srv_call *call, struct err *err);

/* sessions.c */
extern const struct srv_field srv_sessions_query[];
int srv_sessions_handle_list(struct srv_call *call, struct err *err);
int srv_sessions_handle_delete(struct srv_call *call, struct err *err);

/* people.c */
extern const struct srv_field srv_people_query[];
extern const struct srv_field srv_people_body[];
extern const struct srv_field srv_people_patch_body[];
int srv_people_handle_list(struct srv_call *call, struct err *err);
int srv_people_handle_get(struct srv_call *call, struct err *err);
int srv_people_prepare(struct srv_call *call, struct err *err);
int srv_people_handle_post(struct srv_call *call, struct err *err);
int srv_people_handle_patch(struct srv_call *call, struct err *err);
int srv_people_handle_delete(struct srv_call *call, struct err *err);

/* passwords.c */
extern const struct srv_field srv_password_body[];
extern const struct srv_field srv_first_body[];
int srv_password_prepare(struct srv_call *call, struct err *err);
int srv_password_handle_post(struct srv_call *call, struct err *err);
int srv_first_handle_post(struct srv_call *call, struct err *err);

/* factor.c */
extern const struct srv_field srv_factor_body[];
int srv_factor_handle_post(struct srv_call *call, struct err *err);
int srv_factor_handle_delete(struct srv_call *call, struct err *err);

/* approvals.c */
extern const struct srv_field srv_approvals_query[];
extern const struct srv_field srv_decision_body[];
extern const struct srv_field srv_four_eyes_body[];
int srv_approvals_handle_list(struct srv_call *call, struct err *err);
int srv_approvals_handle_get(struct srv_call *call, struct err *err);
int srv_decision_handle_post(struct srv_call *call, struct err *err);
int srv_four_eyes_handle_get(struct srv_call *call, struct err *err);
int srv_four_eyes_handle_put(struct srv_call *call, struct err *err);

/* audit.c */
extern const struct srv_field srv_audit_query[];
extern const struct srv_field srv_audit_verify_query[];
int srv_audit_handle_list(struct srv_call *call, struct err *err);
int srv_audit_handle_verify(struct srv_call *call, struct err *err);

/* policies.c */
extern const struct srv_field srv_policies_query[];
extern const struct srv_field srv_policies_get_query[];
extern const struct srv_field srv_policies_body[];
int srv_policies_handle_list(struct srv_call *call, struct err *err);
int srv_policies_handle_get(struct srv_call *call, struct err *err);
/* policies_post.c */
int srv_policies_handle_post(struct srv_call *call, struct err *err);

/* layers_post.c */
extern const struct srv_field srv_layers_body[];
int srv_layers_handle_post(struct srv_call *call, struct err *err);
/* layers.c */
extern const struct srv_field srv_policy_diff_query[];
extern const struct srv_field srv_policy_rules_query[];
extern const struct srv_field srv_groups_body[];
int srv_layers_handle_list(struct srv_call *call, struct err *err);
int srv_layers_handle_get(struct srv_call *call, struct err *err);
int srv_policy_diff_handle_get(struct srv_call *call, struct err *err);
int srv_policy_rules_handle_get(struct srv_call *call, struct err *err);
int srv_groups_handle_list(struct srv_call *call, struct err *err);
int srv_groups_handle_post(struct srv_call *call, struct err *err);

/* devices.c */
extern const struct srv_field srv_devices_query[];
int srv_devices_handle_list(struct srv_call *call, struct err *err);
int srv_devices_handle_get(struct srv_call *call, struct err *err);
extern const struct srv_field srv_devices_patch_body[];
int srv_devices_handle_patch(struct srv_call *call, struct err *err);

/* events.c */
extern const struct srv_field srv_events_query[];
int srv_events_handle_list(struct srv_call *call, struct err *err);
extern const struct srv_field srv_stream_query[];
int srv_events_handle_stream(struct srv_call *call, struct err *err);
extern const struct srv_field srv_counts_query[];
int srv_counts_handle_get(struct srv_call *call, struct err *err);

/* images.c */
extern const struct srv_field srv_images_query[];
extern const struct srv_field srv_images_body[];
int srv_images_handle_list(struct srv_call *call, struct err *err);
int srv_images_handle_post(struct srv_call *call, struct err *err);

/* keys.c */
extern const struct srv_field srv_keys_body[];
int srv_keys_handle_list(struct srv_call *call, struct err *err);
int srv_keys_handle_post(struct srv_call *call, struct err *err);

/* tokens.c */
extern const struct srv_field srv_tokens_query[];
extern const struct srv_field srv_tokens_body[];
int srv_tokens_handle_list(struct srv_call *call, struct err *err);
int srv_tokens_handle_post(struct srv_call *call, struct err *err);
int srv_tokens_handle_delete(struct srv_call *call, struct err *err);

#endif
