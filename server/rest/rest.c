#include "server/rest/rest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "server/derive.h"
#include "server/password.h"
#include "server/rest/auth.h"
#include "server/rest/console.h"
#include "server/rest/http.h"
#include "server/rest/limits.h"
#include "server/rest/metrics.h"
#include "server/rest/route.h"

enum {
	CONNECTIONS_MAX = 256, /* each is a thread */
	PER_PEER_MAX = 64,     /* leaves room for others; a proxy in front needs more */
	IDLE_TIMEOUT_S = 30,
	PEM_MAX = 64 << 10
};

struct srv_rest {
	struct srv_http *http;
	atomic_uint uploads, streams;
	struct srv_keys keys;
	struct srv_api api;
};

static int read_pem(const struct srv_config *config, const char *name, struct buf *out,
		    struct err *err)
{
	char path[SRV_PATH_MAX];
	int r = srv_config_path(config, name, path, sizeof(path));

	if (r == 0)
		r = buf_read_file(out, path, PEM_MAX);
	if (r == 0)
		r = buf_put_u8(out, 0);
	if (r < 0)
		return err_set(err, r, "%s/%s: %s", config->state_dir, name, strerror(-r));
	return 0;
}

/* Starts to listen, or goes on with another certificate. */
static int start(struct srv_rest *rest, const struct srv_config *config, struct err *err)
{
	cleanup_buf struct buf key = {0}, certificate = {0};
	int r = read_pem(config, "server.key", &key, err);

	if (r == 0)
		r = read_pem(config, "server.pem", &certificate, err);
	if (r == 0) {
		struct srv_http_config http = {
			.listen = config->listen_api,
			.key_pem = (const char *)key.data,
			.cert_pem = (const char *)certificate.data,
			.connections_max = CONNECTIONS_MAX,
			.connections_per_peer_max = PER_PEER_MAX,
			.idle_timeout_s = IDLE_TIMEOUT_S,
			.ops = &srv_dispatch,
			.context = &rest->api,
		};

		r = rest->http ? srv_http_reload(rest->http, &http, err)
			       : srv_http_start(&http, &rest->http, err);
	}
	if (key.data)
		explicit_bzero(key.data, key.len);
	return r;
}

/* What the handlers share beside the context. */
static int make_api(struct srv_rest *rest, const struct srv_context *context, struct err *err)
{
	int r = srv_derive_key(context->config, "ampoule-login-buckets-v1", rest->keys.bucket, err);

	if (r == 0)
		r = srv_derive_key(context->config, "ampoule-second-factor-v1", rest->keys.seal,
				   err);
	if (r == 0)
		r = srv_derive_key(context->config, "ampoule-repeats-v1", rest->keys.repeat, err);
	if (r == 0)
		r = srv_derive_key(context->config, "ampoule-approvals-v1", rest->keys.eyes, err);
	rest->api = (struct srv_api){
		.context = context,
		.routes = srv_routes,
		.route_count = srv_route_count,
		.uploads = &rest->uploads,
		.streams = &rest->streams,
		.console = &srv_console_built,
		.limits = srv_limits_new(),
		.metrics = srv_metrics_new(srv_route_count),
		.passwords = srv_passwords_new(err),
		.keys = &rest->keys,
		.authenticate = srv_auth_by_token,
		.resume = srv_auth_by_cookie,
	};
	if (r == 0 && (!rest->api.limits || !rest->api.metrics || !rest->api.passwords))
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}

static void release(struct srv_rest *rest)
{
	srv_limits_free(rest->api.limits);
	srv_metrics_free(rest->api.metrics);
	srv_passwords_free(rest->api.passwords);
	explicit_bzero(rest, sizeof(*rest)); /* the keys are in it */
	free(rest);
}

struct srv_rest *srv_rest_start(const struct srv_context *context, struct err *err)
{
	struct srv_rest *rest = calloc(1, sizeof(*rest));

	if (!rest) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (make_api(rest, context, err) < 0 || start(rest, context->config, err) < 0) {
		release(rest);
		return NULL;
	}
	log_info("rest: listening address=%s port=%u routes=%zu console_files=%zu",
		 context->config->listen_api, srv_http_port(rest->http), srv_route_count,
		 srv_console_built.count);
	return rest;
}

int srv_rest_reload(struct srv_rest *rest, struct err *err)
{
	return start(rest, rest->api.context->config, err);
}

uint16_t srv_rest_port(const struct srv_rest *rest)
{
	return srv_http_port(rest->http);
}

void srv_rest_stop(struct srv_rest *rest)
{
	if (!rest)
		return;
	srv_http_stop(rest->http);
	release(rest);
}
