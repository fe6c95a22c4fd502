/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gather.h"

#include "base/mem.h"

struct slot {
    struct call call;
    size_t index;
    unsigned tries; /* of this index so far; 0: the slot is free */
    bool again;     /* it is to be made once more */
};

struct run {
    const struct gather *gather;
    const struct ports *ports;
    struct slot *slots;
    size_t window, count, started, under_way, waiting; /* waiting: to be made once more */
    int64_t since;
    bool more; /* to be started */
    bool left; /* ... by another run: the caller was told to ask again */
};

static int gone(struct error *err)
{
    return error_set(err, ERROR_GONE, "podbind is ending");
}

static int64_t now_of(const struct run *run)
{
    return run->ports->now(run->ports->world);
}

/* The owner of a call under way is its slot. */
static void prepare(const struct run *run, struct slot *slot)
{
    call_release(&slot->call);
    slot->call = (struct call){.verb = run->gather->verb};
    run->gather->prepare(run->gather->context, slot->index, &slot->call);
    slot->call.owner = slot;
}

static bool has_more(const struct run *run)
{
    return run->waiting > 0 || (run->more && run->started < run->count);
}

/* The one for the next call; NULL: there is nothing to start, or no place for it. */
static struct slot *next_slot(const struct run *run)
{
    if (!has_more(run))
        return NULL;
    for (size_t i = 0; i < run->window; i++)
        if (run->waiting > 0 ? run->slots[i].again : run->slots[i].tries == 0)
            return &run->slots[i];
    return NULL;
}

static void start(struct run *run, struct slot *slot)
{
    if (slot->again)
        run->waiting--;
    else
        slot->index = run->started++;
    slot->again = false;
    prepare(run, slot);
    slot->tries++;
    run->under_way++;
    pace_start(run->gather->pace, &slot->call, now_of(run));
    run->ports->start(run->ports->world, &slot->call);
}

/* Starts what may leave. Returns when the next may; INT64_MAX: after one has come back. */
static int64_t fill(struct run *run)
{
    struct slot *slot;

    while ((slot = next_slot(run))) {
        int64_t due = pace_due(run->gather->pace, run->gather->verb, now_of(run));

        if (due > now_of(run))
            return due;
        start(run, slot);
    }
    return INT64_MAX;
}

/* Leaves out what has to wait. */
static void cut(struct run *run)
{
    run->more = false;
    run->waiting = 0;
    for (size_t i = 0; i < run->window; i++)
        run->slots[i].again = false;
}

static bool is_tried_again(const struct run *run, const struct slot *slot)
{
    return slot->call.error.kind == ERROR_THROTTLED && slot->tries < PACE_TRIES &&
           (run->more || run->left);
}

static void come_back(struct run *run, struct slot *slot)
{
    run->under_way--;
    pace_done(run->gather->pace, &slot->call, now_of(run));
    if (is_tried_again(run, slot)) {
        slot->again = run->more;
        run->waiting += run->more;
        return;
    }
    slot->tries = 0;
    if (!run->gather->done(run->gather->context, slot->index, &slot->call))
        cut(run);
}

/* `due`: when the next may leave, as of fill(). */
static bool should_cut(const struct run *run, int64_t due)
{
    bool waits = due != INT64_MAX && now_of(run) - run->since >= GATHER_PATIENCE_MS;

    return has_more(run) && (run->gather->intake->urgent || waits);
}

/* Returns -1 when the world is gone. */
static int keep_going(struct run *run, bool *ret_cut)
{
    for (;;) {
        int64_t due = fill(run);
        struct call *call = NULL;

        if (ret_cut && should_cut(run, due)) {
            *ret_cut = run->left = true;
            cut(run);
            due = INT64_MAX;
        }
        if (run->under_way == 0 && due == INT64_MAX)
            return 0;
        switch (intake_next(run->gather->intake, due, &call)) {
        case INTAKE_CALL:
            come_back(run, call->owner);
            break;
        case INTAKE_GONE:
            return -1;
        case INTAKE_NEWS:
        case INTAKE_TIMEOUT:
            break;
        }
    }
}

int gather_run(const struct gather *gather, size_t count, bool *ret_cut, struct error *err)
{
    struct run run = {.gather = gather,
                      .ports = gather->intake->ports,
                      .window = gather->window < count ? gather->window : count,
                      .count = count,
                      .more = true};
    int result;

    run.slots = mem_array(run.window, sizeof *run.slots);
    run.since = now_of(&run);
    result = keep_going(&run, ret_cut);
    for (size_t i = 0; i < run.window; i++)
        call_release(&run.slots[i].call);
    mem_free(run.slots);
    return result < 0 ? gone(err) : 0;
}

/* ---- one call ---- */

/* Waits for its turn, but not for long: who asks for one call can't do anything else meanwhile. */
static int await_turn(struct intake *intake, struct pace *pace, struct call *call)
{
    const struct ports *ports = intake->ports;
    int64_t since = ports->now(ports->world), now = since, due;
    struct call *none = NULL;

    while ((due = pace_due(pace, call->verb, now)) > now) {
        if (due > since + GATHER_PATIENCE_MS) {
            error_set(&call->error, ERROR_THROTTLED, "EKS has asked for fewer calls");
            call->error.retry_after_ms = due - now;
            return 0;
        }
        if (intake_next(intake, due, &none) == INTAKE_GONE)
            return -1;
        now = ports->now(ports->world);
    }
    return 0;
}

static int make_call(struct intake *intake, struct call *call)
{
    const struct ports *ports = intake->ports;
    struct call *back = NULL;

    ports->start(ports->world, call);
    while (back != call) {
        enum intake_event event = intake_next(intake, INT64_MAX, &back);

        if (event == INTAKE_GONE)
            return -1;
        if (event != INTAKE_CALL)
            back = NULL;
    }
    return 0;
}

int gather_call(struct intake *intake, struct pace *pace, struct call *call, struct error *err)
{
    const struct ports *ports = intake->ports;

    if (!pace)
        return make_call(intake, call) < 0 ? gone(err) : 0;
    for (int tries = 0; tries < PACE_TRIES; tries++) {
        call_release(call);
        if (await_turn(intake, pace, call) < 0)
            return gone(err);
        if (call->error.kind != ERROR_NONE)
            break;
        pace_start(pace, call, ports->now(ports->world));
        if (make_call(intake, call) < 0)
            return gone(err);
        pace_done(pace, call, ports->now(ports->world));
        if (call->error.kind != ERROR_THROTTLED)
            break;
    }
    return 0;
}
