/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/steps_trouble.h"

#include "base/backoff.h"
#include "reconcile/contest.h"

#define PROPAGATION_MS 120000 /* what AWS has not shown for longer is not just new */

/* `waits` for as long as AWS may just be slow to show something, then it is `lasting`. */
static enum trouble slow_trouble(const struct mirror_entry *entry, enum trouble waits,
                                 enum trouble lasting, int64_t now)
{
    const struct mirror_trouble *before = entry->trouble;

    if (before && before->kind == lasting)
        return lasting;
    if (before && before->kind == waits && now >= before->since + PROPAGATION_MS)
        return lasting;
    return waits;
}

static enum trouble trouble_of(const struct mirror_entry *entry, const struct call *call,
                               int64_t now)
{
    switch (call->detail) {
    case DETAIL_ROLE_MISSING:
        return slow_trouble(entry, TROUBLE_ROLE_WAIT, TROUBLE_ROLE_MISSING, now);
    case DETAIL_TRUST_INVALID:
        return TROUBLE_TRUST;
    case DETAIL_PASS_ROLE:
        return TROUBLE_PASS_ROLE;
    case DETAIL_QUOTA:
        return TROUBLE_QUOTA;
    case DETAIL_CLUSTER_MISSING:
    case DETAIL_NONE:
        break;
    }
    switch (call->error.kind) {
    case ERROR_THROTTLED:
        return TROUBLE_THROTTLED;
    case ERROR_DENIED:
        return TROUBLE_DENIED;
    case ERROR_INVALID:
        return TROUBLE_INVALID;
    case ERROR_CONFLICT:
        return call->verb == CALL_CREATE_ASSOCIATION
                   ? slow_trouble(entry, TROUBLE_GHOST, TROUBLE_HIDDEN, now)
                   : TROUBLE_GHOST;
    case ERROR_NONE:
    case ERROR_TRANSIENT:
    case ERROR_UNKNOWN:
    case ERROR_NOT_FOUND:
    case ERROR_GONE:
    case ERROR_BUG:
        break;
    }
    return TROUBLE_RETRYING;
}

/* First and longest wait. What only a person can mend is tried slowly: no storm, and it heals by
 * itself once mended. */
static struct backoff backoff_of(enum trouble kind)
{
    switch (kind) {
    case TROUBLE_DENIED:
    case TROUBLE_PASS_ROLE:
    case TROUBLE_TRUST:
    case TROUBLE_INVALID:
    case TROUBLE_QUOTA:
    case TROUBLE_ROLE_MISSING:
    case TROUBLE_HIDDEN:
        return (struct backoff){.base_ms = 15000, .cap_ms = 300000};
    case TROUBLE_ROLE_WAIT:
    case TROUBLE_GHOST: /* over in a minute or two */
        return (struct backoff){.base_ms = 2000, .cap_ms = 15000};
    case TROUBLE_THROTTLED: /* controller/pace sees to the rate */
        return (struct backoff){.base_ms = 1000, .cap_ms = 15000};
    case TROUBLE_NONE:
    case TROUBLE_RETRYING:
        break;
    }
    return (struct backoff){.base_ms = 1000, .cap_ms = 60000};
}

static void say_until(const struct ports *ports, int64_t wait_ms, struct error *said)
{
    char until[CONTEST_TIME_SIZE];

    contest_time(ports->wall(ports->world) + wait_ms * 1000, until);
    error_wrap(said, "tried again at %s", until);
}

void steps_wait(struct observe *observe, struct plan_step *step, enum trouble kind,
                const struct error *error)
{
    const struct ports *ports = observe->intake->ports;
    struct mirror_entry *entry = step->entry;
    struct backoff backoff = backoff_of(kind);
    struct error said = *error;
    int64_t wait;

    if (entry->trouble && entry->trouble->kind == kind)
        backoff.failures = entry->trouble->failures;
    wait = backoff_next(&backoff, ports->random(ports->world));
    if (wait < error->retry_after_ms)
        wait = error->retry_after_ms;
    if (kind == TROUBLE_THROTTLED)
        say_until(ports, wait, &said);
    mirror_failed(entry, kind, said.text, step->claim->binding->generation,
                  ports->now(ports->world), wait);
    mirror_blame(entry, step->claim->binding->uid);
}

void steps_fail(struct observe *observe, struct plan_step *step, const struct call *call)
{
    const struct ports *ports = observe->intake->ports;

    steps_wait(observe, step, trouble_of(step->entry, call, ports->now(ports->world)),
               &call->error);
    if (call->detail == DETAIL_CLUSTER_MISSING)
        observe_doubt_cluster(observe);
}

bool steps_vanished(const struct call *call)
{
    return call->error.kind == ERROR_NOT_FOUND && call->detail != DETAIL_CLUSTER_MISSING;
}
