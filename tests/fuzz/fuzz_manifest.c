/* The manifest of a golden image and its list of programs. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest m;
	struct err err = {0};
	char path[32];
	int r = manifest_parse(data, size, &m, &err);

	assert(r == 0 || err.text[0]);
	if (r == 0)
		assert(m.shape_count > 0 && m.files[MANIFEST_ROOT].bytes > 0);
	if (manifest_find_program(data, size, "sh", path, sizeof(path)) == 0)
		assert(path[0] == '/' && strlen(path) < sizeof(path));
	return 0;
}
