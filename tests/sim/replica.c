/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/replica.h"

#include "base/mem.h"
#include "tests/sim/errand.h"
#include "tests/sim/invariant.h"

#define LEASE_RENEWAL_MS 2000
#define LEASE_DEADLINE_MS 10000
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

/* ---- the lease ---- */

static int64_t renewed_at(const struct replica *replica, int64_t now)
{
    if (now >= replica->stall_from && now < replica->stall_until)
        now = replica->stall_from;
    return now - (now - replica->lease_from) % LEASE_RENEWAL_MS;
}

static bool holds_lease(const struct replica *replica)
{
    return !replica->dead && replica->world->now >= replica->lease_from;
}

/* ---- the ports ---- */

static int64_t port_now(void *context)
{
    struct replica *replica = context;

    if (++replica->world->looks > STILL_LOOKS)
        abandon(replica, "livelock", "the clock is looked at all the time, and time stands still");
    return replica->world->now;
}

static int64_t port_wall(void *context)
{
    const struct replica *replica = context;

    return world_wall_us(replica->world);
}

static uint64_t port_random(void *context)
{
    struct replica *replica = context;

    return tape_bits(&replica->world->tape, "the operator's randomness");
}

static int64_t port_lease_until(void *context)
{
    const struct replica *replica = context;

    int64_t until;

    if (!holds_lease(replica))
        return 0;
    until = renewed_at(replica, replica->world->now) + LEASE_DEADLINE_MS;
    if (until <= replica->world->now + PORT_CALL_TIMEOUT_MS)
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

static void port_start(void *context, struct call *call)
{
    struct replica *replica = context;
    struct world *world = replica->world;
    bool crash;

    if (!note_call(replica))
        return;
    replica->calls++;
    world->tally->calls[call->verb]++;
    trace_call(replica, call);
    invariant_start(replica, call);
    world->writes += call_writes(call->verb);
    crash = dies_here(replica->place);
    if (crash && !replica->place->crash_after) {
        world->tally->faults[FAULT_CRASH_BEFORE][call->verb]++;
        replica_kill(replica, "crashes instead of calling");
        return;
    }
    errand_start(replica, call, crash);
}

static enum port_event port_next(void *context, int64_t deadline, struct call **ret_call,
                                 struct changes *ret_changes)
{
    struct replica *replica = context;

    if (!note_call(replica) && replica->dead)
        return PORT_GONE;
    replica->waiting = true;
    replica->deadline = deadline;
    fiber_yield(replica->place->fiber);
    replica->waiting = false;
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
    replica->world->tally->sometimes[SOMETIMES_HELD] += sync->budget.held > 0;
    TRACE(replica->world, "%s  pass %d: %zu bindings, %zu ready, %zu of %zu in place, %zu writes%s",
          replica_name(replica), (int)sync->facts.passes, sync->facts.bindings, sync->facts.ready,
          sync->facts.in_place, sync->facts.wanted, sync->facts.writes,
          sync->again ? ", again" : "");
}

static void live(void *context)
{
    struct replica *replica = context;
    const struct work_listener listener = {.context = replica, .passed = passed};

    sync_init(&replica->sync, &replica->settings, &replica->ports);
    work_run(&replica->sync, &listener);
    sync_release(&replica->sync);
}

/* When it leads, and when renewals fail for a while. */
static void draw_lease(struct replica *replica)
{
    struct world *world = replica->world;
    struct tape *tape = &world->tape;

    replica->lease_from = world->now + 1;
    replica->stall_from = replica->stall_until = NEVER;
    if (tape_choose(tape, 3, "another still holds the lease") == 2)
        replica->lease_from = world->now + tape_between(tape, 1, 16000, "the lease comes");
    if (world_is_calm(world) || !tape_chance(tape, world->weather.lease_faults, "a stall"))
        return;
    replica->stall_from = world->now + tape_between(tape, 1000, 90000, "the stall");
    if (replica->stall_from < replica->lease_from)
        replica->stall_from = replica->lease_from;
    replica->stall_until = replica->stall_from + tape_between(tape, 2000, 11000, "it lasts");
    replica->stall_pauses = tape_choose(tape, 2, "all stands still") == 1;
}

struct replica *replica_new(struct world *world, struct place *place)
{
    struct replica *replica = mem_alloc(sizeof *replica);

    replica->world = world;
    replica->place = place;
    replica->life = ++world->lives;
    replica->born_at = world->now;
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
    draw_lease(replica);
    TRACE(world, "%s ★ starts, window %zu", place->name, replica->settings.window);
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
    mem_free(replica->tries.items);
    mem_free(replica->let_go.items);
    mem_free(replica->unwanted.items);
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

static int64_t lease_ends(const struct replica *replica)
{
    int64_t end;

    if (replica->stall_from == NEVER)
        return NEVER;
    end = renewed_at(replica, replica->stall_from) + LEASE_DEADLINE_MS;
    return replica->stall_until > end ? end : NEVER;
}

static bool is_paused(const struct replica *replica)
{
    int64_t now = replica->world->now;

    return replica->stall_pauses && now >= replica->stall_from && now < replica->stall_until;
}

static bool must_be_told(const struct replica *replica)
{
    return !replica->told && replica->world->now >= replica->lease_from;
}

int64_t replica_due(const struct replica *replica)
{
    int64_t due = replica->deadline, now = replica->world->now;

    if (replica->dead || !replica->waiting)
        return now;
    if (replica->done_count > 0 || replica->changes.count > 0 || must_be_told(replica))
        due = now;
    if (!replica->told && replica->lease_from < due)
        due = replica->lease_from;
    if (is_paused(replica) && due < replica->stall_until)
        due = replica->stall_until;
    if (lease_ends(replica) < due)
        due = lease_ends(replica);
    return due;
}

/* The first of several things that wait. */
static void choose_event(struct replica *replica)
{
    struct tape *tape = &replica->world->tape;
    bool changes_first = tape_choose(tape, 2, "changes before answers") == 1;

    replica->event = PORT_TIMEOUT;
    if (must_be_told(replica)) {
        replica->told = true;
        replica->event = PORT_WOKEN;
    } else if (replica->changes.count > 0 && (changes_first || replica->done_count == 0)) {
        replica->brought = replica->changes;
        replica->changes = (struct changes){0};
        replica->event = PORT_CHANGES;
    } else if (replica->done_count > 0) {
        replica->answered = replica->done[0];
        replica->done_count--;
        for (size_t i = 0; i < replica->done_count; i++)
            replica->done[i] = replica->done[i + 1];
        replica->event = PORT_CALL;
    }
}

void replica_run(struct replica *replica)
{
    struct world *world = replica->world;

    if (!replica->dead && lease_ends(replica) <= world->now) {
        world->tally->sometimes[SOMETIMES_LEASE_LOST]++;
        replica_kill(replica, "loses the lease");
    }
    if (replica_due(replica) > world->now)
        return;
    if (replica->stall_pauses && world->now == replica->stall_until)
        world->tally->sometimes[SOMETIMES_PAUSED]++;
    if (replica->dead)
        replica->event = PORT_GONE;
    else if (replica->waiting)
        choose_event(replica);
    fiber_resume(replica->place->fiber);
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
