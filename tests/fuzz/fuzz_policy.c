/* SPDX-License-Identifier: Apache-2.0 */
/* A trust policy document, and what is judged of it. It says the same when it is percent-encoded, and
 * what an explicit Deny for all takes away no statement gives back. */
#include <string.h>

#include "aws/policy.h"
#include "base/json.h"
#include "base/mem.h"
#include "reconcile/trust.h"
#include "tests/fuzz/fuzzing.h"

#define ARN "arn:aws:eks:us-west-2:111122223333:cluster/blue"

static const struct trust_subject subject = {.cluster_arn = ARN,
                                             .cluster_name = "blue",
                                             .account = "111122223333",
                                             .namespace = "app",
                                             .service_account = "app-sa",
                                             .session_tags = true};

static void add_texts(const struct trust_texts *texts, struct strbuf *ret_text)
{
    for (size_t i = 0; i < texts->count; i++) {
        FUZZ_CHECK(texts->items[i], "a text is never NULL");
        strbuf_format(ret_text, " [%s]", texts->items[i]);
    }
    strbuf_char(ret_text, '\n');
}

static void add_condition(const struct trust_condition *condition, struct strbuf *ret_text)
{
    FUZZ_CHECK(condition->name && *condition->name && condition->key, "a condition has both names");
    FUZZ_CHECK(condition->values.count > 0, "a condition has a value");
    strbuf_format(ret_text, "%s %d %d %d %d %s", condition->name, (int)condition->comparison,
                  (int)condition->quantifier, condition->negated, condition->if_exists,
                  condition->key);
    add_texts(&condition->values, ret_text);
}

static void describe(const struct trust_policy *policy, struct strbuf *ret_text)
{
    strbuf_format(ret_text, "variables %d\n", policy->variables);
    for (size_t i = 0; i < policy->count; i++) {
        const struct trust_statement *statement = &policy->statements[i];

        FUZZ_CHECK(statement->sid && statement->actions.count > 0, "a statement has an action");
        strbuf_format(ret_text, "%s %d %d %d %d\n", statement->sid, statement->allow,
                      statement->not_principal, statement->everyone, statement->not_action);
        add_texts(&statement->services, ret_text);
        add_texts(&statement->aws, ret_text);
        add_texts(&statement->federated, ret_text);
        add_texts(&statement->canonical_users, ret_text);
        add_texts(&statement->actions, ret_text);
        for (size_t j = 0; j < statement->condition_count; j++)
            add_condition(&statement->conditions[j], ret_text);
    }
}

static enum trust_verdict check_verdict(const struct trust_policy *policy)
{
    CLEANUP(strbuf_release) struct strbuf sentence = {0}, again = {0};
    struct trust_subject plain = subject;
    enum trust_verdict verdict = trust_judge(policy, &subject, &sentence);

    FUZZ_CHECK(verdict == TRUST_UNKNOWN || verdict == TRUST_GIVEN || verdict == TRUST_REFUSED,
               "a verdict is one of three");
    FUZZ_CHECK(sentence.length <= 1500, "a sentence has an end");
    for (const char *c = strbuf_text(&sentence); *c; c++)
        FUZZ_CHECK(*c >= ' ' && *c < 0x7F, "a sentence is printable ASCII");
    FUZZ_CHECK(trust_judge(policy, &subject, &again) == verdict &&
                   strcmp(strbuf_text(&sentence), strbuf_text(&again)) == 0,
               "a judgement is always the same");
    FUZZ_CHECK(policy->count > 0 || verdict == TRUST_REFUSED, "no statement gives nothing");
    plain.session_tags = false;
    trust_judge(policy, &plain, &again);
    return verdict;
}

/* The same document with a statement that denies all. */
static void check_denied(const char *bytes, size_t length)
{
    struct error unused;
    CLEANUP_JSON json_t *document = json_parse(bytes, length, &unused);
    json_t *statements = json_object_get(document, "Statement");
    struct trust_policy policy = {.count = 0};

    if (!json_is_array(statements))
        return;
    json_array_append_new(statements,
                          json_pack("{s:s, s:{s:s}, s:s}", "Effect", "Deny", "Principal", "Service",
                                    TRUST_SERVICE, "Action", "sts:AssumeRole"));
    CLEANUP_FREE char *text = json_canonical(document);
    if (policy_read(text, strlen(text), &policy, &unused) < 0)
        return;
    FUZZ_CHECK(check_verdict(&policy) == TRUST_REFUSED, "an explicit Deny is never overruled");
    policy_release(&policy);
}

/* The same document in percent-encoding. */
static void check_encoded(const char *bytes, size_t length, const struct trust_policy *plain)
{
    CLEANUP(strbuf_release) struct strbuf encoded = {0}, one = {0}, other = {0};
    CLEANUP_FREE char *text = mem_strndup(bytes, length);
    struct trust_policy policy = {.count = 0};
    struct error err;

    strbuf_percent(&encoded, text);
    FUZZ_CHECK(policy_read(strbuf_text(&encoded), encoded.length, &policy, &err) == 0,
               "a document can be read in percent-encoding too");
    describe(plain, &one);
    describe(&policy, &other);
    FUZZ_CHECK(strcmp(strbuf_text(&one), strbuf_text(&other)) == 0,
               "a document says the same in percent-encoding");
    policy_release(&policy);
}

void fuzz_one(const char *bytes, size_t length)
{
    struct trust_policy policy = {.count = 0};
    struct error err;

    if (policy_read(bytes, length, &policy, &err) < 0) {
        FUZZ_CHECK(err.kind == ERROR_INVALID, "a document is understood or invalid");
        fuzzing_check_error(&err);
        return;
    }
    check_verdict(&policy);
    if (length > 0 && (*bytes == '{' || *bytes == ' '))
        check_encoded(bytes, length, &policy);
    check_denied(bytes, length);
    policy_release(&policy);
}
