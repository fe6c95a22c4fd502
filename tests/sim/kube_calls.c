/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's calls to the API server, carried out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/errand.h"
#include "tests/sim/fault_answer.h"
#include "tests/sim/invariant.h"

#define CERTIFICATE(body) "-----BEGIN CERTIFICATE-----\n" body "\n-----END CERTIFICATE-----\n"

/* ---- lists ---- */

static bool stood_at(const struct kube_event *event, enum resource resource, uint64_t version)
{
    return event->resource == resource && !event->deleted && event->version <= version &&
           event->superseded > version;
}

static void *copy_of(const struct kube_event *event)
{
    return event->resource == RESOURCE_BINDINGS ? (void *)binding_copy(event->record)
                                                : (void *)service_account_copy(event->record);
}

/* A token says which state the list is of, and how many objects have been sent. */
static void read_token(const struct kube_world *kube, const char *token, uint64_t *ret_version,
                       uint32_t *ret_sent)
{
    char *end = NULL;

    *ret_version = kube->version;
    *ret_sent = 0;
    if (token[0] == '\0')
        return;
    *ret_version = strtoull(token, &end, 10);
    *ret_sent = (uint32_t)strtoul(end + 1, NULL, 10);
}

void kube_list(struct world *world, const struct list_objects_in *in, uint32_t limit,
               struct call *call)
{
    const struct kube_world *kube = &world->kube;
    uint32_t most = world->weather.kube_page < limit ? world->weather.kube_page : limit;
    struct objects_page *out = &call->out.objects;
    char text[KUBE_VERSION_SIZE], token[64] = "";
    uint32_t sent, seen = 0;
    uint64_t version;

    read_token(kube, in->continue_token, &version, &sent);
    if (in->resource == RESOURCE_BINDINGS && kube->definition == DEFINITION_GONE) {
        world->tally->sometimes[SOMETIMES_DEFINITION_GONE]++;
        kube_refuse_missing(kube, false, &call->error);
        return;
    }
    if (version < kube->compacted ||
        (in->resource == RESOURCE_BINDINGS && version < kube->reborn)) {
        kube_refuse(&call->error, 410, "Expired", false, false);
        return;
    }
    out->items = mem_array(most, sizeof *out->items);
    for (size_t i = 0; i < kube->log_count; i++) {
        if (!stood_at(&kube->log[i], in->resource, version) || seen++ < sent)
            continue;
        if (out->count == most) {
            snprintf(token, sizeof token, "%" PRIu64 ":%zu", version, sent + out->count);
            break;
        }
        out->items[out->count++] = copy_of(&kube->log[i]);
    }
    out->resource_version = mem_strdup(kube_version_text(kube, version, text));
    out->continue_token = mem_strdup(token);
}

/* ---- single objects ---- */

static void get(struct world *world, struct call *call)
{
    const struct object_in *in = &call->in.object;

    if (call->verb == CALL_GET_BINDING) {
        const struct binding *binding = kube_binding(&world->kube, in->namespace, in->name);

        call->out.binding = binding ? binding_copy(binding) : NULL;
    } else {
        const struct service_account *account = kube_account(&world->kube, in->namespace, in->name);

        call->out.service_account = account ? service_account_copy(account) : NULL;
    }
    if (!call->out.binding && call->verb == CALL_GET_BINDING)
        kube_refuse_missing(&world->kube, false, &call->error);
    else if (!call->out.binding && !call->out.service_account)
        kube_refuse(&call->error, 404, "NotFound", true, false);
}

static void patch(struct world *world, struct errand *errand)
{
    struct call *call = &errand->work;
    struct object_in in = call->in.object;

    if (call->verb == CALL_PATCH_FINALIZERS)
        kube_patch_finalizers(&world->kube, &in, &call->out.resource_version, &call->error);
    else
        kube_patch_status(&world->kube, &in, &errand->status, &call->out.resource_version,
                          &call->error);
}

static void note_patch(struct world *world, const struct errand *errand)
{
    const struct call *call = &errand->work;
    const struct object_in *in = &call->in.object;
    bool status = call->verb == CALL_PATCH_STATUS;

    if (call->error.kind == ERROR_CONFLICT)
        world->tally->sometimes[SOMETIMES_REFUSED_STALE]++;
    TRACE(world, "    API server: %s %s/%s%s%s: %s", call_name(call->verb), in->namespace, in->name,
          status ? " " : "", status ? errand->status.ready_reason : "",
          call->error.kind == ERROR_NONE ? call->out.resource_version : call->error.code);
}

void kube_note(struct world *world, const struct errand *errand)
{
    const struct call *call = &errand->work;
    const struct lease_in *lease = &call->in.lease;

    if (call->verb == CALL_PATCH_FINALIZERS || call->verb == CALL_PATCH_STATUS)
        note_patch(world, errand);
    else if (call->verb == CALL_PATCH_LEASE)
        TRACE(world, "    API server: %s deletions '%s' release '%s': %s", call_name(call->verb),
              lease->deletions, lease->release,
              call->error.kind == ERROR_NONE ? "ok" : call->error.code);
    else if (call->verb == CALL_WRITE_EVENT)
        TRACE(world, "    Event %s/%s: %s%s", call->in.event.namespace, call->in.event.binding,
              call->in.event.reason,
              call->error.kind == ERROR_NONE ? "" : ", refused: the namespace is terminating");
}

const char *kube_issuer(const struct world *world)
{
    return world->identity == IDENTITY_ISSUER  ? model_cluster(world->model, CLUSTER_NAME)->issuer
           : world->identity == IDENTITY_WRONG ? "https://another.example/id/1"
                                               : "";
}

const char *kube_ca_bundle(const struct world *world)
{
    return world->identity == IDENTITY_CERTIFICATE ? CERTIFICATE("MIIother")
                                                         CERTIFICATE("MII\nblue")
                                                   : "";
}

static void read_identity(const struct world *world, struct kube_identity *out)
{
    out->kube_system_uid = mem_strdup(KUBE_SYSTEM_UID);
    out->issuer = mem_strdup(kube_issuer(world));
    out->ca_pem = mem_strdup(kube_ca_bundle(world));
}

static void read_lease(const struct world *world, struct call *call)
{
    const struct kube_world *kube = &world->kube;
    struct lease_facts *out = &call->out.lease;
    char text[KUBE_VERSION_SIZE];

    if (!kube->lease.there) {
        kube_refuse(&call->error, 404, "NotFound", true, false);
        return;
    }
    out->resource_version = mem_strdup(kube_version_text(kube, kube->lease.version, text));
    out->deletions = mem_strdup(kube->lease.deletions ? kube->lease.deletions : "");
    out->release = mem_strdup(kube->lease.release ? kube->lease.release : "");
}

int kube_write_lease(struct world *world, const struct lease_in *in, struct error *err)
{
    CLEANUP_FREE char *before =
        mem_strdup(world->kube.lease.release ? world->kube.lease.release : "");

    if (kube_patch_lease(&world->kube, in, err) < 0)
        return -1;
    invariant_let_through(world, before, in->release);
    return 0;
}

int kube_write_event(struct world *world, const struct event_in *in, struct error *err)
{
    if (in->series_count > 0 || kube_may_create(&world->kube, in->namespace))
        return 0;
    world->tally->sometimes[SOMETIMES_EVENT_REFUSED]++;
    return kube_refuse(err, 403, "Forbidden", false, true);
}

int kube_read_definition(const struct world *world, bool *ret_going, struct error *err)
{
    if (world->kube.definition == DEFINITION_GONE)
        return kube_refuse(err, 404, "NotFound", true, false);
    *ret_going = world->kube.definition == DEFINITION_TERMINATING;
    return 0;
}

void kube_perform(struct world *world, struct errand *errand)
{
    struct call *call = &errand->work;

    switch (call->verb) {
    case CALL_LIST_OBJECTS:
        kube_list(world, &call->in.objects, UINT32_MAX, call);
        break;
    case CALL_GET_BINDING:
    case CALL_GET_SERVICE_ACCOUNT:
        get(world, call);
        break;
    case CALL_PATCH_FINALIZERS:
    case CALL_PATCH_STATUS:
        patch(world, errand);
        break;
    case CALL_WRITE_EVENT:
        kube_write_event(world, &call->in.event, &call->error);
        break;
    case CALL_READ_IDENTITY:
        read_identity(world, &call->out.identity);
        break;
    case CALL_READ_LEASE:
        read_lease(world, call);
        break;
    case CALL_PATCH_LEASE:
        kube_write_lease(world, &call->in.lease, &call->error);
        break;
    case CALL_READ_DEFINITION:
        kube_read_definition(world, &call->out.definition_going, &call->error);
        break;
    default:
        break;
    }
    if (call->error.kind != ERROR_NONE)
        fault_answer_refused(call);
    kube_note(world, errand);
}
