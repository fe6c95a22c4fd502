/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/candidate.h"

#include <string.h>

#include "base/mem.h"
#include "tests/sim/errand.h"
#include "tests/sim/place.h"
#include "tests/sim/replica.h"

/* ---- what the API server does ---- */

static bool another_holds(const struct candidate *candidate)
{
    const char *holder = lease_holder(&candidate->lease);

    return candidate->lease.state == LEASE_FOLLOWING && !candidate->lease.releasing &&
           holder[0] != '\0' && strcmp(holder, candidate->lease.identity) != 0;
}

/* A hint has come in; only one that the Lease is free wakes the thread. */
static void take_hint(struct candidate *candidate)
{
    struct world *world = candidate->place->world;

    candidate->hint_at = NEVER;
    candidate->hinted = true;
    candidate->hint_clock = place_clock(candidate->place);
    if ((candidate->hint_missing || candidate->hint.holder[0] == '\0') && !candidate->call)
        candidate->due = world->now;
}

/* The watches of those who stand by bring what has just been written. */
static void spread_hints(struct world *world)
{
    for (size_t i = 0; i < world->place_count; i++) {
        struct candidate *candidate = &world->places[i].candidate;
        struct error ignored = {0};

        if (!candidate->runs || !candidate->watches || !another_holds(candidate))
            continue;
        candidate->hint_missing = kube_get_lease(&world->kube, &candidate->hint, &ignored) < 0;
        if (world_is_calm(world) && !place_is_paused(&world->places[i]))
            take_hint(candidate);
        else if (candidate->hint_at == NEVER)
            candidate->hint_at =
                world->now + tape_between(&world->tape, 1, world->weather.watch_delay, "hint");
    }
}

static void count_write(struct world *world, const struct lease_call *call, const char *before)
{
    const struct candidate *candidate = call->candidate;
    uint64_t *sometimes = world->tally->sometimes;

    if (call->record.holder[0] == '\0' || call->move != LEASE_UPDATE)
        return;
    if (before[0] == '\0')
        sometimes[SOMETIMES_LEASE_PASSED_ON]++;
    else if (strcmp(before, call->record.holder) != 0)
        sometimes[SOMETIMES_LEASE_TAKEN_OVER]++;
    else if (candidate && candidate->lease.state == LEASE_FOLLOWING)
        sometimes[SOMETIMES_LEASE_TAKEN_BACK]++;
}

static void perform(struct world *world, struct lease_call *call)
{
    struct kube_world *kube = &world->kube;
    char before[LEASE_IDENTITY_SIZE];
    struct error err = {0};

    memcpy(before, kube->lease.record.holder, sizeof before);
    call->effect_at = NEVER;
    if (call->move == LEASE_GET)
        kube_get_lease(kube, &call->answer, &err);
    else if (call->move == LEASE_CREATE)
        kube_create_lease(kube, &call->record, &call->answer, &err);
    else
        kube_update_lease(kube, &call->record, &call->answer, &err);
    call->kind = err.kind;
    if (call->move == LEASE_GET || call->kind != ERROR_NONE)
        return;
    count_write(world, call, before);
    spread_hints(world);
}

/* ---- what becomes of a call ---- */

static enum error_kind kind_of_fault(enum fault fault, bool write)
{
    struct error err = {0};

    switch (fault) {
    case FAULT_UNREACHED:
        return ERROR_TRANSIENT;
    case FAULT_SERVER_ERROR:
    case FAULT_SERVER_ERROR_DONE:
        kube_refuse(&err, 500, "InternalError", false, write);
        return err.kind;
    case FAULT_THROTTLED:
        return ERROR_THROTTLED;
    case FAULT_DENIED:
        return ERROR_DENIED;
    case FAULT_CONFLICT:
        return ERROR_CONFLICT;
    case FAULT_BARE_404:
        kube_refuse(&err, 404, "", false, write);
        return err.kind;
    default:
        return write ? ERROR_UNKNOWN : ERROR_TRANSIENT;
    }
}

static enum fault draw_fault(struct world *world, const struct place *place, bool write)
{
    static const enum fault faults[] = {
        FAULT_SLOW,      FAULT_LOST,     FAULT_SERVER_ERROR,     FAULT_UNREACHED,
        FAULT_THROTTLED, FAULT_DENIED,   FAULT_BARE_404,         FAULT_REPLY_LOST,
        FAULT_LATE,      FAULT_CONFLICT, FAULT_SERVER_ERROR_DONE};
    struct tape *tape = &world->tape;
    uint32_t count = write ? sizeof faults / sizeof *faults : 7;

    if (world_is_calm(world))
        return FAULT_NONE;
    if (world->now >= place->deaf_from && world->now < place->deaf_until)
        return tape_choose(tape, 2, "how it is cut off") ? FAULT_LOST : FAULT_UNREACHED;
    if (world->now < world->deny_kube_until)
        return FAULT_DENIED;
    if (!tape_chance(tape, world->weather.kube_faults, "does the call of the lease fail"))
        return FAULT_NONE;
    return faults[tape_choose(tape, count, "which fault of the lease")];
}

static bool has_effect(enum fault fault)
{
    return fault == FAULT_NONE || fault == FAULT_SLOW || fault == FAULT_REPLY_LOST ||
           fault == FAULT_LATE || fault == FAULT_SERVER_ERROR_DONE;
}

static void draw_times(struct world *world, struct lease_call *call, int64_t until)
{
    struct tape *tape = &world->tape;
    int64_t longest = call->fault == FAULT_SLOW ? 2000 : world->weather.kube_latency;
    int64_t effect_at = world->now + tape_between(tape, 1, longest, "the lease's way there");

    call->answer_at = effect_at + tape_between(tape, 0, longest, "the lease's way back");
    if (call->fault == FAULT_LATE) {
        call->late = true;
        effect_at = until + tape_between(tape, 1, 8000, "how late the lease is written");
        call->answer_at = until;
    } else if (call->answer_at > until) {
        call->answer_at = until; /* it is given up */
        call->fault = FAULT_REPLY_LOST;
    }
    call->effect_at = has_effect(call->fault) ? effect_at : NEVER;
}

/* ---- the thread ---- */

static void note_gain(struct world *world, const struct place *place)
{
    for (size_t i = 0; i < world->place_count; i++) {
        const struct place *other = &world->places[i];

        if (other != place && other->replica && other->candidate.runs &&
            other->candidate.lease.state == LEASE_LEADING)
            world->tally->sometimes[SOMETIMES_TWO_BELIEVE]++;
    }
    for (const struct errand *errand = world->errands; errand; errand = errand->next)
        if (errand->life != place->replica->life && errand->effect_at != NEVER &&
            call_writes(errand->work.verb)) {
            world->tally->sometimes[SOMETIMES_FAILOVER_IN_FLIGHT]++;
            return;
        }
}

/* What it has seen of the API server until now may be older than what the former leader saw. */
static void begin_to_lead(struct replica *replica)
{
    replica->led_from = replica->world->now;
    if (replica->led_since > 0)
        return;
    replica->led_since = replica->world->now;
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        replica->synced[resource] = false;
}

static void publish(struct place *place)
{
    struct candidate *candidate = &place->candidate;
    struct world *world = place->world;
    bool leads = candidate_holds_until(place) > world->now;

    if (leads == candidate->leads || !place->replica)
        return;
    candidate->leads = leads;
    TRACE(world, "%s %s", place->name, leads ? "leads" : "leads no more");
    if (leads) {
        begin_to_lead(place->replica);
        note_gain(world, place);
    }
    place->replica->woken = true;
}

static const char *move_name(enum lease_move move)
{
    return move == LEASE_GET ? "GET" : move == LEASE_CREATE ? "CREATE" : "UPDATE";
}

static void answer(struct place *place, const struct lease_call *call, enum fault fault)
{
    struct world *world = place->world;
    bool faulty = fault != FAULT_NONE && fault != FAULT_SLOW;
    enum error_kind kind = faulty ? kind_of_fault(fault, call->move != LEASE_GET) : call->kind;
    int64_t retry_after =
        fault == FAULT_THROTTLED ? 1000 * tape_between(&world->tape, 0, 5, "Retry-After") : 0;

    world->tally->faults[fault][TALLY_LEASE_GET + (call->move - LEASE_GET)]++;
    if (!world_is_calm(world))
        TRACE(world, "%s  ◀ %s of the lease: %s %s", place->name, move_name(call->move),
              kind == ERROR_NONE ? "ok" : error_kind_name(kind), fault ? fault_name(fault) : "");
    place->candidate.call = NULL;
    place->candidate.due = world->now;
    lease_answer(&place->candidate.lease, place_clock(place), kind,
                 kind == ERROR_NONE ? &call->answer : NULL, retry_after);
}

static void send(struct place *place, const struct lease_action *action)
{
    struct world *world = place->world;
    struct candidate *candidate = &place->candidate;
    struct lease_call call = {.candidate = candidate,
                              .move = action->move,
                              .record = action->record,
                              .fault = draw_fault(world, place, action->move != LEASE_GET)};

    if (world_is_calm(world)) {
        perform(world, &call);
        answer(place, &call, FAULT_NONE);
        return;
    }
    draw_times(world, &call, place_to_world(place, action->until_ms));
    call.next = world->lease_calls;
    candidate->call = world->lease_calls = mem_dup(&call, sizeof call);
    candidate->due = NEVER;
}

static void lose(struct place *place)
{
    place->world->tally->sometimes[SOMETIMES_LEASE_LOST]++;
    if (place->replica)
        replica_kill(place->replica, "loses the lease");
}

static void step(struct place *place)
{
    struct candidate *candidate = &place->candidate;
    struct lease_action action;

    if (candidate->hinted && another_holds(candidate))
        lease_observe(&candidate->lease, candidate->hint_clock,
                      candidate->hint_missing ? NULL : &candidate->hint);
    candidate->hinted = false;
    action = lease_step(&candidate->lease, place_clock(place), place_wall_us(place));
    if (action.move == LEASE_WAIT) {
        candidate->due = place_to_world(place, action.until_ms);
    } else if (action.move == LEASE_DONE) {
        candidate->due = NEVER;
        if (candidate->lease.state == LEASE_LOST)
            lose(place);
    } else {
        send(place, &action);
    }
    publish(place);
}

int64_t candidate_due(const struct candidate *candidate)
{
    if (!candidate->runs)
        return NEVER;
    return candidate->hint_at < candidate->due ? candidate->hint_at : candidate->due;
}

void candidate_run(struct place *place)
{
    struct candidate *candidate = &place->candidate;
    int64_t now = place->world->now;

    if (!candidate->runs)
        return;
    if (candidate->hint_at <= now)
        take_hint(candidate);
    if (candidate->call && candidate->call->answer_at <= now) {
        struct lease_call *call = candidate->call;

        call->answer_at = NEVER;
        call->candidate = NULL;
        answer(place, call, call->fault);
    }
    while (candidate->due <= now)
        step(place);
}

/* ---- life ---- */

void candidate_start(struct place *place)
{
    const struct lease_settings settings = {.identity = place->identity,
                                            .duration_ms = 15000,
                                            .renew_deadline_ms = 10000,
                                            .retry_ms = 2000};
    struct world *world = place->world;
    struct error err = {0};

    place->candidate = (struct candidate){
        .place = place,
        .runs = true,
        .watches = tape_choose(&world->tape, 2, "a watch of the lease") == 1,
        .due = world->now + tape_between(&world->tape, 0, 50, "the lease thread starts"),
        .hint_at = NEVER,
    };
    if (lease_init(&place->candidate.lease, &settings, &err) < 0)
        world_fail(world, "well-formed", "%s", err.text);
}

void candidate_end(struct candidate *candidate)
{
    struct lease_call *call = candidate->call;
    struct tape *tape = candidate->place ? &candidate->place->world->tape : NULL;

    candidate->runs = candidate->leads = false;
    candidate->call = NULL;
    if (!call)
        return;
    call->candidate = NULL;
    call->answer_at = NEVER;
    if (call->effect_at != NEVER && !call->late &&
        tape_choose(tape, 2, "a dead thread's write of the lease arrives") == 0)
        call->effect_at = NEVER;
}

void candidate_release(struct place *place)
{
    struct candidate *candidate = &place->candidate;

    lease_release(&candidate->lease, place_clock(place));
    if (!candidate->call)
        candidate->due = place->world->now;
}

int64_t candidate_holds_until(const struct place *place)
{
    int64_t until = lease_until(&place->candidate.lease);

    return place->candidate.runs && until > 0 ? place_to_world(place, until) : 0;
}

/* ---- all of them ---- */

int64_t lease_calls_due(const struct world *world)
{
    int64_t due = NEVER;

    for (const struct lease_call *call = world->lease_calls; call; call = call->next) {
        if (call->effect_at < due)
            due = call->effect_at;
        if (call->candidate && !place_is_paused(call->candidate->place) && call->answer_at < due)
            due = call->answer_at;
    }
    return due;
}

void lease_calls_run(struct world *world)
{
    for (struct lease_call *call = world->lease_calls; call; call = call->next)
        if (call->effect_at <= world->now)
            perform(world, call);
    for (struct lease_call **link = &world->lease_calls; *link;) {
        struct lease_call *call = *link;

        if (call->effect_at == NEVER && !call->candidate) {
            *link = call->next;
            mem_free(call);
        } else {
            link = &call->next;
        }
    }
}

void lease_calls_release(struct world *world)
{
    while (world->lease_calls) {
        struct lease_call *call = world->lease_calls;

        world->lease_calls = call->next;
        mem_free(call);
    }
}
