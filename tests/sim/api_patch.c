/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to the API server: merge patches of bindings, Events. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "crds/status_json.h"
#include "kube/kube_request.h"
#include "tests/sim/api_private.h"
#include "tests/sim/errand.h"

/* RFC 7386. `into` (a new reference, may be NULL) becomes what is returned. */
static json_t *merge(json_t *owned_into, const json_t *patch)
{
    const char *name;
    json_t *value;

    if (!json_is_object(patch)) {
        json_decref(owned_into);
        return json_deep_copy(patch);
    }
    if (!json_is_object(owned_into)) {
        json_decref(owned_into);
        owned_into = json_object();
    }
    json_object_foreach((json_t *)patch, name, value)
    {
        if (json_is_null(value))
            json_object_del(owned_into, name);
        else
            json_object_set_new(owned_into, name,
                                merge(json_incref(json_object_get(owned_into, name)), value));
    }
    return owned_into;
}

static json_t *parse(const char *text)
{
    struct error ignored;

    return text ? json_parse(text, strlen(text), &ignored) : NULL;
}

/* ---- the answer ---- */

/* The state that the writer is told of: of an object that is gone, the one before. */
static const struct binding *told_state(const struct kube_world *kube, const struct object_in *in,
                                        const char *version)
{
    for (size_t i = kube->log_count; i-- > 0;) {
        const struct binding *binding = kube->log[i].record;

        if (kube->log[i].resource == RESOURCE_BINDINGS && strcmp(binding->name, in->name) == 0 &&
            strcmp(binding->namespace, in->namespace) == 0 &&
            strcmp(binding->resource_version, version) == 0)
            return binding;
    }
    return NULL;
}

/* As asked for, the metadata alone; an old server answers with the whole. */
static void answer_patched(struct api_passage *passage, const struct object_in *in,
                           const char *version)
{
    const struct binding *binding = told_state(&passage->api->world->kube, in, version);
    const char *accept = api_request_header(passage->request, "accept");
    struct api_style style = api_style_of(passage->api, binding);

    if (strstr(accept, "as=PartialObjectMetadata;g=meta.k8s.io;v=v1") && !style.strange_members)
        api_object_metadata(binding, &style, &passage->answer->body);
    else
        api_object_binding(binding, &style, &passage->answer->body);
}

/* ---- finalizers ---- */

static bool read_finalizers(const json_t *list, struct strbuf *ret_lines)
{
    size_t i;
    json_t *item;

    if (!json_is_array(list))
        return false;
    json_array_foreach((json_t *)list, i, item)
    {
        strbuf_str(ret_lines, json_is_string(item) ? json_string_value(item) : "?");
        strbuf_char(ret_lines, '\n');
    }
    return true;
}

static int patch_finalizers(struct api_passage *passage, const json_t *metadata,
                            struct object_in *in, char **ret_version, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf lines = {0};

    if (!read_finalizers(json_at(metadata, "finalizers", NULL), &lines)) {
        api_reject(passage, "finalizers that are no list");
        return error_set(err, ERROR_INVALID, "not a list");
    }
    in->finalizers = strbuf_text(&lines);
    return kube_patch_finalizers(&passage->api->world->kube, in, ret_version, err);
}

/* ---- status ---- */

/* A status as it was read from JSON must be the one that the operator meant. */
static void check_meant(struct api_passage *passage, const struct kube_status_write *read)
{
    const struct kube_status_write *meant = &passage->errand->status;

    if (read->stored.hash != meant->stored.hash ||
        read->stored.observed_generation != meant->stored.observed_generation ||
        memcmp(read->stored.conditions, meant->stored.conditions,
               sizeof meant->stored.conditions) != 0 ||
        memcmp(read->stored.since_s, meant->stored.since_s, sizeof meant->stored.since_s) != 0 ||
        strcmp(read->ready_reason, meant->ready_reason) != 0 ||
        strcmp(read->associations, meant->associations) != 0 ||
        strcmp(read->access, meant->access) != 0 || strcmp(read->bound, meant->bound) != 0)
        world_fail(passage->api->world, "wire", "a status arrives as another than was sent: %s",
                   passage->request->body);
}

static void read_status(const json_t *status, struct kube_status_write *ret_write)
{
    CLEANUP(strbuf_release) struct strbuf associations = {0};
    struct kube_status_write write = {0};

    status_from_json(status, &associations, &write.stored);
    write.stored.ready_reason = write.ready_reason =
        mem_strdup(write.stored.ready_reason ? write.stored.ready_reason : "");
    write.stored.associations = write.associations = mem_strdup(write.stored.associations);
    write.access = mem_strdup(json_text(status, "access"));
    write.bound = mem_strdup(json_text(status, "bound"));
    *ret_write = write;
}

static int patch_status(struct api_passage *passage, const json_t *patch,
                        const struct object_in *in, char **ret_version, struct error *err)
{
    struct api *api = passage->api;
    struct kube_world *kube = &api->world->kube;
    const struct binding *binding = kube_binding(kube, in->namespace, in->name);
    CLEANUP_FREE char *uid = mem_strdup(binding ? binding->uid : "");
    CLEANUP_JSON json_t *before = parse(api_status_at(api, uid, kube->version));
    CLEANUP_JSON json_t *after = merge(before ? json_deep_copy(before) : NULL, patch);
    CLEANUP(kube_status_write_release) struct kube_status_write write = {0};
    uint64_t version = kube->version;

    read_status(after, &write);
    check_meant(passage, &write);
    if (kube_patch_status(kube, in, &write, ret_version, err) < 0)
        return -1;
    if ((kube->version == version) != (before && json_equal(before, after)))
        world_fail(api->world, "wire", "a status that %s hashes as %s one",
                   kube->version == version ? "differs" : "is the same",
                   kube->version == version ? "the old" : "a new");
    if (kube->version != version)
        api_keep_status(api, uid, kube->version, json_canonical(after));
    return 0;
}

/* ---- bindings ---- */

void api_patch_binding(struct api_passage *passage)
{
    const struct api_request *request = passage->request;
    CLEANUP_JSON json_t *document = parse(request->body);
    const json_t *metadata = json_at(document, "metadata", NULL);
    const json_t *status = json_at(document, "status", NULL);
    bool of_status = request->segment_count == 8;
    struct object_in in = {.namespace = request->segments[4],
                           .name = request->segments[6],
                           .resource_version = json_text(metadata, "resourceVersion")};
    CLEANUP_FREE char *version = NULL;
    struct error error = {0};
    int result;

    if (strcmp(api_request_header(request, "content-type"), KUBE_MERGE_PATCH) != 0 ||
        !json_is_object(document) || in.resource_version[0] == '\0' ||
        of_status != json_is_object(status)) {
        api_reject(passage, "no merge patch that it can use");
        return;
    }
    result = of_status ? patch_status(passage, status, &in, &version, &error)
                       : patch_finalizers(passage, metadata, &in, &version, &error);
    if (result == 0)
        answer_patched(passage, &in, version);
    else if (passage->answer->status == 200)
        api_refuse_as(passage, &error, BINDING_GROUP, BINDING_PLURAL, in.name);
}

/* ---- Events ---- */

static bool is_micro_time(const char *text)
{
    int64_t time_us;

    return strlen(text) == strlen("2026-11-22T19:28:09.123456Z") && clock_parse(text, &time_us);
}

static bool is_event(const json_t *document, const char *namespace)
{
    static const char *const required[] = {
        "type", "reason", "action", "reportingController", "reportingInstance", NULL};
    const json_t *metadata = json_at(document, "metadata", NULL);
    const json_t *regarding = json_at(document, "regarding", NULL);

    for (const char *const *name = required; *name; name++)
        if (json_text(document, *name)[0] == '\0')
            return false;
    return strcmp(json_text(document, "kind"), "Event") == 0 &&
           strcmp(json_text(document, "apiVersion"), "events.k8s.io/v1") == 0 &&
           strcmp(json_text(metadata, "namespace"), namespace) == 0 &&
           json_text(metadata, "name")[0] != '\0' &&
           strcmp(json_text(regarding, "kind"), BINDING_KIND) == 0 &&
           is_micro_time(json_text(document, "eventTime"));
}

static bool is_series(const json_t *document)
{
    const json_t *series = json_at(document, "series", NULL);

    return json_whole(series, "count", 0) >= 2 &&
           is_micro_time(json_text(series, "lastObservedTime"));
}

/* Events are looked at and not kept: nobody reads them, and every series finds its first one. */
void api_write_api_event(struct api_passage *passage)
{
    const struct api_request *request = passage->request;
    CLEANUP_JSON json_t *document = parse(request->body);
    bool creates = strcmp(request->method, "POST") == 0;
    struct event_in in = {0};
    struct error error = {0};
    bool well = creates ? is_event(document, request->segments[4]) : is_series(document);

    if (!well || strcmp(api_request_header(request, "content-type"),
                        creates ? KUBE_JSON : KUBE_MERGE_PATCH) != 0) {
        api_reject(passage, "no Event");
        return;
    }
    in.namespace = request->segments[4];
    in.series_count = creates ? 0 : 2;
    if (kube_write_event(passage->api->world, &in, &error) < 0) {
        api_refuse_as(passage, &error, "events.k8s.io", "events", "");
        return;
    }
    passage->answer->status = creates ? 201 : 200;
    strbuf_str(&passage->answer->body, "{\"kind\":\"Event\",\"apiVersion\":\"events.k8s.io/v1\","
                                       "\"metadata\":{\"resourceVersion\":\"1\"}}");
}
