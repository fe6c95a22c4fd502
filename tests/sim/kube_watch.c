/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/kube_watch.h"

#include "base/mem.h"
#include "kube/kube_status.h"
#include "tests/sim/kube_cache.h"
#include "tests/sim/replica.h"
#include "tests/sim/sim_wire.h"

static void did(struct world *world, const struct kube_watch *watch, enum watch_fault what)
{
    world->tally->watches[what][watch->resource]++;
}

/* ---- what is sent ---- */

static struct change change_of(const struct kube_watch *watch, enum change_kind kind)
{
    return (struct change){.resource = watch->resource, .kind = kind, .watch = watch->number};
}

static void send_end(struct replica *replica, struct kube_watch *watch, const struct error *error)
{
    struct change change = change_of(watch, CHANGE_CLOSED);

    replica->blind_at[watch->resource] = replica->world->now;
    if (error->kind != ERROR_NONE)
        change.error = mem_dup(error, sizeof *error);
    TRACE(replica->world, "%s  ◀ watch %d of %s ends: %s", replica_name(replica),
          (int)watch->number, watch->resource == RESOURCE_BINDINGS ? "bindings" : "accounts",
          error->kind == ERROR_NONE ? "in good order" : error_kind_name(error->kind));
    watch->phase = WATCH_NONE;
    replica_bring(replica, change);
}

/* Through the codecs it may end the watch. */
static void send_record(struct replica *replica, struct kube_watch *watch,
                        const struct kube_event *event)
{
    struct change change = change_of(watch, event->deleted ? CHANGE_DELETED : CHANGE_PUT);
    bool first_state = watch->phase == WATCH_FIRST_STATE;
    struct error error = {0};

    if (replica->world->wire) {
        if (sim_wire_event(replica, watch, event, first_state, &error) < 0)
            send_end(replica, watch, &error);
        return;
    }
    if (event->resource == RESOURCE_BINDINGS)
        change.record = binding_copy(event->record);
    else
        change.record = service_account_copy(event->record);
    replica_bring(replica, change);
}

static void send_version(struct replica *replica, struct kube_watch *watch, enum change_kind kind,
                         uint64_t version)
{
    struct change change = change_of(watch, kind);
    char text[KUBE_VERSION_SIZE];
    struct error error = {0};

    if (replica->world->wire) {
        if (sim_wire_version(replica, watch, version, kind == CHANGE_SYNCED, &error) < 0)
            send_end(replica, watch, &error);
        return;
    }
    change.resource_version = mem_strdup(kube_version_text(&replica->world->kube, version, text));
    replica_bring(replica, change);
}

/* ---- opening ---- */

#define CACHE_PATIENCE_MS 3000

static bool is_withdrawn(const struct world *world, const struct kube_watch *watch)
{
    return watch->resource == RESOURCE_BINDINGS && world->kube.definition == DEFINITION_GONE;
}

static enum watch_fault draw_opening(struct world *world, const struct kube_watch *watch)
{
    static const enum watch_fault bad[] = {WATCH_REFUSED, WATCH_EXPIRED};

    if (watch->initial && world->weather.no_streams)
        return WATCH_UNKNOWN;
    if (is_withdrawn(world, watch))
        return WATCH_NOT_SERVED;
    if (!watch->initial &&
        (watch->from < world->kube.compacted ||
         (watch->resource == RESOURCE_BINDINGS && watch->from < world->kube.reborn)))
        return WATCH_EXPIRED;
    if (world_is_calm(world) ||
        !tape_chance(&world->tape, world->weather.watch_faults, "does the watch open"))
        return WATCH_OPENED;
    return bad[tape_choose(&world->tape, 2, "why not")];
}

static void refuse(struct replica *replica, struct kube_watch *watch, enum watch_fault why)
{
    struct world *world = replica->world;
    struct error error = {0};
    int status = why == WATCH_UNKNOWN ? 422 : why == WATCH_EXPIRED ? 410 : 503;

    world->tally->sometimes[SOMETIMES_DEFINITION_GONE] += why == WATCH_NOT_SERVED;
    if (why == WATCH_NOT_SERVED)
        status = 404;
    if (world->wire)
        sim_wire_refuse(world, status, &error);
    else if (why == WATCH_NOT_SERVED)
        kube_refuse_missing(&world->kube, false, &error);
    else
        kube_refuse(&error, status, "", false, false);
    send_end(replica, watch, &error);
}

/* How long it is going to last, and how it ends. */
static void draw_life(struct world *world, struct kube_watch *watch)
{
    bool bad = !world_is_calm(world) &&
               tape_chance(&world->tape, world->weather.watch_faults, "does the watch last");

    watch->end = WATCH_ENDED;
    watch->silent = false;
    watch->end_at = world->now + tape_between(&world->tape, 300000, 600000, "life of a watch");
    if (bad) {
        watch->end = tape_choose(&world->tape, 2, "its end") ? WATCH_BROKEN : WATCH_ENDED;
        watch->end_at = world->now + tape_between(&world->tape, 1, 20000, "short life of a watch");
        watch->silent = tape_choose(&world->tape, 3, "falls silent") == 2;
    }
    watch->bookmark_at = world->now + tape_between(&world->tape, 2000, 60000, "bookmark");
}

/* From what came after `from`; at times from a little before. */
static size_t first_event(struct world *world, const struct kube_watch *watch)
{
    const struct kube_world *kube = &world->kube;
    size_t index = 0;

    while (index < kube->log_count && kube->log[index].version <= watch->from)
        index++;
    if (world_is_calm(world) || watch->initial ||
        !tape_chance(&world->tape, world->weather.watch_faults, "replay"))
        return index;
    for (uint32_t back = 1 + tape_choose(&world->tape, 6, "events replayed"); back > 0 && index > 0;
         back--)
        index--;
    did(world, watch, WATCH_REPLAYED);
    return index;
}

/* Of the whole state; at times as if there were none, and then it is whole at once: it is wrong, but
 * not of before. */
static size_t first_object(struct world *world, struct kube_watch *watch)
{
    if (world_is_calm(world) ||
        !tape_chance(&world->tape, world->weather.watch_faults / 8, "empty"))
        return 0;
    did(world, watch, WATCH_EMPTY);
    watch->empty = true;
    watch->snapshot = watch->whole;
    return world->kube.log_count;
}

static void refuse_version(struct replica *replica, struct kube_watch *watch)
{
    const struct kube_status status = {.code = 504, .version_too_large = true};
    struct error error = {.status = 504};

    did(replica->world, watch, WATCH_TOO_LARGE);
    error_set(&error, kube_status_kind(504, &status, false, false), "Too large resource version");
    send_end(replica, watch, &error);
}

/* True when the cache does not have what the watch begins after: it waits a while. */
static bool waits_for_cache(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;
    size_t needed = watch->initial ? 0 : kube_events_until(&world->kube, watch->from);
    int64_t ready_at = kube_cache_has(world, watch->cache, needed);

    if (ready_at <= world->now)
        return false;
    if (watch->give_up_at == 0) {
        world->tally->sometimes[SOMETIMES_WATCH_BEHIND]++;
        watch->give_up_at = world->now + CACHE_PATIENCE_MS;
    }
    if (world->now >= watch->give_up_at)
        refuse_version(replica, watch);
    else
        watch->due = ready_at < watch->give_up_at ? ready_at : watch->give_up_at;
    return true;
}

static void open_now(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;
    enum watch_fault fault;

    if (waits_for_cache(replica, watch))
        return;
    fault = draw_opening(world, watch);
    did(world, watch, fault);
    if (fault != WATCH_OPENED) {
        refuse(replica, watch, fault);
        return;
    }
    draw_life(world, watch);
    replica_bring(replica, change_of(watch, CHANGE_OPENED));
    watch->phase = watch->initial ? WATCH_FIRST_STATE : WATCH_LIVE;
    watch->snapshot = kube_cache_version(world, watch->cache);
    watch->whole = world->kube.version;
    watch->cursor = watch->initial ? first_object(world, watch) : first_event(world, watch);
    watch->due =
        watch->initial ? world->now + tape_between(&world->tape, 0, 20, "first lump") : NEVER;
}

/* What the old one had sent already is not called back. */
static void leave_stale(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;
    const struct kube_world *kube = &world->kube;

    if (watch->phase != WATCH_LIVE || world_is_calm(world) || watch->cursor >= kube->log_count ||
        kube->log[watch->cursor].resource != watch->resource ||
        !tape_chance(&world->tape, world->weather.watch_faults, "stale event"))
        return;
    did(world, watch, WATCH_STALE);
    world->tally->sometimes[SOMETIMES_STALE_EVENT]++;
    send_record(replica, watch, &kube->log[watch->cursor]);
}

void kube_watch_open(struct replica *replica, struct kube_watch *watch,
                     const struct watch_request *request)
{
    struct world *world = replica->world;
    leave_stale(replica, watch);
    *watch = (struct kube_watch){
        .phase = WATCH_OPENING,
        .resource = request->resource,
        .number = request->watch,
        .initial = request->initial,
        .cache = tape_choose(&world->tape, CACHE_COUNT, "which watch cache"),
        .asked_at = world->now,
        .from = request->initial ? 0
                : world->wire    ? sim_wire_open(world, request)
                                 : kube_version_number(&world->kube, request->resource_version),
        .due = world->now + tape_between(&world->tape, 1, world->weather.kube_latency, "handshake"),
        .end_at = NEVER,
        .bookmark_at = NEVER,
    };
    if (request->initial)
        world->tally->sometimes[SOMETIMES_RELISTED]++;
    TRACE(world, "%s  ▶ watch %d of %s from %s", replica_name(replica), (int)watch->number,
          watch->resource == RESOURCE_BINDINGS ? "bindings" : "accounts",
          request->initial ? "the first state" : request->resource_version);
}

/* ---- while it stands ---- */

/* One object of the first state, or its end. */
static void send_first_state(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;
    const struct kube_world *kube = &world->kube;
    uint32_t lump = 1 + tape_choose(&world->tape, 8, "objects in a lump");

    for (; watch->cursor < kube->log_count && kube->log[watch->cursor].version <= watch->snapshot;
         watch->cursor++) {
        const struct kube_event *event = &kube->log[watch->cursor];

        if (event->resource != watch->resource || event->deleted ||
            event->superseded <= watch->snapshot)
            continue;
        if (lump-- == 0) {
            watch->due = world->now + tape_between(&world->tape, 0, 20, "next lump");
            return;
        }
        send_record(replica, watch, event);
        if (watch->phase == WATCH_NONE)
            return;
    }
    if (watch->whole > watch->snapshot && watch->cursor < kube->log_count)
        world->tally->sometimes[SOMETIMES_STREAM_CATCHES_UP] +=
            kube->log[watch->cursor].version <= watch->whole;
    watch->phase = WATCH_CATCHING_UP;
    watch->due = NEVER;
}

static void skip_others(const struct kube_world *kube, struct kube_watch *watch)
{
    while (watch->cursor < kube->log_count && kube->log[watch->cursor].resource != watch->resource)
        watch->cursor++;
}

/* What the cache has by now, or only the first of it. */
static void send_events(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;
    const struct kube_world *kube = &world->kube;
    size_t count = kube_cache_count(world, watch->cache);
    bool one = tape_choose(&world->tape, 4, "only the first event") == 3;

    watch->due = NEVER;
    for (skip_others(kube, watch); watch->cursor < count; skip_others(kube, watch)) {
        const struct kube_event *event = &kube->log[watch->cursor++];

        send_record(replica, watch, event);
        if (watch->phase == WATCH_NONE)
            return;
        if (one) {
            watch->due = world->now + tape_between(&world->tape, 1, world->weather.watch_delay,
                                                   "delay of the next event");
            return;
        }
    }
}

/* What had happened when it was opened; then the state is whole. */
static void catch_up(struct replica *replica, struct kube_watch *watch)
{
    const struct kube_world *kube = &replica->world->kube;

    if (watch->cursor < kube_events_until(kube, watch->whole))
        send_events(replica, watch);
    skip_others(kube, watch);
    if (watch->phase == WATCH_NONE || watch->cursor < kube_events_until(kube, watch->whole))
        return;
    replica_note_state(replica, watch->resource, watch->empty);
    send_version(replica, watch, CHANGE_SYNCED, watch->whole);
    if (watch->phase == WATCH_NONE)
        return;
    replica->synced[watch->resource] |= watch->asked_at >= replica->led_since;
    watch->phase = WATCH_LIVE;
}

static void send_bookmark(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;

    skip_others(&world->kube, watch);
    if (watch->phase == WATCH_LIVE && !watch->silent && /* all before it has been sent */
        watch->cursor >= kube_cache_count(world, watch->cache)) {
        did(world, watch, WATCH_BOOKMARK);
        send_version(replica, watch, CHANGE_BOOKMARK, kube_cache_version(world, watch->cache));
    }
    watch->bookmark_at = world->now + tape_between(&world->tape, 30000, 90000, "bookmark");
}

static void end_now(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;
    struct error error = {0};

    did(world, watch, watch->end);
    if (watch->silent)
        did(world, watch, WATCH_SILENT);
    if (watch->end == WATCH_BROKEN || watch->silent)
        error_set(&error, ERROR_TRANSIENT, "the connection broke");
    send_end(replica, watch, &error);
}

/* The definition has gone: so does the watch, perhaps before it could say so. */
static void withdraw(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;
    struct error error = {0};

    if (watch->phase == WATCH_LIVE && !watch->silent &&
        tape_choose(&world->tape, 2, "the last events are lost") == 0)
        send_events(replica, watch);
    if (watch->phase == WATCH_NONE)
        return;
    did(world, watch, WATCH_WITHDRAWN);
    if (tape_choose(&world->tape, 2, "ends badly") == 1)
        error_set(&error, ERROR_TRANSIENT, "the connection broke");
    send_end(replica, watch, &error);
}

/* When the next event is sent: as soon as the cache has it. */
static void plan_events(struct world *world, struct kube_watch *watch)
{
    const struct kube_world *kube = &world->kube;
    int64_t has_at;

    skip_others(kube, watch);
    if (watch->phase == WATCH_CATCHING_UP && watch->cursor >= kube_events_until(kube, watch->whole))
        watch->due = world->now;
    if (watch->due != NEVER || watch->cursor >= kube->log_count)
        return;
    has_at = kube_cache_has(world, watch->cache, watch->cursor + 1);
    watch->due = has_at > world->now ? has_at : world->now;
}

int64_t kube_watch_due(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;
    int64_t due = NEVER;

    if (watch->phase == WATCH_NONE)
        return NEVER;
    if (is_withdrawn(world, watch) && watch->phase != WATCH_OPENING)
        return world->now;
    if (watch->phase == WATCH_CATCHING_UP || (watch->phase == WATCH_LIVE && !watch->silent))
        plan_events(world, watch);
    if (!watch->silent || watch->phase != WATCH_LIVE)
        due = watch->due;
    if (watch->bookmark_at < due)
        due = watch->bookmark_at;
    return watch->end_at < due ? watch->end_at : due;
}

void kube_watch_run(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;

    if (watch->phase == WATCH_NONE)
        return;
    if (is_withdrawn(world, watch) && watch->phase != WATCH_OPENING) {
        withdraw(replica, watch);
        return;
    }
    if (watch->end_at <= world->now) {
        end_now(replica, watch);
        return;
    }
    if (watch->bookmark_at <= world->now)
        send_bookmark(replica, watch);
    if (watch->due > world->now || (watch->silent && watch->phase == WATCH_LIVE))
        return;
    if (watch->phase == WATCH_OPENING)
        open_now(replica, watch);
    else if (watch->phase == WATCH_FIRST_STATE)
        send_first_state(replica, watch);
    else if (watch->phase == WATCH_CATCHING_UP)
        catch_up(replica, watch);
    else
        send_events(replica, watch);
}

/* One that had fallen silent is found out in time: hang-up comes 16 s after the last sign of life.
 */
void kube_watch_calm(struct replica *replica, struct kube_watch *watch)
{
    struct world *world = replica->world;

    if (watch->phase != WATCH_NONE && watch->silent && watch->end_at > world->now + 16000)
        watch->end_at = world->now + 16000;
}
