/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/standin/standin_eks.h"
#include "tests/standin/standin_private.h"
#include "tests/standin/standin_query.h"

/* How each interface names what is wrong with a signature. */
static const struct {
    const char *eks, *query;
} signature_faults[] = {
    [STANDIN_SIGV4_MISSING] = {"MissingAuthenticationTokenException", "MissingAuthenticationToken"},
    [STANDIN_SIGV4_MALFORMED] = {"IncompleteSignatureException", "IncompleteSignature"},
    [STANDIN_SIGV4_UNKNOWN] = {"UnrecognizedClientException", "InvalidClientTokenId"},
    [STANDIN_SIGV4_EXPIRED] = {"ExpiredTokenException", "ExpiredToken"},
    [STANDIN_SIGV4_SKEWED] = {"InvalidSignatureException", "SignatureDoesNotMatch"},
    [STANDIN_SIGV4_MISMATCH] = {"InvalidSignatureException", "SignatureDoesNotMatch"},
};

/* One request on its way through the stand-in. */
struct passage {
    struct standin *standin;
    const struct standin_request *request;
    struct standin_reply *reply;
    enum model_operation operation;
    bool query; /* IAM and STS: forms and XML */
    struct standin_url url, form;
    struct standin_call call;
    struct standin_sigv4 signature;
};

static void refuse(struct passage *passage, const struct model_error *error)
{
    struct standin_reply *reply = passage->reply;

    reply->status = error->status;
    reply->retry_after_ms = error->retry_after_ms;
    snprintf(reply->error_type, sizeof reply->error_type, "%s", error->code);
    strbuf_clear(&reply->body);
    if (passage->query)
        standin_query_error(passage->operation, error, reply->request_id, &reply->body);
    else
        standin_eks_error(error, &reply->body);
}

static void refuse_as(struct passage *passage, int status, const char *code, const char *message)
{
    struct model_error error = {.status = status};

    snprintf(error.code, sizeof error.code, "%s", code);
    snprintf(error.message, sizeof error.message, "%s", message);
    refuse(passage, &error);
}

/* ---- who asks ---- */

static bool scope_fits(const struct passage *passage)
{
    const char *service = passage->query ? standin_query_service(passage->operation) : "eks";

    return strcmp(passage->signature.service, service) == 0;
}

/* Bodies are longer than a model_error holds: a mismatch says what should have been signed. */
static void refuse_signature(struct passage *passage, const char *code)
{
    struct standin_reply *reply = passage->reply;
    struct model_error error = {.status = 403};

    snprintf(error.code, sizeof error.code, "%s", code);
    snprintf(error.message, sizeof error.message, "%.500s",
             strbuf_text(&passage->signature.message));
    refuse(passage, &error);
    if (!passage->query) {
        strbuf_clear(&reply->body);
        strbuf_str(&reply->body, "{\n  \"message\" : \"");
        strbuf_json(&reply->body, strbuf_text(&passage->signature.message));
        strbuf_str(&reply->body, "\"\n}");
        snprintf(reply->error_type, sizeof reply->error_type, "%s:http://aws.example/coral/", code);
    }
    model_count(passage->standin->model, passage->operation, code);
}

static bool authenticated(struct passage *passage)
{
    struct standin *standin = passage->standin;
    enum standin_sigv4_fault fault = STANDIN_SIGV4_FINE;

    if (passage->operation == MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY)
        return true; /* the token says who it is; a signature is not looked at */
    fault = standin_sigv4_verify(passage->request, standin->keys, standin->key_count,
                                 standin_clock_ms(standin), &passage->signature);
    if (fault == STANDIN_SIGV4_FINE && !scope_fits(passage)) {
        fault = STANDIN_SIGV4_MISMATCH;
        strbuf_str(&passage->signature.message, "Credential should be scoped to correct service.");
    }
    if (fault != STANDIN_SIGV4_FINE)
        refuse_signature(passage, passage->query ? signature_faults[fault].query
                                                 : signature_faults[fault].eks);
    return fault == STANDIN_SIGV4_FINE;
}

/* ---- what is asked ---- */

static bool routed(struct passage *passage)
{
    const struct standin_request *request = passage->request;
    const char *type = standin_header(request, "content-type");
    const char *unknown = "UnknownOperationException";

    passage->operation = MODEL_ANY;
    if (!standin_url_parse(request->target, &passage->url)) {
        refuse_as(passage, 400, "BadRequestException", "The path or query is malformed.");
        return false;
    }
    if (strcmp(request->method, "POST") == 0 && passage->url.segment_count == 1 &&
        !*passage->url.segments[0] && type &&
        strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0) {
        passage->query = true;
        unknown = "InvalidAction";
        passage->reply->content_type = "text/xml";
        if (!standin_form_parse(request->body, request->body_length, &passage->form))
            passage->form = (struct standin_url){0};
        passage->operation = standin_query_route(&passage->form);
    } else {
        passage->operation = standin_eks_route(request->method, &passage->url);
    }
    if (passage->operation != MODEL_OPERATIONS)
        return true;
    passage->operation = MODEL_ANY;
    refuse_as(passage, passage->query ? 400 : 404, unknown, "The stand-in has no such operation.");
    model_count(passage->standin->model, MODEL_ANY, unknown);
    return false;
}

static bool parsed(struct passage *passage)
{
    struct model_request *asked = &passage->call.request;
    struct model_error error;
    int result = 0;

    if (passage->query) {
        standin_query_parse(passage->operation, &passage->form, asked);
        result = standin_query_identity(asked, passage->standin->web_token, &error);
    } else {
        result = standin_eks_parse(passage->operation, passage->request, &passage->url,
                                   &passage->call, &error);
        asked->region = passage->signature.region;
    }
    asked->now_ms = standin_model_ms(passage->standin);
    if (passage->signature.caller_arn[0])
        asked->caller_arn = passage->signature.caller_arn;
    if (result == 0)
        return true;
    refuse(passage, &error);
    model_count(passage->standin->model, passage->operation, error.code);
    return false;
}

static bool permitted(struct passage *passage)
{
    const struct standin_sigv4 *signature = &passage->signature;
    const struct standin_caller caller = {
        .key_id = signature->key_id,
        .arn = signature->caller_arn[0] ? signature->caller_arn : NULL,
        .region = signature->region,
    };
    struct standin *standin = passage->standin;
    struct model_error error;

    if (standin_permit(&standin->permits, standin->model, &passage->call.request, &caller,
                       &error) == 0)
        return true;
    refuse(passage, &error);
    model_count(standin->model, passage->operation, error.code);
    return false;
}

/* ---- the answer ---- */

static void garble(struct standin_reply *reply)
{
    static const char page[] = "<html>\r\n<head><title>Something went wrong</title></head>\r\n"
                               "<body>\r\n<center><h1>Something went wrong</h1></center>\r\n";

    reply->content_type = "text/html";
    reply->error_type[0] = '\0';
    strbuf_clear(&reply->body);
    strbuf_str(&reply->body, page);
}

static void note(struct passage *passage, int64_t now_ms)
{
    const struct model_request *asked = &passage->call.request;
    struct standin_log_entry entry = {
        .at_ms = now_ms,
        .delay_ms = passage->reply->delay_ms,
        .operation = passage->operation,
        .fate = passage->reply->fate,
        .status = passage->reply->status,
    };

    snprintf(entry.code, sizeof entry.code, "%.63s", passage->reply->error_type);
    snprintf(entry.method, sizeof entry.method, "%.7s", passage->request->method);
    snprintf(entry.target, sizeof entry.target, "%.199s", passage->request->target);
    snprintf(entry.access_key, sizeof entry.access_key, "%.63s", passage->signature.key_id);
    if (asked->namespace && asked->service_account)
        snprintf(entry.key, sizeof entry.key, "%.99s/%.99s", asked->namespace,
                 asked->service_account);
    standin_log_add(&passage->standin->log, &entry);
}

/* Of the session that the answer is about; NULL: it is about none. */
static const struct standin_credential *session_key(struct standin *standin,
                                                    const struct model_answer *found)
{
    return found->duration_ms ? standin_mint_key(standin, found->caller_arn, found->duration_ms)
                              : NULL;
}

static void answer(struct passage *passage, int64_t now_ms)
{
    struct standin *standin = passage->standin;
    struct standin_reply *reply = passage->reply;
    struct model_request *request = &passage->call.request;
    struct model_verdict verdict;
    struct model_answer found;

    request->now_ms = now_ms;
    request->random = standin_model_random(standin);
    model_judge(standin->model, request, &verdict);
    model_perform(standin->model, request, &verdict, &found);
    reply->fate = verdict.fate;
    reply->delay_ms = verdict.latency_ms;
    if (found.error.status)
        refuse(passage, &found.error);
    else if (!verdict.effect) /* nothing was looked up that could be told */
        strbuf_str(&reply->body, "{}");
    else if (passage->query)
        standin_query_answer(passage->operation, &found, session_key(standin, &found),
                             reply->request_id, &reply->body);
    else
        standin_eks_answer(passage->operation, &found, &reply->body);
    if (verdict.fate == MODEL_GARBAGE)
        garble(reply);
    if (verdict.fate == MODEL_EMPTY)
        strbuf_clear(&reply->body);
    reply->under_way = true;
    standin->in_flight++;
    if (standin->most_in_flight < standin->in_flight)
        standin->most_in_flight = standin->in_flight;
}

void standin_aws(struct standin *standin, const struct standin_request *request,
                 struct standin_reply *reply)
{
    struct passage passage = {.standin = standin, .request = request, .reply = reply};
    int64_t now_ms = standin_model_ms(standin);

    if (routed(&passage) && authenticated(&passage) && parsed(&passage) && permitted(&passage))
        answer(&passage, now_ms);
    note(&passage, now_ms);
    standin_call_release(&passage.call);
    standin_url_release(&passage.url);
    standin_url_release(&passage.form);
    standin_sigv4_release(&passage.signature);
}
