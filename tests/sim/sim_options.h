/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_options - the command line of podbind-sim.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/world.h"

struct sim_options {
    uint64_t histories, seed;
    unsigned jobs;
    bool verbose, brief;
    unsigned shrink_seconds;
    const char *failures, *kept, *junit; /* paths; the latter two may be NULL */
    enum world_way way;
    bool only_one;
    uint64_t one;     /* seed */
    const char *tape; /* NULL: none */
};

/* Returns -1 after a sentence on standard error. */
int sim_options_read(int argc, char **argv, struct sim_options *ret_options);
