/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SPENDINGS_MAX 1000

void guard_release(struct guard *guard)
{
    mem_free(guard->items);
    *guard = (struct guard){0};
}

static void add(struct guard *guard, struct guard_spending spending)
{
    MEM_GROW(guard->items, guard->count, guard->capacity);
    guard->items[guard->count++] = spending;
}

/* ---- the annotation ---- */

/* A whole number without sign, and what follows it. */
static bool take_number(const char **cursor, int64_t most, int64_t *ret_number)
{
    char *end = NULL;
    long long number;

    if (**cursor < '0' || **cursor > '9')
        return false;
    number = strtoll(*cursor, &end, 10);
    *cursor = end;
    *ret_number = number;
    return number <= most;
}

static bool take_char(const char **cursor, char c)
{
    if (**cursor != c)
        return false;
    (*cursor)++;
    return true;
}

static bool take_spending(const char **cursor, struct guard_spending *ret_spending)
{
    int64_t count, ours;

    if (!take_number(cursor, INT64_MAX - 1, &ret_spending->wall_s) || !take_char(cursor, '=') ||
        !take_number(cursor, GUARD_RELEASE_MAX, &count) || !take_char(cursor, '/') ||
        !take_number(cursor, INT32_MAX, &ours))
        return false;
    ret_spending->count = (size_t)count;
    ret_spending->ours = (size_t)ours;
    return true;
}

static bool parse(const char *text, struct guard *ret_guard)
{
    const char *cursor = text;

    do {
        struct guard_spending spending = {0};

        if (ret_guard->count == SPENDINGS_MAX || !take_spending(&cursor, &spending))
            return false;
        add(ret_guard, spending);
    } while (take_char(&cursor, ' '));
    return *cursor == '\0';
}

/* Since when we know of this one; each of ours answers for one of theirs. */
static int64_t known_since(struct guard *known, int64_t wall_s, int64_t now)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->items[i].wall_s == wall_s) {
            known->items[i].wall_s = -1;
            return known->items[i].at;
        }
    return now;
}

int guard_read(struct guard *guard, const char *text, int64_t now, struct error *err)
{
    CLEANUP(guard_release) struct guard read = {0};
    struct guard known = *guard;

    if (text[0] != '\0' && !parse(text, &read))
        return error_set(err, ERROR_INVALID,
                         "'%.100s' is not what podbind writes there, expected "
                         "<seconds>=<deletions>/<ours> ...",
                         text);
    for (size_t i = 0; i < read.count; i++)
        read.items[i].at = known_since(guard, read.items[i].wall_s, now);
    *guard = read;
    read = known;
    return 0;
}

void guard_write(const struct guard *guard, struct strbuf *ret_text)
{
    for (size_t i = 0; i < guard->count; i++)
        strbuf_format(ret_text, "%s%" PRId64 "=%zu/%zu", i > 0 ? " " : "", guard->items[i].wall_s,
                      guard->items[i].count, guard->items[i].ours);
}

/* ---- the window ---- */

static int64_t ends_at(const struct guard_spending *spending)
{
    return spending->at + GUARD_WINDOW_MS + GUARD_USE_MS;
}

bool guard_expire(struct guard *guard, int64_t now)
{
    size_t kept = 0, before = guard->count;

    for (size_t i = 0; i < before; i++)
        if (ends_at(&guard->items[i]) > now && guard->items[i].count > 0)
            guard->items[kept++] = guard->items[i];
    guard->count = kept;
    return kept < before;
}

int64_t guard_due(const struct guard *guard)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < guard->count; i++)
        if (ends_at(&guard->items[i]) < due)
            due = ends_at(&guard->items[i]);
    return due;
}

size_t guard_limit(const struct guard *guard, size_t ours, size_t floor)
{
    size_t tenth = (guard->count > 0 ? guard->items[0].ours : ours) / 10;

    return tenth > floor ? tenth : floor;
}

size_t guard_left(const struct guard *guard, size_t ours, size_t floor)
{
    size_t limit = guard_limit(guard, ours, floor), spent = 0;

    for (size_t i = 0; i < guard->count; i++)
        spent += guard->items[i].count;
    return spent < limit ? limit - spent : 0;
}

struct guard_verdict guard_judge(const struct guard *guard, const struct guard_wish *wish)
{
    struct guard_verdict verdict = {0};

    if (!wish->stop && wish->wanted <= guard_left(guard, wish->ours, wish->floor)) {
        verdict.budgeted = wish->wanted;
        return verdict;
    }
    verdict.released = wish->released < wish->wanted ? wish->released : wish->wanted;
    verdict.held = verdict.released < wish->wanted;
    return verdict;
}

void guard_spend(struct guard *guard, size_t count, size_t ours, int64_t now, int64_t wall_s)
{
    if (guard->count > 0 && wall_s <= guard->items[guard->count - 1].wall_s)
        wall_s = guard->items[guard->count - 1].wall_s + 1; /* each has a time of its own */
    add(guard, (struct guard_spending){.at = now, .wall_s = wall_s, .count = count, .ours = ours});
}

void guard_give_back(struct guard *guard, size_t count)
{
    struct guard_spending *last = guard->count > 0 ? &guard->items[guard->count - 1] : NULL;

    if (last)
        last->count = count < last->count ? last->count - count : 0;
}

int guard_read_release(const char *text, size_t *ret_number, struct error *err)
{
    const char *cursor = text;
    int64_t number = 0;

    if (text[0] != '\0' && (!take_number(&cursor, GUARD_RELEASE_MAX, &number) || *cursor != '\0'))
        return error_set(err, ERROR_INVALID, "'%.40s' is not a whole number up to %d", text,
                         GUARD_RELEASE_MAX);
    *ret_number = (size_t)number;
    return 0;
}
