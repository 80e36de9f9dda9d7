/* The installation's own certificate authority: P-256, self-signed, path length 0.
 *
 * It signs the server's certificate and the devices' ones, nothing else. An opened CA is immutable; any
 * thread may issue with it. Device identity lives in one place of a certificate: the URI subject
 * alternative name "ampoule:device:UUID". */
#ifndef SERVER_CA_H
#define SERVER_CA_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#define SRV_DEVICE_URI "ampoule:device:"

enum {
	SRV_CA_DAYS = 3650,
	SRV_SERVER_DAYS = 398,
	SRV_DEVICE_DAYS = 30,
	SRV_CSR_BYTES_MAX = 8192,
	SRV_NAMES_MAX = 16
};

struct srv_ca;

/* Makes DIR/ca.pem and DIR/ca.key (0600). -EEXIST when there is a CA already. */
int srv_ca_create(const char *dir, struct err *err) must_check;
/* Reads them. NULL with err. Free with srv_ca_close(). */
struct srv_ca *srv_ca_open(const char *dir, struct err *err);
void srv_ca_close(struct srv_ca *ca);
/* SHA-256 of the CA's SubjectPublicKeyInfo, as enrolment tokens pin it. */
int srv_ca_pin(const struct srv_ca *ca, uint8_t ret_hash[32]) must_check;
/* Makes a new key and certificate for TLS servers: DIR/server.pem and DIR/server.key. names: comma-separated
 * host names and IP addresses, at most SRV_NAMES_MAX. -EINVAL for a name that is neither. */
int srv_ca_issue_server(const struct srv_ca *ca, const char *dir, const char *names,
			struct err *err) must_check;
/* Signs a device's request (PKCS #10, DER): its signature must be good and its key P-256; subject and
 * extensions are ignored. The certificate says device and holds from now for SRV_DEVICE_DAYS. Appends
 * DER. -EBADMSG: not a request; -EKEYREJECTED: bad signature or key; *ret_expires in seconds. */
int srv_ca_issue_device(const struct srv_ca *ca, const void *csr, size_t n, const char *device,
			time_t now, struct buf *certificate, time_t *ret_expires,
			struct err *err) must_check;

#endif
