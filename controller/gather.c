/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gather.h"

#include "base/mem.h"

struct slot {
    struct call call;
    size_t index;
};

static int gone(struct error *err)
{
    return error_set(err, ERROR_GONE, "podbind is ending");
}

/* The owner of a call under way is its slot. */
static void start(const struct gather *gather, struct slot *slot, size_t index)
{
    const struct ports *ports = gather->intake->ports;

    call_release(&slot->call);
    slot->call = (struct call){0};
    slot->index = index;
    gather->prepare(gather->context, index, &slot->call);
    slot->call.owner = slot;
    ports->start(ports->world, &slot->call);
}

static struct slot *wait_for_one(const struct gather *gather)
{
    struct call *call = NULL;

    for (;;) {
        enum intake_event event = intake_next(gather->intake, INT64_MAX, &call);

        if (event == INTAKE_CALL)
            return call->owner;
        if (event == INTAKE_GONE)
            return NULL;
    }
}

int gather_run(const struct gather *gather, size_t count, struct error *err)
{
    size_t window = gather->window < count ? gather->window : count;
    struct slot *slots = mem_array(window, sizeof *slots);
    size_t started = 0, under_way = 0;
    bool more = true, alive = true;

    while (started < window) {
        start(gather, &slots[started], started);
        started++;
        under_way++;
    }
    while (under_way > 0) {
        struct slot *slot = wait_for_one(gather);

        alive = slot != NULL;
        if (!alive)
            break;
        under_way--;
        more = gather->done(gather->context, slot->index, &slot->call) && more;
        if (more && started < count) {
            start(gather, slot, started++);
            under_way++;
        }
    }
    for (size_t i = 0; i < window; i++)
        call_release(&slots[i].call);
    mem_free(slots);
    return alive ? 0 : gone(err);
}

int gather_call(struct intake *intake, struct call *call, struct error *err)
{
    const struct ports *ports = intake->ports;
    struct call *back = NULL;

    ports->start(ports->world, call);
    while (back != call) {
        enum intake_event event = intake_next(intake, INT64_MAX, &back);

        if (event == INTAKE_GONE)
            return gone(err);
        if (event != INTAKE_CALL)
            back = NULL;
    }
    return 0;
}
