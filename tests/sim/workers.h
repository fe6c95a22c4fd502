/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workers - histories in several processes.
 *
 * The histories of a run are numbered from 0; that of number i has the seed first + i. Workers take
 * them a few at a time, in order. After one has failed those before it are still run, so that the
 * first that fails is the same however many work. Every 20th runs twice and must leave the same
 * trace.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/tally.h"
#include "tests/sim/world.h"

#define INVARIANT_SAME_TRACE "same-trace"

struct workers_order {
    uint64_t first; /* seed */
    uint64_t histories;
    unsigned jobs;
    enum world_way way; /* WORLD_FAITHFUL: each must leave the trace of the plain one */
    bool verbose;       /* each history's seed and hash on standard output */
};

struct workers_result {
    struct tally tally;
    bool failed;
    uint64_t number; /* of the first history that failed */
    struct history history;
};

void workers_run(const struct workers_order *order, struct workers_result *ret_result);
