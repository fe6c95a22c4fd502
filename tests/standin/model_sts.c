/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/standin/model_world.h"

#define DURATION_LEAST_S 900
#define DURATION_MOST_S 3600 /* the MaxSessionDuration that GetRole tells of every role */
#define TOKEN_LEAST 4
#define TOKEN_MOST 20000

int model_get_caller_identity(struct model *model, const struct model_request *request,
                              struct model_answer *answer)
{
    const char *arn = model_caller(model, request), *session = strrchr(arn, '/');

    snprintf(model->user_id, sizeof model->user_id, "AROASTANDIN0000000000:%.64s",
             session ? session + 1 : arn);
    answer->account = model->settings.account;
    answer->user_id = model->user_id;
    answer->caller_arn = arn;
    return 0;
}

static int invalid(struct model_error *err, const char *what, const char *expected)
{
    return model_refuse(err, 400, "ValidationError", "",
                        "1 validation error detected: Value at '%s' failed to satisfy constraint: "
                        "Member must %s",
                        what, expected);
}

static bool session_name_valid(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 "_+=,.@-");

    return !name[length] && length >= 2 && length <= 64;
}

static int check_duration(const char *text, int64_t *ret_ms, struct model_error *err)
{
    char *end = NULL;
    long seconds = strtol(text, &end, 10);

    if (end == text || *end || seconds < DURATION_LEAST_S || seconds > 12 * DURATION_MOST_S)
        return invalid(err, "durationSeconds", "be between 900 and 43200");
    if (seconds > DURATION_MOST_S)
        return model_refuse(err, 400, "ValidationError", "",
                            "The requested DurationSeconds exceeds the MaxSessionDuration set for "
                            "this role.");
    *ret_ms = seconds * 1000;
    return 0;
}

static int check_parameters(const struct model_request *request, struct model_arn *ret_arn,
                            int64_t *ret_ms, struct model_error *err)
{
    const char *token = request->web_token ? request->web_token : "";
    bool web = request->operation == MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY;

    if (!request->role_arn || !model_arn_parse(request->role_arn, ret_arn))
        return invalid(err, "roleArn", "be the ARN of a role");
    if (!request->session_name || !session_name_valid(request->session_name))
        return invalid(err, "roleSessionName", "satisfy regular expression pattern: [\\w+=,.@-]*");
    if (web && (strlen(token) < TOKEN_LEAST || strlen(token) > TOKEN_MOST))
        return invalid(err, "webIdentityToken", "have a length between 4 and 20000");
    *ret_ms = DURATION_MOST_S * 1000;
    return request->duration_s ? check_duration(request->duration_s, ret_ms, err) : 0;
}

static int denied(struct model *model, const struct model_request *request, struct model_error *err)
{
    if (request->operation == MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY)
        return model_refuse(err, 403, "AccessDenied", "",
                            "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    return model_refuse(err, 403, "AccessDenied", "",
                        "User: %s is not authorized to perform: sts:AssumeRole on resource: %s",
                        model_caller(model, request), request->role_arn);
}

int model_assume_role(struct model *model, const struct model_request *request,
                      struct model_answer *answer)
{
    const struct model_role *role = NULL;
    struct model_arn arn = {0};

    if (check_parameters(request, &arn, &answer->duration_ms, &answer->error) < 0)
        return -1;
    role = model_role_named(model, &arn, request->now_ms);
    if (!role || role->missing || role->assume_denied)
        return denied(model, request, &answer->error);
    snprintf(model->user_id, sizeof model->user_id, "%s:%s", role->role_id, request->session_name);
    snprintf(model->assumed_arn, sizeof model->assumed_arn, "arn:%s:sts::%s:assumed-role/%s/%s",
             model->settings.partition, role->account, role->name, request->session_name);
    answer->account = role->account;
    answer->user_id = model->user_id;
    answer->caller_arn = model->assumed_arn;
    return 0;
}
