/* What a script may tell the simulator: one command per line of stdin, one JSON line on stdout for each. */
#ifndef TESTS_FLEET_SIM_COMMAND_H
#define TESTS_FLEET_SIM_COMMAND_H

#include "tests/fleet-sim/loop.h"

/* Runs commands until "quit" or the end of stdin. 0, or 1 after a command that made no sense. */
int sim_commands_run(struct sim_loop *loop) must_check;

#endif
