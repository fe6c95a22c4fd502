/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_admin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/standin/standin_duration.h"

#define ONE "_standin/clusters/*/associations/*"   /* by id */
#define KEY "_standin/clusters/*/associations/*/*" /* by namespace and service account */

static const struct {
    const char *method, *path;
    int (*run)(struct standin_hand *);
} hands[] = {
    {"GET", "_standin/associations", standin_get_associations},
    {"GET", "_standin/clusters/*/associations", standin_get_cluster_associations},
    {"POST", "_standin/clusters/*/associations", standin_post_association},
    {"GET", ONE, standin_get_association},
    {"PUT", ONE, standin_put_association},
    {"PATCH", ONE, standin_patch_association},
    {"DELETE", ONE, standin_delete_association},
    {"GET", KEY, standin_get_association},
    {"PUT", KEY, standin_put_association},
    {"PATCH", KEY, standin_patch_association},
    {"DELETE", KEY, standin_delete_association},
    {"GET", "_standin/clusters", standin_get_clusters},
    {"PUT", "_standin/clusters/*", standin_put_cluster},
    {"DELETE", "_standin/clusters/*", standin_delete_cluster},
    {"PUT", "_standin/roles/*", standin_put_role},
    {"DELETE", "_standin/roles/*", standin_delete_role},
    {"GET", "_standin/faults", standin_get_faults},
    {"PUT", "_standin/faults", standin_put_faults},
    {"POST", "_standin/faults", standin_post_fault},
    {"DELETE", "_standin/faults", standin_delete_faults},
    {"GET", "_standin/settings", standin_get_settings},
    {"PUT", "_standin/settings", standin_put_settings},
    {"GET", "_standin/counters", standin_get_counters},
    {"POST", "_standin/counters/reset", standin_reset_counters},
    {"GET", "_standin/requests", standin_get_requests},
    {"DELETE", "_standin/requests", standin_delete_requests},
    {"GET", "_standin/credentials", standin_get_credentials},
    {"GET", "_standin/policy", standin_get_policy},
    {"PUT", "_standin/policy", standin_put_policy},
    {"DELETE", "_standin/policy", standin_delete_policy},
    {"PUT", "_standin/policy/*", standin_put_policy},
    {"DELETE", "_standin/policy/*", standin_delete_policy},
    {"DELETE", "_standin/actions", standin_delete_actions},
};

int standin_hand_refuse(struct standin_hand *hand, int status, const char *format, ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    strbuf_clear(&hand->reply->body);
    hand->reply->status = status;
    hand->writer = (struct standin_writer){.out = &hand->reply->body};
    standin_open(&hand->writer, NULL, '{');
    standin_exact(&hand->writer, "message", message);
    standin_close(&hand->writer, '}');
    return -1;
}

static bool among(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = names; *at; at += strspn(at, " ")) {
        size_t next = strcspn(at, " ");

        if (next == length && strncmp(at, name, length) == 0)
            return true;
        at += next;
    }
    return false;
}

int standin_hand_known(struct standin_hand *hand, const json_t *object, const char *names)
{
    if (!json_is_object(object))
        return standin_hand_refuse(hand, 400, "Expected a JSON object with any of: %s", names);
    for (void *at = json_object_iter((json_t *)object); at;
         at = json_object_iter_next((json_t *)object, at))
        if (!among(names, json_object_iter_key(at)))
            return standin_hand_refuse(hand, 400, "Unknown member '%s'; there are: %s",
                                       json_object_iter_key(at), names);
    return 0;
}

int standin_hand_text(struct standin_hand *hand, const json_t *object, const char *name,
                      const char **ret_value)
{
    const json_t *value = json_object_get(object, name);

    if (value && !json_is_null(value) && !json_is_string(value))
        return standin_hand_refuse(hand, 400, "%s must be a string", name);
    if (value)
        *ret_value = json_is_string(value) ? json_string_value(value) : "";
    return 0;
}

int standin_hand_flag(struct standin_hand *hand, const json_t *object, const char *name,
                      bool *ret_value)
{
    const json_t *value = json_object_get(object, name);

    if (value && !json_is_boolean(value))
        return standin_hand_refuse(hand, 400, "%s must be true or false", name);
    if (value)
        *ret_value = json_is_true(value);
    return 0;
}

int standin_hand_number(struct standin_hand *hand, const json_t *object, const char *name,
                        double *ret_value)
{
    const json_t *value = json_object_get(object, name);

    if (value && (!json_is_number(value) || json_number_value(value) < 0))
        return standin_hand_refuse(hand, 400, "%s must be a number of 0 or more", name);
    if (value)
        *ret_value = json_number_value(value);
    return 0;
}

int standin_hand_duration(struct standin_hand *hand, const json_t *object, const char *name,
                          int64_t *ret_ms)
{
    const json_t *value = json_object_get(object, name);
    char text[32];

    if (json_is_number(value))
        snprintf(text, sizeof text, "%.3f", json_number_value(value));
    else
        snprintf(text, sizeof text, "%.31s", json_is_string(value) ? json_string_value(value) : "");
    if (value && !standin_duration_parse(text, ret_ms))
        return standin_hand_refuse(hand, 400, "%s must be a duration such as 100ms, 2s, 5m", name);
    return 0;
}

int standin_hand_tags(struct standin_hand *hand, const json_t *object, const char *name,
                      struct model_tag **ret_owned_tags, size_t *ret_count)
{
    json_t *map = json_object_get(object, name), *value = NULL;
    const char *key = NULL;
    struct model_tag *tags = NULL;
    size_t count = 0;

    if (!map)
        return 0;
    if (!json_is_object(map))
        return standin_hand_refuse(hand, 400, "%s must be an object of strings", name);
    tags = mem_array(json_object_size(map) + 1, sizeof *tags);
    json_object_foreach(map, key, value)
    {
        if (!json_is_string(value)) {
            mem_free(tags);
            return standin_hand_refuse(hand, 400, "%s.%s must be a string", name, key);
        }
        tags[count++] = (struct model_tag){key, json_string_value(value)};
    }
    *ret_owned_tags = tags;
    *ret_count = count;
    return 0;
}

static int no_such_path(struct standin_hand *hand)
{
    standin_hand_refuse(hand, 404, "No such path");
    strbuf_clear(&hand->reply->body);
    strbuf_str(&hand->reply->body, "{\"message\": \"No such path. There are:");
    for (size_t i = 0; i < sizeof hands / sizeof *hands; i++)
        strbuf_format(&hand->reply->body, "%s %s /%s", i ? "," : "", hands[i].method,
                      hands[i].path);
    strbuf_str(&hand->reply->body, "\"}");
    return -1;
}

static int run(struct standin_hand *hand)
{
    const struct standin_request *request = hand->request;
    struct error problem = {0};

    if (request->body_length > 0) {
        hand->body = json_parse(request->body, request->body_length, &problem);
        if (!hand->body)
            return standin_hand_refuse(hand, 400, "The body is not JSON: %s", problem.text);
    }
    for (size_t i = 0; i < sizeof hands / sizeof *hands; i++)
        if (strcmp(hands[i].method, request->method) == 0 &&
            standin_url_matches(&hand->url, hands[i].path))
            return hands[i].run(hand);
    return no_such_path(hand);
}

void standin_admin(struct standin *standin, const struct standin_request *request,
                   struct standin_reply *reply)
{
    struct standin_hand hand = {
        .standin = standin,
        .request = request,
        .reply = reply,
        .writer = {.out = &reply->body},
        .now_ms = standin_model_ms(standin),
    };

    if (!standin_url_parse(request->target, &hand.url))
        standin_hand_refuse(&hand, 400, "The path or query is malformed.");
    else
        run(&hand);
    if (reply->body.length == 0)
        strbuf_str(&reply->body, "{}");
    standin_url_release(&hand.url);
    json_release(&hand.body);
}
