/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's two patches, as the API server takes them. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"
#include "kube/kube_status.h"
#include "tests/sim/kube_world.h"

#define SECOND_US 1000000

int kube_refuse(struct error *err, int status, const char *reason, bool denied, bool write)
{
    struct kube_status answer = {.code = status};

    snprintf(answer.reason, sizeof answer.reason, "%s", reason);
    error_set(err, kube_status_kind(status, &answer, denied, write),
              "the API server answered %d %s", status, reason);
    err->status = status;
    snprintf(err->code, sizeof err->code, "%s", reason);
    return -1;
}

static const struct binding *target(struct kube_world *kube, const struct object_in *in,
                                    struct error *err)
{
    const struct binding *binding = kube_binding(kube, in->namespace, in->name);

    if (!binding) {
        kube_refuse_missing(kube, true, err);
        return NULL;
    }
    if (strcmp(binding->resource_version, in->resource_version) != 0) {
        kube_refuse(err, 409, "Conflict", false, true);
        return NULL;
    }
    return binding;
}

static bool has_line(const char *list, const char *line, size_t length)
{
    while (*list != '\0') {
        size_t size = strcspn(list, "\n");

        if (size == length && memcmp(list, line, length) == 0)
            return true;
        list += size + (list[size] == '\n');
    }
    return false;
}

/* Is there a line in `list` that `other` lacks? */
static bool adds(const char *list, const char *other)
{
    while (*list != '\0') {
        size_t length = strcspn(list, "\n");

        if (!has_line(other, list, length))
            return true;
        list += length + (list[length] == '\n');
    }
    return false;
}

int kube_patch_finalizers(struct kube_world *kube, const struct object_in *in, char **ret_version,
                          struct error *err)
{
    const struct binding *binding = target(kube, in, err);
    struct binding next;
    bool last;

    if (!binding)
        return -1;
    if (binding->deleting && adds(in->finalizers, binding->finalizers))
        return kube_refuse(err, 422, "Invalid", false, true);
    if (strcmp(in->finalizers, binding->finalizers) == 0) {
        *ret_version = mem_strdup(binding->resource_version);
        return 0;
    }
    next = *binding;
    next.finalizers = in->finalizers;
    next.has_finalizer = has_line(in->finalizers, BINDING_FINALIZER, strlen(BINDING_FINALIZER));
    last = binding->deleting && in->finalizers[0] == '\0';
    kube_update_binding(kube, &next, false);
    /* Of an object that went with its last finalizer the server answers the state before. */
    *ret_version = mem_strdup(last ? binding->resource_version
                                   : kube_binding(kube, in->namespace, in->name)->resource_version);
    return 0;
}

/* ---- status ---- */

static char *associations_of(const struct binding_status *status)
{
    struct pair pairs[BINDING_MAX_ROWS];
    struct strbuf text = {0};
    size_t count = 0;

    for (size_t i = 0; i < status->row_count; i++)
        if (status->rows[i].id[0] != '\0')
            pairs[count++] = (struct pair){status->rows[i].service_account, status->rows[i].id};
    pairs_write(pairs, count, &text);
    return strbuf_take(&text);
}

void kube_status_write_make(const struct binding_status *status,
                            struct kube_status_write *ret_write)
{
    const struct binding_condition *ready = &status->conditions[CONDITION_READY];
    struct kube_status_write write = {
        .ready_reason = mem_strdup(ready->status == CONDITION_ABSENT ? "" : ready->reason),
        .associations = associations_of(status),
        .access = mem_strdup(status->access),
        .bound = mem_strdup(status->bound),
    };

    write.stored = (struct binding_stored_status){
        .observed_generation = status->observed_generation,
        .hash = binding_status_hash(status),
        .trust_hash = binding_trust_hash(status),
        .ready_reason = write.ready_reason,
        .associations = write.associations,
    };
    for (int type = 0; type < CONDITION_COUNT; type++) {
        const struct binding_condition *condition = &status->conditions[type];

        write.stored.conditions[type] = (uint8_t)condition->status;
        if (condition->status != CONDITION_ABSENT)
            write.stored.since_s[type] = (uint32_t)(condition->since_us / SECOND_US);
    }
    *ret_write = write;
}

void kube_status_write_release(struct kube_status_write *write)
{
    mem_free(write->ready_reason);
    mem_free(write->associations);
    mem_free(write->access);
    mem_free(write->bound);
    *write = (struct kube_status_write){0};
}

static bool same_status(const struct binding_stored_status *a,
                        const struct binding_stored_status *b)
{
    return a->hash == b->hash && a->trust_hash == b->trust_hash &&
           a->observed_generation == b->observed_generation &&
           memcmp(a->conditions, b->conditions, sizeof a->conditions) == 0 &&
           memcmp(a->since_s, b->since_s, sizeof a->since_s) == 0;
}

int kube_patch_status(struct kube_world *kube, const struct object_in *in,
                      const struct kube_status_write *write, char **ret_version, struct error *err)
{
    const struct binding *binding = target(kube, in, err);

    if (!binding)
        return -1;
    if (!same_status(&write->stored, &binding->status)) {
        struct binding next = *binding;
        struct kube_said *said;

        next.status = write->stored;
        kube_update_binding(kube, &next, false);
        said = (struct kube_said *)kube_said(kube, binding);
        mem_free(said->access);
        mem_free(said->bound);
        *said = (struct kube_said){mem_strdup(write->access), mem_strdup(write->bound), kube->now};
    }
    *ret_version = mem_strdup(kube_binding(kube, in->namespace, in->name)->resource_version);
    return 0;
}

/* ---- the Lease's annotations ---- */

static void annotate(char **owned_value, const char *value)
{
    if (!value)
        return;
    mem_free(*owned_value);
    *owned_value = value[0] != '\0' ? mem_strdup(value) : NULL;
}

void kube_release_deletions(struct kube_world *kube, const char *number)
{
    if (!kube->lease.there)
        return;
    annotate(&kube->lease.release, number);
    kube->lease.version = ++kube->version;
}

int kube_patch_lease(struct kube_world *kube, const struct lease_in *in, struct error *err)
{
    if (!kube->lease.there)
        return kube_refuse(err, 404, "NotFound", true, true);
    if (kube_version_number(kube, in->resource_version) != kube->lease.version)
        return kube_refuse(err, 409, "Conflict", false, true);
    annotate(&kube->lease.deletions, in->deletions);
    annotate(&kube->lease.release, in->release);
    kube->lease.version = ++kube->version;
    return 0;
}
