/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/kube_cache.h"

#include "base/mem.h"

void kube_caches_release(struct world *world)
{
    for (size_t i = 0; i < CACHE_COUNT; i++)
        mem_free(world->caches[i].has_at);
}

/* Draws how late it learns of what has been written since. */
static struct kube_cache *follow(struct world *world, size_t index)
{
    struct kube_cache *cache = &world->caches[index];
    const struct kube_world *kube = &world->kube;

    while (cache->drawn < kube->log_count) {
        int64_t before = cache->drawn > 0 ? cache->has_at[cache->drawn - 1] : 0;
        int64_t at = kube->log[cache->drawn].at +
                     tape_between(&world->tape, 1, world->weather.watch_delay, "lag of a cache");

        MEM_GROW(cache->has_at, cache->drawn, cache->capacity);
        cache->has_at[cache->drawn++] = at > before ? at : before;
    }
    while (cache->count < cache->drawn && cache->has_at[cache->count] <= world->now)
        cache->count++;
    return cache;
}

size_t kube_cache_count(struct world *world, size_t cache)
{
    return follow(world, cache)->count;
}

int64_t kube_cache_has(struct world *world, size_t cache, size_t count)
{
    const struct kube_cache *followed = follow(world, cache);

    return count > 0 ? followed->has_at[count - 1] : 0;
}

size_t kube_events_until(const struct kube_world *kube, uint64_t version)
{
    size_t count = kube->log_count;

    while (count > 0 && kube->log[count - 1].version > version)
        count--;
    return count;
}

uint64_t kube_cache_version(struct world *world, size_t cache)
{
    size_t count = kube_cache_count(world, cache);

    return count == world->kube.log_count ? world->kube.version
                                          : world->kube.log[count].version - 1;
}
