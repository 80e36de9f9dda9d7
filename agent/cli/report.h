/* `ampoule ls`, `status` and `explain`: for people, or as JSON with --json. */
#ifndef AGENT_CLI_REPORT_H
#define AGENT_CLI_REPORT_H

#include <stdbool.h>

/* Each returns the exit status: 0, or 1 with the reason on stderr. */
int agent_command_ls(bool json);
int agent_command_status(bool json);
int agent_command_explain(bool json, const char *id);
int agent_command_stop(const char *id);

#endif
