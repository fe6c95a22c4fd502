/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/pace.h"

static struct throttle *throttle_of(struct pace *pace, enum call_verb verb)
{
    return call_writes(verb) ? &pace->writes : &pace->reads;
}

int64_t pace_due(struct pace *pace, enum call_verb verb, int64_t now)
{
    return call_is_eks(verb) ? throttle_due(throttle_of(pace, verb), now) : now;
}

void pace_start(struct pace *pace, struct call *call, int64_t now)
{
    if (call_is_eks(call->verb))
        call->epoch = throttle_start(throttle_of(pace, call->verb), now);
}

/* A call that did not get there, or whose answer was lost, tells nothing. */
static enum throttle_answer answer_of(const struct call *call)
{
    if (call->error.kind == ERROR_THROTTLED)
        return THROTTLE_LOST;
    if (call->error.kind == ERROR_TRANSIENT || call->error.kind == ERROR_UNKNOWN)
        return THROTTLE_SILENT;
    return THROTTLE_PASSED;
}

void pace_done(struct pace *pace, const struct call *call, int64_t now)
{
    if (call_is_eks(call->verb))
        throttle_done(throttle_of(pace, call->verb), call->epoch, now, answer_of(call),
                      call->error.retry_after_ms);
}

bool pace_limits(const struct pace *pace, enum call_verb verb, int64_t now)
{
    return call_is_eks(verb) &&
           throttle_limits(call_writes(verb) ? &pace->writes : &pace->reads, now);
}
