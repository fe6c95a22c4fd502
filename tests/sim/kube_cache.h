/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_cache - the API server's watch caches: each of its replicas has one, and each learns of a
 * change some time after it was written, in order. Lists and GETs go past them.
 */
#pragma once

#include "tests/sim/world.h"

void kube_caches_release(struct world *world);

/* How many events of the log this cache has by now. */
size_t kube_cache_count(struct world *world, size_t cache);
/* When it has the first `count` events of the log; in the past, if it has. */
int64_t kube_cache_has(struct world *world, size_t cache, size_t count);
/* How many events the log has up to this version. */
size_t kube_events_until(const struct kube_world *kube, uint64_t version);
/* As of which version it is by now. */
uint64_t kube_cache_version(struct world *world, size_t cache);
