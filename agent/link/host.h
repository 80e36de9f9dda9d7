/* What this machine calls itself. */
#ifndef AGENT_LINK_HOST_H
#define AGENT_LINK_HOST_H

enum {
	AGENT_HOSTNAME_MAX = 254,
	AGENT_MACHINE_ID_MAX = 64
};

/* The host name with only the bytes that servers take: letters, digits, ".", "_", "-". */
void agent_host_name(char out[AGENT_HOSTNAME_MAX]);
/* The content of /etc/machine-id, "" without one. */
void agent_host_machine_id(char out[AGENT_MACHINE_ID_MAX]);

#endif
