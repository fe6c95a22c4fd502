/* SPDX-License-Identifier: Apache-2.0 */
#include "informers/store.h"

#include <string.h>

#include "base/mem.h"
#include "crds/binding.h"
#include "kube/object.h"

static const char *binding_namespace(const void *record)
{
    return ((const struct binding *)record)->namespace;
}

static const char *binding_name(const void *record)
{
    return ((const struct binding *)record)->name;
}

static const char *binding_version(const void *record)
{
    return ((const struct binding *)record)->resource_version;
}

static const char *account_namespace(const void *record)
{
    return ((const struct service_account *)record)->namespace;
}

static const char *account_name(const void *record)
{
    return ((const struct service_account *)record)->name;
}

static const char *account_version(const void *record)
{
    return ((const struct service_account *)record)->resource_version;
}

const struct store_kind STORE_BINDINGS = {binding_namespace, binding_name, binding_version};
const struct store_kind STORE_SERVICE_ACCOUNTS = {account_namespace, account_name, account_version};

static int compare(const struct store *store, const void *record, const char *namespace,
                   const char *name)
{
    int order = strcmp(store->kind->namespace(record), namespace);

    return order != 0 ? order : strcmp(store->kind->name(record), name);
}

/* The first index whose record is not before (namespace, name). Lists come sorted, so the end is
 * tried first. */
static size_t position(const struct store *store, const char *namespace, const char *name)
{
    size_t low = 0, high = store->count;

    if (high > 0 && compare(store, store->records[high - 1], namespace, name) < 0)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(store, store->records[middle], namespace, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct store *store, size_t index, const char *namespace,
                      const char *name)
{
    return index < store->count && compare(store, store->records[index], namespace, name) == 0;
}

static bool is_older(const struct store *store, const void *record, const void *held)
{
    return object_version_compare(store->kind->version(record), store->kind->version(held)) < 0;
}

bool store_put(struct store *store, void *owned_record)
{
    const char *namespace = store->kind->namespace(owned_record);
    const char *name = store->kind->name(owned_record);
    size_t index = position(store, namespace, name);
    bool known = stands_at(store, index, namespace, name);

    if (known ? is_older(store, owned_record, store->records[index]) : store->count >= STORE_CAP) {
        mem_free(owned_record);
        return false;
    }
    if (known) {
        mem_free(store->records[index]);
    } else {
        MEM_GROW(store->records, store->count, store->capacity);
        memmove(store->records + index + 1, store->records + index,
                (store->count - index) * sizeof *store->records);
        store->count++;
    }
    store->records[index] = owned_record;
    return true;
}

void store_remove(struct store *store, const char *namespace, const char *name, const char *version)
{
    size_t index = position(store, namespace, name);

    if (!stands_at(store, index, namespace, name) ||
        object_version_compare(store->kind->version(store->records[index]), version) > 0)
        return;
    mem_free(store->records[index]);
    store->count--;
    memmove(store->records + index, store->records + index + 1,
            (store->count - index) * sizeof *store->records);
}

const void *store_find(const struct store *store, const char *namespace, const char *name)
{
    size_t index = position(store, namespace, name);

    return stands_at(store, index, namespace, name) ? store->records[index] : NULL;
}

void store_replace(struct store *store, struct store *staged)
{
    struct store old = *store;

    *store = *staged;
    store->kind = old.kind;
    *staged = (struct store){.kind = old.kind};
    store_release(&old);
}

void store_release(struct store *store)
{
    for (size_t i = 0; i < store->count; i++)
        mem_free(store->records[i]);
    mem_free(store->records);
    store->records = NULL;
    store->count = store->capacity = 0;
}
