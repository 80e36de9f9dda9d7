/* The guest's parser of launch messages: any bytes give an error or strings that end. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "golden-image/message/launch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct launch l;
	struct fault fault;
	uint8_t *bytes = malloc(size + 1);

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	if (launch_parse(bytes, size, &l, &fault) == 0) {
		size_t total = strlen(l.cwd);

		for (unsigned i = 0; l.argv[i]; i++)
			total += strlen(l.argv[i]);
		for (unsigned i = 0; l.envp[i]; i++)
			total += strlen(l.envp[i]);
		for (unsigned i = 0; i < l.mountc; i++)
			total += strlen(l.mounts[i]);
		assert(total < size);
	}
	free(bytes);
	return 0;
}
