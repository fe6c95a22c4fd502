/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/place.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/candidate.h"
#include "tests/sim/errand.h"
#include "tests/sim/replica.h"

#define LEAVE_MS 4500 /* as run_controller() gives itself after SIGTERM */
#define HOUR_US INT64_C(3600000000)

/* ---- clocks ---- */

int64_t place_clock(const struct place *place)
{
    return place->world->now + place->boot_offset;
}

int64_t place_wall_us(const struct place *place)
{
    return world_wall_us(place->world) + place->wall_skew_us;
}

int64_t place_to_world(const struct place *place, int64_t clock)
{
    return clock == INT64_MAX ? NEVER : clock - place->boot_offset;
}

/* ---- fate ---- */

/* Where this life is going to end. */
static void draw_death(struct place *place)
{
    struct world *world = place->world;
    struct tape *tape = &world->tape;

    if (world->weather.crashes == 0)
        return;
    world->weather.crashes--;
    if (tape_choose(tape, 4, "a crash at some time") == 3) {
        place->crash_at = world->now + tape_between(tape, 1, 60000, "when");
        return;
    }
    place->crash_in = 1 + tape_choose(tape, 80, "a crash at some call");
    place->crash_after = tape_choose(tape, 2, "after its effect") == 1;
}

/* What befalls its node, or its pod. */
static void draw_trouble(struct place *place)
{
    struct tape *tape = &place->world->tape;
    int64_t from = place->world->now + tape_between(tape, 1000, 90000, "trouble");

    switch (tape_choose(tape, 4, "which trouble")) {
    case 0:
        place->deaf_from = from;
        place->deaf_until = from + tape_between(tape, 2000, 30000, "the lease is out of reach for");
        break;
    case 1:
        place->pause_from = from;
        place->pause_until = from + tape_between(tape, 1, 60000, "all stands still for");
        break;
    case 2:
        place->stop_in = 1 + tape_choose(tape, 30, "it stops at some write");
        place->stop_ms = tape_between(tape, 1, 60000, "and stands still for");
        break;
    default:
        place->leave_at = from;
    }
}

static void draw_fate(struct place *place)
{
    struct world *world = place->world;
    struct tape *tape = &world->tape;

    place_calm(place);
    if (world_is_calm(world))
        return;
    draw_death(place);
    if (tape_chance(tape, world->weather.lease_faults, "trouble with the process"))
        draw_trouble(place);
    if (tape_choose(tape, 8, "a jump of the wall clock") == 7)
        place->jump_at = world->now + tape_between(tape, 1, 90000, "when it jumps");
}

void place_calm(struct place *place)
{
    place->crash_in = place->stop_in = 0;
    place->crash_at = place->leave_at = place->jump_at = NEVER;
    place->deaf_from = place->deaf_until = NEVER;
    if (place->pause_from > place->world->now)
        place->pause_from = place->pause_until = NEVER;
    if (place->replica)
        for (int resource = 0; resource < RESOURCE_COUNT; resource++)
            kube_watch_calm(place->replica, &place->replica->watches[resource]);
}

bool place_is_paused(const struct place *place)
{
    return place->world->now >= place->pause_from && place->world->now < place->pause_until;
}

int64_t place_stops_here(struct place *place)
{
    if (place->stop_in == 0 || --place->stop_in > 0)
        return 0;
    place->pause_from = place->world->now;
    place->pause_until = place->world->now + place->stop_ms;
    return place->stop_ms;
}

static void wake_up(struct place *place)
{
    struct world *world = place->world;
    const struct lease_record *record = &world->kube.lease.record;
    bool led = place->candidate.lease.state == LEASE_LEADING;

    place->pause_from = place->pause_until = NEVER;
    world->tally->sometimes[SOMETIMES_PAUSED]++;
    if (led && place->replica && strcmp(record->holder, place->identity) != 0)
        world->tally->sometimes[SOMETIMES_WAKES_DEPOSED]++;
    TRACE(world, "%s wakes up", place->name);
}

static void jump(struct place *place)
{
    struct world *world = place->world;

    place->jump_at = NEVER;
    place->wall_skew_us = tape_choose(&world->tape, 2, "which way it jumps") ? -HOUR_US : HOUR_US;
    world->tally->sometimes[SOMETIMES_CLOCK_JUMPED]++;
    TRACE(world, "%s: its wall clock jumps by an hour", place->name);
}

/* ---- lives ---- */

/* Another pod, on some node. */
static void move_in(struct place *place)
{
    struct tape *tape = &place->world->tape;

    snprintf(place->identity, sizeof place->identity, "podbind-%s-%u", place->name,
             ++place->incarnation);
    place->boot_offset = 0;
    if (tape_choose(tape, 2, "a node that has been up for longer"))
        place->boot_offset = tape_between(tape, 1, 1 << 30, "by so much");
    place->wall_skew_us = 0;
}

static void start(struct place *place)
{
    struct world *world = place->world;

    place->start_at = NEVER;
    if (place->incarnation == 0 || tape_choose(&world->tape, 2, "another pod"))
        move_in(place);
    draw_fate(place);
    place->replica = replica_new(world, place);
    candidate_start(place);
}

static void start_again(struct place *place)
{
    struct world *world = place->world;

    candidate_end(&place->candidate);
    place->leaving = false;
    place->start_at =
        world->now + tape_between(&world->tape, 300, 20000, "until it is started again");
}

static void bury(struct place *place)
{
    struct world *world = place->world;

    if (!place->replica->dead)
        world_fail(world, "livelock", "work_run() returned though the world was not gone");
    if (!world->abandoned)
        replica_free(place->replica);
    place->replica = NULL;
    place_calm(place);
    place->pause_from = place->pause_until = NEVER;
    if (place->leaving)
        candidate_release(place);
    else
        start_again(place);
}

/* SIGTERM. */
static void leave(struct place *place)
{
    place->leave_at = place->crash_at = NEVER;
    place->leaving = true;
    place->leave_by = place->world->now + LEAVE_MS;
    place->world->tally->sometimes[SOMETIMES_TOLD_TO_END]++;
    replica_kill(place->replica, "is told to end");
}

static bool has_left(const struct place *place)
{
    return place->leaving && !place->replica &&
           (place->leave_by <= place->world->now ||
            place->candidate.lease.state == LEASE_RELEASED ||
            place->candidate.lease.state == LEASE_LOST);
}

void place_crash(struct place *place, const char *why)
{
    place->world->crashes++;
    replica_kill(place->replica, why);
}

/* ---- being run ---- */

static void sooner(int64_t *due, int64_t at)
{
    if (at < *due)
        *due = at;
}

int64_t place_due(struct place *place)
{
    int64_t due = place->start_at;

    sooner(&due, place->crash_at);
    sooner(&due, place->leave_at);
    sooner(&due, place->jump_at);
    if (place->leaving)
        sooner(&due, place->leave_by);
    if (place->replica && place->replica->dead)
        return place->world->now;
    for (int resource = 0; place->replica && resource < RESOURCE_COUNT; resource++)
        sooner(&due, kube_watch_due(place->replica, &place->replica->watches[resource]));
    if (place_is_paused(place)) {
        sooner(&due, place->pause_until);
        return due;
    }
    sooner(&due, candidate_due(&place->candidate));
    if (place->replica)
        sooner(&due, replica_due(place->replica));
    return due;
}

static void meet_fate(struct place *place)
{
    int64_t now = place->world->now;

    if (place->pause_until <= now)
        wake_up(place);
    if (place->jump_at <= now)
        jump(place);
    if (place->crash_at <= now) {
        place->crash_at = NEVER;
        place_crash(place, "crashes");
    }
    if (place->leave_at <= now)
        leave(place);
}

void place_run(struct place *place)
{
    struct world *world = place->world;
    struct replica *replica;

    if (place->start_at <= world->now)
        start(place);
    if (place->replica && !place->replica->dead)
        meet_fate(place);
    if (!place_is_paused(place) && !(place->replica && place->replica->dead))
        candidate_run(place);
    if (has_left(place))
        start_again(place);
    replica = place->replica;
    if (!replica)
        return;
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        kube_watch_run(replica, &replica->watches[resource]);
    if (replica->dead || !place_is_paused(place))
        replica_run(replica);
    if (replica_ended(replica) || world->abandoned)
        bury(place);
}

void place_end(struct place *place)
{
    const struct world *world = place->world;

    place_calm(place);
    if (place->replica && !world->abandoned)
        replica_kill(place->replica, "is told to end");
    while (place->replica && !world->abandoned)
        place_run(place);
    candidate_end(&place->candidate);
}

void place_init(struct place *place, struct world *world, const char *name, struct fiber *fiber)
{
    *place = (struct place){.world = world, .name = name, .fiber = fiber, .start_at = NEVER};
    place->pause_from = place->pause_until = NEVER;
    place->candidate.hint_at = NEVER;
    place_calm(place);
}
