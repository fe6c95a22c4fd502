/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash of a status. It is taken over what the API server will hand back, not over the bytes we
 * hold: seconds instead of microseconds, and broken UTF-8 (an error text cut in the middle of a
 * letter) as the replacement character that JSON makes of it. Otherwise such a status would be
 * written again and again.
 */
#include <string.h>

#include "base/utf8.h"
#include "crds/binding.h"

#define US_PER_S 1000000

/* Before a text that is not plain ASCII; no length can be this. */
#define MARK_UNICODE UINT64_MAX
/* Stands for broken bytes and for itself, once for any number in a row. */
#define REPLACEMENT 0xfffd
/* Not 0, which zeros would leave as it is. */
#define BEGINNING 1

/* Odd, so that no two states become one; the next word comes to where this one has spread least. */
static void feed(uint64_t *state, uint64_t word)
{
    uint64_t mixed = (*state ^ word) * 0x9e3779b97f4a7c15;

    *state = mixed << 32 | mixed >> 32;
}

/* The finalizer of splitmix64: each bit of the state reaches every bit of the hash. */
static uint64_t finish(uint64_t state)
{
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
    state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
    return state ^ (state >> 31);
}

static bool is_ascii(const char *text, size_t length)
{
    uint64_t all = 0, word;
    size_t at = 0;

    for (; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        all |= word;
    }
    for (; at < length; at++)
        all |= (unsigned char)text[at];
    return (all & 0x8080808080808080) == 0;
}

static void feed_unicode(uint64_t *state, const char *text, size_t length)
{
    bool replaced = false;

    feed(state, MARK_UNICODE);
    for (size_t at = 0, size; at < length; at += size ? size : 1) {
        uint32_t point = REPLACEMENT;

        size = utf8_read(text + at, length - at, &point);
        if (point != REPLACEMENT || !replaced)
            feed(state, point);
        replaced = point == REPLACEMENT;
    }
    feed(state, 0);
}

static void feed_text(uint64_t *state, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    size_t at = 0;
    uint64_t word = 0;

    if (!is_ascii(text, length)) {
        feed_unicode(state, text, length);
        return;
    }
    feed(state, length);
    for (; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        feed(state, word);
    }
    if (at < length) {
        word = 0;
        memcpy(&word, text + at, length - at);
        feed(state, word);
    }
}

static void feed_condition(uint64_t *state, const struct binding_condition *condition)
{
    feed(state, condition->status);
    if (condition->status == CONDITION_ABSENT)
        return;
    feed_text(state, condition->reason);
    feed_text(state, condition->message);
}

static void feed_row(uint64_t *state, const struct binding_row *row)
{
    feed_text(state, row->service_account);
    feed_text(state, row->id);
    feed_text(state, row->state);
    feed_text(state, row->external_id);
    feed(state, (uint64_t)(row->last_changed_us / US_PER_S));
}

uint64_t binding_status_hash(const struct binding_status *status)
{
    uint64_t state = BEGINNING;

    feed(&state, (uint64_t)status->observed_generation);
    for (size_t i = 0; i < CONDITION_COUNT; i++)
        if (i != CONDITION_ROLE_TRUSTED)
            feed_condition(&state, &status->conditions[i]);
    feed_text(&state, status->cluster_name);
    feed_text(&state, status->role);
    feed_text(&state, status->role_arn);
    feed_text(&state, status->service_accounts);
    feed_text(&state, status->access);
    feed_text(&state, status->bound);
    feed(&state, (uint64_t)status->wanted);
    feed(&state, (uint64_t)status->in_place);
    feed(&state, status->row_count);
    for (size_t i = 0; i < status->row_count; i++)
        feed_row(&state, &status->rows[i]);
    feed(&state, (uint64_t)status->omitted);
    return finish(state);
}

uint64_t binding_trust_hash(const struct binding_status *status)
{
    uint64_t state = BEGINNING;

    feed_condition(&state, &status->conditions[CONDITION_ROLE_TRUSTED]);
    return finish(state);
}
