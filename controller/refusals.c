/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/refusals.h"

#include <string.h>

#include "base/mem.h"

#define FIRST_WAIT_MS 2000
#define LONGEST_WAIT_MS 300000

static size_t position(const struct refusals *refusals, const char *uid)
{
    size_t low = 0, high = refusals->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(refusals->items[middle].uid, uid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct refusal *find(const struct refusals *refusals, const char *uid)
{
    size_t index = position(refusals, uid);

    return index < refusals->count && strcmp(refusals->items[index].uid, uid) == 0
               ? &refusals->items[index]
               : NULL;
}

static void release(struct refusal *refusal)
{
    mem_free(refusal->uid);
    mem_free(refusal->version);
}

static struct refusal *add(struct refusals *refusals, const char *uid)
{
    size_t index = position(refusals, uid);

    MEM_GROW(refusals->items, refusals->count, refusals->capacity);
    memmove(refusals->items + index + 1, refusals->items + index,
            (refusals->count - index) * sizeof *refusals->items);
    refusals->count++;
    refusals->items[index] = (struct refusal){
        .uid = mem_strdup(uid), .backoff = {.base_ms = FIRST_WAIT_MS, .cap_ms = LONGEST_WAIT_MS}};
    return &refusals->items[index];
}

void refusals_note(struct refusals *refusals, const struct binding *binding, bool overtaken,
                   int64_t now, uint64_t random)
{
    struct refusal *refusal = find(refusals, binding->uid);

    if (!refusal)
        refusal = add(refusals, binding->uid);
    mem_free(refusal->version);
    refusal->version = mem_strdup(binding->resource_version);
    refusal->retry_at = now + backoff_next(&refusal->backoff, random);
    refusal->overtaken = overtaken;
}

size_t refusals_count(const struct refusals *refusals)
{
    size_t count = 0;

    for (size_t i = 0; i < refusals->count; i++)
        count += !refusals->items[i].overtaken;
    return count;
}

void refusals_forget(struct refusals *refusals, const char *uid)
{
    struct refusal *refusal = find(refusals, uid);
    size_t index = position(refusals, uid);

    if (!refusal)
        return;
    release(refusal);
    refusals->count--;
    memmove(refusal, refusal + 1, (refusals->count - index) * sizeof *refusal);
}

int64_t refusals_until(const struct refusals *refusals, const struct binding *binding)
{
    const struct refusal *refusal = find(refusals, binding->uid);

    return refusal && strcmp(refusal->version, binding->resource_version) == 0 ? refusal->retry_at
                                                                               : 0;
}

void refusals_begin(struct refusals *refusals)
{
    for (size_t i = 0; i < refusals->count; i++)
        refusals->items[i].seen = false;
}

void refusals_look(struct refusals *refusals, const char *uid)
{
    struct refusal *refusal = find(refusals, uid);

    if (refusal)
        refusal->seen = true;
}

void refusals_end(struct refusals *refusals)
{
    size_t kept = 0;

    for (size_t i = 0; i < refusals->count; i++) {
        if (refusals->items[i].seen)
            refusals->items[kept++] = refusals->items[i];
        else
            release(&refusals->items[i]);
    }
    refusals->count = kept;
}

void refusals_release(struct refusals *refusals)
{
    for (size_t i = 0; i < refusals->count; i++)
        release(&refusals->items[i]);
    mem_free(refusals->items);
    *refusals = (struct refusals){0};
}
