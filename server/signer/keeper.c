#include "server/signer/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/policy/policy.h"
#include "proto/frame.h"
#include "proto/policy.pb-c.h"
#include "server/signer/message.h"

enum {
	SERIALS_BYTES_MAX = SRV_KEEPER_GROUPS_MAX * 96
};

struct srv_keeper {
	char dir[1024];
	int lock_fd;
	uint8_t secret[SIGN_SECRET_BYTES];
	uint8_t key[SIGN_KEY_BYTES];
	size_t group_count;
	struct {
		char group[SRV_SIGN_NAME_MAX];
		uint64_t serial;
	} last[SRV_KEEPER_GROUPS_MAX];
};

static int path_in(const char *dir, const char *name, char *out, size_t cap)
{
	return snprintf(out, cap, "%s/%s", dir, name) >= (int)cap ? -ENAMETOOLONG : 0;
}

static bool is_group(const char *group)
{
	size_t n = strlen(group);

	return n && n < SRV_SIGN_NAME_MAX && group[0] != '.' && group[0] != '-' &&
	       group[0] != '_' && strspn(group, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

int srv_keeper_init(const char *dir, const struct srv_passphrase *passphrase,
		    uint8_t ret_key[SIGN_KEY_BYTES], struct err *err)
{
	uint8_t secret[SIGN_SECRET_BYTES], key[SIGN_KEY_BYTES];
	char path[1100];
	int r = path_in(dir, "policy.key", path, sizeof(path));

	if (r < 0)
		return err_set(err, r, "the state folder's name is too long");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make '%s': %m", dir);
	if (access(path, F_OK) == 0)
		return err_set(err, -EEXIST, "'%s' exists already: a key is never replaced", path);
	r = sign_make_key(secret, key);
	if (r < 0)
		return err_set(err, r, "the random generator fails");
	r = srv_vault_save(path, secret, passphrase, err);
	explicit_bzero(secret, sizeof(secret));
	if (r == 0)
		memcpy(ret_key, key, sizeof(key));
	return r;
}

/* "group serial\n" per line, exactly as write_serials() makes it: a damaged file must stop the keeper, not
 * let serials start again. */
static int parse_serials(struct srv_keeper *keeper, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *space = strchr(line, ' '), *end = NULL;

		if (!space || keeper->group_count == SRV_KEEPER_GROUPS_MAX)
			return -EINVAL;
		*space = '\0';
		errno = 0;
		uint64_t serial = strtoull(space + 1, &end, 10);

		if (!is_group(line) || errno || *end || end == space + 1 || serial == 0)
			return -EINVAL;
		memcpy(keeper->last[keeper->group_count].group, line, strlen(line) + 1);
		keeper->last[keeper->group_count++].serial = serial;
	}
	return 0;
}

static int read_serials(struct srv_keeper *keeper, struct err *err)
{
	cleanup_buf struct buf text = {0};
	char path[1100];
	int r = path_in(keeper->dir, "serials", path, sizeof(path));

	if (r == 0)
		r = buf_read_file(&text, path, SERIALS_BYTES_MAX);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = buf_put_u8(&text, 0);
	if (r == 0)
		r = parse_serials(keeper, (char *)text.data);
	return r < 0 ? err_set(err, r, "cannot read '%s': %s", path, strerror(-r)) : 0;
}

static int write_serials(struct srv_keeper *keeper)
{
	cleanup_buf struct buf text = {0};
	char path[1100];
	int r = path_in(keeper->dir, "serials", path, sizeof(path));

	for (size_t i = 0; r == 0 && i < keeper->group_count; i++)
		r = buf_printf(&text, "%s %" PRIu64 "\n", keeper->last[i].group,
			       keeper->last[i].serial);
	return r < 0 ? r : fd_replace_file(path, text.data, text.len, 0600);
}

static int take_lock(struct srv_keeper *keeper, struct err *err)
{
	char path[1100];
	int r = path_in(keeper->dir, "lock", path, sizeof(path));

	if (r < 0)
		return err_set(err, r, "the state folder's name is too long");
	keeper->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (keeper->lock_fd < 0)
		return err_set(err, -errno, "cannot open '%s': %m", path);
	if (flock(keeper->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, -EBUSY, "another ampoule-signer keeps '%s'", keeper->dir);
	return 0;
}

int srv_keeper_protect(const char *dir, const struct srv_passphrase *old,
		       const struct srv_passphrase *new, struct err *err)
{
	struct srv_keeper *keeper = srv_keeper_open(dir, old, err);
	char path[1100];

	if (!keeper)
		return err->code;
	int r = path_in(dir, "policy.key", path, sizeof(path));

	if (r == 0 && !new->n)
		r = err_set(err, -EINVAL, "protect needs --passphrase-file");
	if (r == 0)
		r = srv_vault_save(path, keeper->secret, new, err);
	srv_keeper_close(keeper);
	return r;
}

struct srv_keeper *srv_keeper_open(const char *dir, const struct srv_passphrase *passphrase,
				   struct err *err)
{
	struct srv_keeper *keeper = calloc(1, sizeof(*keeper));
	char path[1100];

	if (!keeper || path_in(dir, "policy.key", path, sizeof(path)) < 0 ||
	    snprintf(keeper->dir, sizeof(keeper->dir), "%s", dir) >= (int)sizeof(keeper->dir)) {
		(void)err_set(err, -ENOMEM, "out of memory, or '%s' is too long", dir);
		free(keeper);
		return NULL;
	}
	keeper->lock_fd = -1;
	if (take_lock(keeper, err) == 0 &&
	    srv_vault_load(path, passphrase, keeper->secret, err) == 0 &&
	    read_serials(keeper, err) == 0) {
		if (sign_public_key(keeper->secret, keeper->key) == 0)
			return keeper;
		(void)err_set(err, -EIO, "cannot derive the public key");
	}
	srv_keeper_close(keeper);
	return NULL;
}

void srv_keeper_close(struct srv_keeper *keeper)
{
	if (!keeper)
		return;
	if (keeper->lock_fd >= 0)
		close(keeper->lock_fd);
	explicit_bzero(keeper->secret, sizeof(keeper->secret));
	free(keeper);
}

const uint8_t *srv_keeper_key(const struct srv_keeper *keeper)
{
	return keeper->key;
}

/* The signer's own opinion of the document: it does not rely on the server having asked. */
static int check_document(const struct srv_sign_request *request, struct err *err)
{
	struct policy_errors errors = {0};
	cleanup_buf struct buf failing = {0};

	if (request->document_bytes > POLICY_BYTES_MAX)
		return err_set(err, -EFBIG, "the document has more than %d bytes",
			       POLICY_BYTES_MAX);
	struct policy *policy = policy_parse(request->document, request->document_bytes, &errors);

	if (!policy)
		return err_set(err, -EINVAL, "line %d: %s: %s", errors.list[0].line,
			       errors.list[0].path, errors.list[0].text);
	bool same_id = strcmp(policy_id(policy), request->policy_id) == 0;
	int failed = policy_run_tests(policy, &failing);

	policy_free(policy);
	if (!same_id)
		return err_set(err, -EINVAL, "the document's id is not '%s'", request->policy_id);
	if (failed > 0)
		return err_set(err, -EINVAL, "%d of the document's tests fail", failed);
	return failed < 0 ? err_set(err, failed, "the document's tests cannot run") : 0;
}

static int check(const struct srv_sign_request *request, uint64_t now_s, struct err *err)
{
	uint64_t apart =
		request->issued_s > now_s ? request->issued_s - now_s : now_s - request->issued_s;

	if (!is_group(request->group))
		return err_set(err, -EINVAL, "not a group's name");
	if (request->serial == 0 || request->serial > INT64_MAX)
		return err_set(err, -EINVAL, "the serial is out of range");
	if (apart > SRV_KEEPER_CLOCK_S)
		return err_set(err, -EINVAL, "the time of issue is %" PRIu64 " s from now", apart);
	if (request->expires_s <= request->issued_s)
		return err_set(err, -EINVAL, "it would expire before it is issued");
	return check_document(request, err);
}

/* The group's row, a new one when needed; NULL when there is no room. */
static uint64_t *last_serial(struct srv_keeper *keeper, const char *group)
{
	for (size_t i = 0; i < keeper->group_count; i++) {
		if (strcmp(keeper->last[i].group, group) == 0)
			return &keeper->last[i].serial;
	}
	if (keeper->group_count == SRV_KEEPER_GROUPS_MAX)
		return NULL;
	memcpy(keeper->last[keeper->group_count].group, group, strlen(group) + 1);
	keeper->last[keeper->group_count].serial = 0;
	return &keeper->last[keeper->group_count++].serial;
}

static int put_content(struct buf *out, const struct srv_sign_request *request)
{
	Ampoule__PolicyContent content;
	char id[SRV_SIGN_NAME_MAX], group[SRV_SIGN_NAME_MAX];

	ampoule__policy_content__init(&content);
	(void)snprintf(id, sizeof(id), "%s", request->policy_id);
	(void)snprintf(group, sizeof(group), "%s", request->group);
	content.policy_id = id;
	content.group = group;
	content.serial = request->serial;
	content.issued_s = request->issued_s;
	content.expires_s = request->expires_s;
	content.document.len = request->document_bytes;
	content.document.data = (uint8_t *)(uintptr_t)request->document; /* only read */
	return wire_put_message(out, &content.base);
}

static int seal(const struct srv_keeper *keeper, const struct buf *body, struct buf *envelope)
{
	Ampoule__SignedPolicy sealed;
	uint8_t signature[SIGN_BYTES], key_id[SIGN_KEY_ID_BYTES];
	int r = sign_document(SIGN_PURPOSE_POLICY, keeper->secret, body->data, body->len,
			      signature);

	if (r < 0)
		return r;
	ampoule__signed_policy__init(&sealed);
	sign_key_id(keeper->key, key_id);
	sealed.body.data = body->data;
	sealed.body.len = body->len;
	sealed.signature.data = signature;
	sealed.signature.len = sizeof(signature);
	sealed.key_id.data = key_id;
	sealed.key_id.len = sizeof(key_id);
	return wire_put_message(envelope, &sealed.base);
}

int srv_keeper_sign(struct srv_keeper *keeper, const struct srv_sign_request *request,
		    uint64_t now_s, struct buf *envelope, uint64_t *ret_last_serial,
		    struct err *err)
{
	cleanup_buf struct buf body = {0};
	int r = check(request, now_s, err);

	if (r < 0)
		return r;
	uint64_t *last = last_serial(keeper, request->group);

	if (!last)
		return err_set(err, -ENOSPC, "more than %d groups", SRV_KEEPER_GROUPS_MAX);
	*ret_last_serial = *last;
	if (request->serial <= *last)
		return err_set(err, -ESTALE, "serial %" PRIu64 " is not above %" PRIu64,
			       request->serial, *last);
	r = put_content(&body, request);
	if (r == 0) {
		uint64_t before = *last;

		*last = request->serial;
		r = write_serials(keeper);
		if (r < 0)
			*last = before;
	}
	if (r == 0)
		r = seal(keeper, &body, envelope);
	if (r < 0)
		return err_set(err, r, "cannot sign: %s", strerror(-r));
	*ret_last_serial = request->serial;
	return 0;
}
