/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/upheaval.h"

#include <string.h>

#include "base/mem.h"
#include "tests/sim/deeds.h"
#include "tests/sim/replica.h"

#define RETRY_MS 3000
/* So long before the rest they give up: what comes later could not come right in time. */
#define LAST_MS (15 * 60 * 1000)

/* ---- coming back ---- */

void upheaval_bring_back(struct world *world, const struct binding *like, int64_t at)
{
    struct comebacks *comebacks = &world->comebacks;

    for (size_t i = 0; i < comebacks->count; i++)
        if (strcmp(comebacks->items[i].like->namespace, like->namespace) == 0 &&
            strcmp(comebacks->items[i].like->name, like->name) == 0)
            return; /* it is to come back already */
    MEM_GROW(comebacks->items, comebacks->count, comebacks->capacity);
    comebacks->items[comebacks->count++] = (struct comeback){.like = like, .at = at};
}

static bool is_too_late(const struct world *world)
{
    return world->phase == PHASE_QUIET ||
           (world->phase == PHASE_SETTLING && world->now > world->phase_until - LAST_MS);
}

static const char *finalizers_of(struct world *world, const struct binding *like)
{
    /* Some tools put back every line of metadata that they have saved. */
    if (!world_is_calm(world) && like->has_finalizer && !like->deleting &&
        tape_choose(&world->tape, 4, "our finalizer comes back too") == 3)
        return BINDING_FINALIZER "\n";
    return "";
}

static void come_back(struct world *world, const struct comeback *comeback)
{
    struct binding next = *comeback->like;

    next.finalizers = finalizers_of(world, comeback->like);
    world->tally->sometimes[SOMETIMES_CAME_BACK_WAITING] += comeback->waited;
    people_did(world, DEED_COMES_BACK, "%s/%s%s", next.namespace, next.name,
               next.finalizers[0] != '\0' ? ", with our finalizer" : "");
    kube_create_binding(&world->kube, &next);
}

/* Returns false when it is done with. */
static bool try_again(struct world *world, struct comeback *comeback)
{
    const struct binding *like = comeback->like;
    const struct binding *there = kube_binding(&world->kube, like->namespace, like->name);

    if (comeback->at > world->now)
        return true;
    if (there && !there->deleting)
        return false; /* somebody else has made it */
    if (!there && kube_may_create_binding(&world->kube, like->namespace)) {
        come_back(world, comeback);
        return false;
    }
    comeback->waited = true;
    comeback->at = world->now + RETRY_MS;
    return !is_too_late(world);
}

static void run_comebacks(struct world *world)
{
    struct comebacks *comebacks = &world->comebacks;
    size_t kept = 0;

    for (size_t i = 0; i < comebacks->count; i++)
        if (try_again(world, &comebacks->items[i]))
            comebacks->items[kept++] = comebacks->items[i];
    comebacks->count = kept;
}

/* ---- a restored backup ---- */

/* What had been written is lost, and so is every watch of it. */
static void break_watches(struct world *world)
{
    world->kube.compacted = world->kube.version;
    for (size_t i = 0; i < world->place_count; i++) {
        struct replica *replica = world->places[i].replica;

        if (replica && replica->watches[RESOURCE_BINDINGS].phase != WATCH_NONE) {
            replica->watches[RESOURCE_BINDINGS].end = WATCH_BROKEN;
            replica->watches[RESOURCE_BINDINGS].end_at = world->now;
        }
    }
}

/* Finalizers do not help it: what it had made stays behind. */
static void lose(struct world *world, const struct binding *binding, int64_t back_at)
{
    marks_set(&world->lost, world->now, "%s", binding->uid);
    kube_drop_binding(&world->kube, binding);
    if (back_at != NEVER)
        upheaval_bring_back(world, binding, back_at);
}

static void restore(struct world *world)
{
    uint32_t scope = tape_choose(&world->tape, 3, "what is restored");
    const char *namespace = people_namespace(world);
    int64_t at = world->now;
    size_t count = 0;

    if (tape_choose(&world->tape, 2, "takes a while") == 1)
        at += tape_between(&world->tape, 1, 30000, "until it is back");
    for (size_t i = world->kube.binding_count; i-- > 0;) {
        const struct binding *binding = world->kube.bindings[i];

        if ((scope < 2 && strcmp(binding->namespace, namespace) != 0) ||
            (scope == 0 && tape_choose(&world->tape, 2, "not this one") == 1))
            continue;
        count++;
        lose(world, binding, tape_choose(&world->tape, 8, "never again") == 7 ? NEVER : at);
    }
    people_did(world, DEED_RESTORE, "%zu bindings of %s", count,
               scope < 2 ? namespace : "the cluster");
    if (tape_choose(&world->tape, 2, "watches break") == 1)
        break_watches(world);
}

/* ---- a prune, or everything of a definition ---- */

static void bring_all_back(struct world *world, int64_t at)
{
    for (size_t i = 0; i < world->kube.binding_count; i++)
        upheaval_bring_back(world, world->kube.bindings[i], at);
}

static int64_t draw_return(struct world *world)
{
    return world->now + tape_between(&world->tape, 1, 60000, "until they come back");
}

static void prune(struct world *world)
{
    bool undone = tape_choose(&world->tape, 4, "for good") < 3;

    people_did(world, DEED_PRUNE, "%zu bindings%s", world->kube.binding_count,
               undone ? ", which come back" : "");
    if (undone)
        bring_all_back(world, draw_return(world));
    for (size_t i = world->kube.binding_count; i-- > 0;)
        kube_delete_binding(&world->kube, world->kube.bindings[i]);
}

static void delete_definition(struct world *world)
{
    bool bare = tape_choose(&world->tape, 2, "a bare 404") == 0;

    if (world->kube.definition != DEFINITION_INSTALLED)
        return;
    people_did(world, DEED_DEFINITION_DELETE, "with %zu bindings", world->kube.binding_count);
    bring_all_back(world, draw_return(world));
    kube_delete_definition(&world->kube, bare);
}

static int64_t install_due(const struct world *world)
{
    return world->kube.definition == DEFINITION_GONE ? world->kube.gone_at + world->install_after
                                                     : NEVER;
}

static void install(struct world *world)
{
    people_did(world, DEED_DEFINITION_INSTALL, "with nothing in it");
    kube_install_definition(&world->kube);
    world->install_after = tape_between(&world->tape, 1000, 30000, "until it is installed again");
}

/* ---- one binding ---- */

static void replace(struct world *world)
{
    const struct binding *binding = people_some_binding(world);

    if (!binding || binding->deleting)
        return;
    people_did(world, DEED_REPLACE, "%s/%s", binding->namespace, binding->name);
    upheaval_bring_back(world, binding, world->now + 1);
    kube_delete_binding(&world->kube, binding);
}

/* The same spec under another name, before or after the old one goes. */
static void rename_binding(struct world *world)
{
    const struct binding *binding = people_some_binding(world);
    const char *name = people_binding_name(world);
    struct binding next;

    if (!binding || binding->deleting || kube_binding(&world->kube, binding->namespace, name) ||
        !kube_may_create_binding(&world->kube, binding->namespace))
        return;
    people_did(world, DEED_RENAME_BINDING, "%s/%s to %s", binding->namespace, binding->name, name);
    next = *binding;
    next.name = name;
    next.finalizers = "";
    if (tape_choose(&world->tape, 2, "the old one goes first") == 1) {
        kube_delete_binding(&world->kube, binding);
        kube_create_binding(&world->kube, &next);
        return;
    }
    kube_create_binding(&world->kube, &next);
    kube_delete_binding(&world->kube, binding);
}

void upheaval_act(struct world *world)
{
    switch (tape_choose(&world->tape, 8, "which upheaval")) {
    case 0:
    case 1:
        rename_binding(world);
        break;
    case 2:
    case 3:
        replace(world);
        break;
    case 4:
    case 5:
        restore(world);
        break;
    case 6:
        prune(world);
        break;
    default:
        delete_definition(world);
    }
}

/* ---- as time goes on ---- */

int64_t upheaval_due(const struct world *world)
{
    const struct comebacks *comebacks = &world->comebacks;
    int64_t due = install_due(world);

    for (size_t i = 0; i < comebacks->count; i++)
        if (comebacks->items[i].at < due)
            due = comebacks->items[i].at;
    return due;
}

void upheaval_run(struct world *world)
{
    if (install_due(world) <= world->now)
        install(world);
    if (world->comebacks.count > 0)
        run_comebacks(world);
}

void upheaval_release(struct world *world)
{
    mem_free(world->comebacks.items);
}
