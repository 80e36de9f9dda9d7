/* What an operator is warned of before it stops the server: certificates near their end, a disk that fills. For
 * doctor, metrics and notices alike. Any thread. */
#ifndef SERVER_VITALS_H
#define SERVER_VITALS_H

#include <stdint.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/err.h"

enum {
	SRV_CERTIFICATE_WARN_S = 30 * 24 * 3600, /* before its end */
	SRV_DISK_WARN_PERCENT = 10,              /* free */
	SRV_SILENT_S = 24 * 3600 /* a device that was not heard for so long is silent */
};

/* When the first certificate of a PEM file ends. -ENOENT and the like; -EBADMSG: it has none. */
int srv_vitals_certificate(const char *path, time_t *ret_ends, struct err *err) must_check;

struct srv_disk {
	uint64_t bytes;
	uint64_t free_bytes; /* for who is not root */
};
/* Of the file system that has the path. */
int srv_vitals_disk(const char *path, struct srv_disk *ret_disk, struct err *err) must_check;
/* Whole percent; 100 for an empty file system. */
unsigned srv_disk_free_percent(const struct srv_disk *disk);

#endif
