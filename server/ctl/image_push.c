#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/digest.h"
#include "common/manifest.h"
#include "common/sign.h"
#include "server/ctl/ask.h"
#include "server/ctl/text.h"

enum {
	QUIET_MS = 2000, /* what takes longer says how far it is */
	TTY_EVERY_MS = 200,
	LINE_EVERY_MS = 2000,
	MIB = 1 << 20
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- progress ---- */

struct progress {
	FILE *err;
	const char *what;
	bool tty;
	bool shown;
	uint64_t start_ms, last_ms;
};

static void on_progress(void *cls, uint64_t sent, uint64_t total)
{
	struct progress *p = cls;
	uint64_t now = now_ms(), ran = now - p->start_ms;

	if (ran < QUIET_MS || now - p->last_ms < (uint64_t)(p->tty ? TTY_EVERY_MS : LINE_EVERY_MS))
		return;
	p->last_ms = now;
	p->shown = true;
	fprintf(p->err, "%s%s: %3llu %% of %llu MiB, %llu MiB/s%s", p->tty ? "\r" : "", p->what,
		(unsigned long long)(total ? sent * 100 / total : 100),
		(unsigned long long)(total / MIB), (unsigned long long)(sent * 1000 / ran / MIB),
		p->tty ? "  " : "\n");
	fflush(p->err);
}

/* ---- the folder ---- */

static enum ctl_exit read_file(struct ctl_call *call, const char *name, size_t max, struct buf *out)
{
	char path[CTL_PATH_MAX];
	int r = -ENAMETOOLONG;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", call->words[0], name) < sizeof(path))
		r = buf_read_file(out, path, max);
	if (r == 0)
		return CTL_OK;
	return ctl_fail(call, "%s/%s: %s\nIs this a folder made by golden-image/build-image?",
			call->words[0], name, strerror(-r));
}

/* manifest.sig holds 64 bytes, or their 128 hex digits and a newline. */
static int signature_of(struct buf *text, struct buf *out)
{
	char half[DIGEST_HEX];
	uint8_t bytes[SIGN_BYTES];
	size_t n = text->len;

	if (n == SIGN_BYTES)
		return buf_put(out, text->data, n);
	if (n == 2 * SIGN_BYTES + 1 && text->data[n - 1] == '\n')
		n--;
	if (n != 2 * SIGN_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < 2; i++) {
		memcpy(half, text->data + i * (DIGEST_HEX - 1), DIGEST_HEX - 1);
		half[DIGEST_HEX - 1] = '\0';
		if (digest_parse(half, bytes + i * DIGEST_BYTES) < 0)
			return -EINVAL;
	}
	return buf_put(out, bytes, sizeof(bytes));
}

static enum ctl_exit make_body(struct ctl_call *call, json_t **ret_body)
{
	cleanup_buf struct buf manifest = {0}, text = {0}, signature = {0}, m64 = {0}, s64 = {0};
	struct manifest parsed;
	struct err err = {0};
	enum ctl_exit r = read_file(call, "manifest.json", MANIFEST_BYTES_MAX, &manifest);

	if (r == CTL_OK)
		r = read_file(call, "manifest.sig", 4096, &text);
	if (r != CTL_OK)
		return r;
	if (manifest_parse(manifest.data, manifest.len, &parsed, &err) < 0)
		return ctl_fail(call, "%s/manifest.json: %s", call->words[0], err.text);
	if (signature_of(&text, &signature) < 0)
		return ctl_fail(call, "%s/manifest.sig: is not a signature", call->words[0]);
	if (base64_put(&m64, manifest.data, manifest.len) < 0 ||
	    base64_put(&s64, signature.data, signature.len) < 0)
		return ctl_fail(call, "out of memory");
	*ret_body = json_pack("{s:s%, s:s%}", "manifest", (const char *)m64.data, m64.len,
			      "signature", (const char *)s64.data, s64.len);
	return *ret_body ? CTL_OK : ctl_fail(call, "out of memory");
}

/* ---- the files ---- */

static enum ctl_exit open_file(struct ctl_call *call, const char *name, uint64_t want, int *ret_fd)
{
	char path[CTL_PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", call->words[0], name) >= sizeof(path))
		return ctl_fail(call, "%s: the path is too long", call->words[0]);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0)
		return ctl_fail(call, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != want)
		return ctl_fail(call, "%s: is not the file of the manifest, which has %llu bytes",
				path, (unsigned long long)want);
	*ret_fd = take_fd(fd);
	return CTL_OK;
}

static enum ctl_exit send_file(struct ctl_call *call, const json_t *file)
{
	const char *name = json_string_value(json_object_get(file, "file"));
	const char *digest = json_string_value(json_object_get(file, "digest"));
	uint64_t bytes = (uint64_t)json_integer_value(json_object_get(file, "bytes"));
	struct progress progress = {.err = call->err, .what = name, .start_ms = now_ms()};
	struct ctl_answer answer;
	struct ctl_path path;
	struct err err = {0};
	cleanup_fd int fd = -1;
	bool known = false;

	/* The server names the file; only the manifest's four names are opened. */
	for (int i = 0; i < MANIFEST_FILES && name && digest; i++)
		known |= !strcmp(name, manifest_file_name((enum manifest_file)i));
	if (!known)
		return ctl_fail(call, "the server asks for a file that images do not have");
	enum ctl_exit r = open_file(call, name, bytes, &fd);

	if (r != CTL_OK)
		return r;
	progress.tty = isatty(fileno(call->err));
	ctl_path_set(&path, "/blobs");
	ctl_path_component(&path, digest);
	int e = ctl_client_upload(call->client, path.text, fd, bytes, on_progress, &progress,
				  &answer, &err);

	if (progress.shown && progress.tty)
		fputc('\n', call->err);
	if (e < 0) {
		ctl_fail(call, "%s: %s\nWhat was sent whole is kept; push again to go on.", name,
			 err.text);
		r = e == -EHOSTUNREACH ? CTL_UNREACHABLE : CTL_FAILED;
	} else if (answer.status != 200 && answer.status != 201) {
		r = ctl_complain(call, &answer);
	}
	ctl_answer_release(&answer);
	return r;
}

enum ctl_exit ctl_image_push(struct ctl_call *call)
{
	json_t *body = NULL, *image = NULL, *file;
	char name[100], version[24];
	uint64_t bytes = 0;
	size_t i;
	enum ctl_exit r = make_body(call, &body);

	if (r == CTL_OK)
		r = ctl_ask(call, "POST", "/images", body, &image);
	if (r != CTL_OK)
		return r;
	const json_t *missing = json_object_get(image, "missing");

	json_array_foreach(missing, i, file)
	{
		bytes += (uint64_t)json_integer_value(json_object_get(file, "bytes"));
		r = send_file(call, file);
		if (r != CTL_OK)
			break;
	}
	ctl_text(name, sizeof(name), image, "name");
	ctl_text(version, sizeof(version), image, "version");
	if (r == CTL_OK && call->json)
		return ctl_print_json(call, image);
	if (r == CTL_OK)
		fprintf(call->out, "image %s version %s: %zu of %d files sent, %.1f MiB\n", name,
			version, json_array_size(missing), MANIFEST_FILES, (double)bytes / MIB);
	json_decref(image);
	return r;
}
