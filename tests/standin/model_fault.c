/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/standin/model_world.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const fates[] = {
    [MODEL_ANSWER] = "answer",   [MODEL_HANG] = "hang", [MODEL_RESET] = "reset",
    [MODEL_GARBAGE] = "garbage", [MODEL_CUT] = "cut",   [MODEL_EMPTY] = "empty",
};

const char *model_fate_name(enum model_fate fate)
{
    return fates[fate];
}

bool model_fate_named(const char *name, enum model_fate *ret_fate)
{
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++)
        if (strcmp(fates[i], name) == 0) {
            *ret_fate = (enum model_fate)i;
            return true;
        }
    return false;
}

/* ---- rate limit ---- */

static bool take(struct model_bucket *bucket, double rate, double burst, int64_t now_ms)
{
    double size = burst > 0 ? burst : rate;

    if (rate <= 0) {
        bucket->started = false;
        return true;
    }
    size = size < 1 ? 1 : size;
    if (!bucket->started)
        *bucket = (struct model_bucket){size, now_ms, true};
    bucket->tokens += (double)(now_ms - bucket->filled_ms) * rate / 1e3;
    bucket->tokens = bucket->tokens > size ? size : bucket->tokens;
    bucket->filled_ms = now_ms;
    if (bucket->tokens < 1)
        return false;
    bucket->tokens -= 1;
    return true;
}

static bool throttled(struct model *model, const struct model_request *request)
{
    const struct model_settings *settings = &model->settings;

    if (request->operation >= MODEL_GET_CALLER_IDENTITY)
        return false; /* IAM and STS have limits of their own */
    if (model_operation_mutates(request->operation))
        return !take(&model->mutations, settings->rate, settings->burst, request->now_ms);
    return !take(&model->reads, settings->read_rate, settings->read_burst, request->now_ms);
}

/* ---- faults ---- */

/* Tag calls name the cluster inside an ARN. */
static bool about_cluster(const struct model_request *request, const char *cluster)
{
    size_t length = strlen(cluster);
    const char *name = request->resource_arn ? strchr(request->resource_arn, '/') : NULL;

    if (length == 0)
        return true;
    if (request->cluster)
        return strcmp(request->cluster, cluster) == 0;
    return name && strncmp(name + 1, cluster, length) == 0 &&
           (name[1 + length] == '/' || name[1 + length] == '\0');
}

static bool in_window(const struct model_fault *fault)
{
    uint64_t first = fault->nth ? fault->nth : 1;

    return fault->seen >= first && (!fault->count || fault->seen - first < fault->count);
}

/* The chances of faults that meet the same request add up; one draw decides among them. */
static const struct model_fault *hitting(struct model *model, const struct model_request *request)
{
    const struct model_fault *hit = NULL;
    double draw = (double)(request->random >> 11) * 0x1p-53, floor = 1;

    for (size_t i = 0; i < model->fault_count; i++) {
        struct model_fault *fault = &model->faults[i];

        if ((fault->operation != MODEL_ANY && fault->operation != request->operation) ||
            !about_cluster(request, fault->cluster))
            continue;
        fault->seen++;
        if (hit || !in_window(fault))
            continue;
        floor -= fault->probability > 0 ? fault->probability : 1;
        if (draw >= floor)
            hit = fault;
    }
    return hit;
}

struct usual {
    const char *code;
    int status;
    const char *message;
};

static const struct usual usual[] = {
    {"ThrottlingException", 429, "Rate exceeded"},
    {"TooManyRequestsException", 429, "Too Many Requests"},
    {"Throttling", 400, "Rate exceeded"},
    {"ServerException", 500, "Internal server error"},
    {"InternalFailure", 500, "Internal server error"},
    {"ServiceFailure", 500, "Internal server error"},
    {"ServiceUnavailableException", 503, "Service is unavailable"},
    {"AccessDeniedException", 403, ""},
    {"AccessDenied", 403, ""},
    {"ExpiredTokenException", 403, "The security token included in the request is expired"},
    {"UnrecognizedClientException", 403, "The security token included in the request is invalid."},
    {"ResourceNotFoundException", 404, "Resource not found"},
    {"NotFoundException", 404, "Resource not found"},
    {"NoSuchEntity", 404, "The role cannot be found."},
    {"ResourceInUseException", 409, "Resource in use"},
    {"ResourceLimitExceededException", 400, "Limit exceeded"},
};

/* STS has statuses of its own for these, and sentences. */
static const struct usual usual_of_sts[] = {
    {"IDPCommunicationError", 400, "An error occurred communicating with the identity provider."},
    {"IDPRejectedClaim", 403, "The identity provider rejected the claim."},
    {"InvalidIdentityToken", 400, "The web identity token provided is invalid."},
    {"ExpiredTokenException", 400,
     "Token expired: current date/time must be before the expiration"},
    {"RegionDisabledException", 403, "STS is not activated in this region for the account."},
};

/* NULL when the table has no such code. */
static const struct usual *find_usual(const struct usual *table, size_t count, const char *code)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].code, code) == 0)
            return &table[i];
    return NULL;
}

static const struct usual *usual_for(enum model_operation operation, const char *code)
{
    static const struct usual unknown = {"", 400, "Failed as it was told to"};
    const struct usual *found = NULL;

    if (operation >= MODEL_ASSUME_ROLE)
        found = find_usual(usual_of_sts, COUNT(usual_of_sts), code);
    if (!found)
        found = find_usual(usual, COUNT(usual), code);
    return found ? found : &unknown;
}

/* AWS's sentence for what the caller may not do. */
static void word_denied(struct model *model, const struct model_request *request,
                        struct model_error *error)
{
    const char *service =
        request->operation >= MODEL_ASSUME_ROLE || request->operation == MODEL_GET_CALLER_IDENTITY
            ? "sts"
        : request->operation == MODEL_GET_ROLE ? "iam"
                                               : "eks";
    const char *resource = request->cluster        ? request->cluster
                           : request->resource_arn ? request->resource_arn
                           : request->role_arn     ? request->role_arn
                           : request->role_name    ? request->role_name
                                                   : "*";

    snprintf(error->message, sizeof error->message,
             "User: %s is not authorized to perform: %s:%s on resource: %s%s",
             model_caller(model, request), service, model_operation_name(request->operation),
             request->role_name ? "role " : "", resource);
}

static void word(struct model *model, const struct model_request *request,
                 struct model_error *error)
{
    const struct usual *fitting = usual_for(request->operation, error->code);

    if (!error->status)
        error->status = fitting->status;
    if (!error->message[0] && !fitting->message[0])
        word_denied(model, request, error);
    else if (!error->message[0])
        snprintf(error->message, sizeof error->message, "%s", fitting->message);
    if (!error->cluster_name[0] && request->cluster)
        snprintf(error->cluster_name, sizeof error->cluster_name, "%s", request->cluster);
}

void model_judge(struct model *model, const struct model_request *request,
                 struct model_verdict *ret_verdict)
{
    struct model_verdict verdict = {.latency_ms = model->settings.latency_ms, .effect = true};
    const struct model_fault *fault = NULL;

    if (throttled(model, request)) {
        snprintf(verdict.error.code, sizeof verdict.error.code, "ThrottlingException");
        verdict.effect = false;
    } else if ((fault = hitting(model, request))) {
        verdict.fate = fault->fate;
        verdict.error = fault->error;
        verdict.latency_ms += fault->latency_ms;
        verdict.effect = fault->after_effect || (fault->fate == MODEL_ANSWER &&
                                                 !fault->error.status && !fault->error.code[0]);
    }
    if (verdict.error.status || verdict.error.code[0])
        word(model, request, &verdict.error);
    *ret_verdict = verdict;
}

bool model_put_fault(struct model *model, const struct model_fault *fault)
{
    if (model->fault_count >= MODEL_FAULT_MAX)
        return false;
    MEM_GROW(model->faults, model->fault_count, model->fault_capacity);
    model->faults[model->fault_count] = *fault;
    model->faults[model->fault_count++].seen = 0;
    return true;
}

const struct model_fault *model_faults(const struct model *model, size_t *ret_count)
{
    *ret_count = model->fault_count;
    return model->faults;
}

void model_clear_faults(struct model *model)
{
    model->fault_count = 0;
}
