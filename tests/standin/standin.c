/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/standin/standin_private.h"

#define HOUR_MS (3600 * 1000)

void standin_init(struct standin *standin, uint64_t seed)
{
    *standin = (struct standin){
        .model = model_new(),
        .credentials_lifetime_ms = HOUR_MS,
        .random = seed,
        .epoch_ms = clock_wall_us() / 1000 - clock_boot_ms(),
    };
    pthread_mutex_init(&standin->lock, NULL);
}

void standin_init_in(struct standin *standin, const struct standin_world *world, uint64_t seed)
{
    *standin = (struct standin){
        .model = world->model,
        .world = *world,
        .credentials_lifetime_ms = HOUR_MS,
        .random = seed,
        .epoch_ms = world->epoch_ms,
    };
    pthread_mutex_init(&standin->lock, NULL);
}

void standin_release(struct standin *standin)
{
    pthread_mutex_destroy(&standin->lock);
    if (!standin->world.model)
        model_free(standin->model);
    standin_log_release(&standin->log);
    mem_free(standin->web_token);
    standin_permits_release(&standin->permits);
}

int64_t standin_now_ms(const struct standin *standin)
{
    const struct standin_world *world = &standin->world;

    return standin->epoch_ms + (world->model ? world->now_ms(world->context) : clock_boot_ms());
}

int64_t standin_clock_ms(const struct standin *standin)
{
    return standin_now_ms(standin) + standin->clock_ahead_ms;
}

int64_t standin_model_ms(const struct standin *standin)
{
    const struct standin_world *world = &standin->world;

    return world->model ? world->now_ms(world->context) : standin_now_ms(standin);
}

/* splitmix64 */
uint64_t standin_random(struct standin *standin)
{
    uint64_t z = standin->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t standin_model_random(struct standin *standin)
{
    const struct standin_world *world = &standin->world;

    return world->model ? world->random(world->context) : standin_random(standin);
}

void standin_uuid(struct standin *standin, char ret_uuid[40])
{
    uint64_t high = standin_random(standin), low = standin_random(standin);

    snprintf(ret_uuid, 40, "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-a%03" PRIx64 "-%012" PRIx64,
             high >> 32, high >> 16 & 0xffff, high & 0xfff, low >> 48 & 0xfff,
             low & 0xffffffffffffu);
}

/* ---- keys ---- */

static bool fits(char *ret_text, size_t size, const char *text)
{
    int length = snprintf(ret_text, size, "%s", text);

    return length >= 0 && (size_t)length < size;
}

bool standin_add_key(struct standin *standin, const char *key_id, const char *secret,
                     const char *session_token)
{
    struct standin_credential *key = &standin->keys[standin->key_count];

    if (standin->key_count >= STANDIN_KEYS_MAX / 2 ||
        !fits(key->key_id, sizeof key->key_id, key_id) ||
        !fits(key->secret, sizeof key->secret, secret) ||
        !fits(key->session_token, sizeof key->session_token, session_token))
        return false;
    standin->key_fixed = standin->key_next = ++standin->key_count;
    return true;
}

const struct standin_credential *standin_mint_key(struct standin *standin, const char *caller_arn,
                                                  int64_t lifetime_ms)
{
    int64_t most_ms = standin->credentials_lifetime_ms;
    struct standin_credential *key = NULL;

    if (standin->key_next == STANDIN_KEYS_MAX)
        standin->key_next = standin->key_fixed;
    key = &standin->keys[standin->key_next++];
    if (standin->key_count < standin->key_next)
        standin->key_count = standin->key_next;
    snprintf(key->key_id, sizeof key->key_id, "ASIA%016" PRIX64, standin_random(standin));
    snprintf(key->secret, sizeof key->secret, "%016" PRIx64 "/%016" PRIx64 "+",
             standin_random(standin), standin_random(standin));
    snprintf(key->session_token, sizeof key->session_token,
             "standin/%016" PRIx64 "%016" PRIx64 "+==", standin_random(standin),
             standin_random(standin));
    snprintf(key->caller_arn, sizeof key->caller_arn, "%s", caller_arn ? caller_arn : "");
    key->expires_ms = standin_clock_ms(standin) + (lifetime_ms < most_ms ? lifetime_ms : most_ms);
    return key;
}

/* ---- requests ---- */

void standin_serve(struct standin *standin, const struct standin_request *request,
                   struct standin_reply *ret_reply)
{
    *ret_reply = (struct standin_reply){
        .status = 200,
        .content_type = "application/json",
        .body = STRBUF_CAPPED(STANDIN_REPLY_MAX),
    };
    pthread_mutex_lock(&standin->lock);
    standin_uuid(standin, ret_reply->request_id);
    ret_reply->date_ms = standin_clock_ms(standin);
    if (strncmp(request->target, "/_standin/", 10) == 0)
        standin_admin(standin, request, ret_reply);
    else
        standin_aws(standin, request, ret_reply);
    pthread_mutex_unlock(&standin->lock);
}

void standin_delivered(struct standin *standin, struct standin_reply *reply)
{
    pthread_mutex_lock(&standin->lock);
    standin->in_flight -= reply->under_way;
    reply->under_way = false;
    pthread_mutex_unlock(&standin->lock);
}

void standin_reply_release(struct standin_reply *reply)
{
    strbuf_release(&reply->body);
}
