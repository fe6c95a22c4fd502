/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wire_kube.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "crds/binding_json.h"
#include "kube/event.h"
#include "kube/identity.h"
#include "kube/kube_answer.h"
#include "kube/lease_json.h"
#include "kube/object.h"

#define PAGE_LIMIT "100"
#define BODY_CAP ((size_t)1 << 20)

void wire_kube_release(struct wire_kube *wire)
{
    strbuf_release(&wire->body);
    strbuf_release(&wire->query);
}

/* ---- requests ---- */

static struct kube_path resource_path(enum resource resource)
{
    if (resource == RESOURCE_BINDINGS)
        return (struct kube_path){
            .group = BINDING_GROUP, .version = BINDING_VERSION, .resource = BINDING_PLURAL};
    return (struct kube_path){.version = "v1", .resource = "serviceaccounts"};
}

static struct kube_path object_path(enum resource resource, const struct object_in *in)
{
    struct kube_path path = resource_path(resource);

    path.namespace = in->namespace;
    path.name = in->name;
    return path;
}

static void patch(struct wire_kube *wire, struct kube_path path)
{
    wire->request = (struct kube_call){.method = "PATCH",
                                       .path = path,
                                       .content_type = KUBE_MERGE_PATCH,
                                       .metadata_only = true,
                                       .body = strbuf_text(&wire->body),
                                       .body_length = wire->body.length};
}

static void write_list(const struct list_objects_in *in, struct wire_kube *wire)
{
    kube_query_add(&wire->query, "limit", PAGE_LIMIT);
    if (in->continue_token[0] != '\0')
        kube_query_add(&wire->query, "continue", in->continue_token);
    wire->request = (struct kube_call){
        .method = "GET", .path = resource_path(in->resource), .query = strbuf_text(&wire->query)};
}

static void write_event(const struct event_in *in, struct wire_kube *wire, const char *identity,
                        int64_t wall_us)
{
    const struct event event = {.namespace = in->namespace,
                                .name = in->name,
                                .instance = identity,
                                .warning = in->warning,
                                .reason = in->reason,
                                .action = in->action,
                                .note = in->note,
                                .time_us = wall_us,
                                .about_version = BINDING_GROUP "/" BINDING_VERSION,
                                .about_kind = BINDING_KIND,
                                .about_name = in->binding,
                                .about_uid = in->uid};
    struct kube_path path = {.group = EVENT_GROUP,
                             .version = "v1",
                             .namespace = in->namespace,
                             .resource = EVENT_RESOURCE};

    if (in->series_count > 0) {
        path.name = in->name;
        event_series_patch(in->series_count, wall_us, &wire->body);
        patch(wire, path);
        return;
    }
    event_create(&event, &wire->body);
    wire->request = (struct kube_call){.method = "POST",
                                       .path = path,
                                       .content_type = KUBE_JSON,
                                       .body = strbuf_text(&wire->body),
                                       .body_length = wire->body.length};
}

static void write_identity(struct wire_kube *wire)
{
    wire->request = (struct kube_call){.method = "GET"};
    if (wire->stage == 0)
        wire->request.path =
            (struct kube_path){.version = "v1", .resource = "namespaces", .name = "kube-system"};
    else
        wire->request.raw_path = IDENTITY_DISCOVERY_PATH;
}

static void write_status(const struct object_in *in, struct wire_kube *wire)
{
    struct kube_path path = object_path(RESOURCE_BINDINGS, in);

    path.subresource = "status";
    binding_status_patch(in->resource_version, in->status, &wire->body);
    patch(wire, path);
}

static struct kube_path lease_path(const struct wire_kube *wire)
{
    return (struct kube_path){.group = LEASE_GROUP,
                              .version = "v1",
                              .namespace = wire->lease_namespace,
                              .resource = LEASE_RESOURCE,
                              .name = wire->lease_name};
}

static void read_metadata(struct wire_kube *wire, struct kube_path path)
{
    wire->request = (struct kube_call){.method = "GET", .path = path, .metadata_only = true};
}

static void write_definition(struct wire_kube *wire)
{
    read_metadata(wire, (struct kube_path){.group = "apiextensions.k8s.io",
                                           .version = "v1",
                                           .resource = "customresourcedefinitions",
                                           .name = BINDING_PLURAL "." BINDING_GROUP});
}

/* null takes an annotation away. */
static void set_annotation(json_t *annotations, const char *name, const char *value)
{
    if (value)
        json_object_set_new(annotations, name, value[0] ? json_string(value) : json_null());
}

static void write_lease(const struct lease_in *in, struct wire_kube *wire)
{
    CLEANUP_JSON json_t *body = json_pack("{s:{s:s, s:{}}}", "metadata", "resourceVersion",
                                          in->resource_version, "annotations");
    json_t *annotations = json_object_get(json_object_get(body, "metadata"), "annotations");
    CLEANUP_FREE char *text = NULL;

    set_annotation(annotations, LEASE_DELETIONS, in->deletions);
    set_annotation(annotations, LEASE_RELEASE, in->release);
    text = json_canonical(body);
    strbuf_str(&wire->body, text);
    patch(wire, lease_path(wire));
}

void wire_kube_write(const struct call *call, struct wire_kube *wire, const char *identity,
                     int64_t wall_us)
{
    const struct object_in *object = &call->in.object;

    wire->body.cap = BODY_CAP;
    switch (call->verb) {
    case CALL_LIST_OBJECTS:
        write_list(&call->in.objects, wire);
        break;
    case CALL_GET_BINDING:
    case CALL_GET_SERVICE_ACCOUNT:
        wire->request = (struct kube_call){.method = "GET",
                                           .path = object_path(call->verb == CALL_GET_BINDING
                                                                   ? RESOURCE_BINDINGS
                                                                   : RESOURCE_SERVICE_ACCOUNTS,
                                                               object)};
        break;
    case CALL_PATCH_FINALIZERS:
        binding_finalizers_patch(object->resource_version, object->finalizers, &wire->body);
        patch(wire, object_path(RESOURCE_BINDINGS, object));
        break;
    case CALL_PATCH_STATUS:
        write_status(object, wire);
        break;
    case CALL_WRITE_EVENT:
        write_event(&call->in.event, wire, identity, wall_us);
        break;
    case CALL_READ_IDENTITY:
        write_identity(wire);
        break;
    case CALL_READ_LEASE:
        read_metadata(wire, lease_path(wire));
        break;
    case CALL_PATCH_LEASE:
        write_lease(&call->in.lease, wire);
        break;
    case CALL_READ_DEFINITION:
        write_definition(wire);
        break;
    default:
        break;
    }
}

/* ---- answers ---- */

static void read_page(const struct wire_kube *wire, const json_t *document, struct call *call)
{
    enum resource resource = call->in.objects.resource;
    struct objects_page *out = &call->out.objects;
    struct object_page page;

    if (object_page_read(document, resource == RESOURCE_BINDINGS ? BINDING_KIND : "ServiceAccount",
                         &page, &call->error) < 0)
        return;
    out->items = mem_array(page.count, sizeof *out->items);
    for (size_t i = 0; i < page.count; i++) {
        const json_t *item = object_page_item(&page, i);
        const char *namespace = json_text(json_at(item, "metadata", NULL), "namespace");
        struct error ignored = {0};
        void *record;

        if (!options_watches(wire->namespaces, namespace))
            continue;
        record = resource == RESOURCE_BINDINGS ? (void *)binding_from_json(item, &ignored)
                                               : (void *)service_account_from_json(item, &ignored);

        if (record)
            out->items[out->count++] = record;
        else
            out->skipped++;
    }
    out->resource_version = mem_strdup(page.version);
    out->continue_token = mem_strdup(page.continue_token);
}

static void read_version(const json_t *object, struct call *call)
{
    const char *version = object_version(object);

    if (version[0] == '\0')
        error_set(&call->error, ERROR_UNKNOWN, "the API server answered a patch with no object");
    else
        call->out.resource_version = mem_strdup(version);
}

static void read_lease(const json_t *object, struct call *call)
{
    const json_t *annotations = json_at(object, "metadata", "annotations", NULL);

    if (object_version(object)[0] == '\0') {
        error_set(&call->error, ERROR_TRANSIENT, "the API server answered with no Lease");
        return;
    }
    call->out.lease = (struct lease_facts){
        .resource_version = mem_strdup(object_version(object)),
        .deletions = mem_strdup(json_text(annotations, LEASE_DELETIONS)),
        .release = mem_strdup(json_text(annotations, LEASE_RELEASE)),
    };
}

/* An issuer that can't be read is no failure: the certificate authority may still tell (W1). */
static bool read_identity(struct kube_client *client, struct wire_kube *wire, const json_t *object,
                          struct call *call)
{
    struct kube_identity *out = &call->out.identity;
    struct error ignored = {0};

    if (wire->stage == 0) {
        const char *token = "";

        if (identity_kube_system_uid(object, &out->kube_system_uid, &call->error) < 0)
            return false;
        out->ca_pem = mem_strdup(client->config->ca_pem);
        if (client->config->context[0] == '\0' && /* in-cluster */
            kube_client_token(client, client->token_read_ms, &token, &ignored) == 0 &&
            identity_issuer_from_token(token, &out->issuer, &ignored) == 0)
            return false;
        wire->stage = 1;
        return true;
    }
    if (object)
        identity_issuer_from_discovery(object, &out->issuer, &ignored);
    return false;
}

static bool is_no_issuer(const struct wire_kube *wire, const struct call *call)
{
    return call->verb == CALL_READ_IDENTITY && wire->stage == 1 && call->error.status >= 400 &&
           call->error.status < 500;
}

bool wire_kube_read(struct kube_client *client, struct wire_kube *wire,
                    const struct http_answer *answer, struct call *call)
{
    CLEANUP_JSON json_t *object = NULL;

    error_clear(&call->error);
    if (kube_answer_read(client, &wire->request, answer, &object, NULL, &call->error) < 0) {
        if (is_no_issuer(wire, call))
            error_clear(&call->error);
        return false;
    }
    switch (call->verb) {
    case CALL_LIST_OBJECTS:
        read_page(wire, object, call);
        break;
    case CALL_GET_BINDING:
        call->out.binding = binding_from_json(object, &call->error);
        break;
    case CALL_GET_SERVICE_ACCOUNT:
        call->out.service_account = service_account_from_json(object, &call->error);
        break;
    case CALL_PATCH_FINALIZERS:
    case CALL_PATCH_STATUS:
    case CALL_PATCH_LEASE:
        read_version(object, call);
        break;
    case CALL_READ_LEASE:
        read_lease(object, call);
        break;
    case CALL_READ_DEFINITION:
        call->out.definition_going =
            json_text(json_at(object, "metadata", NULL), "deletionTimestamp")[0] != '\0';
        break;
    case CALL_READ_IDENTITY:
        return read_identity(client, wire, object, call);
    default:
        break;
    }
    return false;
}
