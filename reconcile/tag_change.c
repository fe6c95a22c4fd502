/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/tag_change.h"

#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"

static void add(const struct pair_view *pair, struct strbuf *ret_pairs)
{
    strbuf_format(ret_pairs, "%.*s\t%.*s\n", (int)pair->key_length, pair->key,
                  (int)pair->value_length, pair->value);
}

/* The pairs of `from` that `other` lacks; with `same_value`, those with another value there too. */
static void subtract(const char *from, const char *other, bool same_value, struct strbuf *ret_pairs)
{
    struct pair_view pair;

    for (const char *cursor = from; pairs_next(&cursor, &pair);) {
        CLEANUP_FREE char *key = mem_strndup(pair.key, pair.key_length);
        CLEANUP_FREE char *value = mem_strndup(pair.value, pair.value_length);
        size_t length;
        bool there =
            same_value ? pairs_has(other, key, value) : pairs_get(other, key, &length) != NULL;

        if (!there)
            add(&pair, ret_pairs);
    }
}

void tag_change_missing(const char *there, const char *wanted, struct strbuf *ret_pairs)
{
    subtract(wanted, there, true, ret_pairs);
}

void tag_change_extra(const char *there, const char *wanted, struct strbuf *ret_pairs)
{
    subtract(there, wanted, false, ret_pairs);
}

static bool is_before(const struct pair_view *a, const struct pair_view *b)
{
    size_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, shorter);

    return order != 0 ? order < 0 : a->key_length < b->key_length;
}

/* Both are sorted, and no key is in both. */
static void merge(const char *one, const char *other, struct strbuf *ret_pairs)
{
    struct pair_view a, b;
    bool more_a = pairs_next(&one, &a), more_b = pairs_next(&other, &b);

    while (more_a || more_b) {
        bool first = more_a && (!more_b || is_before(&a, &b));

        add(first ? &a : &b, ret_pairs);
        if (first)
            more_a = pairs_next(&one, &a);
        else
            more_b = pairs_next(&other, &b);
    }
}

void tag_change_set(const char *there, const char *wanted, struct strbuf *ret_pairs)
{
    CLEANUP(strbuf_release) struct strbuf others = STRBUF_CAPPED(strlen(there) + 1);

    subtract(there, wanted, false, &others);
    merge(strbuf_text(&others), wanted, ret_pairs);
}
