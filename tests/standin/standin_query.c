/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_query.h"

#include <string.h>

#include "base/clock.h"

static const char *version_of(enum model_operation operation)
{
    return operation == MODEL_GET_ROLE ? "2010-05-08" : "2011-06-15";
}

const char *standin_query_service(enum model_operation operation)
{
    return operation == MODEL_GET_ROLE ? "iam" : "sts";
}

enum model_operation standin_query_route(const struct standin_url *form)
{
    const char *action = standin_parameter(form, "Action");
    const char *version = standin_parameter(form, "Version");
    enum model_operation operation = action ? model_operation_named(action) : MODEL_OPERATIONS;

    if (operation < MODEL_GET_CALLER_IDENTITY || operation == MODEL_OPERATIONS || !version ||
        strcmp(version, version_of(operation)) != 0)
        return MODEL_OPERATIONS;
    return operation;
}

void standin_query_parse(enum model_operation operation, const struct standin_url *form,
                         struct model_request *ret_request)
{
    *ret_request = (struct model_request){
        .operation = operation,
        .role_name = standin_parameter(form, "RoleName"),
        .role_arn = standin_parameter(form, "RoleArn"),
        .session_name = standin_parameter(form, "RoleSessionName"),
        .web_token = standin_parameter(form, "WebIdentityToken"),
        .duration_s = standin_parameter(form, "DurationSeconds"),
    };
}

int standin_query_identity(const struct model_request *request, const char *wanted,
                           struct model_error *err)
{
    const char *token = request->web_token ? request->web_token : "";

    if (request->operation != MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY || !wanted ||
        strcmp(token, wanted) == 0)
        return 0;
    *err = (struct model_error){
        .status = 400,
        .code = "InvalidIdentityToken",
        .message = "Couldn't retrieve verification key from your identity provider,  please "
                   "reference AssumeRoleWithWebIdentity documentation for requirements",
    };
    return -1;
}

static void escaped(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            strbuf_str(out, "&amp;");
        else if (*text == '<')
            strbuf_str(out, "&lt;");
        else if (*text == '>')
            strbuf_str(out, "&gt;");
        else
            strbuf_char(out, *text);
    }
}

static void element(struct strbuf *out, const char *name, const char *text)
{
    strbuf_format(out, "      <%s>", name);
    escaped(out, text);
    strbuf_format(out, "</%s>\n", name);
}

static void write_role(struct strbuf *out, const struct model_role *role)
{
    char created[CLOCK_TEXT_SIZE];

    clock_format_s(role->created_ms * 1000, created);
    strbuf_str(out, "    <Role>\n");
    element(out, "Path", role->path);
    element(out, "RoleName", role->name);
    element(out, "RoleId", role->role_id);
    element(out, "Arn", role->arn);
    element(out, "CreateDate", created);
    strbuf_str(out, "      <AssumeRolePolicyDocument>");
    strbuf_percent(out, role->trust);
    strbuf_str(out, "</AssumeRolePolicyDocument>\n");
    element(out, "MaxSessionDuration", "3600");
    strbuf_str(out, "    </Role>\n");
}

static void write_identity(struct strbuf *out, const struct model_answer *answer)
{
    element(out, "Arn", answer->caller_arn);
    element(out, "UserId", answer->user_id);
    element(out, "Account", answer->account);
}

static void write_session(struct strbuf *out, const struct model_answer *answer,
                          const struct standin_credential *key)
{
    char expiration[CLOCK_TEXT_SIZE];

    clock_format_s(key->expires_ms * 1000, expiration);
    strbuf_str(out, "    <Credentials>\n");
    element(out, "AccessKeyId", key->key_id);
    element(out, "SecretAccessKey", key->secret);
    element(out, "SessionToken", key->session_token);
    element(out, "Expiration", expiration);
    strbuf_str(out, "    </Credentials>\n    <AssumedRoleUser>\n");
    element(out, "AssumedRoleId", answer->user_id);
    element(out, "Arn", answer->caller_arn);
    strbuf_str(out, "    </AssumedRoleUser>\n");
}

void standin_query_answer(enum model_operation operation, const struct model_answer *answer,
                          const struct standin_credential *key, const char *request_id,
                          struct strbuf *out)
{
    const char *name = model_operation_name(operation);

    strbuf_format(out, "<%sResponse xmlns=\"https://%s.amazonaws.com/doc/%s/\">\n  <%sResult>\n",
                  name, standin_query_service(operation), version_of(operation), name);
    if (operation == MODEL_GET_ROLE)
        write_role(out, answer->role);
    else if (key)
        write_session(out, answer, key);
    else
        write_identity(out, answer);
    strbuf_format(out,
                  "  </%sResult>\n  <ResponseMetadata>\n    <RequestId>%s</RequestId>\n"
                  "  </ResponseMetadata>\n</%sResponse>\n",
                  name, request_id, name);
}

void standin_query_error(enum model_operation operation, const struct model_error *error,
                         const char *request_id, struct strbuf *out)
{
    strbuf_format(out, "<ErrorResponse xmlns=\"https://%s.amazonaws.com/doc/%s/\">\n  <Error>\n",
                  standin_query_service(operation), version_of(operation));
    element(out, "Type", error->status < 500 ? "Sender" : "Receiver");
    element(out, "Code", error->code);
    element(out, "Message", error->message);
    strbuf_format(out, "  </Error>\n  <RequestId>%s</RequestId>\n</ErrorResponse>\n", request_id);
}
