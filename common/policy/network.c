#include "common/policy/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* IPv4 in IPv6 is IPv4, unless the network is wider than what holds it. */
static void unmap(struct network *network)
{
	if (network->bytes != 16 || network->prefix < 96 ||
	    memcmp(network->address, mapped, sizeof(mapped)) != 0)
		return;
	memmove(network->address, network->address + 12, 4);
	network->bytes = 4;
	network->prefix -= 96;
}

static bool parse_address(const char *text, size_t n, struct network *out)
{
	char address[INET6_ADDRSTRLEN];

	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	*out = (struct network){.bytes = strchr(address, ':') ? 16 : 4};
	out->prefix = (unsigned)out->bytes * 8;
	return inet_pton(out->bytes == 16 ? AF_INET6 : AF_INET, address, out->address) == 1;
}

static bool parse_prefix(const char *text, unsigned *prefix)
{
	char *end = NULL;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 3)
		return false;
	unsigned long bits = strtoul(text, &end, 10);

	if (*end || bits > *prefix)
		return false;
	*prefix = (unsigned)bits;
	return true;
}

bool network_is_meant(const char *item)
{
	const char *dot = strrchr(item, '.');
	const char *last = dot ? dot + 1 : item;

	if (strchr(item, '/') || strchr(item, ':'))
		return true;
	if (!strncmp(last, "0x", 2) && strspn(last + 2, "0123456789abcdef") == strlen(last + 2))
		return true; /* what some resolvers take for one, too */
	return *last && strspn(last, "0123456789") == strlen(last);
}

bool network_parse(const char *item, struct network *ret_network)
{
	const char *slash = strchr(item, '/');
	struct network n;

	if (!parse_address(item, slash ? (size_t)(slash - item) : strlen(item), &n) ||
	    (slash && !parse_prefix(slash + 1, &n.prefix)))
		return false;
	for (unsigned bit = n.prefix; bit < n.bytes * 8; bit++) {
		if (n.address[bit / 8] & (0x80 >> (bit % 8)))
			return false;
	}
	unmap(&n);
	*ret_network = n;
	return true;
}

static unsigned digit_of(const struct network *network, unsigned at)
{
	return network->address[at / 2] >> (at % 2 ? 0 : 4) & 15;
}

/* "[0a000005]", with "?" for the digits from `open` on. */
static void put_address(const struct network *network, unsigned open, char out[40])
{
	unsigned digits = (unsigned)network->bytes * 2;

	out[0] = '[';
	for (unsigned i = 0; i < digits; i++)
		out[1 + i] = i < open ? "0123456789abcdef"[digit_of(network, i)] : '?';
	out[1 + digits] = ']';
	out[2 + digits] = '\0';
}

/* The digit that the prefix ends in takes several values. */
int network_patterns(const struct network *network, network_fn *fn, void *context)
{
	unsigned whole = network->prefix / 4, rest = network->prefix % 4;
	unsigned values = rest ? 1U << (4 - rest) : 1;
	char text[40];
	int r = 0;

	put_address(network, whole + (rest != 0), text);
	unsigned first = rest ? digit_of(network, whole) : 0;

	for (unsigned i = 0; i < values && r == 0; i++) {
		if (rest)
			text[1 + whole] = "0123456789abcdef"[first + i];
		r = fn(context, text);
	}
	return r;
}

static bool is_name(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= 253 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n &&
	       text[0] != '.' && text[n - 1] != '.' && !strstr(text, "..") &&
	       !network_is_meant(text);
}

static bool is_port(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= 5 && text[0] != '0' && strspn(text, "0123456789") == n &&
	       strtoul(text, NULL, 10) <= 65535;
}

/* Takes "[...]" off the end of a host, and then stands for its address. */
static bool split_address(char *host, struct network *out)
{
	size_t n = strlen(host);
	char *open = strchr(host, '[');

	out->bytes = 0;
	if (open) {
		if (host[n - 1] != ']' ||
		    !parse_address(open + 1, n - 2 - (size_t)(open - host), out))
			return false;
		*open = '\0';
	} else if (network_is_meant(host)) {
		if (!parse_address(host, n, out) || out->bytes != 4)
			return false;
		host[0] = '\0';
	}
	if (out->bytes)
		unmap(out);
	return true;
}

int network_object(const char *text, char ret_object[NETWORK_OBJECT_MAX])
{
	char host[NETWORK_OBJECT_MAX], address[40] = "[]";
	const char *port = strrchr(text, ':');
	struct network network;

	if ((strncmp(text, "tcp:", 4) != 0 && strncmp(text, "udp:", 4) != 0) || port <= text + 4 ||
	    !is_port(port + 1) || (size_t)(port - text - 4) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text + 4, (size_t)(port - text - 4));
	host[port - text - 4] = '\0';
	if (!split_address(host, &network) || (!host[0] && !network.bytes) ||
	    (host[0] && !is_name(host)))
		return -EINVAL;
	if (network.bytes)
		put_address(&network, (unsigned)network.bytes * 2, address);
	int n = snprintf(ret_object, NETWORK_OBJECT_MAX, "%.4s%s%s%s:%s", text, address,
			 host[0] ? "." : "", host, port + 1);

	return n < NETWORK_OBJECT_MAX ? 0 : -EINVAL;
}
