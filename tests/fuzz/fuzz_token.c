/* The text of an enrolment token; one that is accepted must survive being written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf text = {0};
	struct token token = {0}, again = {0};
	struct err err = {0};

	if (token_parse((const char *)data, size, &token, &err) < 0)
		return 0;
	if (token_put(&text, &token) < 0 ||
	    token_parse((const char *)text.data, text.len, &again, &err) < 0 ||
	    memcmp(&token, &again, sizeof(token)) != 0)
		abort();
	return 0;
}
