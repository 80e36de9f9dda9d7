#include "common/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

/* The tree is built while its leaves pass by: one block of hashes per level is all that is kept. A full
 * block is hashed into the level above at once; at the end the partial ones follow, padded with zeros.
 * The root is the only hash of the lowest level that has only one. */

enum {
	HASHES_PER_BLOCK = DIGEST_BLOCK_BYTES / DIGEST_BYTES,
	LEVELS_MAX = 9, /* 128 hashes to a block: enough for 2^64 bytes */
	DESCRIPTOR_BYTES = 256,
	DESCRIPTOR_SHA256 = 1,
	DESCRIPTOR_LOG_BLOCK = 12,
	DESCRIPTOR_SIZE_AT = 8,
	DESCRIPTOR_ROOT_AT = 16,
	READ_BLOCKS = 32
};

struct level {
	uint8_t block[DIGEST_BLOCK_BYTES];
	size_t used;    /* bytes of block */
	uint64_t count; /* hashes that ever came to this level */
};

struct tree {
	EVP_MD_CTX *ctx;
	const EVP_MD *sha256;
	uint64_t bytes;
	struct level levels[LEVELS_MAX];
};

static void tree_freep(struct tree **tree)
{
	if (*tree)
		EVP_MD_CTX_free((*tree)->ctx);
	free(*tree);
}

static struct tree *tree_new(void)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return NULL;
	tree->ctx = EVP_MD_CTX_new();
	tree->sha256 = EVP_sha256();
	if (!tree->ctx) {
		free(tree);
		return NULL;
	}
	return tree;
}

static int hash(struct tree *tree, const void *bytes, size_t n, uint8_t out[DIGEST_BYTES])
{
	if (EVP_DigestInit_ex(tree->ctx, tree->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(tree->ctx, bytes, n) != 1 ||
	    EVP_DigestFinal_ex(tree->ctx, out, NULL) != 1)
		return -EIO;
	return 0;
}

/* Hashes level i's block, padded, into the level above. */
static int flush_level(struct tree *tree, size_t i)
{
	struct level *from = &tree->levels[i];
	struct level *to = &tree->levels[i + 1];

	memset(from->block + from->used, 0, sizeof(from->block) - from->used);
	int r = hash(tree, from->block, sizeof(from->block), to->block + to->used);

	if (r < 0)
		return r;
	from->used = 0;
	to->used += DIGEST_BYTES;
	to->count++;
	return 0;
}

/* n is at most a block; only the last one may be shorter. */
static int add_block(struct tree *tree, const uint8_t *bytes, size_t n)
{
	uint8_t padded[DIGEST_BLOCK_BYTES] = {0};
	struct level *leaves = &tree->levels[0];

	memcpy(padded, bytes, n);
	int r = hash(tree, padded, sizeof(padded), leaves->block + leaves->used);

	if (r < 0)
		return r;
	leaves->used += DIGEST_BYTES;
	leaves->count++;
	tree->bytes += n;
	for (size_t i = 0; i + 1 < LEVELS_MAX && tree->levels[i].used == DIGEST_BLOCK_BYTES; i++) {
		r = flush_level(tree, i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_bytes(struct tree *tree, const uint8_t *bytes, size_t n)
{
	for (size_t at = 0; at < n; at += DIGEST_BLOCK_BYTES) {
		size_t part = n - at < DIGEST_BLOCK_BYTES ? n - at : DIGEST_BLOCK_BYTES;
		int r = add_block(tree, bytes + at, part);

		if (r < 0)
			return r;
	}
	return 0;
}

/* An empty file has a root of zeros. */
static int finish_root(struct tree *tree, uint8_t root[DIGEST_BYTES])
{
	memset(root, 0, DIGEST_BYTES);
	if (tree->levels[0].count == 0)
		return 0;
	for (size_t i = 0; i + 1 < LEVELS_MAX; i++) {
		if (tree->levels[i].count == 1) {
			memcpy(root, tree->levels[i].block, DIGEST_BYTES);
			return 0;
		}
		int r = tree->levels[i].used ? flush_level(tree, i) : 0;

		if (r < 0)
			return r;
	}
	return -EFBIG;
}

/* The digest is that of struct fsverity_descriptor, whose fields are little endian. */
static int finish(struct tree *tree, uint8_t ret_digest[DIGEST_BYTES])
{
	uint8_t d[DESCRIPTOR_BYTES] = {1, DESCRIPTOR_SHA256, DESCRIPTOR_LOG_BLOCK};
	uint8_t digest[DIGEST_BYTES];

	for (int i = 0; i < 8; i++)
		d[DESCRIPTOR_SIZE_AT + i] = (uint8_t)(tree->bytes >> (8 * i));
	int r = finish_root(tree, d + DESCRIPTOR_ROOT_AT);

	if (r == 0)
		r = hash(tree, d, sizeof(d), digest);
	if (r == 0)
		memcpy(ret_digest, digest, DIGEST_BYTES);
	return r;
}

int digest_bytes(const void *bytes, size_t n, uint8_t ret_digest[DIGEST_BYTES])
{
	struct tree *tree cleanup_(tree_freep) = tree_new();

	if (!tree)
		return -ENOMEM;
	int r = add_bytes(tree, bytes, n);

	return r < 0 ? r : finish(tree, ret_digest);
}

/* Fills bytes from fd, or less at the end of the file. */
static ssize_t read_full(int fd, uint8_t *bytes, size_t cap, off_t at)
{
	size_t have = 0;

	while (have < cap) {
		ssize_t n = pread(fd, bytes + have, cap - have, at + (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int digest_fd(int fd, uint8_t ret_digest[DIGEST_BYTES], uint64_t *ret_bytes)
{
	struct tree *tree cleanup_(tree_freep) = tree_new();
	size_t cap = (size_t)READ_BLOCKS * DIGEST_BLOCK_BYTES;
	uint8_t *bytes cleanup_free = malloc(cap);
	ssize_t n;

	if (!tree || !bytes)
		return -ENOMEM;
	do {
		n = read_full(fd, bytes, cap, (off_t)tree->bytes);
		if (n < 0)
			return (int)n;
		int r = add_bytes(tree, bytes, (size_t)n);

		if (r < 0)
			return r;
	} while ((size_t)n == cap);
	int r = finish(tree, ret_digest);

	if (r == 0 && ret_bytes)
		*ret_bytes = tree->bytes;
	return r;
}

void digest_hex(const uint8_t digest[DIGEST_BYTES], char out[DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * (size_t)DIGEST_BYTES] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int digest_parse(const char *text, uint8_t ret_digest[DIGEST_BYTES])
{
	uint8_t digest[DIGEST_BYTES];

	if (strlen(text) != DIGEST_HEX - 1)
		return -EINVAL;
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		int high = nibble(text[2 * i]);
		int low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_digest, digest, DIGEST_BYTES);
	return 0;
}
