/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/world.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/actors.h"
#include "tests/sim/candidate.h"
#include "tests/sim/errand.h"
#include "tests/sim/invariant.h"
#include "tests/sim/kube_cache.h"
#include "tests/sim/people.h"
#include "tests/sim/place.h"
#include "tests/sim/replica.h"
#include "tests/sim/sim_wire.h"
#include "tests/sim/upheaval.h"

#define BOOT_MS 100000
#define BORN_US INT64_C(1790000000000000) /* the wall clock at boot */
#define SETTLING_MS (25 * 60 * 1000)
#define QUIET_MS (40 * 60 * 1000)
#define STILL_MS (75 * 1000)
#define STILL_LONG_MS (5 * 60 * 1000)
/* What somebody changed is read a minute after our own write at the earliest, and each association is
 * read once a minute. */
#define DESCRIBED_MS (130 * 1000)
#define CHECKED_MS (11 * 60 * 1000) /* the operator looks at its cluster every ten minutes */
#define TRY_MS (10 * 1000)
#define QUIET_PASSES 3
#define PACE_MS 4000 /* between two things that people do */

/* ---- failures ---- */

void world_fail(struct world *world, const char *invariant, const char *format, ...)
{
    va_list args;

    if (world->trial)
        world->trial_failed = true;
    if (world->failed || world->trial)
        return;
    world->failed = true;
    snprintf(world->invariant, sizeof world->invariant, "%s", invariant);
    va_start(args, format);
    vsnprintf(world->why, sizeof world->why, format, args);
    va_end(args);
    TRACE(world, "!!! %s: %s", world->invariant, world->why);
}

/* ---- marks ---- */

static struct mark *find_mark(const struct marks *marks, const char *key)
{
    for (size_t i = 0; i < marks->count; i++)
        if (strcmp(marks->items[i].key, key) == 0)
            return &marks->items[i];
    return NULL;
}

void marks_set(struct marks *marks, int64_t at, const char *format, ...)
{
    struct mark mark = {.at = at}, *known;
    va_list args;

    va_start(args, format);
    vsnprintf(mark.key, sizeof mark.key, format, args);
    va_end(args);
    known = find_mark(marks, mark.key);
    if (known) {
        known->at = at;
        return;
    }
    MEM_GROW(marks->items, marks->count, marks->capacity);
    marks->items[marks->count++] = mark;
}

int64_t marks_get(const struct marks *marks, const char *format, ...)
{
    char key[sizeof((struct mark *)0)->key];
    const struct mark *mark;
    va_list args;

    va_start(args, format);
    vsnprintf(key, sizeof key, format, args);
    va_end(args);
    mark = find_mark(marks, key);
    return mark ? mark->at : -1;
}

void world_touch(struct world *world, const char *namespace, const char *account)
{
    marks_set(&world->touched, world->now, "%s/%s", namespace, account);
}

/* ---- looking ---- */

bool world_is_calm(const struct world *world)
{
    return world->phase != PHASE_BUSY;
}

int64_t world_wall_us(const struct world *world)
{
    return BORN_US + world->now * 1000;
}

struct view world_view(const struct world *world)
{
    return (struct view){.bindings = world->kube.bindings,
                         .binding_count = world->kube.binding_count,
                         .accounts = world->kube.accounts,
                         .account_count = world->kube.account_count,
                         .own_namespace = OWN_NAMESPACE};
}

const struct model_association *world_association(const struct world *world, const char *id)
{
    struct model_view view;

    return model_association_by_id(world->model, CLUSTER_NAME, id, world->now, &view) ? view.truth
                                                                                      : NULL;
}

const struct model_association *world_key(const struct world *world, const char *namespace,
                                          const char *account)
{
    struct model_view view;

    return model_association_by_key(world->model, CLUSTER_NAME, namespace, account, world->now,
                                    &view)
               ? view.truth
               : NULL;
}

const struct model_association *world_association_at(const struct world *world, size_t index)
{
    struct model_view view;

    for (size_t i = 0; model_association_at(world->model, CLUSTER_NAME, i, world->now, &view); i++)
        if (view.truth && index-- == 0)
            return view.truth;
    return NULL;
}

size_t world_association_count(const struct world *world)
{
    size_t count = 0;

    while (world_association_at(world, count))
        count++;
    return count;
}

/* ---- phases ---- */

/* For how long nothing must have been written. Where the checks of rest see little, all that the
 * operator does by time alone must have been done. */
static int64_t silence(const struct world *world)
{
    bool blind = world->identity == IDENTITY_WRONG || world->identity == IDENTITY_UNREADABLE;

    if (world->cluster_deleting)
        return CHECKED_MS;
    if (world->drifted && !blind && world->weather.mode == PLAN_SYNC)
        return DESCRIBED_MS;
    return blind || world->weather.mode != PLAN_SYNC ? STILL_LONG_MS : STILL_MS;
}

/* Until when what came or went may not have been seen: nothing is tried for a suspended binding, so
 * that the next whole List shows it, and status then tells. */
static int64_t unseen_until(const struct world *world)
{
    for (size_t i = 0; i < world->kube.binding_count; i++)
        if (world->came_at > 0 && world->kube.bindings[i]->suspend)
            return world->came_at + EXISTENCE_INTERVAL_MS + TRY_MS;
    return 0;
}

static int64_t rest_due(const struct world *world)
{
    int64_t due = world->stirred_at + silence(world);

    if (due < world->fight.until + silence(world))
        due = world->fight.until + silence(world);
    return due < unseen_until(world) ? unseen_until(world) : due;
}

/* Can rest be told by trying its checks? Else bindings may or may not still be going at rest, and
 * it comes when all that the operator does by time alone was done. */
static bool is_tried(const struct world *world)
{
    return world->weather.mode == PLAN_SYNC;
}

static void settle(struct world *world)
{
    TRACE(world, "── faults and people have stopped");
    world->phase = PHASE_SETTLING;
    world->phase_until = world->now + (is_tried(world) ? SETTLING_MS : CHECKED_MS);
    world->people_at = NEVER;
    world->awaits_budget = world->port_calls % 8 == 0;
    world->stirred_at = world->mended_at = world->now;
    world->try_rest_at = world->now + silence(world);
    world->weather.eks_latency = world->weather.kube_latency = 50;
    world->weather.watch_delay = 50;
    people_mend(world);
    for (size_t i = 0; i < world->place_count; i++) {
        place_calm(&world->places[i]);
        world->places[i].wall_skew_us = 0;
    }
}

/* Would it be right to call this rest? */
static bool is_at_rest(struct world *world)
{
    bool well;

    if (rest_waits(world))
        return false;
    world->trial = true;
    rest_check(world);
    well = !world->trial_failed;
    world->trial = world->trial_failed = false;
    return well && upheaval_due(world) == NEVER && actors_due(world) == NEVER;
}

/* When the operator writes again what it found contested; -1: nothing. */
static int64_t retry_due(const struct world *world)
{
    int64_t due = -1;

    for (size_t i = 0; i < world->place_count; i++) {
        const struct replica *replica = world->places[i].replica;
        const struct mirror *mirror = replica ? &replica->sync.observe.mirror : NULL;

        for (size_t e = 0; mirror && e < mirror->count; e++) {
            const struct contest *contest = mirror->entries[e]->contest;

            if (contest && contest->retry_at > world->now && contest->retry_at > due)
                due = contest->retry_at;
        }
    }
    return due;
}

/* What is contested comes right with the hourly write, once nobody undoes it any more: twice it is
 * waited for, as the first may still be undone. */
static bool waits_for_retry(struct world *world)
{
    int64_t due = retry_due(world);

    if (due < 0 || world->retries_awaited == 2)
        return false;
    world->retries_awaited++;
    world->phase_until = due + SETTLING_MS;
    return true;
}

static void turn_phase(struct world *world)
{
    switch (world->phase) {
    case PHASE_BUSY:
        settle(world);
        break;
    case PHASE_SETTLING:
        if (!is_at_rest(world) && waits_for_retry(world))
            break;
        TRACE(world, "── at rest");
        rest_check(world);
        world->phase = PHASE_QUIET;
        world->phase_until = world->now + QUIET_MS;
        world->writes_at_quiet = world->writes;
        world->passes_at_quiet = world->passes;
        break;
    case PHASE_QUIET:
    case PHASE_OVER:
        world->phase = PHASE_OVER;
        break;
    }
}

/* Rest comes when nothing has been written for so long that nothing is on its way any more, and
 * all is right; at the end of the phase it must have come. */
static void watch_settling(struct world *world)
{
    if (world->phase != PHASE_SETTLING || world->now < world->try_rest_at || !is_tried(world))
        return;
    world->try_rest_at = rest_due(world);
    if (world->try_rest_at > world->now)
        return;
    world->try_rest_at = world->now + TRY_MS;
    if (is_at_rest(world))
        world->phase_until = world->now;
}

/* Three further passes write nothing. */
static void watch_quiet(struct world *world)
{
    if (world->phase != PHASE_QUIET || world->failed)
        return;
    if (world->writes != world->writes_at_quiet && !world->rests_contested)
        world_fail(world, "quiet", "something was written at rest");
    else if (world->passes >= world->passes_at_quiet + QUIET_PASSES)
        world->phase = PHASE_OVER;
    else if (world->now >= world->phase_until)
        world_fail(world, "quiet", "no %d passes in %d minutes", QUIET_PASSES, QUIET_MS / 60000);
}

/* ---- going on ---- */

static void sooner(int64_t *due, int64_t at)
{
    if (at < *due)
        *due = at;
}

static int64_t next_due(struct world *world)
{
    int64_t due = world->phase_until;

    sooner(&due, world->people_at);
    sooner(&due, upheaval_due(world));
    sooner(&due, fight_due(world));
    sooner(&due, actors_due(world));
    if (world->phase == PHASE_SETTLING && is_tried(world))
        sooner(&due, world->try_rest_at);
    sooner(&due, errands_due(world));
    sooner(&due, lease_calls_due(world));
    for (size_t i = 0; i < world->place_count; i++)
        sooner(&due, place_due(&world->places[i]));
    return due;
}

static void go_on_to(struct world *world, int64_t due)
{
    if (due > world->now) {
        world->now = due;
        world->still = world->looks = 0;
    }
    world->kube.now = world->now;
    world->kube.wall_us = world_wall_us(world);
}

/* What is due at the same moment happens in any order. */
static void run_places(struct world *world)
{
    bool second_first = world->place_count == 2 && place_due(&world->places[0]) <= world->now &&
                        place_due(&world->places[1]) <= world->now &&
                        tape_choose(&world->tape, 2, "which of two replicas goes first") == 1;

    for (size_t i = 0; i < world->place_count; i++)
        place_run(&world->places[second_first ? 1 - i : i]);
}

static void turn(struct world *world)
{
    go_on_to(world, next_due(world));
    if (world->now >= world->phase_until)
        turn_phase(world);
    if (world->people_at <= world->now) {
        people_act(world);
        world->people_at =
            world->now + tape_between(&world->tape, 1, PACE_MS, "until somebody does something");
    }
    upheaval_run(world);
    actors_run(world);
    fight_run(world);
    errands_run(world);
    lease_calls_run(world);
    run_places(world);
    watch_settling(world);
    watch_quiet(world);
}

static void world_run(struct world *world)
{
    while (world->phase != PHASE_OVER && !world->failed)
        turn(world);
    world->phase = PHASE_OVER;
    for (size_t i = 0; i < world->place_count; i++)
        place_end(&world->places[i]);
}

/* ---- birth and end ---- */

/* The second one comes some time after the first. */
static void places_init(struct world *world, struct fiber *fiber)
{
    struct tape *tape = &world->tape;

    world->place_count = 1 + tape_choose(tape, 2, "replicas");
    place_init(&world->places[0], world, "A", fiber);
    place_init(&world->places[1], world, "B", fiber_other(fiber));
    world->places[0].start_at = world->now;
    if (world->place_count > 1)
        world->places[1].start_at =
            world->now + tape_between(tape, 0, 20000, "when the second replica comes");
}

static void world_init(struct world *world, struct tape *tape, enum world_way way,
                       struct fiber *fiber, struct tally *tally, struct trace *trace)
{
    *world = (struct world){.way = way, .now = BOOT_MS, .tally = tally, .trace = trace};
    world->tape = *tape;
    world->tape.next = 0;
    world->model = model_new();
    births_draw(world);
    go_on_to(world, world->now);
    if (way != WORLD_PLAIN)
        world->wire = sim_wire_new(world);
    people_settle_in(world);
    actors_draw(world);
    world->people_at = world->now + tape_between(&world->tape, 1, PACE_MS, "the first deed");
    places_init(world, fiber);
}

static void world_release(struct world *world)
{
    errands_release(world);
    lease_calls_release(world);
    sim_wire_free(world->wire);
    kube_caches_release(world);
    kube_release(&world->kube);
    model_free(world->model);
    upheaval_release(world);
    mem_free(world->lost.items);
    mem_free(world->told_conflict.items);
    mem_free(world->contested.items);
    mem_free(world->touched.items);
    mem_free(world->left.items);
    mem_free(world->owner_lost.items);
    mem_free(world->deleted.items);
    mem_free(world->retained.items);
}

bool world_history(struct tape *tape, enum world_way way, struct fiber *fiber, struct tally *tally,
                   struct trace *trace, struct history *ret_history)
{
    struct world world;

    world_init(&world, tape, way, fiber, tally, trace);
    world_run(&world);
    tally_history(tally, world.port_calls, world.passes, world.crashes > 0);
    tally->seconds += (uint64_t)((world.now - BOOT_MS) / 1000);
    *ret_history = (struct history){.failed = world.failed};
    memcpy(ret_history->invariant, world.invariant, sizeof world.invariant);
    memcpy(ret_history->why, world.why, sizeof world.why);
    *tape = world.tape;
    world_release(&world);
    return !ret_history->failed;
}

bool world_history_from_words(const uint32_t *words, size_t count, struct history *ret_history)
{
    struct tally tally = {0};
    struct fiber *fiber = fiber_new();
    struct tape tape = {0};
    bool well;

    tape_put(&tape, words, count);
    well = world_history(&tape, WORLD_PLAIN, fiber, &tally, NULL, ret_history);
    tape_release(&tape);
    fiber_free(fiber);
    return well;
}
