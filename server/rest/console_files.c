/* The console's files, taken into the binary by the assembler as web/pack.mjs has laid them out. */
#include "server/rest/console.h"

/* Each blob becomes a read-only symbol; what it is called counts for this file alone. */
#define CONSOLE_BLOB(name, file)                                                            \
	__asm__(".pushsection .rodata\n.balign 16\nsrv_console_" #name ":\n.incbin \"" file \
		"\"\n.byte 0\n.popsection\n");                                              \
	extern const uint8_t srv_console_##name[];
#define CONSOLE_FILE(path, type, etag, immutable, plain, br, gzip)
#include "server/console.inc"
#undef CONSOLE_BLOB
#undef CONSOLE_FILE

#define CONSOLE_BLOB(name, file)
#define CONSOLE_BYTES(bytes, len) \
	{                         \
		bytes, len        \
	}
#define CONSOLE_FILE(path, type, etag, immutable, plain, br, gzip) \
	{path, type, etag, immutable, plain, br, gzip},
static const struct srv_console_file files[] = {
#include "server/console.inc"
	{NULL, NULL, NULL, false, {NULL, 0}, {NULL, 0}, {NULL, 0}}, /* so that there is one */
};

const struct srv_console srv_console_built = {
	.files = files,
	.count = sizeof(files) / sizeof(files[0]) - 1,
};
