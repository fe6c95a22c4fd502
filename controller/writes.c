/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/writes.h"

#include <string.h>

#include "base/mem.h"
#include "kube/object.h"

static int compare(const struct own_write *write, const char *namespace, const char *name)
{
    int order = strcmp(write->namespace, namespace);

    return order != 0 ? order : strcmp(write->name, name);
}

static size_t position(const struct writes *writes, const char *namespace, const char *name)
{
    size_t low = 0, high = writes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&writes->items[middle], namespace, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct writes *writes, size_t index, const char *namespace,
                      const char *name)
{
    return index < writes->count && compare(&writes->items[index], namespace, name) == 0;
}

static void release(struct own_write *write)
{
    mem_free(write->namespace);
    mem_free(write->name);
    mem_free(write->version);
}

static void note(struct writes *writes, const char *namespace, const char *name,
                 const char *version, bool removed, int64_t now)
{
    size_t index = position(writes, namespace, name);

    if (stands_at(writes, index, namespace, name)) {
        release(&writes->items[index]);
    } else {
        MEM_GROW(writes->items, writes->count, writes->capacity);
        memmove(writes->items + index + 1, writes->items + index,
                (writes->count - index) * sizeof *writes->items);
        writes->count++;
    }
    writes->items[index] = (struct own_write){.namespace = mem_strdup(namespace),
                                              .name = mem_strdup(name),
                                              .version = mem_strdup(version),
                                              .removed = removed,
                                              .at = now};
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
    size_t index = position(writes, namespace, name);

    if (!stands_at(writes, index, namespace, name) || !is_shown(&writes->items[index], version))
        return;
    release(&writes->items[index]);
    writes->count--;
    memmove(writes->items + index, writes->items + index + 1,
            (writes->count - index) * sizeof *writes->items);
}

bool writes_pending(const struct writes *writes, const char *namespace, const char *name)
{
    return stands_at(writes, position(writes, namespace, name), namespace, name);
}

int64_t writes_oldest(const struct writes *writes)
{
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < writes->count; i++)
        if (writes->items[i].at < oldest)
            oldest = writes->items[i].at;
    return oldest;
}

void writes_release(struct writes *writes)
{
    for (size_t i = 0; i < writes->count; i++)
        release(&writes->items[i]);
    mem_free(writes->items);
    *writes = (struct writes){0};
}
