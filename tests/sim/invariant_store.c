/* SPDX-License-Identifier: Apache-2.0 */
/* The stores never go back in time. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/invariant.h"
#include "tests/sim/replica.h"

static struct stored_version *find(struct stored_versions *known, const char *id)
{
    for (size_t i = 0; i < known->count; i++)
        if (strcmp(known->items[i].id, id) == 0)
            return &known->items[i];
    MEM_GROW(known->items, known->count, known->capacity);
    known->items[known->count] = (struct stored_version){0};
    snprintf(known->items[known->count].id, sizeof known->items->id, "%s", id);
    return &known->items[known->count++];
}

static void check(struct replica *replica, struct stored_versions *known, const char *id,
                  const char *version)
{
    struct stored_version *before = find(known, id);
    uint64_t number = kube_version_number(&replica->world->kube, version);

    if (number < before->version)
        world_fail(replica->world, "store-forward", "%s had %s at %d, and now stores it at %d",
                   replica_name(replica), id, (int)before->version, (int)number);
    before->version = number;
}

/* The same records as when it was last looked at: nothing can have changed. */
static bool is_known(struct stored_versions *known, const struct store *store)
{
    size_t size = store->count * sizeof *store->records;

    if (known->record_count == store->count &&
        (size == 0 || memcmp(known->records, store->records, size) == 0))
        return true;
    mem_free(known->records);
    known->records = size > 0 ? mem_dup(store->records, size) : NULL;
    known->record_count = store->count;
    return false;
}

void invariant_store(struct replica *replica)
{
    struct informer *informers = replica->sync.intake.informers;
    struct view view = replica_view(replica);
    struct stored_versions *bindings = &replica->stored[RESOURCE_BINDINGS];
    struct stored_versions *accounts = &replica->stored[RESOURCE_SERVICE_ACCOUNTS];
    char id[sizeof bindings->items->id];

    if (!is_known(bindings, &informers[RESOURCE_BINDINGS].store))
        for (size_t i = 0; i < view.binding_count; i++)
            check(replica, bindings, view.bindings[i]->uid, view.bindings[i]->resource_version);
    if (is_known(accounts, &informers[RESOURCE_SERVICE_ACCOUNTS].store))
        return;
    for (size_t i = 0; i < view.account_count; i++) {
        snprintf(id, sizeof id, "%s/%s", view.accounts[i]->namespace, view.accounts[i]->name);
        check(replica, accounts, id, view.accounts[i]->resource_version);
    }
}

void stored_versions_release(struct stored_versions *known)
{
    mem_free(known->items);
    mem_free(known->records);
}
