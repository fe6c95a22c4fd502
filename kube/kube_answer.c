/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_answer.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "kube/object.h"

static bool is_write(const struct kube_call *call)
{
    return strcmp(call->method, "GET") != 0;
}

/* "GET podidentitybindings app/reader": what the message is about. */
static int wrap(const struct kube_call *call, struct error *err)
{
    const struct kube_path *path = &call->path;
    if (call->raw_path != NULL)
        return error_wrap(err, "%s %s", call->method, call->raw_path);
    const char *namespace = path->namespace != NULL ? path->namespace : "";
    const char *name = path->name != NULL ? path->name : "";
    const char *subresource = path->subresource != NULL ? path->subresource : "";
    return error_wrap(err, "%s %s%s%s%s%s%s%s", call->method, path->resource,
                      *subresource != '\0' ? "/" : "", subresource,
                      *namespace != '\0' || *name != '\0' ? " " : "", namespace,
                      *namespace != '\0' && *name != '\0' ? "/" : "", name);
}

static int no_answer(const struct kube_call *call, const struct http_answer *answer,
                     struct error *err)
{
    *err = answer->error;
    if (err->kind == ERROR_UNKNOWN && !is_write(call))
        err->kind = ERROR_TRANSIENT;
    return wrap(call, err);
}

static json_t *read_document(const struct http_answer *answer, struct error *err)
{
    json_t *document =
        json_parse_without(strbuf_text(&answer->body), answer->body.length, OBJECT_UNREAD, err);
    if (document != NULL && !json_is_object(document)) {
        json_release(&document);
        error_set(err, ERROR_INVALID, "no JSON object");
        return NULL;
    }
    return document;
}

/* 2xx, but not what an API server answers. */
static int unreadable(const struct kube_call *call, const struct http_answer *answer,
                      const struct error *why, struct error *err)
{
    error_set(err, is_write(call) ? ERROR_UNKNOWN : ERROR_TRANSIENT,
              "answered %d %s, expected a JSON object: %s", answer->status, answer->content_type,
              why->text);
    err->status = answer->status;
    return wrap(call, err);
}

static void describe(const struct http_answer *answer, const struct kube_status *status,
                     enum error_kind kind, struct error *err)
{
    const char *content = *answer->content_type != '\0' ? answer->content_type : "no content type";
    if (status != NULL)
        error_set(err, kind, "%s (%d %s)",
                  *status->message != '\0' ? status->message : "no message", answer->status,
                  *status->reason != '\0' ? status->reason : "without a reason");
    else if (answer->status == 404)
        error_set(err, kind,
                  "answered 404 (%s) without saying what was not found: the resource is not served "
                  "there (no CRD yet?), or a proxy answered",
                  content);
    else
        error_set(err, kind, "answered %d (%s), expected a Status object in JSON", answer->status,
                  content);
}

static bool denies(const struct kube_call *call, const struct kube_status *status)
{
    const struct kube_path *path = &call->path;
    return call->raw_path == NULL && path->name != NULL && *path->name != '\0' &&
           kube_status_denies(status, path->group != NULL ? path->group : "", path->resource,
                              path->name);
}

static int refused(struct kube_client *client, const struct kube_call *call,
                   const struct http_answer *answer, struct kube_status *ret_status,
                   struct error *err)
{
    if (answer->status == 401)
        kube_client_unauthorized(client);
    struct error ignored;
    CLEANUP_JSON json_t *document = read_document(answer, &ignored);
    struct kube_status status = {0};
    bool said = document != NULL && kube_status_read(document, &status);
    enum error_kind kind = kube_status_kind(answer->status, said ? &status : NULL,
                                            said && denies(call, &status), is_write(call));
    describe(answer, said ? &status : NULL, kind, err);
    err->status = answer->status;
    err->retry_after_ms =
        answer->retry_after_ms > 0 ? answer->retry_after_ms : status.retry_after_ms;
    snprintf(err->code, sizeof err->code, "%s", status.reason);
    if (ret_status != NULL)
        *ret_status = status;
    return wrap(call, err);
}

int kube_answer_read(struct kube_client *client, const struct kube_call *call,
                     const struct http_answer *answer, json_t **ret_object,
                     struct kube_status *ret_status, struct error *err)
{
    if (ret_status != NULL)
        *ret_status = (struct kube_status){0};
    if (answer->error.kind != ERROR_NONE)
        return no_answer(call, answer, err);
    if (answer->status < 200 || answer->status > 299)
        return refused(client, call, answer, ret_status, err);
    struct error why;
    json_t *document = read_document(answer, &why);
    if (document == NULL)
        return unreadable(call, answer, &why, err);
    *ret_object = document;
    return 0;
}
