#include "server/vitals.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/buf.h"

enum {
	PEM_MAX = 64 << 10
};

int srv_vitals_certificate(const char *path, time_t *ret_ends, struct err *err)
{
	cleanup_buf struct buf text = {0};
	struct tm end;
	int r = buf_read_file(&text, path, PEM_MAX);

	if (r < 0)
		return err_set(err, r, "cannot read '%s': %s", path, strerror(-r));
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	int ok = x && ASN1_TIME_to_tm(X509_get0_notAfter(x), &end);

	X509_free(x);
	BIO_free(bio);
	if (!ok)
		return err_set(err, -EBADMSG, "'%s' has no certificate", path);
	*ret_ends = timegm(&end);
	return 0;
}

int srv_vitals_disk(const char *path, struct srv_disk *ret_disk, struct err *err)
{
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return err_set(err, -errno, "cannot look at the disk of '%s': %m", path);
	ret_disk->bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	ret_disk->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

unsigned srv_disk_free_percent(const struct srv_disk *disk)
{
	return disk->bytes ? (unsigned)(disk->free_bytes / (disk->bytes / 100 + 1)) : 100;
}
