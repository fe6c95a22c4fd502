/* SPDX-License-Identifier: Apache-2.0 */
/* The methods that ask STS: AssumeRoleWithWebIdentity, which is not signed, and AssumeRole. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "aws/aws_error.h"
#include "aws/credentials_chain.h"
#include "aws/secret_file.h"
#include "aws/xml.h"
#include "base/clock.h"
#include "base/mem.h"

#define STS_VERSION "2011-06-15"
#define STS_DEADLINE_MS 4000
#define FORM "application/x-www-form-urlencoded; charset=utf-8"
#define TOKEN_CAP ((size_t)20000)
#define MESSAGE_CAP ((size_t)4096)

static bool is_set(const char *text)
{
    return text && *text;
}

/* ---- plans ---- */

int credentials_session_name_check(const char *name, struct error *err)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_+=,.@-", name[i]))
            length = 0;
    if (length >= 2 && length <= 64)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "expected 2 to 64 characters, letters, digits and _+=,.@-");
}

int credentials_web_identity_plan(const struct credentials_environment *from,
                                  struct credentials_chain *chain, struct error *err)
{
    struct arn_role role;
    struct credentials_stage *stage;

    if (!is_set(from->web_identity_token_file))
        return 1;
    if (!is_set(from->role_arn))
        return error_set(err, ERROR_INVALID,
                         "AWS_WEB_IDENTITY_TOKEN_FILE is set: expected AWS_ROLE_ARN beside it");
    if (arn_role_parse(from->role_arn, &role, err) < 0)
        return error_wrap(err, "AWS_ROLE_ARN");
    if (is_set(from->role_session_name) &&
        credentials_session_name_check(from->role_session_name, err) < 0)
        return error_wrap(err, "AWS_ROLE_SESSION_NAME");
    stage = credentials_stage_add(chain, &credentials_web_identity, err);
    if (!stage)
        return -1;
    stage->role_arn = mem_strdup(from->role_arn);
    stage->token_file = mem_strdup(from->web_identity_token_file);
    stage->session_name =
        mem_strdup(is_set(from->role_session_name) ? from->role_session_name : "");
    return 0;
}

/* ---- requests ---- */

static void add_member(struct strbuf *body, const char *name, const char *value)
{
    if (!is_set(value))
        return;
    strbuf_format(body, "&%s=", name);
    strbuf_percent(body, value);
}

static void write_form(const struct credentials_stage *stage, const char *action, const char *token,
                       int64_t wall_us, struct strbuf *body)
{
    char made_name[64], duration[16];

    snprintf(made_name, sizeof made_name, "podbind-%lld", (long long)(wall_us / 1000000));
    snprintf(duration, sizeof duration, "%d", stage->duration_s);
    strbuf_format(body, "Action=%s&Version=" STS_VERSION, action);
    add_member(body, "RoleArn", stage->role_arn);
    add_member(body, "RoleSessionName",
               is_set(stage->session_name) ? stage->session_name : made_name);
    add_member(body, "WebIdentityToken", token);
    add_member(body, "ExternalId", stage->external_id);
    add_member(body, "DurationSeconds", stage->duration_s > 0 ? duration : "");
}

static char *prefixed(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 1;
    char *text = mem_alloc(size);

    snprintf(text, size, "%s%s", name, value);
    return text;
}

static void fill(const struct endpoint *sts, struct strbuf *body, struct credentials_fetch *fetch)
{
    struct strbuf url = {0};

    strbuf_format(&url, "%s%s/", sts->origin, sts->path);
    fetch->what = CREDENTIALS_AWS;
    fetch->owned_url = strbuf_take(&url);
    fetch->owned_headers[0] = mem_strdup("Content-Type: " FORM);
    fetch->http = (struct http_request){
        .method = "POST",
        .url = fetch->owned_url,
        .body_length = body->length,
        .answer_cap = XML_DOCUMENT_CAP,
        .deadline_ms = STS_DEADLINE_MS,
    };
    fetch->owned_body = strbuf_take(body);
    fetch->http.body = fetch->owned_body;
}

static int request_web_identity(struct credentials_stage *stage,
                                const struct credentials_moment *moment,
                                struct credentials_fetch *fetch, struct error *err)
{
    CLEANUP(secret_file_release) struct strbuf token = {0};
    CLEANUP(secret_file_release) struct strbuf body = {0};

    if (!moment->sts)
        return error_set(err, ERROR_BUG, "no address of STS");
    if (secret_file_token(stage->token_file, TOKEN_CAP, &token, err) < 0)
        return -1;
    write_form(stage, "AssumeRoleWithWebIdentity", token.text, moment->wall_us, &body);
    fill(moment->sts, &body, fetch);
    secret_file_wipe(stage->token);
    stage->token = strbuf_take(&token);
    return 0;
}

static int sign(const struct credentials_moment *moment, const struct strbuf *body,
                struct sigv4_signed *ret_signed, struct error *err)
{
    const struct credentials_set *source = moment->source;
    const struct sigv4_credentials credentials = {source->access_key_id, source->secret_key,
                                                  source->session_token};
    CLEANUP_FREE char *path = prefixed(moment->sts->path, "/");
    struct sigv4_header headers[] = {{"host", moment->sts->host}, {"content-type", FORM}};
    const struct sigv4_request plain = {
        .method = "POST",
        .path = path,
        .query = "",
        .headers = headers,
        .header_count = 2,
        .body = body->text,
        .body_length = body->length,
    };
    const struct sigv4_scope scope = {moment->sts->signing_region.text, "sts", moment->wall_us};
    CLEANUP(sigv4_key_clear) struct sigv4_key key = {.date = ""};

    return sigv4_sign(&plain, &credentials, &scope, &key, ret_signed, err);
}

static int request_assume_role(struct credentials_stage *stage,
                               const struct credentials_moment *moment,
                               struct credentials_fetch *fetch, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf body = {0};
    CLEANUP(sigv4_signed_release) struct sigv4_signed signature = {.date = ""};

    if (!moment->sts || !moment->source)
        return error_set(err, ERROR_BUG, "nothing to ask STS with");
    write_form(stage, "AssumeRole", "", moment->wall_us, &body);
    if (sign(moment, &body, &signature, err) < 0)
        return -1;
    fill(moment->sts, &body, fetch);
    fetch->owned_headers[1] = prefixed("Authorization: ", signature.authorization);
    fetch->owned_headers[2] = prefixed("X-Amz-Date: ", signature.date);
    if (*moment->source->session_token)
        fetch->owned_headers[3] = prefixed("X-Amz-Security-Token: ", moment->source->session_token);
    return 0;
}

/* ---- answers ---- */

static void release_fields(struct xml_field (*fields)[4])
{
    for (size_t i = 0; i < 4; i++)
        if ((*fields)[i].text)
            explicit_bzero((*fields)[i].text, strlen((*fields)[i].text));
    xml_release(*fields, 4);
}

static int refuse_not_xml(struct error *err)
{
    error_wrap(err, "answer of STS");
    err->kind = ERROR_TRANSIENT;
    return -1;
}

/* A validation error quotes what was sent. The beginning of the token gives it away. */
static bool quotes_token(const struct credentials_stage *stage, const char *message)
{
    char beginning[16];

    if (!is_set(stage->token))
        return false;
    snprintf(beginning, sizeof beginning, "%s", stage->token);
    return strstr(message, beginning) != NULL;
}

/* What STS calls the failure. */
static int read_failure(struct credentials_stage *stage, const struct http_answer *answer,
                        struct error *err)
{
    struct xml_field fields[] = {{.path = "ErrorResponse/Error/Code", .cap = 128},
                                 {.path = "ErrorResponse/Error/Message", .cap = MESSAGE_CAP}};
    char name[AWS_ERROR_NAME_SIZE];

    if (xml_read(strbuf_text(&answer->body), answer->body.length, fields, 2, err) < 0)
        return error_wrap(err, "STS answered %d", answer->status);
    aws_error_name(xml_text(&fields[0]), name);
    const char *message = xml_text(&fields[1]);
    aws_error_set(err, "STS", answer->status, name, quotes_token(stage, message) ? "" : message,
                  false);
    xml_release(fields, 2);
    stage->drop_source = aws_error_is_token_expired(err);
    return -1;
}

static int take_set(struct xml_field fields[4], struct credentials_set *ret_set, struct error *err)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken"};
    CLEANUP(credentials_set_release)
    struct credentials_set set = {
        .access_key_id = mem_strdup(xml_text(&fields[0])),
        .secret_key = mem_strdup(xml_text(&fields[1])),
        .session_token = mem_strdup(xml_text(&fields[2])),
    };

    if (credentials_set_check(&set, names, err) < 0)
        return -1;
    if (!*set.session_token)
        return error_set(err, ERROR_INVALID, "SessionToken is missing or empty");
    if (!clock_parse(xml_text(&fields[3]), &set.expires_us) || set.expires_us <= 0)
        return error_set(err, ERROR_INVALID,
                         "Expiration: expected a time such as 2026-11-22T19:28:09Z");
    *ret_set = set;
    set = (struct credentials_set){.expires_us = 0};
    return 0;
}

#define RESULT(action, member) action "Response/" action "Result/Credentials/" member

static int read_answer(struct credentials_stage *stage, const struct http_answer *answer,
                       const char *const paths[4], struct credentials_set *ret_set,
                       struct error *err)
{
    CLEANUP(release_fields)
    struct xml_field fields[4] = {
        {.path = paths[0]}, {.path = paths[1]}, {.path = paths[2]}, {.path = paths[3]}};

    if (answer->error.kind != ERROR_NONE) {
        *err = answer->error;
        return -1;
    }
    if (answer->status != 200)
        return read_failure(stage, answer, err);
    if (xml_read(strbuf_text(&answer->body), answer->body.length, fields, 4, err) < 0 ||
        take_set(fields, ret_set, err) < 0)
        return refuse_not_xml(err);
    return 0;
}

static int answer_web_identity(struct credentials_stage *stage, const struct http_answer *answer,
                               struct credentials_set *ret_set, struct error *err)
{
    static const char *const paths[] = {
        RESULT("AssumeRoleWithWebIdentity", "AccessKeyId"),
        RESULT("AssumeRoleWithWebIdentity", "SecretAccessKey"),
        RESULT("AssumeRoleWithWebIdentity", "SessionToken"),
        RESULT("AssumeRoleWithWebIdentity", "Expiration"),
    };

    return read_answer(stage, answer, paths, ret_set, err);
}

static int answer_assume_role(struct credentials_stage *stage, const struct http_answer *answer,
                              struct credentials_set *ret_set, struct error *err)
{
    static const char *const paths[] = {
        RESULT("AssumeRole", "AccessKeyId"),
        RESULT("AssumeRole", "SecretAccessKey"),
        RESULT("AssumeRole", "SessionToken"),
        RESULT("AssumeRole", "Expiration"),
    };

    return read_answer(stage, answer, paths, ret_set, err);
}

const struct credentials_method credentials_web_identity = {"web identity", request_web_identity,
                                                            answer_web_identity};
const struct credentials_method credentials_assume_role = {"assumed role", request_assume_role,
                                                           answer_assume_role};
