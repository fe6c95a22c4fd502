/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define WALL_US INT64_C(1764000000000000)

static int64_t now(void *world)
{
    return ((struct script *)world)->now;
}

static int64_t wall(void *world)
{
    return WALL_US + ((struct script *)world)->now * 1000;
}

static uint64_t random_number(void *world)
{
    return ((struct script *)world)->random++;
}

static int64_t lease_until(void *world)
{
    return ((struct script *)world)->lease_until;
}

static void start(void *world, struct call *call)
{
    struct script *script = world;

    if (script->gone)
        return;
    assert_true(script->under_way_count < SCRIPT_ROOM);
    script->under_way[script->under_way_count++] = call;
    script->started++;
    if (script->under_way_count > script->most_under_way)
        script->most_under_way = script->under_way_count;
}

static struct call *take_call(struct script *script)
{
    size_t index = script->newest_first ? script->under_way_count - 1 : 0;
    struct call *call = script->under_way[index];

    script->under_way_count--;
    for (size_t i = index; i < script->under_way_count; i++)
        script->under_way[i] = script->under_way[i + 1];
    return call;
}

static enum port_event next(void *world, int64_t deadline, struct call **ret_call,
                            struct changes *ret_changes)
{
    struct script *script = world;

    if (script->gone)
        return PORT_GONE;
    if (script->queued.count > 0) {
        *ret_changes = script->queued;
        script->queued = (struct changes){0};
        return PORT_CHANGES;
    }
    if (script->wakes > 0) {
        script->wakes--;
        return PORT_WOKEN;
    }
    if (script->under_way_count > 0 && script->answer) {
        *ret_call = take_call(script);
        script->answer(script, *ret_call);
        return PORT_CALL;
    }
    assert_true(deadline != INT64_MAX);
    if (deadline > script->now)
        script->now = deadline;
    return PORT_TIMEOUT;
}

static void open_watch(void *world, const struct watch_request *request)
{
    struct script *script = world;
    struct script_watch *watch = &script->watches[script->watch_count++];

    assert_true(script->watch_count <= SCRIPT_ROOM);
    *watch = (struct script_watch){
        .resource = request->resource, .watch = request->watch, .initial = request->initial};
    snprintf(watch->version, sizeof watch->version, "%s", request->resource_version);
}

void script_init(struct script *script)
{
    *script = (struct script){.now = 1000000, .lease_until = INT64_MAX};
    script->ports = (struct ports){.world = script,
                                   .now = now,
                                   .wall = wall,
                                   .random = random_number,
                                   .lease_until = lease_until,
                                   .start = start,
                                   .next = next,
                                   .open_watch = open_watch};
}

void script_release(struct script *script)
{
    changes_release(&script->queued);
}

void script_change(struct script *script, enum resource resource, uint64_t watch,
                   enum change_kind kind, void *owned_record, const char *version,
                   const struct error *error)
{
    MEM_GROW(script->queued.items, script->queued.count, script->queued.capacity);
    script->queued.items[script->queued.count++] =
        (struct change){.resource = resource,
                        .kind = kind,
                        .watch = watch,
                        .record = owned_record,
                        .resource_version = version ? mem_strdup(version) : NULL,
                        .error = error ? mem_dup(error, sizeof *error) : NULL};
}

const struct script_watch *script_watch(const struct script *script)
{
    assert_true(script->watch_count > 0);
    return &script->watches[script->watch_count - 1];
}
