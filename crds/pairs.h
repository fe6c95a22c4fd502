/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pairs - a small map of strings kept as one text: "key\tvalue\n", sorted by key in byte order.
 *
 * Labels and tags are stored so: compact, comparable with strcmp, and equal maps are equal texts.
 * Neither keys nor values may hold a control byte (Kubernetes labels and AWS tags can't).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct pair {
    const char *key;
    const char *value;
};

/* Sorts the pairs (in place) and appends their text. Returns false, adding nothing, when a key is
 * repeated or empty, or a control byte stands in a key or value. */
bool pairs_write(struct pair *pairs, size_t count, struct strbuf *ret_text);

/* The value of a key: borrowed, not NUL-terminated, its length in ret_length. NULL when absent. */
const char *pairs_get(const char *pairs, const char *key, size_t *ret_length);
/* True when the key is there and its value is exactly this. */
bool pairs_has(const char *pairs, const char *key, const char *value);

/* Walks the pairs: start with `cursor = pairs`; returns false at the end. */
struct pair_view {
    const char *key, *value; /* borrowed, not NUL-terminated */
    size_t key_length, value_length;
};
bool pairs_next(const char **cursor, struct pair_view *ret_pair);
