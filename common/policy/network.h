/* Addresses, networks and connections as the arbiter compares them. Internal to common/policy. Pure; any thread.
 *
 * The object of class NET is "tcp:[0a000005].git.corp.example:443": protocol, address in hexadecimal digits (8 or
 * 32; none when it is not known), name (with a "." in front; none when it is not known), port. A name has no
 * brackets, and each digit of an address has its place, so that a network is a few patterns with "?" for the
 * digits it leaves open, and one object is held against rules about names and about networks at once. An IPv4
 * address inside IPv6 ("::ffff:10.0.0.5") is the IPv4 address: nobody gets around a rule by its other spelling. */
#ifndef COMMON_POLICY_NETWORK_H
#define COMMON_POLICY_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum {
	NETWORK_OBJECT_MAX = 320 /* of a connection, with its NUL */
};

struct network {
	size_t bytes; /* of the address: 4 or 16 */
	uint8_t address[16];
	unsigned prefix; /* bits */
};

/* Whether an item of a rule about hosts means a network or an address, and no name: it has a "/" or ":", or its
 * last label is a number. */
bool network_is_meant(const char *item);
/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1". False for anything else, and when a bit behind the prefix is set. */
bool network_parse(const char *item, struct network *ret_network) must_check;
typedef int network_fn(void *context, const char *addresses);
/* Calls fn with "[0a??????]" and so on: the addresses of the network, in at most 8 texts. Stops at the first that
 * does not return 0, and returns that. */
int network_patterns(const struct network *network, network_fn *fn, void *context) must_check;
/* Writes the object of a connection as people and tests spell it: "tcp:git.corp.example:443",
 * "udp:192.0.2.1:53", "tcp:[2001:db8::1]:443", "tcp:git.corp.example[10.0.0.5]:443". -EINVAL for anything
 * else. */
int network_object(const char *text, char ret_object[NETWORK_OBJECT_MAX]) must_check;

#endif
