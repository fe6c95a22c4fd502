/* SPDX-License-Identifier: Apache-2.0 */
/* lease_steps - a struct lease led through its steps, each checked. Times in ms since boot. */
#pragma once

#include <stdint.h>

#include "kube/lease.h"

#define LEASE_STEPS_WALL INT64_C(1795375689000000) /* at 0 ms */

/* With the default times. */
struct lease lease_steps_new(const char *identity);
/* One that leads since `now_ms`, having created the Lease. */
struct lease lease_steps_leader(int64_t now_ms);
/* Three changes of hands, 15 s. */
struct lease_record lease_steps_record(const char *holder, int64_t renew_us, const char *version);

/* The next step, which must be this move. */
struct lease_action lease_steps_next(struct lease *lease, int64_t now_ms, enum lease_move expected);
/* A GET, answered at once with this record (NULL: not found). */
void lease_steps_look(struct lease *lease, int64_t now_ms, const struct lease_record *record);
/* A write that succeeds `later_ms` later; returns what was written, with its new version. */
struct lease_record lease_steps_write(struct lease *lease, int64_t now_ms, enum lease_move move,
                                      int64_t later_ms);
/* An UPDATE that fails. */
void lease_steps_fail(struct lease *lease, int64_t now_ms, enum error_kind kind);
