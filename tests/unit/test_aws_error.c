/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/aws_answer.h"
#include "aws/aws_error.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/aws_cases.h"

/* ---- the directories ---- */

/* answer.txt is either an HTTP answer, or "no answer", a kind and a text, each on a line. With
 * "IAM" after the status it is one of a service that speaks XML, else of EKS. */
static enum error_kind kind_named(const char *name)
{
    for (enum error_kind kind = ERROR_NONE; kind <= ERROR_BUG; kind++)
        if (strcmp(error_kind_name(kind), name) == 0)
            return kind;
    fail_msg("no kind is called %s", name);
    return ERROR_BUG;
}

/* Cuts the line off the front of *text. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');

    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return line;
}

static void take_header(char *line, struct http_answer *answer)
{
    char *value = strchr(line, ':');

    assert_non_null(value);
    *value++ = '\0';
    value += strspn(value, " ");
    if (strcasecmp(line, "Content-Type") == 0)
        snprintf(answer->content_type, sizeof answer->content_type, "%s", value);
    else if (strcasecmp(line, "x-amzn-ErrorType") == 0)
        snprintf(answer->error_type, sizeof answer->error_type, "%s", value);
    else if (strcasecmp(line, "x-amz-retry-after") == 0)
        answer->retry_after_ms = strtoll(value, NULL, 10);
    else if (strcasecmp(line, "Retry-After") == 0)
        answer->retry_after_ms = strtoll(value, NULL, 10) * 1000;
    else
        fail_msg("header %s", line);
}

static struct http_answer read_answer(const char *folder, bool *ret_xml)
{
    CLEANUP_FREE char *text = aws_cases_read(folder, "answer.txt", NULL);
    struct http_answer answer = {.status = 0};
    char *rest = text, *line = next_line(&rest);

    assert_non_null(text);
    if (strcmp(line, "no answer") == 0) {
        enum error_kind kind = kind_named(next_line(&rest));

        error_set(&answer.error, kind, "%s", rest);
        return answer;
    }
    assert_int_equal(strncmp(line, "HTTP/1.1 ", 9), 0);
    answer.status = (int)strtol(line + 9, NULL, 10);
    *ret_xml = strstr(line, " IAM");
    while (*(line = next_line(&rest)))
        take_header(line, &answer);
    strbuf_str(&answer.body, rest);
    return answer;
}

/* What err says, in the form of expected.txt. */
static void print(enum error_kind read, enum error_kind write, const struct error *err,
                  struct strbuf *ret_text)
{
    const struct {
        const char *name;
        bool is;
    } questions[] = {
        {"role-missing", aws_error_is_role_missing(err)},
        {"trust-invalid", aws_error_is_trust_invalid(err)},
        {"pass-role-denied", aws_error_is_pass_role_denied(err)},
        {"cluster-missing", aws_error_is_cluster_missing(err)},
        {"quota", aws_error_is_quota(err)},
        {"signature", aws_error_is_signature(err)},
        {"token-expired", aws_error_is_token_expired(err)},
    };
    struct arn_association_id id;
    bool none = true;

    strbuf_format(ret_text, "read: %s\nwrite: %s\n", error_kind_name(read), error_kind_name(write));
    strbuf_format(ret_text, "code: %s\nretry_after_ms: %lld\nis:", *err->code ? err->code : "-",
                  (long long)err->retry_after_ms);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        if (questions[i].is)
            strbuf_format(ret_text, " %s", questions[i].name);
        none &= !questions[i].is;
    }
    strbuf_format(ret_text, "%s\nhint: %s\ntext: %s\n", none ? " -" : "",
                  aws_error_conflict_id(err, &id) ? id.text : "-", err->text);
}

static void ask(const struct http_answer *answer, bool xml, bool writes, struct error *err)
{
    struct xml_field field = {.path = "GetRoleResponse/GetRoleResult/Role/Arn"};

    if (xml)
        assert_int_equal(aws_answer_xml(answer, "IAM", writes, &field, 1, err), -1);
    else
        assert_null(aws_answer_json(answer, "EKS", writes, err));
    assert_null(field.text);
}

static void becomes_the_expected_error(void **state)
{
    bool xml = false;
    struct http_answer answer = read_answer(*state, &xml);
    CLEANUP_FREE char *expected = aws_cases_read(*state, "expected.txt", NULL);
    CLEANUP(strbuf_release) struct strbuf found = {0};
    struct error read = {0}, write = {0};

    assert_non_null(expected);
    ask(&answer, xml, false, &read);
    ask(&answer, xml, true, &write);
    assert_string_equal(read.text, write.text);
    assert_string_equal(read.code, write.code);
    assert_int_equal(read.status, answer.status);
    print(read.kind, write.kind, &write, &found);
    assert_string_equal(strbuf_text(&found), expected);
    aws_cases_release(&answer);
}

/* ---- what the directories do not show ---- */

static void a_document_of_a_good_answer_is_handed_over(void **state)
{
    struct http_answer answer = aws_cases_answer(200, "{\"a\":\"b\"}");
    struct error err = {0};

    (void)state;
    CLEANUP_JSON json_t *document = aws_answer_json(&answer, "EKS", true, &err);
    assert_string_equal(json_text(document, "a"), "b");
    assert_int_equal(err.kind, ERROR_NONE);
    aws_cases_release(&answer);
}

static void a_good_answer_in_xml_fills_its_fields(void **state)
{
    struct http_answer answer = aws_cases_answer(200, "<A><B>x</B></A>");
    struct xml_field fields[] = {{.path = "A/B"}, {.path = "A/C"}};
    struct error err = {0};

    (void)state;
    assert_int_equal(aws_answer_xml(&answer, "IAM", false, fields, 2, &err), 0);
    assert_string_equal(xml_text(&fields[0]), "x");
    assert_null(fields[1].text);
    assert_int_equal(err.kind, ERROR_NONE);
    xml_release(fields, 2);
    aws_cases_release(&answer);
}

static void names_are_cut_to_their_core(void **state)
{
    static const struct {
        const char *raw, *name;
    } rows[] = {
        {"ResourceNotFoundException", "ResourceNotFoundException"},
        {"Name:http://a/b#c", "Name"},
        {"com.amazonaws.eks#Name", "Name"},
        {"a#b#Name:", "Name"},
        {"", ""},
        {":x", ""},
        {"Two Words", ""},
        {"Name\r\nX: y", ""},
        {"N123456789012345678901234567890123456789012345678901234567890123", ""},
        {"N12345678901234567890123456789012345678901234567890123456789012",
         "N12345678901234567890123456789012345678901234567890123456789012"},
    };
    char name[AWS_ERROR_NAME_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aws_error_name(rows[i].raw, name);
        assert_string_equal(name, rows[i].name);
    }
}

/* The same words under another name are another trouble. */
static void the_questions_look_at_the_name_too(void **state)
{
    struct error err;

    (void)state;
    aws_error_set(&err, "EKS", 400, "InvalidRequestException",
                  "Role provided in the request does not exist.", true);
    assert_false(aws_error_is_role_missing(&err));
    aws_error_set(&err, "EKS", 400, "InvalidParameterException", "No cluster found for name: x.",
                  true);
    assert_false(aws_error_is_cluster_missing(&err));
    error_set(&err, ERROR_INVALID, "Cross-account pass role is not allowed");
    assert_false(aws_error_is_pass_role_denied(&err));
}

static void the_questions_outlast_a_wrap(void **state)
{
    struct error err;

    (void)state;
    aws_error_set(&err, "EKS", 400, "InvalidParameterException",
                  "Role provided in the request does not exist.", true);
    error_wrap(&err, "creating the association of app/app-sa");
    assert_true(aws_error_is_role_missing(&err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_of_a_good_answer_is_handed_over),
        cmocka_unit_test(a_good_answer_in_xml_fills_its_fields),
        cmocka_unit_test(names_are_cut_to_their_core),
        cmocka_unit_test(the_questions_look_at_the_name_too),
        cmocka_unit_test(the_questions_outlast_a_wrap),
    };

    return aws_cases_run("awserror", tests, sizeof tests / sizeof *tests,
                         becomes_the_expected_error);
}
