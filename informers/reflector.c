/* SPDX-License-Identifier: Apache-2.0 */
#include "informers/reflector.h"

#include <string.h>

#include "kube/object.h"

#define FIRST_WAIT_MS 800
#define LONGEST_WAIT_MS 15000
#define QUIET_MS 120000
#define VERY_SHORT_MS 1000

void reflector_init(struct reflector *reflector)
{
    *reflector = (struct reflector){
        .start_over = true,
        .backoff = {.base_ms = FIRST_WAIT_MS, .cap_ms = LONGEST_WAIT_MS},
    };
}

static enum reflector_move start_over(struct reflector *reflector)
{
    reflector->start_over = false;
    reflector->heard = false;
    reflector->page[0] = '\0';
    if (reflector->by_pages) {
        reflector->state = REFLECTOR_LISTING;
        return REFLECTOR_LIST;
    }
    reflector->state = REFLECTOR_STREAMING;
    return REFLECTOR_STREAM;
}

enum reflector_move reflector_next(struct reflector *reflector, int64_t now)
{
    if (now < reflector->due)
        return REFLECTOR_NONE;
    if (reflector->start_over && reflector->state != REFLECTOR_STREAMING &&
        reflector->state != REFLECTOR_LISTING)
        return start_over(reflector);
    if (reflector->state != REFLECTOR_IDLE)
        return REFLECTOR_NONE;
    if (reflector->page[0] != '\0') {
        reflector->state = REFLECTOR_LISTING;
        return REFLECTOR_LIST;
    }
    reflector->heard = false;
    reflector->state = REFLECTOR_WATCHING;
    return REFLECTOR_WATCH;
}

void reflector_opened(struct reflector *reflector, int64_t now)
{
    reflector->opened_at = now;
}

static void advance(struct reflector *reflector, const char *version)
{
    if (!object_version_valid(version) || strlen(version) >= sizeof reflector->version)
        return;
    if (reflector->version[0] == '\0' || object_version_compare(version, reflector->version) > 0)
        memcpy(reflector->version, version, strlen(version) + 1);
}

bool reflector_saw(struct reflector *reflector, const char *version)
{
    reflector->heard = true;
    if (reflector->state != REFLECTOR_WATCHING)
        return true; /* the streamed state comes in no order */
    if (object_version_valid(version) && reflector->version[0] != '\0' &&
        object_version_compare(version, reflector->version) <= 0)
        return false;
    advance(reflector, version);
    return true;
}

static void take_version(struct reflector *reflector, const char *version)
{
    reflector->version[0] = '\0';
    advance(reflector, version);
    reflector->synced = true;
    reflector->stale = false;
}

void reflector_streamed(struct reflector *reflector, const char *version, int64_t now)
{
    reflector->state = REFLECTOR_WATCHING;
    reflector->opened_at = now;
    take_version(reflector, version);
}

bool reflector_listed(struct reflector *reflector, const char *version, const char *continue_token)
{
    size_t size = strlen(continue_token) + 1;

    reflector->state = REFLECTOR_IDLE;
    reflector->page[0] = '\0';
    if (reflector->start_over) /* it was asked for too early */
        return false;
    if (size > sizeof reflector->page) { /* there is more, and no way to ask for it */
        reflector->start_over = true;
        return false;
    }
    if (size > 1) {
        memcpy(reflector->page, continue_token, size);
        return false;
    }
    take_version(reflector, version);
    return true;
}

static bool lasted(const struct reflector *reflector, int64_t now)
{
    return reflector->opened_at != 0 && now - reflector->opened_at >= QUIET_MS;
}

static bool ended_well(const struct reflector *reflector, const struct error *error, int64_t now)
{
    return error->kind == ERROR_NONE && reflector->state == REFLECTOR_WATCHING &&
           (reflector->heard || now - reflector->opened_at >= VERY_SHORT_MS);
}

void reflector_failed(struct reflector *reflector, const struct error *error, int64_t now,
                      uint64_t random)
{
    bool well = ended_well(reflector, error, now);

    if (well || lasted(reflector, now))
        backoff_reset(&reflector->backoff);
    if (reflector->state == REFLECTOR_STREAMING && error->kind == ERROR_INVALID)
        reflector->by_pages = true;
    if (reflector->state != REFLECTOR_WATCHING || error->kind == ERROR_GONE ||
        error->kind == ERROR_INVALID)
        reflector->start_over = true;
    reflector->state = REFLECTOR_IDLE;
    reflector->page[0] = '\0';
    reflector->opened_at = 0;
    reflector->due = now;
    if (!well)
        reflector->due += backoff_next(&reflector->backoff, random);
    if (reflector->due < now + error->retry_after_ms)
        reflector->due = now + error->retry_after_ms;
}

void reflector_restart(struct reflector *reflector)
{
    reflector->start_over = true;
}

void reflector_renew(struct reflector *reflector)
{
    reflector->stale = true;
    reflector->start_over = true;
    if (reflector->state != REFLECTOR_LISTING) /* its page is still to come back */
        reflector->state = REFLECTOR_IDLE;
}
