/* SPDX-License-Identifier: Apache-2.0 */
#include "informers/informer.h"

#include "base/mem.h"

void informer_init(struct informer *informer, const struct store_kind *kind)
{
    *informer = (struct informer){.store = {.kind = kind}, .staged = {.kind = kind}};
    reflector_init(&informer->reflector);
}

void informer_release(struct informer *informer)
{
    store_release(&informer->store);
    store_release(&informer->staged);
}

enum reflector_move informer_next(struct informer *informer, int64_t now)
{
    enum reflector_move move = reflector_next(&informer->reflector, now);

    if (move == REFLECTOR_STREAM || move == REFLECTOR_WATCH)
        informer->watch++;
    if (move == REFLECTOR_STREAM || (move == REFLECTOR_LIST && !informer->reflector.page[0]))
        store_release(&informer->staged);
    return move;
}

bool informer_synced(const struct informer *informer)
{
    return informer->reflector.synced;
}

void informer_renew(struct informer *informer)
{
    reflector_renew(&informer->reflector);
}

bool informer_current(const struct informer *informer)
{
    return informer->reflector.synced && !informer->reflector.stale;
}

static bool is_current(const struct informer *informer, uint64_t watch)
{
    enum reflector_state state = informer->reflector.state;

    return watch == informer->watch &&
           (state == REFLECTOR_STREAMING || state == REFLECTOR_WATCHING);
}

static struct store *target(struct informer *informer)
{
    return informer->reflector.state == REFLECTOR_STREAMING ? &informer->staged : &informer->store;
}

static void take_over(struct informer *informer)
{
    store_replace(&informer->store, &informer->staged);
    informer->relists++;
    informer->relisted = informer->store.count;
}

void informer_opened(struct informer *informer, uint64_t watch, int64_t now)
{
    if (is_current(informer, watch))
        reflector_opened(&informer->reflector, now);
}

void informer_put(struct informer *informer, uint64_t watch, void *owned_record)
{
    struct store *store = target(informer);

    if (!is_current(informer, watch) ||
        !reflector_saw(&informer->reflector, store->kind->version(owned_record))) {
        mem_free(owned_record);
        return;
    }
    informer->over_cap |= store->count >= STORE_CAP;
    store_put(store, owned_record);
}

void informer_removed(struct informer *informer, uint64_t watch, void *owned_record)
{
    const struct store_kind *kind = informer->store.kind;

    if (is_current(informer, watch) &&
        reflector_saw(&informer->reflector, kind->version(owned_record)))
        store_remove(target(informer), kind->namespace(owned_record), kind->name(owned_record),
                     kind->version(owned_record));
    mem_free(owned_record);
}

void informer_bookmark(struct informer *informer, uint64_t watch, const char *version)
{
    if (is_current(informer, watch))
        reflector_saw(&informer->reflector, version);
}

void informer_streamed(struct informer *informer, uint64_t watch, const char *version, int64_t now)
{
    if (watch != informer->watch || informer->reflector.state != REFLECTOR_STREAMING)
        return;
    take_over(informer);
    reflector_streamed(&informer->reflector, version, now);
}

void informer_closed(struct informer *informer, uint64_t watch, const struct error *error,
                     int64_t now, uint64_t random)
{
    if (!is_current(informer, watch))
        return;
    store_release(&informer->staged);
    reflector_failed(&informer->reflector, error, now, random);
}

void informer_page(struct informer *informer, void **owned_records, size_t count,
                   const char *version, const char *continue_token)
{
    for (size_t i = 0; i < count; i++) {
        informer->over_cap |= informer->staged.count >= STORE_CAP;
        store_put(&informer->staged, owned_records[i]);
    }
    if (reflector_listed(&informer->reflector, version, continue_token))
        take_over(informer);
}

void informer_page_failed(struct informer *informer, const struct error *error, int64_t now,
                          uint64_t random)
{
    store_release(&informer->staged);
    reflector_failed(&informer->reflector, error, now, random);
}
