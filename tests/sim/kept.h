/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept - histories that failed once, as tapes in a folder, run again. What they told then is told
 * only by the simulator of that day; they stay as seeds that once led somewhere.
 */
#pragma once

#include <stddef.h>

#include "tests/sim/sim_junit.h"

struct kept_result {
    size_t count, failed;
};

/* Runs all *.tape of a folder, by name, and prints a line for each that fails. Returns -1 after a
 * sentence on standard error when the folder or a file can't be read. */
int kept_run(const char *folder, struct sim_junit *junit, struct kept_result *ret_result);
