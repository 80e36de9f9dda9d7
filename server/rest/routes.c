/* The API, whole: docs/openapi.yaml describes each row and a test holds the two together. */
#include "server/rest/blobs.h"
#include "server/rest/handlers.h"
#include "server/rest/route.h"

enum {
	SMALL_BODY = 16 << 10,
	IMAGE_BODY = 128 << 10, /* a manifest of MANIFEST_BYTES_MAX in Base64, and its signature */
	POLICY_BODY = 4 << 20   /* a document of POLICY_BYTES_MAX, escaped for JSON */
};

#define V1 "/api/v1"

const struct srv_route srv_routes[] = {
	{"GET", V1 "/health", SRV_ROLE_NONE, .handle = srv_health_get},
	{"GET", V1 "/whoami", SRV_ROLE_VIEWER, .handle = srv_whoami_get},
	{"GET", V1 "/overview", SRV_ROLE_VIEWER, .handle = srv_overview_get},

	{"GET", V1 "/policies", SRV_ROLE_VIEWER, .query = srv_policies_query,
	 .handle = srv_policies_handle_list},
	{"POST", V1 "/policies", SRV_ROLE_ADMIN, POLICY_BODY, .body = srv_policies_body,
	 .handle = srv_policies_handle_post},
	{"GET", V1 "/policies/{serial}", SRV_ROLE_VIEWER, .query = srv_policies_get_query,
	 .handle = srv_policies_handle_get},

	{"GET", V1 "/devices", SRV_ROLE_VIEWER, .query = srv_devices_query,
	 .handle = srv_devices_handle_list},
	{"GET", V1 "/devices/{id}", SRV_ROLE_VIEWER, .handle = srv_devices_handle_get},

	{"GET", V1 "/events", SRV_ROLE_VIEWER, .query = srv_events_query,
	 .handle = srv_events_handle_list},

	{"GET", V1 "/images", SRV_ROLE_VIEWER, .query = srv_images_query,
	 .handle = srv_images_handle_list},
	{"POST", V1 "/images", SRV_ROLE_ADMIN, IMAGE_BODY, .body = srv_images_body,
	 .handle = srv_images_handle_post},
	{"PUT", V1 "/blobs/{digest}", SRV_ROLE_ADMIN, SRV_BLOB_BYTES_MAX, .begin = srv_blobs_begin,
	 .handle = srv_blobs_put},
	{"GET", V1 "/image-keys", SRV_ROLE_VIEWER, .handle = srv_keys_handle_list},
	{"POST", V1 "/image-keys", SRV_ROLE_ADMIN, SMALL_BODY, .body = srv_keys_body,
	 .handle = srv_keys_handle_post},

	{"GET", V1 "/tokens", SRV_ROLE_ADMIN, .query = srv_tokens_query,
	 .handle = srv_tokens_handle_list},
	{"POST", V1 "/tokens", SRV_ROLE_ADMIN, SMALL_BODY, .body = srv_tokens_body,
	 .handle = srv_tokens_handle_post},
	{"DELETE", V1 "/tokens/{id}", SRV_ROLE_ADMIN, .handle = srv_tokens_handle_delete},
};
const size_t srv_route_count = sizeof(srv_routes) / sizeof(srv_routes[0]);
