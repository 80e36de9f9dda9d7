/* `ampoule-server setup`: database, CA, server certificate, configuration and the first admin's token. */
#ifndef SERVER_SERVER_SETUP_H
#define SERVER_SERVER_SETUP_H

#include "common/cleanup.h"
#include "common/err.h"
#include "server/config.h"

/* Does it all, from a filled config. token_file: where the admin's API token goes (0600, not
 * replaced when it exists), NULL: standard output. -EEXIST when the database was set up before. */
int srv_setup(const struct srv_config *config, const char *token_file, struct err *err) must_check;
/* Prints, on standard output, a one-time link that makes an admin of every group: for the first one (srv_setup()
 * does it too), and for an installation that nobody can enter any more. */
int srv_setup_link(const struct srv_config *config, struct err *err) must_check;
/* Makes a new key and certificate of the server, for the names of the configuration. */
int srv_setup_renew(const struct srv_config *config, struct err *err) must_check;

#endif
