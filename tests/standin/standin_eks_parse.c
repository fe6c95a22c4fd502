/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/standin/standin_eks.h"

static const struct {
    const char *method;
    const char *path; /* "*" is any segment */
    enum model_operation operation;
} routes[] = {
    {"GET", "clusters", MODEL_LIST_CLUSTERS},
    {"GET", "clusters/*", MODEL_DESCRIBE_CLUSTER},
    {"GET", "clusters/*/pod-identity-associations", MODEL_LIST},
    {"POST", "clusters/*/pod-identity-associations", MODEL_CREATE},
    {"GET", "clusters/*/pod-identity-associations/*", MODEL_DESCRIBE},
    {"POST", "clusters/*/pod-identity-associations/*", MODEL_UPDATE},
    {"DELETE", "clusters/*/pod-identity-associations/*", MODEL_DELETE},
    {"GET", "tags/*", MODEL_LIST_TAGS},
    {"POST", "tags/*", MODEL_TAG},
    {"DELETE", "tags/*", MODEL_UNTAG},
};

enum model_operation standin_eks_route(const char *method, const struct standin_url *url)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].method, method) == 0 && standin_url_matches(url, routes[i].path))
            return routes[i].operation;
    return MODEL_OPERATIONS;
}

static int unreadable(struct model_error *err, const char *what, const char *which)
{
    *err = (struct model_error){.status = 400};
    snprintf(err->code, sizeof err->code, "SerializationException");
    snprintf(err->message, sizeof err->message, "%.128s%.300s", what, which);
    return -1;
}

/* The member, with null taken as absent. */
static const json_t *member(const struct standin_call *call, const char *name)
{
    const json_t *value = json_object_get(call->owned_body, name);

    return json_is_null(value) ? NULL : value;
}

static int read_texts(struct standin_call *call, struct model_error *err)
{
    struct model_request *request = &call->request;
    const struct {
        const char *name;
        const char **ret_text;
    } texts[] = {
        {"namespace", &request->namespace}, {"serviceAccount", &request->service_account},
        {"roleArn", &request->role_arn},    {"targetRoleArn", &request->target_role_arn},
        {"policy", &request->policy},       {"clientRequestToken", &request->client_token},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const json_t *value = member(call, texts[i].name);

        if (value && !json_is_string(value))
            return unreadable(err, "Expected a string: ", texts[i].name);
        *texts[i].ret_text = json_string_value(value);
    }
    return 0;
}

static int read_flag(struct standin_call *call, struct model_error *err)
{
    const json_t *value = member(call, "disableSessionTags");

    if (value && !json_is_boolean(value))
        return unreadable(err, "Expected a boolean: ", "disableSessionTags");
    call->disable_session_tags = json_is_true(value);
    call->request.disable_session_tags = value ? &call->disable_session_tags : NULL;
    return 0;
}

static int read_tags(struct standin_call *call, struct model_error *err)
{
    json_t *tags = json_object_get(call->owned_body, "tags"), *value = NULL;
    const char *key = NULL;
    struct model_request *request = &call->request;

    if (!tags || json_is_null(tags))
        return 0;
    if (!json_is_object(tags))
        return unreadable(err, "Expected a map: ", "tags");
    call->owned_tags = mem_array(json_object_size(tags) + 1, sizeof *call->owned_tags);
    request->tags = call->owned_tags;
    json_object_foreach(tags, key, value)
    {
        if (!json_is_string(value))
            return unreadable(err, "Expected a string: tags.", key);
        call->owned_tags[request->tag_count++] = (struct model_tag){key, json_string_value(value)};
    }
    return 0;
}

static bool is_json_object(const char *text)
{
    struct error ignored = {0};
    json_t *document = json_parse(text, strlen(text), &ignored);
    bool object = json_is_object(document);

    json_release(&document);
    return object;
}

static int read_body(const struct standin_request *request, struct standin_call *call,
                     struct model_error *err)
{
    struct error problem = {0};

    if (request->body_length == 0)
        return 0; /* members that are required will be missed */
    call->owned_body = json_parse(request->body, request->body_length, &problem);
    if (!call->owned_body)
        return unreadable(err, "The body is not valid JSON: ", problem.text);
    if (!json_is_object(call->owned_body))
        return unreadable(err, "Expected a structure", "");
    if (read_texts(call, err) < 0 || read_flag(call, err) < 0 || read_tags(call, err) < 0)
        return -1;
    call->request.policy_malformed =
        call->request.policy && *call->request.policy && !is_json_object(call->request.policy);
    return 0;
}

static int page_size(const char *text)
{
    char *end = NULL;
    long number = text ? strtol(text, &end, 10) : 0;

    if (!text)
        return 0;
    return end == text || *end || number < 1 || number > MODEL_PAGE_MAX ? -1 : (int)number;
}

static void read_query(const struct standin_url *url, struct standin_call *call)
{
    struct model_request *request = &call->request;

    request->max_results = page_size(standin_parameter(url, "maxResults"));
    request->next_token = standin_parameter(url, "nextToken");
    if (request->operation == MODEL_LIST) {
        request->namespace = standin_parameter(url, "namespace");
        request->service_account = standin_parameter(url, "serviceAccount");
    }
    call->owned_keys = mem_array(url->parameter_count + 1, sizeof *call->owned_keys);
    request->tag_keys = call->owned_keys;
    for (size_t i = 0; i < url->parameter_count; i++)
        if (strcmp(url->parameters[i].name, "tagKeys") == 0)
            call->owned_keys[request->tag_key_count++] = url->parameters[i].value;
}

int standin_eks_parse(enum model_operation operation, const struct standin_request *request,
                      const struct standin_url *url, struct standin_call *ret_call,
                      struct model_error *err)
{
    bool reads_body =
        operation == MODEL_CREATE || operation == MODEL_UPDATE || operation == MODEL_TAG;

    *ret_call = (struct standin_call){.request.operation = operation};
    if (url->segment_count > 1 && strcmp(url->segments[0], "tags") == 0)
        ret_call->request.resource_arn = url->segments[1];
    else if (url->segment_count > 1)
        ret_call->request.cluster = url->segments[1];
    if (url->segment_count > 3)
        ret_call->request.id = url->segments[3];
    read_query(url, ret_call);
    return reads_body ? read_body(request, ret_call, err) : 0;
}

void standin_call_release(struct standin_call *call)
{
    json_release(&call->owned_body);
    mem_free(call->owned_tags);
    mem_free(call->owned_keys);
    *call = (struct standin_call){0};
}
