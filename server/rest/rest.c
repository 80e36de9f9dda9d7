#include "server/rest/rest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "server/rest/auth.h"
#include "server/rest/console.h"
#include "server/rest/http.h"
#include "server/rest/route.h"

enum {
	CONNECTIONS_MAX = 256, /* each is a thread */
	PER_PEER_MAX = 64,     /* leaves room for others; a proxy in front needs more */
	IDLE_TIMEOUT_S = 30,
	PEM_MAX = 64 << 10
};

struct srv_rest {
	struct srv_http *http;
	atomic_uint uploads;
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

		r = srv_http_start(&http, &rest->http, err);
	}
	if (key.data)
		explicit_bzero(key.data, key.len);
	return r;
}

struct srv_rest *srv_rest_start(const struct srv_context *context, struct err *err)
{
	struct srv_rest *rest = calloc(1, sizeof(*rest));

	if (!rest) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	rest->api = (struct srv_api){
		.context = context,
		.routes = srv_routes,
		.route_count = srv_route_count,
		.uploads = &rest->uploads,
		.console = &srv_console_built,
		.authenticate = srv_auth_by_token,
	};
	if (start(rest, context->config, err) < 0) {
		free(rest);
		return NULL;
	}
	log_info("rest: listening address=%s port=%u routes=%zu console_files=%zu",
		 context->config->listen_api, srv_http_port(rest->http), srv_route_count,
		 srv_console_built.count);
	return rest;
}

void srv_rest_stop(struct srv_rest *rest)
{
	if (!rest)
		return;
	srv_http_stop(rest->http);
	free(rest);
}
