/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/kube_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SECOND_US 1000000

void kube_init(struct kube_world *kube, uint64_t first_version, const char *prefix)
{
    *kube = (struct kube_world){.version = first_version, .prefix = prefix};
}

static void said_release(struct kube_said *said)
{
    mem_free(said->access);
    mem_free(said->bound);
}

void kube_release(struct kube_world *kube)
{
    for (size_t i = 0; i < kube->log_count; i++)
        mem_free(kube->log[i].record);
    for (size_t i = 0; i < kube->binding_count; i++)
        said_release(&kube->said[i]);
    mem_free(kube->log);
    mem_free(kube->bindings);
    mem_free(kube->said);
    mem_free(kube->accounts);
    mem_free(kube->lease.deletions);
    mem_free(kube->lease.release);
    *kube = (struct kube_world){0};
}

/* ---- versions ---- */

const char *kube_version_text(const struct kube_world *kube, uint64_t version,
                              char ret_text[KUBE_VERSION_SIZE])
{
    size_t length = strlen(kube->prefix), digits = 1;

    for (uint64_t rest = version; rest >= 10; rest /= 10)
        digits++;
    if (length > 0) /* all of one length, so that they stay in order */
        digits = 20;
    memcpy(ret_text, kube->prefix, length);
    ret_text[length + digits] = '\0';
    for (; digits > 0; version /= 10)
        ret_text[length + --digits] = (char)('0' + version % 10);
    return ret_text;
}

uint64_t kube_version_number(const struct kube_world *kube, const char *text)
{
    return strtoull(text + strlen(kube->prefix), NULL, 10);
}

/* ---- looking ---- */

static size_t binding_position(const struct kube_world *kube, const char *namespace,
                               const char *name, bool *ret_found)
{
    for (size_t i = 0; i < kube->binding_count; i++) {
        int order = strcmp(kube->bindings[i]->namespace, namespace);

        if (order == 0)
            order = strcmp(kube->bindings[i]->name, name);
        if (order >= 0) {
            *ret_found = order == 0;
            return i;
        }
    }
    *ret_found = false;
    return kube->binding_count;
}

static size_t account_position(const struct kube_world *kube, const char *namespace,
                               const char *name, bool *ret_found)
{
    for (size_t i = 0; i < kube->account_count; i++) {
        int order = strcmp(kube->accounts[i]->namespace, namespace);

        if (order == 0)
            order = strcmp(kube->accounts[i]->name, name);
        if (order >= 0) {
            *ret_found = order == 0;
            return i;
        }
    }
    *ret_found = false;
    return kube->account_count;
}

const struct binding *kube_binding(const struct kube_world *kube, const char *namespace,
                                   const char *name)
{
    bool found;
    size_t index = binding_position(kube, namespace, name, &found);

    return found ? kube->bindings[index] : NULL;
}

const struct binding *kube_binding_by_uid(const struct kube_world *kube, const char *uid,
                                          size_t length)
{
    for (size_t i = 0; i < kube->binding_count; i++)
        if (strlen(kube->bindings[i]->uid) == length &&
            memcmp(kube->bindings[i]->uid, uid, length) == 0)
            return kube->bindings[i];
    return NULL;
}

const struct service_account *kube_account(const struct kube_world *kube, const char *namespace,
                                           const char *name)
{
    bool found;
    size_t index = account_position(kube, namespace, name, &found);

    return found ? kube->accounts[index] : NULL;
}

static bool is_of(const struct kube_event *event, enum resource resource, const char *namespace,
                  const char *name)
{
    const struct binding *binding = event->record;
    const struct service_account *account = event->record;

    if (event->resource != resource)
        return false;
    return resource == RESOURCE_BINDINGS
               ? strcmp(binding->namespace, namespace) == 0 && strcmp(binding->name, name) == 0
               : strcmp(account->namespace, namespace) == 0 && strcmp(account->name, name) == 0;
}

const void *kube_record_at(const struct kube_world *kube, enum resource resource,
                           const char *namespace, const char *name, int64_t at)
{
    for (size_t i = kube->log_count; i-- > 0;)
        if (kube->log[i].at <= at && is_of(&kube->log[i], resource, namespace, name))
            return kube->log[i].deleted ? NULL : kube->log[i].record;
    return NULL;
}

const struct kube_said *kube_said(const struct kube_world *kube, const struct binding *binding)
{
    bool found;
    size_t index = binding_position(kube, binding->namespace, binding->name, &found);

    return found ? &kube->said[index] : NULL;
}

/* ---- changes ---- */

static void append(struct kube_world *kube, enum resource resource, const char *namespace,
                   const char *name, bool deleted, void *owned_record)
{
    for (size_t i = kube->log_count; i-- > 0;)
        if (is_of(&kube->log[i], resource, namespace, name)) {
            kube->log[i].superseded = kube->version;
            break;
        }
    MEM_GROW(kube->log, kube->log_count, kube->log_capacity);
    kube->log[kube->log_count++] = (struct kube_event){.version = kube->version,
                                                       .superseded = UINT64_MAX,
                                                       .at = kube->now,
                                                       .resource = resource,
                                                       .deleted = deleted,
                                                       .record = owned_record};
}

static void insert_binding(struct kube_world *kube, const struct binding *record)
{
    bool found;
    size_t at = binding_position(kube, record->namespace, record->name, &found);

    if (!found) {
        MEM_GROW(kube->bindings, kube->binding_count, kube->binding_capacity);
        MEM_GROW(kube->said, kube->binding_count, kube->said_capacity);
        memmove(kube->bindings + at + 1, kube->bindings + at,
                (kube->binding_count - at) * sizeof *kube->bindings);
        memmove(kube->said + at + 1, kube->said + at,
                (kube->binding_count - at) * sizeof *kube->said);
        kube->said[at] = (struct kube_said){0};
        kube->binding_count++;
    }
    kube->bindings[at] = record;
}

static void remove_binding(struct kube_world *kube, const char *namespace, const char *name)
{
    bool found;
    size_t at = binding_position(kube, namespace, name, &found);

    said_release(&kube->said[at]);
    kube->binding_count--;
    memmove(kube->bindings + at, kube->bindings + at + 1,
            (kube->binding_count - at) * sizeof *kube->bindings);
    memmove(kube->said + at, kube->said + at + 1, (kube->binding_count - at) * sizeof *kube->said);
    kube_binding_gone(kube);
}

/* The state as given, under the next version. */
static void write_binding(struct kube_world *kube, struct binding next, bool deleted)
{
    char version[KUBE_VERSION_SIZE];
    struct binding *record;

    kube->version++;
    next.resource_version = kube_version_text(kube, kube->version, version);
    record = binding_copy(&next);
    append(kube, RESOURCE_BINDINGS, record->namespace, record->name, deleted, record);
    if (deleted)
        remove_binding(kube, record->namespace, record->name);
    else
        insert_binding(kube, record);
}

void kube_create_binding(struct kube_world *kube, const struct binding *wanted)
{
    struct binding next = *wanted;
    char uid[48];

    kube->uids++;
    snprintf(uid, sizeof uid, "%08" PRIx64 "-0000-4000-8000-%012" PRIx64, kube->uids, kube->uids);
    next.uid = uid;
    next.generation = 1;
    next.created_us = kube->wall_us / SECOND_US * SECOND_US;
    next.deleting = false;
    next.has_finalizer = strstr(wanted->finalizers ? wanted->finalizers : "", BINDING_FINALIZER);
    next.abandon = false;
    next.status = (struct binding_stored_status){.observed_generation = -1};
    write_binding(kube, next, false);
}

void kube_update_binding(struct kube_world *kube, const struct binding *changed, bool spec)
{
    struct binding next = *changed;

    next.generation += spec;
    write_binding(kube, next, next.deleting && next.finalizers[0] == '\0');
}

void kube_delete_binding(struct kube_world *kube, const struct binding *binding)
{
    struct binding next = *binding;

    if (binding->deleting)
        return;
    if (binding->finalizers[0] != '\0') {
        next.deleting = true;
        next.generation++; /* as the server does when it sets a deletionTimestamp */
    }
    write_binding(kube, next, binding->finalizers[0] == '\0');
}

void kube_drop_binding(struct kube_world *kube, const struct binding *binding)
{
    write_binding(kube, *binding, true);
}

void kube_put_account(struct kube_world *kube, const struct service_account *wanted)
{
    struct service_account next = *wanted, *record;
    char version[KUBE_VERSION_SIZE];
    bool found;
    size_t at = account_position(kube, wanted->namespace, wanted->name, &found);

    kube->version++;
    next.resource_version = kube_version_text(kube, kube->version, version);
    record = service_account_copy(&next);
    append(kube, RESOURCE_SERVICE_ACCOUNTS, record->namespace, record->name, false, record);
    if (!found) {
        MEM_GROW(kube->accounts, kube->account_count, kube->account_capacity);
        memmove(kube->accounts + at + 1, kube->accounts + at,
                (kube->account_count - at) * sizeof *kube->accounts);
        kube->account_count++;
    }
    kube->accounts[at] = record;
}

void kube_delete_account(struct kube_world *kube, const struct service_account *account)
{
    struct service_account last = *account, *record;
    char version[KUBE_VERSION_SIZE];
    bool found;
    size_t at = account_position(kube, account->namespace, account->name, &found);

    kube->version++;
    last.resource_version = kube_version_text(kube, kube->version, version);
    record = service_account_copy(&last);
    append(kube, RESOURCE_SERVICE_ACCOUNTS, record->namespace, record->name, true, record);
    kube->account_count--;
    memmove(kube->accounts + at, kube->accounts + at + 1,
            (kube->account_count - at) * sizeof *kube->accounts);
}
