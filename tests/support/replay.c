/* Replays a fuzz target's corpus: each file of tests/fuzz/corpus/NAME, then every truncation of it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	INPUT_BYTES_MAX = 1 << 20,
	TRUNCATIONS_MAX = 4096
};

/* A fresh heap copy per run, so that a sanitizer sees a read one byte past the end. */
static void run_once(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static int replay_file(const char *path)
{
	static uint8_t bytes[INPUT_BYTES_MAX];
	FILE *f = fopen(path, "rb");

	if (!f)
		return -1;
	size_t n = fread(bytes, 1, sizeof(bytes), f);

	fclose(f);
	run_once(bytes, n);
	for (size_t cut = 0; cut < n && cut < TRUNCATIONS_MAX; cut++)
		run_once(bytes, cut);
	return 0;
}

int main(int argc, char **argv)
{
	const char *base = strrchr(argv[0], '/');
	const char *name = strstr(base ? base : argv[0], "replay_");
	char dir[512];
	int files = 0;

	(void)argc;
	if (!name)
		return 2;
	snprintf(dir, sizeof(dir), "tests/fuzz/corpus/%s", name + strlen("replay_"));
	DIR *d = opendir(dir);

	if (!d) {
		fprintf(stderr, "replay: %s: no corpus\n", dir);
		return 1;
	}
	for (struct dirent *e; (e = readdir(d));) {
		char path[1024];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (replay_file(path) < 0)
			return 1;
		files++;
	}
	closedir(d);
	printf("%d corpus files\n", files);
	return files ? 0 : 1;
}
