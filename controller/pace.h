/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace - when a call to EKS may leave: one budget for all that change something, and one for all
 * reads (rule W6). The rule is aws/throttle's; here it meets the calls.
 *
 * Every call to EKS passes through it, from pace_start() to pace_done(). Other calls may leave at
 * any time.
 */
#pragma once

#include "aws/throttle.h"
#include "controller/ports.h"

/* How often a call is made within a pass that EKS refuses because there are too many. */
#define PACE_TRIES 3

struct pace {
    struct throttle writes, reads;
};

/* When a call of this kind may leave, ms since boot: `now` or earlier: at once; INT64_MAX: only
 * after another has come back. */
int64_t pace_due(struct pace *pace, enum call_verb verb, int64_t now);
/* It leaves. */
void pace_start(struct pace *pace, struct call *call, int64_t now);
/* It is back. */
void pace_done(struct pace *pace, const struct call *call, int64_t now);
/* True while EKS keeps us from making as many such calls as we would. */
bool pace_limits(const struct pace *pace, enum call_verb verb, int64_t now);
