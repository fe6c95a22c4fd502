/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/work.h"

#include "base/least.h"
#include "base/mem.h"

/* A burst of events is one pass: after a pass that left nothing to do, what comes gathers this
 * long. */
#define GATHER_MS 50

/* Another may have written until now: nothing known of EKS holds, and what the stores show may be
 * older than what the other went by. */
static void follow_lease(struct sync *sync)
{
    int64_t now = sync->ports->now(sync->ports->world);
    bool leads = sync->ports->lease_until(sync->ports->world) > now;

    if (leads && !sync->leading) {
        observe_restart(&sync->observe);
        budget_restart(&sync->budget);
        intake_renew(&sync->intake);
        sync->again = true;
    }
    sync->leading = leads;
}

/* While the first state is still coming in, EKS can be asked already which cluster it is (no write
 * follows from that before all is synced). Returns -1 when the world is gone. */
static int look_ahead(struct sync *sync)
{
    struct error err = {0};

    if (!sync->leading || intake_current(&sync->intake))
        return 0;
    if (observe_cluster(&sync->observe, &err) < 0 && err.kind == ERROR_GONE)
        return -1;
    intake_run(&sync->intake); /* what came meanwhile: nothing else need come to wake us for it */
    return 0;
}

/* When the next pass is wanted, ms since boot. */
static int64_t pass_due(const struct sync *sync, int64_t last_pass)
{
    int64_t due = least(sync->due, observe_due(&sync->observe));

    if (!sync->leading || !intake_current(&sync->intake))
        return INT64_MAX;
    if (sync->again)
        due = 0;
    else if (sync->intake.news || due < last_pass + GATHER_MS)
        due = last_pass + GATHER_MS; /* also what a pass left due: it is not to spin on it */
    return due > sync->not_before ? due : sync->not_before;
}

static int pass(struct sync *sync, const struct work_listener *listener)
{
    struct error err = {0};
    int64_t started = sync->ports->now(sync->ports->world);

    sync->again = false;
    if (sync_once(sync, &err) < 0)
        return -1;
    sync->facts.pass_ms = sync->ports->now(sync->ports->world) - started;
    if (!sync->again && sync->facts.trouble.kind == ERROR_NONE)
        sync->facts.finished_at = sync->ports->now(sync->ports->world);
    if (listener && listener->passed)
        listener->passed(listener->context, sync);
    return 0;
}

/* Which roles there are is known, and whose they are. */
static bool may_ask_iam(const struct sync *sync)
{
    return sync->leading && sync->observe.cluster.verdict == CLUSTER_VERIFIED;
}

/* Waits until something happens, at the latest until the next thing is due. */
static int rest(struct sync *sync, int64_t due, const struct work_listener *listener)
{
    struct call *call = NULL;

    due = least(due, intake_due(&sync->intake));
    if (sync->leading)
        due = least(due, sync->observe.rotation_due);
    if (may_ask_iam(sync))
        due = least(due, roles_due(&sync->roles));
    if (listener && listener->waiting)
        listener->waiting(listener->context, sync);
    return intake_next(&sync->intake, due, &call) == INTAKE_GONE ? -1 : 0;
}

void work_run(struct sync *sync, const struct work_listener *listener)
{
    int64_t last_pass = -GATHER_MS;

    for (;;) {
        struct error err = {0};
        int64_t due;

        intake_run(&sync->intake);
        follow_lease(sync);
        if (look_ahead(sync) < 0)
            return;
        if (sync->leading && observe_rotate(&sync->observe, &err) < 0)
            return;
        if (may_ask_iam(sync))
            roles_ask(&sync->roles);
        due = pass_due(sync, last_pass);
        if (due <= sync->ports->now(sync->ports->world)) {
            if (pass(sync, listener) < 0)
                return;
            last_pass = sync->ports->now(sync->ports->world);
        } else if (rest(sync, due, listener) < 0) {
            return;
        }
    }
}
