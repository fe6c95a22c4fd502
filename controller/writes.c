/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/writes.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "kube/object.h"

#define BUCKETS_AT_FIRST 64

static struct own_write **bucket(const struct writes *writes, const char *namespace,
                                 const char *name)
{
    uint64_t hash = hash_text(hash_text(HASH_BEGINNING, namespace) + 1, name);

    return &writes->buckets[(hash ^ hash >> 32) & (writes->bucket_count - 1)];
}

static struct own_write *find(const struct writes *writes, const char *namespace, const char *name)
{
    if (writes->count == 0)
        return NULL;
    for (struct own_write *write = *bucket(writes, namespace, name); write; write = write->next)
        if (strcmp(write->name, name) == 0 && strcmp(write->namespace, namespace) == 0)
            return write;
    return NULL;
}

static void put(struct writes *writes, struct own_write *write)
{
    struct own_write **first = bucket(writes, write->namespace, write->name);

    write->next = *first;
    *first = write;
}

/* As many buckets as writes, at least. */
static void make_room(struct writes *writes)
{
    if (writes->count < writes->bucket_count)
        return;
    mem_free(writes->buckets);
    writes->bucket_count = writes->bucket_count ? writes->bucket_count * 2 : BUCKETS_AT_FIRST;
    writes->buckets = mem_array(writes->bucket_count, sizeof *writes->buckets);
    for (struct own_write *write = writes->oldest; write; write = write->newer)
        put(writes, write);
}

static void add(struct writes *writes, struct own_write *write)
{
    make_room(writes);
    put(writes, write);
    writes->count++;
    write->older = writes->newest;
    *(write->older ? &write->older->newer : &writes->oldest) = write;
    writes->newest = write;
}

static void take_out(struct writes *writes, struct own_write *write)
{
    struct own_write **link = bucket(writes, write->namespace, write->name);

    while (*link != write)
        link = &(*link)->next;
    *link = write->next;
    *(write->older ? &write->older->newer : &writes->oldest) = write->newer;
    *(write->newer ? &write->newer->older : &writes->newest) = write->older;
    writes->count--;
}

static void release(struct own_write *write)
{
    mem_free(write->namespace);
    mem_free(write->name);
    mem_free(write->version);
    mem_free(write);
}

static void forget(struct writes *writes, struct own_write *write)
{
    take_out(writes, write);
    release(write);
}

static void note(struct writes *writes, const char *namespace, const char *name,
                 const char *version, bool removed, int64_t now)
{
    struct own_write *before = find(writes, namespace, name);
    struct own_write *write = mem_alloc(sizeof *write);

    *write = (struct own_write){.namespace = mem_strdup(namespace),
                                .name = mem_strdup(name),
                                .version = mem_strdup(version),
                                .removed = removed,
                                .at = now};
    if (before)
        forget(writes, before);
    add(writes, write);
}

void writes_note(struct writes *writes, const char *namespace, const char *name,
                 const char *version, int64_t now)
{
    note(writes, namespace, name, version, false, now);
}

void writes_note_removed(struct writes *writes, const char *namespace, const char *name,
                         const char *version, int64_t now)
{
    note(writes, namespace, name, version, true, now);
}

static bool is_shown(const struct own_write *write, const char *version)
{
    int order = version[0] == '\0' ? 1 : object_version_compare(version, write->version);

    return write->removed ? order > 0 : order >= 0;
}

void writes_seen(struct writes *writes, const char *namespace, const char *name,
                 const char *version)
{
    struct own_write *write = find(writes, namespace, name);

    if (write && is_shown(write, version))
        forget(writes, write);
}

bool writes_pending(const struct writes *writes, const char *namespace, const char *name)
{
    return find(writes, namespace, name);
}

int64_t writes_oldest(const struct writes *writes)
{
    return writes->oldest ? writes->oldest->at : INT64_MAX;
}

void writes_renew(struct writes *writes, int64_t now)
{
    for (struct own_write *write = writes->oldest; write; write = write->newer)
        write->at = now;
}

void writes_release(struct writes *writes)
{
    while (writes->oldest)
        forget(writes, writes->oldest);
    mem_free(writes->buckets);
    *writes = (struct writes){0};
}
