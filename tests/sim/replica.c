/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/replica.h"

#include <string.h>

#include "base/mem.h"
#include "tests/sim/candidate.h"
#include "tests/sim/errand.h"
#include "tests/sim/invariant.h"
#include "tests/sim/place.h"
#include "tests/sim/sim_wire.h"

#define DEAD_CALLS 10000
#define STILL_CALLS 20000
#define STILL_LOOKS 2000000

const char *replica_name(const struct replica *replica)
{
    return replica->place->name;
}

/* ---- death ---- */

void replica_kill(struct replica *replica, const char *why)
{
    struct world *world = replica->world;

    if (replica->dead)
        return;
    TRACE(world, "%s ✝ %s", replica_name(replica), why);
    replica->dead = true;
    errands_orphan(replica);
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        replica->watches[resource].phase = WATCH_NONE;
}

/* Never comes back: the code does not end by itself. */
static void abandon(struct replica *replica, const char *invariant, const char *why)
{
    struct world *world = replica->world;

    world_fail(world, invariant, "%s", why);
    world->abandoned = true;
    fiber_yield(replica->place->fiber);
}

/* Every port call that is no mere look passes here. Returns false when the replica is dead. */
static bool note_call(struct replica *replica)
{
    struct world *world = replica->world;

    world->port_calls++;
    if (replica->dead) {
        if (++replica->dead_calls > DEAD_CALLS)
            abandon(replica, "livelock", "a dead operator goes on calling its ports");
        return false;
    }
    if (++world->still > STILL_CALLS) {
        world_fail(world, "livelock", "%d port calls, and time stands still", STILL_CALLS);
        replica_kill(replica, "is stopped: it turns in a circle");
        return false;
    }
    return !world->failed;
}

/* ---- the ports ---- */

static int64_t port_now(void *context)
{
    struct replica *replica = context;

    if (++replica->world->looks > STILL_LOOKS)
        abandon(replica, "livelock", "the clock is looked at all the time, and time stands still");
    return place_clock(replica->place);
}

static int64_t port_wall(void *context)
{
    const struct replica *replica = context;

    return place_wall_us(replica->place);
}

static uint64_t port_random(void *context)
{
    struct replica *replica = context;

    /* Two draws never give the same, not even past the end of a tape: tokens must differ. */
    return tape_bits(&replica->world->tape, "the operator's randomness") ^
           ++replica->world->draws * 0x9e3779b97f4a7c15;
}

static int64_t port_lease_until(void *context)
{
    struct replica *replica = context;
    const struct place *place = replica->place;
    int64_t until = replica->dead ? 0 : lease_until(&place->candidate.lease);

    if (!replica->dead && until <= place_clock(place))
        invariant_lapse(replica);
    if (until > 0 && until <= place_clock(place) + PORT_CALL_TIMEOUT_MS)
        replica->world->tally->sometimes[SOMETIMES_LEASE_DENIED]++;
    return until;
}

static bool dies_here(struct place *place)
{
    return place->crash_in > 0 && --place->crash_in == 0;
}

static void trace_call(const struct replica *replica, const struct call *call)
{
    struct world *world = replica->world;
    const char *who = replica_name(replica);
    const struct object_in *object = &call->in.object;
    const char *name = call_name(call->verb);

    switch (call->verb) {
    case CALL_DESCRIBE_CLUSTER:
        TRACE(world, "  ▶ %s %s", name, call->cluster);
        break;
    case CALL_LIST_ASSOCIATIONS:
        TRACE(world, "%s  ▶ %s %s %s", who, name, call->in.list.key.namespace,
              call->in.list.key.service_account);
        break;
    case CALL_CREATE_ASSOCIATION:
        TRACE(world, "%s  ▶ %s %s/%s, token %.8s", who, name, call->in.create.key.namespace,
              call->in.create.key.service_account, call->in.create.token);
        break;
    case CALL_DESCRIBE_ASSOCIATION:
    case CALL_UPDATE_ASSOCIATION:
    case CALL_DELETE_ASSOCIATION:
    case CALL_TAG_ASSOCIATION:
    case CALL_UNTAG_ASSOCIATION:
        TRACE(world, "%s  ▶ %s %s", who, name, call->in.association.id);
        break;
    case CALL_READ_ROLE:
        TRACE(world, "%s  ▶ %s %s", who, name, call->in.role.name);
        break;
    case CALL_GET_BINDING:
    case CALL_GET_SERVICE_ACCOUNT:
    case CALL_PATCH_FINALIZERS:
    case CALL_PATCH_STATUS:
        TRACE(world, "%s  ▶ %s %s/%s", who, name, object->namespace, object->name);
        break;
    default:
        TRACE(world, "%s  ▶ %s", who, name);
    }
}

/* The whole process does, with a call that has passed all gates and is not sent yet. */
static void stand_still(struct replica *replica)
{
    struct world *world = replica->world;

    TRACE(world, "%s stands still before it sends that", replica_name(replica));
    fiber_yield(replica->place->fiber);
    if (replica->dead || candidate_holds_until(replica->place) <= world->now)
        world->tally->sometimes[SOMETIMES_LEASE_GONE_AT_SEND]++;
}

static void port_start(void *context, struct call *call)
{
    struct replica *replica = context;
    struct world *world = replica->world;
    int64_t stopped;
    bool crash;

    if (!note_call(replica))
        return;
    replica->calls++;
    world->tally->calls[call->verb]++;
    trace_call(replica, call);
    invariant_start(replica, call);
    if (call_writes(call->verb) && call->verb != CALL_PATCH_LEASE) { /* it may be written at rest */
        world->writes++;
        world->stirred_at = world->now;
    }
    crash = dies_here(replica->place);
    if (crash && !replica->place->crash_after) {
        world->tally->faults[FAULT_CRASH_BEFORE][call->verb]++;
        place_crash(replica->place, "crashes instead of calling");
        return;
    }
    stopped = call_writes(call->verb) ? place_stops_here(replica->place) : 0;
    if (stopped > 0)
        stand_still(replica);
    if (!replica->dead)
        errand_start(replica, call, crash, stopped);
}

static enum port_event port_next(void *context, int64_t deadline, struct call **ret_call,
                                 struct changes *ret_changes)
{
    struct replica *replica = context;

    if (!note_call(replica) && replica->dead)
        return PORT_GONE;
    replica->waiting = true;
    replica->deadline = place_to_world(replica->place, deadline);
    fiber_yield(replica->place->fiber);
    replica->waiting = replica->resting = false;
    if (replica->event == PORT_CALL)
        *ret_call = replica->answered;
    if (replica->event == PORT_CHANGES) {
        *ret_changes = replica->brought;
        replica->brought = (struct changes){0};
    }
    return replica->event;
}

static void port_open_watch(void *context, const struct watch_request *request)
{
    struct replica *replica = context;

    if (note_call(replica))
        kube_watch_open(replica, &replica->watches[request->resource], request);
}

/* ---- life ---- */

static void passed(void *context, const struct sync *sync)
{
    struct replica *replica = context;

    replica->world->passes++;
    invariant_store(replica);
    replica->world->tally->sometimes[SOMETIMES_HELD] += sync->budget.held > 0;
    replica->world->tally->sometimes[SOMETIMES_DEFINITION_ENDING] +=
        replica->world->kube.definition == DEFINITION_TERMINATING;
    TRACE(replica->world, "%s  pass %d: %zu bindings, %zu ready, %zu of %zu in place, %zu writes%s",
          replica_name(replica), (int)sync->facts.passes, sync->facts.bindings, sync->facts.ready,
          sync->facts.in_place, sync->facts.wanted, sync->facts.writes,
          sync->again ? ", again" : "");
}

static void waiting(void *context, const struct sync *sync)
{
    struct replica *replica = context;

    (void)sync;
    replica->resting = true;
    invariant_store(replica);
}

static void live(void *context)
{
    struct replica *replica = context;
    const struct work_listener listener = {
        .context = replica, .passed = passed, .waiting = waiting};

    sync_init(&replica->sync, &replica->settings, &replica->ports);
    work_run(&replica->sync, &listener);
    sync_release(&replica->sync);
}

struct replica *replica_new(struct world *world, struct place *place)
{
    struct replica *replica = mem_alloc(sizeof *replica);

    replica->world = world;
    replica->place = place;
    replica->life = ++world->lives;
    replica->born_at = replica->led_from = world->now;
    replica->aws = sim_wire_life_new(world->wire);
    replica->ports = (struct ports){.world = replica,
                                    .now = port_now,
                                    .wall = port_wall,
                                    .random = port_random,
                                    .lease_until = port_lease_until,
                                    .start = port_start,
                                    .next = port_next,
                                    .open_watch = port_open_watch};
    replica->settings = (struct sync_settings){
        .cluster_name = world->finds_cluster ? "" : CLUSTER_NAME,
        .own_namespace = OWN_NAMESPACE,
        .mode = world->weather.mode,
        .absence_grace_ms = ABSENCE_GRACE_MS,
        .window = 1 + tape_choose(&world->tape, 8, "window"),
        .observe = {.instance = "podbind",
                    .region = "us-west-2",
                    .existence_interval_ms = EXISTENCE_INTERVAL_MS,
                    .describe_interval_ms = DESCRIBE_INTERVAL_MS,
                    .rotation_ms = 1000,
                    .window = 4},
        .budget = {
            .lease_namespace = OWN_NAMESPACE, .lease_name = "podbind", .floor = DELETION_FLOOR}};
    TRACE(world, "%s ★ %s starts, window %zu", place->name, place->identity,
          replica->settings.window);
    fiber_start(replica->place->fiber, live, replica);
    return replica;
}

bool replica_ended(const struct replica *replica)
{
    return !fiber_runs(replica->place->fiber);
}

void replica_free(struct replica *replica)
{
    changes_release(&replica->changes);
    changes_release(&replica->brought);
    mem_free(replica->done);
    sim_wire_life_free(replica->aws);
    mem_free(replica->tries.items);
    mem_free(replica->owns.items);
    mem_free(replica->rates.items);
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        stored_versions_release(&replica->stored[resource]);
    mem_free(replica->let_go.items);
    mem_free(replica->unwanted.items);
    mem_free(replica->seen.items);
    mem_free(replica->deletable.items);
    mem_free(replica);
}

/* ---- being run ---- */

void replica_answer(struct replica *replica, struct call *call)
{
    MEM_GROW(replica->done, replica->done_count, replica->done_capacity);
    replica->done[replica->done_count++] = call;
}

void replica_bring(struct replica *replica, struct change change)
{
    struct changes *changes = &replica->changes;

    MEM_GROW(changes->items, changes->count, changes->capacity);
    changes->items[changes->count++] = change;
}

int64_t replica_due(const struct replica *replica)
{
    bool something = replica->done_count > 0 || replica->changes.count > 0 || replica->woken;

    return replica->dead || !replica->waiting || something ? replica->world->now
                                                           : replica->deadline;
}

/* The first of several things that wait. */
static void choose_event(struct replica *replica)
{
    struct tape *tape = &replica->world->tape;
    bool changes_first = tape_choose(tape, 2, "changes before answers") == 1;

    replica->event = PORT_TIMEOUT;
    if (replica->woken) {
        replica->woken = false;
        replica->event = PORT_WOKEN;
    } else if (replica->changes.count > 0 && (changes_first || replica->done_count == 0)) {
        replica->brought = replica->changes;
        replica->changes = (struct changes){0};
        replica->event = PORT_CHANGES;
    } else if (replica->done_count > 0) {
        replica->answered = replica->done[0];
        invariant_told(replica, replica->answered);
        replica->done_count--;
        for (size_t i = 0; i < replica->done_count; i++)
            replica->done[i] = replica->done[i + 1];
        replica->event = PORT_CALL;
    }
}

void replica_run(struct replica *replica)
{
    if (replica_due(replica) > replica->world->now)
        return;
    if (replica->dead)
        replica->event = PORT_GONE;
    else if (replica->waiting)
        choose_event(replica);
    fiber_resume(replica->place->fiber);
}

void replica_note_state(struct replica *replica, enum resource resource, bool empty)
{
    struct world *world = replica->world;
    struct view view = replica_view(replica);
    bool renewed = false;

    if (resource != RESOURCE_BINDINGS)
        return;
    for (size_t i = 0; i < view.binding_count && !empty; i++) {
        const struct binding *known = view.bindings[i];
        const struct binding *live = kube_binding(&world->kube, known->namespace, known->name);

        renewed |= live && strcmp(live->uid, known->uid) != 0;
    }
    world->tally->sometimes[SOMETIMES_NEW_UID] += renewed;
    world->tally->sometimes[SOMETIMES_EMPTY_BELIEVED] += empty && view.binding_count > 0;
}

struct view replica_view(const struct replica *replica)
{
    const struct store *bindings = &replica->sync.intake.informers[RESOURCE_BINDINGS].store;
    const struct store *accounts = &replica->sync.intake.informers[RESOURCE_SERVICE_ACCOUNTS].store;

    return (struct view){.bindings = (const struct binding *const *)bindings->records,
                         .binding_count = bindings->count,
                         .accounts = (const struct service_account *const *)accounts->records,
                         .account_count = accounts->count,
                         .own_namespace = OWN_NAMESPACE};
}
