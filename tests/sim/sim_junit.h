/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_junit - the outcome as JUnit XML: a test case for each kept tape, for every 10,000 histories,
 * and for what a long run must have met.
 */
#pragma once

#include "base/strbuf.h"
#include "tests/sim/workers.h"

struct sim_junit {
    struct strbuf cases;
    unsigned count, failures;
};

/* `failure` NULL: it passed. */
void sim_junit_case(struct sim_junit *junit, const char *name, const char *failure);
/* Those after a failing block did not run. `shortfalls`: what a long run should have met, or "". */
void sim_junit_histories(struct sim_junit *junit, uint64_t seed, uint64_t histories,
                         const struct workers_result *result, const char *shortfalls,
                         const char *summary);
/* Returns -1 after a sentence on standard error. */
int sim_junit_write(const struct sim_junit *junit, const char *path);
void sim_junit_release(struct sim_junit *junit);
