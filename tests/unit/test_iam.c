/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/iam.h"
#include "base/mem.h"
#include "tests/unit/aws_cases.h"

static struct arn_role_name name_of(const char *text)
{
    struct arn_role_name name;
    struct error err;

    assert_int_equal(arn_role_name_parse(text, &name, &err), 0);
    return name;
}

static void get_role_is_a_form_with_the_bare_name(void **state)
{
    CLEANUP(aws_request_release) struct aws_request request = {.method = NULL};
    struct arn_role_name name = name_of("team/a/r+a=b");

    (void)state;
    iam_get_role(&name, &request);
    assert_int_equal(request.service, ENDPOINT_IAM);
    assert_string_equal(request.method, "POST");
    assert_string_equal(strbuf_text(&request.path), "/");
    assert_string_equal(strbuf_text(&request.query), "");
    assert_string_equal(request.content_type, "application/x-www-form-urlencoded; charset=utf-8");
    assert_string_equal(strbuf_text(&request.body),
                        "Action=GetRole&Version=2010-05-08&RoleName=r%2Ba%3Db");
    assert_false(request.writes);
    assert_true(aws_request_ok(&request));
}

/* ---- answers ---- */

static struct iam_role role;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    error_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    iam_role_release(&role);
    return 0;
}

/* An answer of IAM about a role. */
static int read(const char *arn, const char *document, const char *asked)
{
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct arn_role_name name = name_of(asked);

    strbuf_format(&body,
                  "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n"
                  "  <GetRoleResult><Role><Path>/</Path><RoleName>x</RoleName><Arn>%s</Arn>"
                  "<CreateDate>2024-01-02T03:04:05Z</CreateDate>"
                  "<AssumeRolePolicyDocument>%s</AssumeRolePolicyDocument>"
                  "</Role></GetRoleResult>\n"
                  "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
                  "</GetRoleResponse>\n",
                  arn, document);
    struct http_answer answer = aws_cases_answer(200, body.text);
    int done = iam_read_role(&answer, &name, &role, &err);

    aws_cases_release(&answer);
    return done;
}

#define TRUST                                                                                      \
    "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C"  \
    "%22Principal%22%3A%7B%22Service%22%3A%22pods.eks.amazonaws.com%22%7D%2C%22Action%22%3A%22"    \
    "sts%3AAssumeRole%22%7D%5D%7D"

static void a_role_is_read_with_its_trust_policy(void **state)
{
    (void)state;
    assert_int_equal(read("arn:aws:iam::111122223333:role/reader", TRUST, "reader"), 0);
    assert_string_equal(role.arn.account, "111122223333");
    assert_string_equal(role.arn.role.path, "/");
    assert_int_equal(role.unreadable.kind, ERROR_NONE);
    assert_int_equal(role.trust.count, 1);
    assert_string_equal(role.trust.statements[0].services.items[0], "pods.eks.amazonaws.com");
}

static void the_path_is_the_one_that_the_role_has(void **state)
{
    (void)state;
    assert_int_equal(read("arn:aws:iam::111122223333:role/team/a/Reader", TRUST, "reader"), 0);
    assert_string_equal(role.arn.role.path, "/team/a/");
    assert_string_equal(role.arn.role.name, "Reader");
}

static void a_policy_that_is_not_understood_leaves_the_role(void **state)
{
    (void)state;
    assert_int_equal(read("arn:aws:iam::111122223333:role/reader", "%7B%7D", "reader"), 0);
    assert_string_equal(role.arn.role.name, "reader");
    assert_int_equal(role.trust.count, 0);
    assert_string_equal(role.unreadable.text, "there is no Statement");
    tear_down(state);
    assert_int_equal(read("arn:aws:iam::111122223333:role/reader", "", "reader"), 0);
    assert_string_equal(role.unreadable.text, "nothing, expected a policy document");
}

static void an_answer_about_another_role_is_none(void **state)
{
    (void)state;
    assert_int_equal(read("arn:aws:iam::111122223333:role/other", TRUST, "reader"), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_string_equal(err.text, "IAM gave an answer that cannot be read: it is about another "
                                  "role");
}

/* IAM has answered: one such role must not look as if IAM could not be reached. */
static void an_arn_that_is_not_understood_is_a_matter_of_its_role_alone(void **state)
{
    static const char *const arns[] = {"arn:aws:iam::111122223333:role/a*b/reader",
                                       "arn:aws:iam::111122223333:role/a//reader",
                                       "arn:aws:iam::111122223333:user/reader"};

    (void)state;
    for (size_t i = 0; i < sizeof arns / sizeof *arns; i++) {
        assert_int_equal(read(arns[i], TRUST, "reader"), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, "is not a role ARN"));
    }
}

static int read_raw(int status, const char *body)
{
    struct http_answer answer = aws_cases_answer(status, body);
    struct arn_role_name name = name_of("reader");
    int done = iam_read_role(&answer, &name, &role, &err);

    aws_cases_release(&answer);
    return done;
}

static void what_is_no_answer_of_iam_is_said(void **state)
{
    static const struct {
        const char *body, *sentence;
    } rows[] = {
        {"", "IAM gave an answer that cannot be read: nothing, expected XML"},
        {"{\"GetRoleResponse\":{}}", "IAM gave an answer that cannot be read: JSON, expected XML"},
        {"<html>", "IAM gave an answer that cannot be read: an HTML page, expected XML"},
        {"<GetRoleResponse><GetRoleResult>",
         "IAM gave an answer that cannot be read: the XML is cut off at line 1, column 33"},
        {"<GetRoleResponse/>", "IAM gave an answer that cannot be read: \"\" is not a role ARN "
                               "such as arn:aws:iam::111122223333:role/reader, without wildcards"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_raw(200, rows[i].body), -1);
        assert_int_equal(err.kind, ERROR_TRANSIENT);
        assert_int_equal(err.code[0], '\0');
        assert_string_equal(err.text, rows[i].sentence);
    }
}

static void a_missing_role_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(read_raw(404, "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity"
                                   "</Code><Message>The role with name reader cannot be found."
                                   "</Message></Error></ErrorResponse>"),
                     -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_string_equal(err.code, "NoSuchEntity");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_role_is_a_form_with_the_bare_name),
        TEST(a_role_is_read_with_its_trust_policy),
        TEST(the_path_is_the_one_that_the_role_has),
        TEST(a_policy_that_is_not_understood_leaves_the_role),
        TEST(an_answer_about_another_role_is_none),
        TEST(an_arn_that_is_not_understood_is_a_matter_of_its_role_alone),
        TEST(what_is_no_answer_of_iam_is_said),
        TEST(a_missing_role_is_not_found),
    };

    return cmocka_run_group_tests_name("iam", tests, NULL, NULL);
}
