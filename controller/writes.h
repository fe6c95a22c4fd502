/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writes - our own writes to bindings that the store does not show yet (rule W4).
 *
 * After we patched an object, its next step waits until the store shows the resourceVersion that
 * the patch gave it, or a newer one, or that it is gone: otherwise we would act on a state we know
 * to be old.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own_write {
    struct own_write *next;           /* in its bucket */
    struct own_write *older, *newer;  /* by `at` */
    char *namespace, *name, *version; /* owned */
    bool removed;                     /* the object went with it; `version` is the last it had */
    int64_t at;                       /* ms since boot */
};

struct writes {
    struct own_write **buckets; /* by namespace and name */
    size_t bucket_count;        /* a power of two, or 0 */
    size_t count;
    struct own_write *oldest, *newest;
};

/* We wrote the object; it now has this resourceVersion. `now` is never before that of another. */
void writes_note(struct writes *writes, const char *namespace, const char *name,
                 const char *version, int64_t now);
/* It went with our write, which was the end of its last finalizer: pending until the store shows
 * that, or another object under its name. `version` is the last that it had. */
void writes_note_removed(struct writes *writes, const char *namespace, const char *name,
                         const char *version, int64_t now);
/* The store shows the object at this version; "" when it shows that it is gone. */
void writes_seen(struct writes *writes, const char *namespace, const char *name,
                 const char *version);
/* True while the store still shows the object as it was before our write. */
bool writes_pending(const struct writes *writes, const char *namespace, const char *name);
/* When the oldest pending write was made; INT64_MAX when there is none. */
int64_t writes_oldest(const struct writes *writes);
/* All pending ones count as made now: a new watch has as long to show them as the last one had. */
void writes_renew(struct writes *writes, int64_t now);
/* Forgets all: the store holds a complete state that is newer than them. */
void writes_release(struct writes *writes);
