/* SPDX-License-Identifier: Apache-2.0 */
/* The deletion budget, over all lives and replicas of the operator (rule D3). */
#include <stdlib.h>

#include "reconcile/guard.h"
#include "tests/sim/invariant.h"

/* What people let through may be used this long after it was taken off their number. */
#define RELEASE_LASTS_MS (GUARD_WINDOW_MS + GUARD_USE_MS)
/* One that was sent in time may take effect that much later. */
#define LATE_MS 12000

static void log_at(struct budget_log *log, int64_t at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        log->at[log->next % BUDGET_LOG] = at;
        log->next++;
    }
}

static size_t since(const struct budget_log *log, int64_t then)
{
    size_t first = log->next > BUDGET_LOG ? log->next - BUDGET_LOG : 0, count = 0;

    for (size_t i = first; i < log->next; i++)
        count += log->at[i % BUDGET_LOG] > then;
    return count;
}

void invariant_budget(struct world *world)
{
    size_t allowed = DELETION_FLOOR + since(&world->let_through, world->now - RELEASE_LASTS_MS);

    log_at(&world->deletions, world->now, 1);
    if (since(&world->let_through, world->now - RELEASE_LASTS_MS) > 0)
        world->tally->sometimes[SOMETIMES_RELEASED]++;
    if (since(&world->deletions, world->now - GUARD_WINDOW_MS + LATE_MS) > allowed)
        world_fail(world, "budget", "more than %zu Deletes in ten minutes", allowed);
}

void invariant_let_through(struct world *world, const char *before, const char *after)
{
    long was = before ? strtol(before, NULL, 10) : 0, is = after ? strtol(after, NULL, 10) : 0;

    if (was > is)
        log_at(&world->let_through, world->now, (size_t)(was - is));
}
