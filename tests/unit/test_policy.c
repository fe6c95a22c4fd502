/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/policy.h"
#include "base/mem.h"
#include "base/strbuf.h"

static struct trust_policy policy;
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
    policy_release(&policy);
    return 0;
}

static int read(const char *text)
{
    return policy_read(text, strlen(text), &policy, &err);
}

#define STATEMENT "\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\""

/* ---- what is read ---- */

static void every_element_is_read(void **state)
{
    (void)state;
    assert_int_equal(
        read("{\"Version\":\"2012-10-17\",\"Id\":\"x\",\"Statement\":[{\"Sid\":\"One\",\"Effect\":"
             "\"Allow\",\"Principal\":{\"Service\":\"s\",\"AWS\":[\"a\",\"b\"],\"Federated\":\"f\","
             "\"CanonicalUser\":\"c\"},\"Action\":[\"sts:AssumeRole\"]},{\"Effect\":\"Deny\","
             "\"NotPrincipal\":\"*\",\"NotAction\":\"sts:*\"}]}"),
        0);
    assert_true(policy.variables);
    assert_int_equal(policy.count, 2);
    const struct trust_statement *one = &policy.statements[0], *two = &policy.statements[1];
    assert_string_equal(one->sid, "One");
    assert_true(one->allow && !one->everyone && !one->not_principal && !one->not_action);
    assert_string_equal(one->services.items[0], "s");
    assert_int_equal(one->aws.count, 2);
    assert_string_equal(one->aws.items[1], "b");
    assert_string_equal(one->federated.items[0], "f");
    assert_string_equal(one->canonical_users.items[0], "c");
    assert_string_equal(one->actions.items[0], "sts:AssumeRole");
    assert_string_equal(two->sid, "");
    assert_true(!two->allow && two->everyone && two->not_principal && two->not_action);
    assert_string_equal(two->actions.items[0], "sts:*");
}

static void conditions_are_read(void **state)
{
    (void)state;
    assert_int_equal(
        read("{\"Statement\":{" STATEMENT ",\"Condition\":{\"ForAllValues:StringNotLikeIfExists\":"
             "{\"k1\":[\"a\",\"b\"],\"k2\":\"c\"},\"Bool\":{\"k3\":true},\"Null\":{\"k4\":false},"
             "\"NumericEquals\":{\"k5\":[12,1.5]},\"ForAnyValue:ArnEquals\":{\"k6\":\"d\"}}}}"),
        0);
    const struct trust_statement *statement = &policy.statements[0];
    assert_false(policy.variables);
    assert_int_equal(statement->condition_count, 6);
    const struct trust_condition *first = &statement->conditions[0];
    assert_string_equal(first->name, "ForAllValues:StringNotLikeIfExists");
    assert_int_equal(first->comparison, TRUST_STRING_LIKE);
    assert_int_equal(first->quantifier, TRUST_FOR_ALL_VALUES);
    assert_true(first->negated && first->if_exists);
    assert_string_equal(first->key, "k1");
    assert_string_equal(first->values.items[1], "b");
    assert_string_equal(statement->conditions[1].key, "k2");
    assert_int_equal(statement->conditions[2].comparison, TRUST_OTHER);
    assert_string_equal(statement->conditions[2].values.items[0], "true");
    assert_int_equal(statement->conditions[3].comparison, TRUST_NULL);
    assert_string_equal(statement->conditions[3].values.items[0], "false");
    assert_string_equal(statement->conditions[4].values.items[0], "12");
    assert_string_equal(statement->conditions[4].values.items[1], "1.5");
    assert_int_equal(statement->conditions[5].comparison, TRUST_ARN_LIKE);
    assert_int_equal(statement->conditions[5].quantifier, TRUST_FOR_ANY_VALUE);
    assert_false(statement->conditions[5].negated || statement->conditions[5].if_exists);
}

static void operators_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        enum trust_comparison comparison;
        bool negated;
    } rows[] = {
        {"StringEquals", TRUST_STRING_EQUALS, false},
        {"StringNotEquals", TRUST_STRING_EQUALS, true},
        {"StringEqualsIgnoreCase", TRUST_STRING_EQUALS_IGNORE_CASE, false},
        {"StringNotEqualsIgnoreCase", TRUST_STRING_EQUALS_IGNORE_CASE, true},
        {"StringLike", TRUST_STRING_LIKE, false},
        {"StringNotLike", TRUST_STRING_LIKE, true},
        {"ArnEquals", TRUST_ARN_LIKE, false},
        {"ArnNotEquals", TRUST_ARN_LIKE, true},
        {"ArnLike", TRUST_ARN_LIKE, false},
        {"ArnNotLike", TRUST_ARN_LIKE, true},
        {"Null", TRUST_NULL, false},
        {"NullIfExists", TRUST_OTHER, false},
        {"ForAllValues:Null", TRUST_OTHER, false},
        {"stringequals", TRUST_OTHER, false},
        {"StringEqualsIfExistsIfExists", TRUST_OTHER, false},
        {"StringEqualsAnything", TRUST_OTHER, false},
        {"ForSomeValues:StringEquals", TRUST_OTHER, false},
        {"", TRUST_OTHER, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};

        strbuf_format(&text, "{\"Statement\":{%s,\"Condition\":{\"%s\":{\"k\":\"true\"}}}}",
                      STATEMENT, rows[i].name);
        assert_int_equal(read(text.text), 0);
        assert_int_equal(policy.statements[0].conditions[0].comparison, rows[i].comparison);
        assert_int_equal(policy.statements[0].conditions[0].negated, rows[i].negated);
        tear_down(state);
    }
}

static void a_percent_encoded_document_is_decoded(void **state)
{
    (void)state;
    assert_int_equal(read("%7B%22Statement%22%3a%5B%5D%7d"), 0);
    assert_int_equal(policy.count, 0);
}

static void a_plus_stays_a_plus(void **state)
{
    (void)state;
    assert_int_equal(
        read("%7B%22Statement%22:%7B%22Sid%22:%22a+b%22,"
             "%22Effect%22:%22Deny%22,%22Principal%22:%22*%22,%22Action%22:%22*%22%7D%7D"),
        0);
    assert_string_equal(policy.statements[0].sid, "a+b");
}

/* ---- what is refused ---- */

#define S1 "{\"Statement\":[{" STATEMENT "},"
static const struct {
    const char *text, *sentence;
} refusals[] = {
    {"", "nothing, expected a policy document"},
    {"%7B%2", "a '%' at byte 4 without two hexadecimal digits after it"},
    {"%7B%zz", "a '%' at byte 4 without two hexadecimal digits after it"},
    {"%5B%5D", "not a JSON object"},
    {"{}", "there is no Statement"},
    {"{\"Version\":\"2020-01-01\",\"Statement\":[]}",
     "Version is neither \"2012-10-17\" nor \"2008-10-17\""},
    {"{\"Version\":2012,\"Statement\":[]}", "Version is neither \"2012-10-17\" nor \"2008-10-17\""},
    {"{\"statement\":[]}", "\"statement\" is no element of it, expected Version, Id or Statement"},
    {"{\"Statement\":\"x\"}", "statement 1: not an object"},
    {S1 "7]}", "statement 2: not an object"},
    {S1 "{\"Sid\":7}]}", "statement 2: Sid is not a text"},
    {"{\"Statement\":{\"Resource\":\"*\"}}",
     "statement 1: \"Resource\" is no element of it, expected Sid, Effect, Principal, Action or "
     "Condition, as in a trust policy"},
    {"{\"Statement\":{}}", "statement 1: Effect is neither \"Allow\" nor \"Deny\""},
    {"{\"Statement\":{\"Effect\":\"allow\"}}",
     "statement 1: Effect is neither \"Allow\" nor \"Deny\""},
    {"{\"Statement\":{\"Effect\":\"Allow\"}}",
     "statement 1: expected either Principal or NotPrincipal"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"NotPrincipal\":\"*\"}}",
     "statement 1: expected either Principal or NotPrincipal"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"pods.eks.amazonaws.com\"}}",
     "statement 1: Principal is neither \"*\" nor an object with a principal"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{}}}",
     "statement 1: Principal is neither \"*\" nor an object with a principal"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"s\",\"Users\":\"u\"}}}",
     "statement 1: \"Users\" is no element of it, expected Service, AWS, Federated or "
     "CanonicalUser"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[]}}}",
     "statement 1: AWS is an empty list, expected a text or a list of texts"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":111122223333}}}",
     "statement 1: AWS is not a text"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\"}}",
     "statement 1: expected either Action or NotAction"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"a\",[\"b\"]]}}",
     "statement 1: Action is not a text"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"a\\u0000b\"}}",
     "statement 1: Action holds a zero byte"},
    {"{\"Statement\":{" STATEMENT ",\"Condition\":[]}}",
     "statement 1: Condition is not an object of operators"},
    {"{\"Statement\":{" STATEMENT ",\"Condition\":{\"StringEquals\":\"x\"}}}",
     "statement 1: Condition StringEquals is not an object of keys"},
    {"{\"Statement\":{" STATEMENT ",\"Condition\":{\"StringEquals\":{\"k\":[]}}}}",
     "statement 1: k is an empty list, expected a text or a list of texts"},
    {"{\"Statement\":{" STATEMENT ",\"Condition\":{\"StringEquals\":{\"k\":{}}}}}",
     "statement 1: k is not a text"},
    {"{\"Statement\":{" STATEMENT ",\"Condition\":{\"StringEquals\":{\"k\":null}}}}",
     "statement 1: k is not a text"},
    {"{\"Statement\":{" STATEMENT ",\"Condition\":{\"Null\":{\"k\":\"yes\"}}}}",
     "statement 1: Null of k is neither true nor false"},
};

static void what_is_refused_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        error_clear(&err);
        assert_int_equal(read(refusals[i].text), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.text, refusals[i].sentence);
        assert_int_equal(policy.count, 0);
        assert_null(policy.document);
    }
}

static void what_is_no_json_names_the_place(void **state)
{
    (void)state;
    assert_int_equal(read("{\"Statement\": [\n x"), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "line 2"));
    assert_int_equal(read("{\"Statement\":[],\"Statement\":[]}"), -1);
    assert_int_equal(read("{\"Statement\":[]} x"), -1);
}

/* ---- caps ---- */

/* A statement whose actions are `count` texts of `length` bytes. */
static void make(struct strbuf *text, int count, int length)
{
    strbuf_str(text, "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":[");
    for (int i = 0; i < count; i++)
        strbuf_format(text, "%s\"%0*d\"", i > 0 ? "," : "", length, 0);
    strbuf_str(text, "]}}");
}

static void values_have_a_cap(void **state)
{
    CLEANUP(strbuf_release) struct strbuf good = {0}, bad = {0};

    (void)state;
    make(&good, POLICY_VALUE_CAP, 1);
    assert_int_equal(read(good.text), 0);
    tear_down(state);
    make(&bad, POLICY_VALUE_CAP + 1, 1);
    assert_int_equal(read(bad.text), -1);
    assert_string_equal(err.text, "statement 1: more than 2048 values in the policy");
}

static void texts_have_a_cap(void **state)
{
    CLEANUP(strbuf_release) struct strbuf good = {0}, bad = {0};

    (void)state;
    make(&good, 1, (int)POLICY_TEXT_CAP);
    assert_int_equal(read(good.text), 0);
    tear_down(state);
    make(&bad, 1, (int)POLICY_TEXT_CAP + 1);
    assert_int_equal(read(bad.text), -1);
    assert_string_equal(err.text, "statement 1: more than 16384 bytes of text in the policy");
}

static void statements_have_a_cap(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    strbuf_str(&text, "{\"Statement\":[");
    for (int i = 0; i < POLICY_STATEMENT_CAP; i++)
        strbuf_str(&text, "{" STATEMENT "},");
    strbuf_str(&text, "{" STATEMENT "}]}");
    assert_int_equal(read(text.text), -1);
    assert_string_equal(err.text, "more than 256 statements");
}

static void documents_have_a_cap(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    strbuf_format(&text, "%*s{\"Statement\":[]}", (int)POLICY_CAP - 16, "");
    assert_int_equal(read(text.text), 0);
    tear_down(state);
    strbuf_char(&text, ' ');
    assert_int_equal(read(text.text), -1);
    assert_string_equal(err.text, "more than 131072 bytes");
    strbuf_clear(&text);
    strbuf_format(&text, "%%7B%*s", (int)POLICY_ENCODED_CAP, "");
    assert_int_equal(read(text.text), -1);
    assert_string_equal(err.text, "more than 393216 bytes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_element_is_read),
        TEST(conditions_are_read),
        TEST(operators_are_told_apart),
        TEST(a_percent_encoded_document_is_decoded),
        TEST(a_plus_stays_a_plus),
        TEST(what_is_refused_is_said),
        TEST(what_is_no_json_names_the_place),
        TEST(values_have_a_cap),
        TEST(texts_have_a_cap),
        TEST(statements_have_a_cap),
        TEST(documents_have_a_cap),
    };

    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
