/* SPDX-License-Identifier: Apache-2.0 */
/* What was written last to an object, or under a key, and what may follow it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/invariant.h"
#include "tests/sim/replica.h"

#define MINUTE_MS 60000

/* ---- our own writes to objects (W4) ---- */

static struct own_mark *find_own(struct own_marks *owns, const char *namespace, const char *name)
{
    for (size_t i = 0; i < owns->count; i++)
        if (strcmp(owns->items[i].namespace, namespace) == 0 &&
            strcmp(owns->items[i].name, name) == 0)
            return &owns->items[i];
    return NULL;
}

void invariant_written(struct replica *replica, const struct call *call)
{
    const struct object_in *in = &call->in.object;
    struct own_marks *owns = &replica->owns;
    struct own_mark *own = find_own(owns, in->namespace, in->name);

    if (!own) {
        MEM_GROW(owns->items, owns->count, owns->capacity);
        own = &owns->items[owns->count++];
        *own = (struct own_mark){0};
        snprintf(own->namespace, sizeof own->namespace, "%s", in->namespace);
        snprintf(own->name, sizeof own->name, "%s", in->name);
    }
    snprintf(own->version, sizeof own->version, "%s", call->out.resource_version);
    own->pass = replica->sync.facts.passes;
}

/* Versions are whole numbers, of any length. */
static bool is_before(const char *version, const char *other)
{
    size_t length = strlen(version), other_length = strlen(other);

    return length != other_length ? length < other_length : strcmp(version, other) < 0;
}

static void check_patch(struct replica *replica, const struct object_in *in)
{
    const struct own_mark *own = find_own(&replica->owns, in->namespace, in->name);

    if (own && is_before(in->resource_version, own->version))
        world_fail(replica->world, "own-writes", "%s is patched at %s, after our own write made %s",
                   in->name, in->resource_version, own->version);
}

/* The key of an association that is written to; false when it is not there any more. */
static bool key_of(const struct replica *replica, const struct call *call, const char *ret_key[2])
{
    const struct model_association *there;

    if (call->verb == CALL_CREATE_ASSOCIATION) {
        ret_key[0] = call->in.create.key.namespace;
        ret_key[1] = call->in.create.key.service_account;
        return true;
    }
    there = world_association(replica->world, call->in.association.id);
    if (!there)
        return false;
    ret_key[0] = there->namespace;
    ret_key[1] = there->service_account;
    return true;
}

/* The steps of a pass follow its own finalizer; those of a later pass wait until the store shows
 * what was written. */
static void check_step(struct replica *replica, const char *const key[2])
{
    struct view view = replica_view(replica);
    const struct binding *holder = expect_holder(&view, key[0], key[1]);
    const struct own_mark *own =
        holder ? find_own(&replica->owns, holder->namespace, holder->name) : NULL;

    if (own && own->pass != replica->sync.facts.passes &&
        is_before(holder->resource_version, own->version))
        world_fail(replica->world, "own-writes",
                   "a step of %s, whose store shows %s, not our own write %s", holder->name,
                   holder->resource_version, own->version);
}

/* ---- storms ---- */

static struct key_rate *find_rate(struct key_rates *rates, const char *const key[2])
{
    char text[sizeof rates->items->key];

    snprintf(text, sizeof text, "%s/%s", key[0], key[1]);
    for (size_t i = 0; i < rates->count; i++)
        if (strcmp(rates->items[i].key, text) == 0)
            return &rates->items[i];
    MEM_GROW(rates->items, rates->count, rates->capacity);
    rates->items[rates->count] = (struct key_rate){0};
    memcpy(rates->items[rates->count].key, text, sizeof text);
    return &rates->items[rates->count++];
}

static void check_rate(struct replica *replica, const char *const key[2])
{
    struct key_rate *rate = find_rate(&replica->rates, key);
    int64_t *oldest = &rate->at[rate->next++ % KEY_RATE_MOST];

    if (*oldest > 0 && *oldest + MINUTE_MS > replica->world->now)
        world_fail(replica->world, "storm", "more than %d writes to %s in a minute", KEY_RATE_MOST,
                   rate->key);
    *oldest = replica->world->now;
}

void invariant_key(struct replica *replica, const struct call *call)
{
    const char *key[2];

    if (call->verb == CALL_PATCH_FINALIZERS || call->verb == CALL_PATCH_STATUS)
        check_patch(replica, &call->in.object);
    if (!call_is_eks(call->verb) || !call_writes(call->verb) || !key_of(replica, call, key))
        return;
    check_step(replica, key);
    check_rate(replica, key);
}
