/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - the records of one resource, sorted by namespace and name.
 *
 * A record that is older than the one held (by resourceVersion) is dropped: the store never goes
 * back in time, except by store_replace() with a complete list. Not thread-safe: the worker owns
 * it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What the store must know of a record. The record owns what these return. */
struct store_kind {
    const char *(*namespace)(const void *record);
    const char *(*name)(const void *record);
    const char *(*version)(const void *record);
};

extern const struct store_kind STORE_BINDINGS;         /* struct binding */
extern const struct store_kind STORE_SERVICE_ACCOUNTS; /* struct service_account */

/* More objects than this of one resource are not kept: the list fails instead. */
#define STORE_CAP 500000

struct store {
    const struct store_kind *kind;
    void **records; /* owned, each one heap block */
    size_t count;
    size_t capacity;
};

/* Takes the record, in place of the one of that name. Returns false when it was dropped: it is
 * older than the one held, or the store is full. */
bool store_put(struct store *store, void *owned_record);
/* Forgets the record of that name, unless the one held is newer than `version`. */
void store_remove(struct store *store, const char *namespace, const char *name,
                  const char *version);
/* Borrowed until the next change; NULL when there is none. */
const void *store_find(const struct store *store, const char *namespace, const char *name);
/* Makes the store hold what `staged` holds, and empties that. */
void store_replace(struct store *store, struct store *staged);
void store_release(struct store *store);
