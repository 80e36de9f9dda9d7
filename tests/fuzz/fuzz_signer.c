/* What passes over ampoule-signer's socket, both ways: what is accepted must be the same bytes when it
 * is written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/signer/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(const struct buf *got, const uint8_t *data, size_t size)
{
	if (got->len != size || memcmp(got->data, data, size) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf fields = {.data = (uint8_t *)(uintptr_t)data, .len = size};
	cleanup_buf struct buf question_again = {0}, answer_again = {0};
	struct srv_sign_question question;
	struct srv_sign_answer answer;

	if (srv_sign_parse_question(&fields, &question) == 0) {
		if (srv_sign_put_question(&question_again, question.kind, &question.request) < 0)
			abort();
		must_be(&question_again, data, size);
	}
	if (srv_sign_parse_answer(&fields, &answer) == 0) {
		if (srv_sign_put_answer(&answer_again, &answer) < 0)
			abort();
		must_be(&answer_again, data, size);
	}
	return 0;
}
