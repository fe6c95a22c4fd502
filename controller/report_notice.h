/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_notice - what a pass has to say to whoever reads the log: bindings that were told a reason
 * which somebody has to mend. A score of them with their words, the others as a number.
 */
#pragma once

#include <stddef.h>

#include "reconcile/outcome.h"

struct report_notice {
    char *namespace, *name, *message;
    const char *reason; /* static */
};

/* Zeroed is empty. */
#define REPORT_NOTICES 20
struct report_notices {
    struct report_notice items[REPORT_NOTICES];
    size_t count;
    size_t more; /* beside these */
};
void report_notices_release(struct report_notices *notices);

/* The binding's status says so now, and did not before. Reasons that pass by themselves are left
 * out. */
void report_notice(struct report_notices *notices, const struct binding *binding,
                   const struct outcome *outcome);
