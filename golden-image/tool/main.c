/* ampoule-image: keys, manifests and digests of golden images. golden-image/build-image is its main caller. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "golden-image/tool/image.h"

enum {
	STATUS_REFUSED = 1,
	STATUS_USAGE = 2
};

struct options {
	const char *operand;
	const char *key;
	struct image_claim claim;
};

static int fail(const struct err *err)
{
	fprintf(stderr, "ampoule-image: %s\n", err->text);
	return STATUS_REFUSED;
}

/* Prints the public key of the secret one in the file, which is made when there is none. */
static int run_key(const struct options *o)
{
	uint8_t secret[SIGN_SECRET_BYTES], key[SIGN_KEY_BYTES];
	struct err err = {0};
	char hex[DIGEST_HEX];
	int r = sign_load_secret(o->operand, secret, &err);

	if (r == -ENOENT) {
		err = (struct err){0};
		r = sign_make_key(secret, key);
		if (r == 0)
			r = sign_save_secret(o->operand, secret, &err);
	}
	if (r == 0 && sign_public_key(secret, key) < 0)
		r = err_set(&err, -EIO, "%s: cannot make the public key", o->operand);
	explicit_bzero(secret, sizeof(secret));
	if (r < 0)
		return fail(&err);
	digest_hex(key, hex); /* as many bytes as a digest */
	puts(hex);
	return 0;
}

static int run_manifest(const struct options *o)
{
	uint8_t secret[SIGN_SECRET_BYTES];
	struct err err = {0};
	int r = sign_load_secret(o->key, secret, &err);

	if (r == 0)
		r = image_sign(o->operand, &o->claim, secret, &err);
	explicit_bzero(secret, sizeof(secret));
	return r < 0 ? fail(&err) : 0;
}

static int run_verify(const struct options *o)
{
	uint8_t key[SIGN_KEY_BYTES];
	struct manifest m;
	struct err err = {0};

	if (digest_parse(o->key, key) < 0) {
		err_set(&err, -EINVAL, "--key wants the public key: 64 hexadecimal digits");
		return fail(&err);
	}
	if (image_verify(o->operand, key, &m, &err) < 0)
		return fail(&err);
	printf("%s version %llu: good\n", m.name, (unsigned long long)m.version);
	return 0;
}

static int run_digest(const struct options *o)
{
	uint8_t digest[DIGEST_BYTES];
	char hex[DIGEST_HEX];
	int fd cleanup_fd = open(o->operand, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : digest_fd(fd, digest, NULL);

	if (r < 0) {
		fprintf(stderr, "ampoule-image: %s: %s\n", o->operand, strerror(-r));
		return STATUS_REFUSED;
	}
	digest_hex(digest, hex);
	puts(hex);
	return 0;
}

enum {
	NEEDS_KEY = 1,
	NEEDS_CLAIM = 2
};

static const struct command {
	const char *name;
	int needs;
	int (*run)(const struct options *o);
	const char *help;
} commands[] = {
	{"key", 0, run_key,
	 "key FILE                      makes the builder's key; prints its public half"},
	{"manifest", NEEDS_KEY | NEEDS_CLAIM, run_manifest,
	 "manifest DIR --key FILE --name NAME --version N --created TIME --cmdline TEXT --shape "
	 "MIB:CPUS...\n"
	 "                                            writes and signs DIR/manifest.json, "
	 "manifest.sig"},
	{"verify", NEEDS_KEY, run_verify,
	 "verify DIR --key PUBLIC-KEY   checks the signature and every file"},
	{"digest", 0, run_digest, "digest FILE                   the fs-verity digest of FILE"},
};

static int usage(FILE *out, int status)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "%s ampoule-image %s\n", i ? "      " : "usage:", commands[i].help);
	return status;
}

static bool parse_shape(const char *text, struct image_claim *claim)
{
	size_t i = claim->shape_count;
	char end;

	if (i >= MANIFEST_SHAPES_MAX || sscanf(text, "%u:%u%c", &claim->shapes[i].memory_mib,
					       &claim->shapes[i].cpus, &end) != 2)
		return false;
	claim->shape_count++;
	return true;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"key", required_argument, NULL, 'k'},
		{"name", required_argument, NULL, 'n'},
		{"version", required_argument, NULL, 'v'},
		{"created", required_argument, NULL, 't'},
		{"cmdline", required_argument, NULL, 'c'},
		{"shape", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'k':
			o->key = optarg;
			break;
		case 'n':
			o->claim.name = optarg;
			break;
		case 'v':
			o->claim.version = strtoull(optarg, NULL, 10); /* 0 is refused later */
			break;
		case 't':
			o->claim.created = optarg;
			break;
		case 'c':
			o->claim.cmdline = optarg;
			break;
		case 's':
			if (!parse_shape(optarg, &o->claim))
				return false;
			break;
		default:
			return false;
		}
	}
	o->operand = argv[optind];
	return optind + 1 == argc;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, 0);
	if (!command || !parse_options(argc - 1, argv + 1, &o))
		return usage(stderr, STATUS_USAGE);
	if ((command->needs & NEEDS_KEY) && !o.key)
		return usage(stderr, STATUS_USAGE);
	if ((command->needs & NEEDS_CLAIM) &&
	    (!o.claim.name || !o.claim.created || !o.claim.cmdline))
		return usage(stderr, STATUS_USAGE);
	return command->run(&o);
}
