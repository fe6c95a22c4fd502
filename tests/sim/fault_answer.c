/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/fault_answer.h"

#include <stdio.h>
#include <string.h>

#include "aws/aws_answer.h"
#include "base/json.h"
#include "base/mem.h"
#include "controller/wire_eks.h"
#include "controller/wire_iam.h"
#include "kube/kube_answer.h"
#include "tests/sim/api_object.h"
#include "tests/standin/standin_eks.h"
#include "tests/standin/standin_query.h"

/* ---- answers ---- */

static void put(struct http_answer *answer, int status, const char *type, const char *body)
{
    answer->status = status;
    snprintf(answer->content_type, sizeof answer->content_type, "%s", type);
    strbuf_str(&answer->body, body);
}

void fault_answer_status(const struct api_status *status, struct http_answer *ret_answer)
{
    strbuf_clear(&ret_answer->body);
    put(ret_answer, status->code, "application/json", "");
    api_object_status(status, &ret_answer->body);
}

void fault_answer_eks(int status, const char *name, const char *message,
                      struct http_answer *ret_answer)
{
    struct model_error error = {.status = status};

    snprintf(error.code, sizeof error.code, "%s", name);
    snprintf(error.message, sizeof error.message, "%s", message);
    snprintf(error.cluster_name, sizeof error.cluster_name, "%s", CLUSTER_NAME);
    put(ret_answer, status, "application/json", "");
    snprintf(ret_answer->error_type, sizeof ret_answer->error_type, "%s", name);
    standin_eks_error(&error, &ret_answer->body);
}

static void refuse_role(int status, const char *name, const char *message,
                        struct http_answer *ret_answer)
{
    struct model_error error = {.status = status};

    snprintf(error.code, sizeof error.code, "%s", name);
    snprintf(error.message, sizeof error.message, "%s", message);
    put(ret_answer, status, "text/xml", "");
    standin_query_error(MODEL_GET_ROLE, &error, "sim", &ret_answer->body);
}

/* `reason` "": the API server had no word in it. */
static void refuse(const struct errand *errand, int status, const char *name, const char *message,
                   const char *reason, struct http_answer *ret_answer)
{
    const struct api_status said = {status, reason, message, "", "", ""};

    if (call_is_eks(errand->work.verb))
        fault_answer_eks(status, name, message, ret_answer);
    else if (errand->work.verb == CALL_READ_ROLE)
        refuse_role(status, name, message, ret_answer);
    else if (reason[0] != '\0')
        fault_answer_status(&said, ret_answer);
    else
        put(ret_answer, status, "text/plain", "404 page not found\n");
}

static void fail(struct http_answer *ret_answer, enum error_kind kind, const char *text)
{
    error_set(&ret_answer->error, kind, "%s", text);
}

/* As of the same version, but without the objects. */
static void put_empty_list(const struct errand *errand, struct http_answer *ret_answer)
{
    bool bindings = errand->work.in.objects.resource == RESOURCE_BINDINGS;

    put(ret_answer, 200, "application/json", "{");
    api_object_text(&ret_answer->body, "kind",
                    bindings ? BINDING_KIND "List" : "ServiceAccountList");
    strbuf_str(&ret_answer->body, ",\"metadata\":{");
    api_object_text(&ret_answer->body, "resourceVersion",
                    errand->work.out.objects.resource_version);
    strbuf_str(&ret_answer->body, "},\"items\":[]}");
}

void fault_answer_make(struct world *world, const struct errand *errand,
                       struct http_answer *ret_answer)
{
    static const char broke[] = "Internal server error";

    switch (errand->fault) {
    case FAULT_UNREACHED:
        fail(ret_answer, ERROR_TRANSIENT, "connection refused");
        break;
    case FAULT_SERVER_ERROR:
    case FAULT_SERVER_ERROR_DONE:
    case FAULT_FURTHER_PAGE:
        refuse(errand, 500, "ServerException", broke, "InternalError", ret_answer);
        break;
    case FAULT_THROTTLED:
        refuse(errand, 429, "ThrottlingException", "Rate exceeded", "TooManyRequests", ret_answer);
        ret_answer->retry_after_ms = 1000 * tape_between(&world->tape, 0, 5, "Retry-After");
        break;
    case FAULT_DENIED:
        refuse(errand, 403, "AccessDeniedException",
               "User is not authorized to perform this action", "Forbidden", ret_answer);
        break;
    case FAULT_CONFLICT:
        refuse(errand, 409, "", "the object has been modified", "Conflict", ret_answer);
        break;
    case FAULT_EXPIRED:
        refuse(errand, 410, "", "the continue token is too old", "Expired", ret_answer);
        break;
    case FAULT_BARE_404:
        refuse(errand, 404, "", "", "", ret_answer);
        break;
    case FAULT_NOT_SERVED:
        refuse(errand, 404, "", "no such resource", "NotFound", ret_answer);
        break;
    case FAULT_ADMISSION:
        refuse(errand, world->admission.status, "", "an admission policy refuses it",
               world->admission.status == 403 ? "Forbidden" : "Invalid", ret_answer);
        break;
    case FAULT_HTML:
        put(ret_answer, 200, "text/html", "<html><body>Something went wrong</body></html>");
        break;
    case FAULT_CUT:
        put(ret_answer, 200, "application/json", "{\"kind\":\"List\",\"items\":[{\"metadata\":");
        break;
    case FAULT_EMPTY_LIST:
        put_empty_list(errand, ret_answer);
        break;
    case FAULT_CLUSTER_MISSING:
        refuse(errand, 404, "ResourceNotFoundException",
               "No cluster found for name: " CLUSTER_NAME ".", "", ret_answer);
        break;
    default:
        fail(ret_answer, ERROR_UNKNOWN, "the connection broke");
        break;
    }
}

/* ---- reading ---- */

static struct kube_path path_of_object(const struct call *call)
{
    bool account = call->verb == CALL_GET_SERVICE_ACCOUNT;

    return (struct kube_path){.group = account ? "" : BINDING_GROUP,
                              .namespace = call->in.object.namespace,
                              .resource = account ? "serviceaccounts" : BINDING_PLURAL,
                              .name = call->in.object.name,
                              .subresource = call->verb == CALL_PATCH_STATUS ? "status" : ""};
}

/* The request as far as its answer's reader wants to know it. */
static struct kube_call asked_by(const struct call *call)
{
    const struct event_in *event = &call->in.event;
    struct kube_call asked = {.method = call_writes(call->verb) ? "PATCH" : "GET"};

    switch (call->verb) {
    case CALL_LIST_OBJECTS:
        asked.path.resource =
            call->in.objects.resource == RESOURCE_BINDINGS ? BINDING_PLURAL : "serviceaccounts";
        break;
    case CALL_WRITE_EVENT:
        asked.method = event->series_count > 0 ? "PATCH" : "POST";
        asked.path = (struct kube_path){.namespace = event->namespace,
                                        .resource = "events",
                                        .name = event->series_count > 0 ? event->name : ""};
        break;
    case CALL_READ_LEASE:
    case CALL_PATCH_LEASE:
        asked.path = (struct kube_path){
            .namespace = OWN_NAMESPACE, .resource = "leases", .name = LEASE_NAME};
        break;
    case CALL_READ_DEFINITION:
        asked.path = (struct kube_path){.resource = "customresourcedefinitions",
                                        .name = BINDING_PLURAL "." BINDING_GROUP};
        break;
    case CALL_READ_IDENTITY:
        asked.path = (struct kube_path){.resource = "namespaces", .name = "kube-system"};
        break;
    default:
        asked.path = path_of_object(call);
    }
    return asked;
}

static void read_role(const struct http_answer *answer, struct call *call)
{
    struct arn_role_name asked;

    if (arn_role_name_parse(call->in.role.name, &asked, &call->error) == 0)
        wire_iam_read(&asked, answer, call);
}

void fault_answer_read(const struct http_answer *answer, struct call *call)
{
    const struct kube_call asked = asked_by(call);
    struct kube_client client = {0}; /* only ever told that its token is stale */
    CLEANUP_JSON json_t *ignored = NULL;

    if (call_is_eks(call->verb)) {
        ignored = aws_answer_json(answer, "EKS", call_writes(call->verb), &call->error);
        call->detail = wire_eks_detail(&call->error);
    } else if (call->verb == CALL_READ_ROLE) {
        read_role(answer, call);
    } else {
        kube_answer_read(&client, &asked, answer, &ignored, NULL, &call->error);
    }
}

void fault_answer_said(const struct error *error, const char *group, const char *resource,
                       const char *name, struct http_answer *ret_answer)
{
    const struct api_status said = {.code = error->status,
                                    .reason = error->code,
                                    .message = error->text,
                                    .group = group,
                                    .resource = resource,
                                    .name = error->kind == ERROR_NOT_FOUND ? name : ""};

    strbuf_clear(&ret_answer->body);
    if (error->code[0] == '\0')
        put(ret_answer, error->status, "text/plain", "404 page not found\n");
    else
        fault_answer_status(&said, ret_answer);
}

void fault_answer_refused(struct call *call)
{
    const struct kube_call asked = asked_by(call);
    CLEANUP(http_answer_release) struct http_answer answer = {0};

    fault_answer_said(&call->error, asked.path.group ? asked.path.group : "", asked.path.resource,
                      asked.path.name ? asked.path.name : "", &answer);
    fault_answer_read(&answer, call);
}
