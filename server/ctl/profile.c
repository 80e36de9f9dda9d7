#include "server/ctl/profile.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"

enum {
	LOGIN_BYTES_MAX = 4096
};

void ctl_profile_release(struct ctl_profile *profile)
{
	buf_release(&profile->ca);
	explicit_bzero(profile, sizeof(*profile));
}

/* The folder of configuration, made when asked to. */
static int find_folder(char *out, size_t cap, bool make, struct err *err)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char base[CTL_PATH_MAX];
	int n;

	if (xdg && xdg[0] == '/')
		n = snprintf(base, sizeof(base), "%s", xdg);
	else if (home && home[0] == '/')
		n = snprintf(base, sizeof(base), "%s/.config", home);
	else
		return err_set(err, -ENOENT, "neither XDG_CONFIG_HOME nor HOME is set");
	if (n < 0 || (size_t)n >= sizeof(base) ||
	    (size_t)snprintf(out, cap, "%s/ampoule", base) >= cap)
		return err_set(err, -ENAMETOOLONG, "the path of the configuration is too long");
	if (!make)
		return 0;
	if (mkdir(base, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make %s: %m", base);
	if (mkdir(out, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make %s: %m", out);
	return 0;
}

static int path_in(const char *folder, const char *name, char *out, size_t cap)
{
	return (size_t)snprintf(out, cap, "%s/%s", folder, name) < cap ? 0 : -ENAMETOOLONG;
}

int ctl_profile_set_server(struct ctl_profile *profile, const char *url, struct err *err)
{
	static const char scheme[] = "https://";
	size_t n = strlen(url);

	if (n && url[n - 1] == '/')
		n--;
	if (strncmp(url, scheme, sizeof(scheme) - 1) || n < sizeof(scheme) ||
	    n >= sizeof(profile->server) ||
	    strcspn(url + sizeof(scheme) - 1, "/?#@ \t\\\"") < n - (sizeof(scheme) - 1))
		return err_set(err, -EINVAL, "the server is given as https://HOST:PORT");
	memcpy(profile->server, url, n);
	profile->server[n] = '\0';
	return 0;
}

int ctl_profile_set_token(struct ctl_profile *profile, const char *text, size_t n, struct err *err)
{
	while (n && isspace((unsigned char)text[0])) {
		text++;
		n--;
	}
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	if (!n || n >= sizeof(profile->token))
		return err_set(err, -EINVAL, "that is no API token: it has %zu characters", n);
	for (size_t i = 0; i < n; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(err, -EINVAL, "that is no API token: it has odd characters");
	}
	memcpy(profile->token, text, n);
	profile->token[n] = '\0';
	return 0;
}

static int parse_login(struct ctl_profile *out, const struct buf *text, const char *path,
		       struct err *err)
{
	const char *server, *token;
	json_t *json = json_loadb((const char *)text->data, text->len, 0, NULL);
	int r = -EINVAL;

	if (json_unpack(json, "{s:s, s:s!}", "server", &server, "token", &token) == 0 &&
	    ctl_profile_set_server(out, server, NULL) == 0 &&
	    ctl_profile_set_token(out, token, strlen(token), NULL) == 0)
		r = 0;
	json_decref(json);
	return r < 0 ? err_set(err, r, "%s: is damaged; log in again", path) : 0;
}

int ctl_profile_load(struct ctl_profile *out, struct err *err)
{
	char folder[CTL_PATH_MAX], path[CTL_PATH_MAX];
	cleanup_buf struct buf text = {0};
	struct stat st;
	int r = find_folder(folder, sizeof(folder), false, err);

	if (r < 0)
		return r;
	if (path_in(folder, "login.json", path, sizeof(path)) < 0)
		return err_set(err, -ENAMETOOLONG, "the path of the login is too long");
	r = buf_read_file(&text, path, LOGIN_BYTES_MAX);
	if (r < 0)
		return err_set(err, r, "%s: %s", path, strerror(-r));
	if (stat(path, &st) < 0 || st.st_mode & 077)
		return err_set(err, -EPERM, "%s: others may read it; make it yours: chmod 600",
			       path);
	r = parse_login(out, &text, path, err);
	if (text.len)
		explicit_bzero(text.data, text.len);
	if (r == 0 && path_in(folder, "ca.pem", path, sizeof(path)) < 0)
		r = err_set(err, -ENAMETOOLONG, "the path of the CA is too long");
	if (r < 0)
		return r;
	r = buf_read_file(&out->ca, path, CTL_CA_MAX);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int ctl_profile_save(const struct ctl_profile *profile, struct err *err)
{
	char folder[CTL_PATH_MAX], path[CTL_PATH_MAX];
	int r = find_folder(folder, sizeof(folder), true, err);

	if (r < 0)
		return r;
	json_t *json = json_pack("{s:s, s:s}", "server", profile->server, "token", profile->token);
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;

	json_decref(json);
	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	r = path_in(folder, "ca.pem", path, sizeof(path));
	if (r == 0)
		r = fd_replace_file(path, profile->ca.data, profile->ca.len, 0600);
	if (r == 0)
		r = path_in(folder, "login.json", path, sizeof(path));
	if (r == 0)
		r = fd_replace_file(path, text, strlen(text), 0600);
	explicit_bzero(text, strlen(text));
	free(text);
	return r < 0 ? err_set(err, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

int ctl_profile_load_note(const char *name, struct buf *out, struct err *err)
{
	char folder[CTL_PATH_MAX], path[CTL_PATH_MAX];
	int r = find_folder(folder, sizeof(folder), false, err);

	if (r < 0)
		return r;
	if (path_in(folder, name, path, sizeof(path)) < 0)
		return err_set(err, -ENAMETOOLONG, "the path of %s is too long", name);
	r = buf_read_file(out, path, LOGIN_BYTES_MAX);
	return r < 0 && r != -ENOENT ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int ctl_profile_save_note(const char *name, const void *bytes, size_t n, struct err *err)
{
	char folder[CTL_PATH_MAX], path[CTL_PATH_MAX];
	int r = find_folder(folder, sizeof(folder), true, err);

	if (r < 0)
		return r;
	r = path_in(folder, name, path, sizeof(path));
	if (r == 0)
		r = fd_replace_file(path, bytes, n, 0600);
	return r < 0 ? err_set(err, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}
