/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/policy.h"
#include "base/mem.h"
#include "reconcile/trust.h"
#include "reconcile/trust_condition.h"
#include "tests/unit/aws_cases.h"

/* ---- the directories: policy.json as IAM sends it, subject.txt, expected.txt ---- */

/* The value of "name: value" in subject.txt; cuts the text where it ends. */
static const char *value_of(char *text, const char *name)
{
    char *at = strstr(text, name);

    assert_non_null(at);
    at += strlen(name);
    assert_memory_equal(at, ": ", 2);
    return at + 2;
}

static struct trust_subject read_subject(char *text)
{
    struct trust_subject subject = {
        .cluster_arn = value_of(text, "cluster_arn"),
        .cluster_name = value_of(text, "cluster_name"),
        .account = value_of(text, "account"),
        .namespace = value_of(text, "namespace"),
        .service_account = value_of(text, "service_account"),
        .session_tags = strncmp(value_of(text, "session_tags"), "on", 2) == 0,
    };

    for (char *end = text; (end = strchr(end, '\n')); end++)
        *end = '\0';
    return subject;
}

static const char *verdict_name(enum trust_verdict verdict)
{
    static const char *const names[] = {"unknown", "given", "refused"};

    return names[verdict];
}

static void is_judged_as_expected(void **state)
{
    size_t length;
    CLEANUP_FREE char *document = aws_cases_read(*state, "policy.json", &length);
    CLEANUP_FREE char *subject_text = aws_cases_read(*state, "subject.txt", NULL);
    CLEANUP_FREE char *expected = aws_cases_read(*state, "expected.txt", NULL);
    CLEANUP(strbuf_release) struct strbuf found = {0}, sentence = {0};
    struct trust_policy policy = {.count = 0};
    struct error err = {0};

    assert_true(document && subject_text && expected);
    struct trust_subject subject = read_subject(subject_text);
    if (policy_read(document, length, &policy, &err) < 0) {
        strbuf_format(&found, "unreadable\n%s\n", err.text);
    } else {
        const char *verdict = verdict_name(trust_judge(&policy, &subject, &sentence));

        strbuf_format(&found, "%s\n%s\n", verdict, strbuf_text(&sentence));
    }
    policy_release(&policy);
    assert_string_equal(strbuf_text(&found), expected);
}

/* ---- what the directories do not show ---- */

static void wildcards_match_as_in_iam(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool is;
    } rows[] = {
        {"", "", true},        {"", "a", false},        {"a", "", false},
        {"*", "", true},       {"*", "abc", true},      {"?", "", false},
        {"?", "a", true},      {"?", "ab", false},      {"a*", "a", true},
        {"a*c", "abbc", true}, {"a*c", "abcb", false},  {"*b*", "abc", true},
        {"a?c", "abc", true},  {"a?c", "ac", false},    {"*?", "", false},
        {"**", "x", true},     {"*ab", "aab", true},    {"a*b*c", "axbyc", true},
        {"A", "a", false},     {"*abc", "ababc", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(trust_condition_like(rows[i].pattern, rows[i].text, false), rows[i].is);
    assert_true(trust_condition_like("STS:assume*", "sts:AssumeRole", true));
}

/* With a matcher that goes back over each star this would take longer than the world is old. */
static void stars_cost_no_more_than_the_texts_are_long(void **state)
{
    CLEANUP(strbuf_release) struct strbuf pattern = {0}, text = {0};

    (void)state;
    for (int i = 0; i < 4000; i++) {
        strbuf_str(&pattern, "*a");
        strbuf_str(&text, "aa");
    }
    strbuf_str(&pattern, "*b");
    assert_false(trust_condition_like(pattern.text, text.text, false));
}

static void a_sentence_has_a_bound(void **state)
{
    CLEANUP(strbuf_release) struct strbuf document = {0}, sentence = {0};
    struct trust_subject subject = {"arn:aws:eks:us-west-2:111122223333:cluster/green",
                                    "green",
                                    "111122223333",
                                    "shop",
                                    "reader",
                                    true};
    struct trust_policy policy = {.count = 0};
    struct error err = {0};

    (void)state;
    strbuf_format(&document,
                  "{\"Statement\":{\"Sid\":\"%0900d\",\"Effect\":\"Allow\",\"Action\":\"*\","
                  "\"Principal\":\"*\",\"Condition\":{\"StringEquals\":{\"aws:SourceArn\":["
                  "\"%0900d\",\"%0901d\",\"%0902d\",\"%0903d\"]}}}}",
                  0, 0, 0, 0, 0);
    assert_int_equal(policy_read(document.text, document.length, &policy, &err), 0);
    assert_int_equal(trust_judge(&policy, &subject, &sentence), TRUST_REFUSED);
    assert_true(sentence.length < 1500);
    assert_non_null(strstr(sentence.text, "or 2 more, and this cluster is arn:"));
    policy_release(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_match_as_in_iam),
        cmocka_unit_test(stars_cost_no_more_than_the_texts_are_long),
        cmocka_unit_test(a_sentence_has_a_bound),
    };

    return aws_cases_run("trust", tests, sizeof tests / sizeof *tests, is_judged_as_expected);
}
