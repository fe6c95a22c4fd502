/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/api_private.h"
#include "tests/sim/errand.h"
#include "tests/sim/fault_answer.h"

#define LIMIT_MAX 500

void api_init(struct api *api, struct world *world, const char *token, uint64_t seed)
{
    *api = (struct api){.world = world, .token = token};
    tape_init(&api->dice, seed);
}

void api_release(struct api *api)
{
    for (size_t i = 0; i < api->status_count; i++) {
        mem_free(api->statuses[i].uid);
        mem_free(api->statuses[i].json);
    }
    mem_free(api->statuses);
    tape_release(&api->dice);
}

/* ---- statuses ---- */

const char *api_status_at(const struct api *api, const char *uid, uint64_t version)
{
    for (size_t i = api->status_count; i-- > 0;)
        if (api->statuses[i].version <= version && strcmp(api->statuses[i].uid, uid) == 0)
            return api->statuses[i].json;
    return NULL;
}

void api_keep_status(struct api *api, const char *uid, uint64_t version, char *owned_json)
{
    MEM_GROW(api->statuses, api->status_count, api->status_capacity);
    api->statuses[api->status_count++] =
        (struct api_kept_status){mem_strdup(uid), owned_json, version};
}

/* ---- objects ---- */

static int64_t deleted_us(const struct kube_world *kube, const char *uid)
{
    for (size_t i = 0; i < kube->log_count; i++) {
        const struct binding *binding = kube->log[i].record;

        if (kube->log[i].resource == RESOURCE_BINDINGS && binding->deleting &&
            strcmp(binding->uid, uid) == 0)
            return kube->wall_us - (kube->now - kube->log[i].at) * 1000;
    }
    return kube->wall_us;
}

static bool toss(struct api *api, const char *label)
{
    return tape_choose(&api->dice, 4, label) == 3;
}

struct api_style api_style_of(struct api *api, const struct binding *binding)
{
    const struct kube_world *kube = &api->world->kube;
    struct api_style style = {
        .managed_fields = toss(api, "managedFields"),
        .strange_members = toss(api, "strange members"),
        .defaults = !toss(api, "defaults left out"),
        .match_labels = toss(api, "matchLabels"),
    };

    if (binding) {
        uint64_t version = kube_version_number(kube, binding->resource_version);

        style.status = api_status_at(api, binding->uid, version);
        style.deleted_us = binding->deleting ? deleted_us(kube, binding->uid) : 0;
    }
    return style;
}

static void write_record(struct api *api, enum resource resource, const void *record, bool item,
                         struct strbuf *out)
{
    struct api_style style = api_style_of(api, resource == RESOURCE_BINDINGS ? record : NULL);

    style.listed = item;
    if (resource == RESOURCE_BINDINGS)
        api_object_binding(record, &style, out);
    else
        api_object_account(record, &style, out);
}

void api_write_event(struct api *api, const struct kube_event *event, bool item, struct strbuf *out)
{
    write_record(api, event->resource, event->record, item, out);
}

/* ---- refusals ---- */

void api_refuse_as(struct api_passage *passage, const struct error *error, const char *group,
                   const char *resource, const char *name)
{
    fault_answer_said(error, group, resource, name, passage->answer);
}

void api_reject(struct api_passage *passage, const char *why)
{
    const struct api_status status = {400, "BadRequest", why, "", "", ""};

    world_fail(passage->api->world, "wire", "the API server finds %s: %s %s", why,
               passage->request->method, passage->request->target);
    fault_answer_status(&status, passage->answer);
}

/* ---- lists ---- */

/* Opaque, and with characters that must be encoded in a query and in JSON. */
static void write_token(const char *plain, struct strbuf *out)
{
    if (plain && plain[0] != '\0')
        strbuf_format(out, "{\"v\":\"meta.k8s.io/v1\",\"at\":\"%s+/=&?%%\"}", plain);
}

/* What stands in one; NULL when it is none of ours. */
static char *read_token(const char *token)
{
    const char *start = strstr(token, "\"at\":\""), *end = strstr(token, "+/=&?%\"}");

    if (token[0] == '\0')
        return mem_strdup("");
    return start && end && start < end ? mem_strndup(start + 6, (size_t)(end - start - 6)) : NULL;
}

static void write_list(struct api_passage *passage, enum resource resource,
                       const struct objects_page *page)
{
    CLEANUP(strbuf_release) struct strbuf token = {0};
    struct strbuf *out = &passage->answer->body;
    bool bindings = resource == RESOURCE_BINDINGS;

    write_token(page->continue_token, &token);
    strbuf_char(out, '{');
    api_object_text(out, "kind", bindings ? BINDING_KIND "List" : "ServiceAccountList");
    api_object_text(out, "apiVersion", bindings ? BINDING_GROUP "/" BINDING_VERSION : "v1");
    strbuf_str(out, ",\"metadata\":{");
    api_object_text(out, "resourceVersion", page->resource_version);
    if (token.length > 0) {
        api_object_text(out, "continue", token.text);
        strbuf_str(out, ",\"remainingItemCount\":1");
    }
    strbuf_str(out, "},\"items\":[");
    for (size_t i = 0; i < page->count; i++)
        write_record(passage->api, resource, page->items[i], !bindings, out);
    strbuf_str(out, "]}");
}

static void list(struct api_passage *passage, enum resource resource)
{
    struct world *world = passage->api->world;
    const char *limit = api_request_query(passage->request, "limit");
    CLEANUP_FREE char *token = read_token(api_request_query(passage->request, "continue"));
    const struct list_objects_in in = {.resource = resource, .continue_token = token};
    CLEANUP(call_release) struct call call = {.verb = CALL_LIST_OBJECTS};
    long most = strtol(limit, NULL, 10);

    if (!token || most < 1 || most > LIMIT_MAX) {
        api_reject(passage, token ? "no proper limit" : "a token it never gave");
        return;
    }
    kube_list(world, &in, (uint32_t)most, &call);
    if (call.error.kind != ERROR_NONE)
        api_refuse_as(passage, &call.error, "", "", "");
    else
        write_list(passage, resource, &call.out.objects);
}

/* ---- single objects ---- */

static void get(struct api_passage *passage, enum resource resource)
{
    const struct api_request *request = passage->request;
    const struct kube_world *kube = &passage->api->world->kube;
    bool bindings = resource == RESOURCE_BINDINGS;
    const char *namespace = request->segments[bindings ? 4 : 3];
    const char *name = request->segments[bindings ? 6 : 5];
    const void *record = bindings ? (const void *)kube_binding(kube, namespace, name)
                                  : (const void *)kube_account(kube, namespace, name);
    struct error error = {0};

    if (record) {
        write_record(passage->api, resource, record, false, &passage->answer->body);
        return;
    }
    if (bindings)
        kube_refuse_missing(kube, false, &error);
    else
        kube_refuse(&error, 404, "NotFound", true, false);
    api_refuse_as(passage, &error, bindings ? BINDING_GROUP : "",
                  bindings ? BINDING_PLURAL : "serviceaccounts", name);
}

static void get_kube_system(struct api_passage *passage)
{
    strbuf_str(&passage->answer->body,
               "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
               "\"kube-system\",\"uid\":\"" KUBE_SYSTEM_UID "\",\"resourceVersion\":\"4\",\"labels"
               "\":{\"kubernetes.io/metadata.name\":\"kube-system\"}},\"spec\":{\"finalizers\":["
               "\"kubernetes\"]},\"status\":{\"phase\":\"Active\"}}");
}

static void get_discovery(struct api_passage *passage)
{
    const char *issuer = kube_issuer(passage->api->world);
    const struct api_status denied = {403,
                                      "Forbidden",
                                      "no access to "
                                      "/.well-known",
                                      "",
                                      "",
                                      ""};
    struct strbuf *out = &passage->answer->body;

    if (issuer[0] == '\0') {
        fault_answer_status(&denied, passage->answer);
        return;
    }
    strbuf_char(out, '{');
    api_object_text(out, "issuer", issuer);
    api_object_text(out, "jwks_uri", "https://kube.example:6443/openid/v1/jwks");
    strbuf_str(out, ",\"response_types_supported\":[\"id_token\"]}");
}

#define DEFINITIONS "customresourcedefinitions"
#define DEFINITION BINDING_PLURAL "." BINDING_GROUP

/* Of what is asked for by its metadata alone. */
static void get_definition(struct api_passage *passage)
{
    const struct world *world = passage->api->world;
    struct error error = {0};
    bool going = false;

    if (kube_read_definition(world, &going, &error) < 0)
        api_refuse_as(passage, &error, "apiextensions.k8s.io", DEFINITIONS, DEFINITION);
    else
        api_object_bare("PartialObjectMetadata", "meta.k8s.io/v1", DEFINITION, "2",
                        going ? world->kube.wall_us : 0, NULL, &passage->answer->body);
}

/* ---- the way in ---- */

static void route(struct api_passage *passage)
{
    const struct api_request *request = passage->request;

    if (api_request_is(request, "GET", API_BINDINGS))
        list(passage, RESOURCE_BINDINGS);
    else if (api_request_is(request, "GET", API_ACCOUNTS))
        list(passage, RESOURCE_SERVICE_ACCOUNTS);
    else if (api_request_is(request, "GET", API_ONE_BINDING))
        get(passage, RESOURCE_BINDINGS);
    else if (api_request_is(request, "GET", "api/v1/namespaces/*/serviceaccounts/*"))
        get(passage, RESOURCE_SERVICE_ACCOUNTS);
    else if (api_request_is(request, "PATCH", API_ONE_BINDING) ||
             api_request_is(request, "PATCH", API_ONE_BINDING "/status"))
        api_patch_binding(passage);
    else if (api_request_is(request, "POST", "apis/events.k8s.io/v1/namespaces/*/events") ||
             api_request_is(request, "PATCH", "apis/events.k8s.io/v1/namespaces/*/events/*"))
        api_write_api_event(passage);
    else if (api_request_is(request, "GET", API_LEASE) ||
             api_request_is(request, "PATCH", API_LEASE))
        api_use_lease(passage);
    else if (api_request_is(request, "GET", API_DEFINITION))
        get_definition(passage);
    else if (api_request_is(request, "GET", "api/v1/namespaces/kube-system"))
        get_kube_system(passage);
    else if (api_request_is(request, "GET", ".well-known/openid-configuration"))
        get_discovery(passage);
    else
        api_reject(passage, "no such resource");
}

static bool authorized(const struct api_passage *passage)
{
    const char *header = api_request_header(passage->request, "authorization");

    return strncmp(header, "Bearer ", 7) == 0 && strcmp(header + 7, passage->api->token) == 0;
}

void api_serve(struct api *api, const struct http_request *http, const struct errand *errand,
               struct http_answer *ret_answer)
{
    CLEANUP(api_request_release) struct api_request request = {0};
    struct api_passage passage = {api, &request, errand, ret_answer};

    *ret_answer = (struct http_answer){.status = 200, .body = STRBUF_CAPPED((size_t)32 << 20)};
    snprintf(ret_answer->content_type, sizeof ret_answer->content_type, "application/json");
    if (!api_request_read(http, &request))
        api_reject(&passage, "a malformed URL or header");
    else if (!authorized(&passage))
        api_reject(&passage, "no token that it knows");
    else
        route(&passage);
}
