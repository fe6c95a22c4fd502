/* SPDX-License-Identifier: Apache-2.0 */
/* standin_options - the command line of podbind-standin, put straight into the world it is for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "tests/standin/standin.h"

struct standin_options {
    uint16_t port;
    unsigned threads;
    bool help; /* asked for: nothing else was done */
};

extern const char standin_usage[];

/* `standin` is initialised; on failure err says which argument was wrong. */
int standin_options_read(int argc, char **argv, struct standin *standin,
                         struct standin_options *ret_options, struct error *err);
