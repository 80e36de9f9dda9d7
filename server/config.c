#include "server/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/fd.h"

enum {
	FILE_MAX = 64 << 10
};

/* The file's keys; adding one is a row here and a field in the header. */
static const struct {
	const char *key;
	size_t offset;
	size_t cap;
} keys[] = {
#define KEY(name)                                                                                \
	{                                                                                        \
#		name, offsetof(struct srv_config, name), sizeof(((struct srv_config *)0)->name) \
	}
	KEY(db),
	KEY(listen_agents),
	KEY(listen_api),
	KEY(public_agents),
	KEY(signer_socket),
	KEY(names),
	KEY(notice_webhook),
	KEY(notice_mail_server),
	KEY(notice_mail_from),
	KEY(notice_mail_to),
	KEY(events_days),
	KEY(events_gib)
#undef KEY
};

static char *field(struct srv_config *config, size_t key)
{
	return (char *)config + keys[key].offset;
}

int srv_config_path(const struct srv_config *config, const char *name, char *ret_path, size_t cap)
{
	int n = snprintf(ret_path, cap, "%s/%s", config->state_dir, name);

	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

static int set_line(struct srv_config *config, const char *line, size_t n)
{
	const char *equals = memchr(line, '=', n);

	if (n == 0 || line[0] == '#')
		return 0;
	if (!equals)
		return -EINVAL;
	size_t key_len = (size_t)(equals - line), len = n - key_len - 1;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].key) != key_len || memcmp(keys[i].key, line, key_len) != 0)
			continue;
		if (len >= keys[i].cap || memchr(equals + 1, '\0', len))
			return -EINVAL;
		memcpy(field(config, i), equals + 1, len);
		field(config, i)[len] = '\0';
		return 0;
	}
	return -EINVAL;
}

static int parse(struct srv_config *config, const char *text, size_t n, const char *path,
		 struct err *err)
{
	const char *end = text + n;

	for (int line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		if (set_line(config, text, (size_t)(stop - text)) < 0)
			return err_set(err, -EINVAL, "%s:%d: not a known key=value line", path,
				       line);
		text = stop + 1;
	}
	return 0;
}

int srv_config_load(const char *state_dir, struct srv_config *out, struct err *err)
{
	cleanup_buf struct buf text = {0};
	struct srv_config config = {0};
	char path[SRV_PATH_MAX + 16];

	if (snprintf(config.state_dir, sizeof(config.state_dir), "%s", state_dir) >=
	    (int)sizeof(config.state_dir))
		return err_set(err, -ENAMETOOLONG, "the state folder's name is too long");
	int r = srv_config_path(&config, "server.conf", path, sizeof(path));

	if (r == 0)
		r = buf_read_file(&text, path, FILE_MAX);
	if (r == -ENOENT)
		return err_set(err, r, "'%s' does not exist: run `ampoule-server setup` first",
			       path);
	if (r < 0)
		return err_set(err, r, "cannot read '%s': %s", path, strerror(-r));
	r = parse(&config, (const char *)text.data, text.len, path, err);
	explicit_bzero(text.data, text.len); /* the conninfo may hold a password */
	if (r == 0)
		*out = config;
	return r;
}

int srv_config_save(const struct srv_config *config, struct err *err)
{
	cleanup_buf struct buf text = {0};
	struct srv_config copy = *config;
	char path[SRV_PATH_MAX + 16];
	int r = srv_config_path(config, "server.conf", path, sizeof(path));

	for (size_t i = 0; r == 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strchr(field(&copy, i), '\n'))
			return err_set(err, -EINVAL, "%s must be one line", keys[i].key);
		r = buf_printf(&text, "%s=%s\n", keys[i].key, field(&copy, i));
	}
	if (r == 0)
		r = fd_replace_file(path, text.data, text.len, 0600);
	return r < 0 ? err_set(err, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}
