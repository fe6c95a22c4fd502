/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/exec_cache.h"

#define SECOND_MS 1000
#define AHEAD_MS (30 * (int64_t)SECOND_MS)
#define GAP_MS (10 * (int64_t)SECOND_MS)
#define TRUSTED_MS (300 * (int64_t)SECOND_MS) /* a rejection after that is none in a row */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void exec_cache_init(struct exec_cache *cache, int64_t now_ms)
{
    *cache = (struct exec_cache){
        .due_ms = now_ms,
        .failures = {.base_ms = 2 * SECOND_MS, .cap_ms = 60 * SECOND_MS},
        .rejections = {.base_ms = 2 * GAP_MS, .cap_ms = 300 * SECOND_MS},
    };
}

void exec_cache_release(struct exec_cache *cache)
{
    exec_credential_drop(cache->credential);
    *cache = (struct exec_cache){0};
}

int64_t exec_cache_due(const struct exec_cache *cache)
{
    return cache->running ? EXEC_CACHE_NEVER : cache->due_ms;
}

void exec_cache_started(struct exec_cache *cache, int64_t now_ms)
{
    cache->running = true;
    cache->started_ms = now_ms;
    cache->runs++;
}

/* How long before its end a credential of that life is replaced. */
static int64_t ahead_of(int64_t life_ms)
{
    return sooner(later(life_ms / 10, AHEAD_MS), life_ms / 2);
}

static void set_times(struct exec_cache *cache, int64_t now_ms, int64_t life_ms)
{
    cache->expires_ms = life_ms > 0 ? now_ms + life_ms : EXEC_CACHE_NEVER;
    cache->due_ms = EXEC_CACHE_NEVER;
    if (life_ms > 0)
        cache->due_ms = later(now_ms + life_ms - ahead_of(life_ms), cache->started_ms + GAP_MS);
}

int exec_cache_take(struct exec_cache *cache, struct exec_credential *credential, int64_t now_ms,
                    int64_t wall_us, uint64_t random, struct error *err)
{
    bool says = credential->expires_us != 0;
    int64_t life_ms = says ? (credential->expires_us - wall_us) / 1000 : 0;
    if (says && life_ms <= 0) {
        exec_credential_drop(credential);
        error_set(err, ERROR_TRANSIENT,
                  "gave a credential that expired %lld s ago, expected one for now",
                  (long long)-life_ms / SECOND_MS);
        exec_cache_failed(cache, err, now_ms, random);
        return -1;
    }
    exec_credential_drop(cache->credential);
    cache->credential = credential;
    credential->number = cache->runs;
    cache->running = cache->rejected = false;
    cache->taken_ms = now_ms;
    set_times(cache, now_ms, life_ms);
    backoff_reset(&cache->failures);
    error_clear(&cache->last);
    return 0;
}

void exec_cache_failed(struct exec_cache *cache, const struct error *why, int64_t now_ms,
                       uint64_t random)
{
    cache->running = false;
    cache->last = *why;
    cache->due_ms = now_ms + backoff_next(&cache->failures, random);
    if (cache->rejected)
        cache->due_ms = later(cache->due_ms, cache->started_ms + GAP_MS);
}

struct exec_credential *exec_cache_current(const struct exec_cache *cache, int64_t now_ms,
                                           struct error *err)
{
    bool failed = cache->last.kind != ERROR_NONE;
    if (cache->credential != NULL && now_ms < cache->expires_ms)
        return cache->credential;
    if (failed)
        error_set(err, ERROR_TRANSIENT, "%s", cache->last.text);
    else
        error_set(err, ERROR_TRANSIENT, "the credential plugin has not answered yet");
    if (cache->credential != NULL)
        error_wrap(err, "the last credential has expired");
    return NULL;
}

void exec_cache_rejected(struct exec_cache *cache, uint64_t number, int64_t now_ms, uint64_t random)
{
    if (cache->credential == NULL || cache->credential->number != number || cache->rejected)
        return;
    cache->rejected = true;
    if (now_ms - cache->taken_ms >= TRUSTED_MS)
        backoff_reset(&cache->rejections);
    bool first = cache->rejections.failures == 0;
    int64_t gap_ms = backoff_next(&cache->rejections, random);
    if (first) /* without a spread: the lease is lost after about as long */
        gap_ms = GAP_MS;
    cache->due_ms = sooner(cache->due_ms, later(now_ms, cache->started_ms + gap_ms));
}
