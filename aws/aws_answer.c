/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/aws_answer.h"

#include <stdio.h>
#include <string.h>

#include "aws/aws_error.h"
#include "aws/throttle.h"
#include "base/json.h"
#include "base/least.h"
#include "base/mem.h"
#include "base/utf8.h"

#define SHOWN ((size_t)120) /* bytes of a body that is no JSON */

static int no_answer(const struct http_answer *answer, const char *service, bool writes,
                     struct error *err)
{
    *err = answer->error;
    if (!writes && err->kind == ERROR_UNKNOWN)
        err->kind = ERROR_TRANSIENT;
    if (writes && err->kind == ERROR_INVALID)
        err->kind =
            ERROR_UNKNOWN; /* an answer over the cap is an answer to a request that got there */
    return error_wrap(err, "asking %s", service);
}

/* What came instead of JSON: its type and first words. */
static void show_body(const struct http_answer *answer, struct strbuf *ret_text)
{
    const char *body = strbuf_text(&answer->body);
    size_t length = answer->body.length;
    size_t shown = utf8_cut(body, length > SHOWN ? SHOWN : length);

    if (length == 0) {
        strbuf_str(ret_text, "an empty body");
        return;
    }
    strbuf_format(ret_text, "%s \"",
                  *answer->content_type ? answer->content_type : "a body without a type");
    strbuf_add(ret_text, body, strnlen(body, shown));
    strbuf_str(ret_text, shown < length ? "...\"" : "\"");
}

static const char *first_text(const json_t *object, const char *a, const char *b, const char *c)
{
    if (*json_text(object, a))
        return json_text(object, a);
    return *json_text(object, b) ? json_text(object, b) : json_text(object, c);
}

/* What a body says of a failure. */
struct told {
    char name[AWS_ERROR_NAME_SIZE];
    struct strbuf message;
};

static void read_told_json(const struct http_answer *answer, struct told *told)
{
    struct error unused;
    CLEANUP_JSON json_t *body =
        json_parse(strbuf_text(&answer->body), answer->body.length, &unused);

    aws_error_name(first_text(body, "code", "Code", "__type"), told->name);
    if (json_is_object(body)) {
        strbuf_str(&told->message, first_text(body, "message", "Message", "errorMessage"));
        return;
    }
    strbuf_str(&told->message, "no JSON but ");
    show_body(answer, &told->message);
}

static void read_told_xml(const struct http_answer *answer, struct told *told)
{
    struct xml_field fields[] = {{.path = "ErrorResponse/Error/Code"},
                                 {.path = "ErrorResponse/Error/Message"}};
    struct error unused;

    if (xml_read(strbuf_text(&answer->body), answer->body.length, fields, 2, &unused) == 0 &&
        fields[0].text) {
        aws_error_name(fields[0].text, told->name);
        strbuf_str(&told->message, xml_text(&fields[1]));
    } else {
        strbuf_str(&told->message, "no ErrorResponse in XML but ");
        show_body(answer, &told->message);
    }
    xml_release(fields, 2);
}

static int failure(const struct http_answer *answer, const char *service, bool writes, bool xml,
                   struct error *err)
{
    struct told told = {.name = ""};
    char name[AWS_ERROR_NAME_SIZE];

    if (xml)
        read_told_xml(answer, &told);
    else
        read_told_json(answer, &told);
    aws_error_name(answer->error_type, name);
    aws_error_set(err, service, answer->status, *name ? name : told.name,
                  strbuf_text(&told.message), writes);
    strbuf_release(&told.message);
    /* The page of a proxy may ask for hours, and one answer must not blind us so long. */
    err->retry_after_ms = least(answer->retry_after_ms, THROTTLE_HOLD_MOST_MS);
    return -1;
}

int aws_answer_unreadable(struct error *err, const char *service, bool writes, const char *what)
{
    return error_set(err, writes ? ERROR_UNKNOWN : ERROR_TRANSIENT,
                     "%s gave an answer that cannot be read: %s", service, what);
}

struct json_t *aws_answer_json(const struct http_answer *answer, const char *service, bool writes,
                               struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf words = {0};
    struct error where;

    if (answer->error.kind != ERROR_NONE)
        return no_answer(answer, service, writes, err), NULL;
    if (answer->status < 200 || answer->status > 299)
        return failure(answer, service, writes, false, err), NULL;
    CLEANUP_JSON json_t *body = json_parse(strbuf_text(&answer->body), answer->body.length, &where);
    if (json_is_object(body))
        return json_incref(body);
    if (answer->body.length > 0)
        strbuf_format(&words, "%s, in ", body ? "not a JSON object" : where.text);
    show_body(answer, &words);
    aws_answer_unreadable(err, service, writes, strbuf_text(&words));
    err->status = answer->status;
    return NULL;
}

int aws_answer_xml(const struct http_answer *answer, const char *service, bool writes,
                   struct xml_field *fields, size_t count, struct error *err)
{
    struct error where;

    if (answer->error.kind != ERROR_NONE)
        return no_answer(answer, service, writes, err);
    if (answer->status < 200 || answer->status > 299)
        return failure(answer, service, writes, true, err);
    if (xml_read(strbuf_text(&answer->body), answer->body.length, fields, count, &where) == 0)
        return 0;
    aws_answer_unreadable(err, service, writes, where.text);
    err->status = answer->status;
    return -1;
}
