/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/trust.h"

#include <string.h>

#include "reconcile/trust_condition.h"

/* One statement and one action. */
struct reading {
    enum trust_truth principal;
    enum trust_truth action;
    enum trust_truth conditions;
    const struct trust_condition *decisive; /* the first that is the least; NULL without any */
};

static enum trust_truth least(enum trust_truth a, enum trust_truth b)
{
    return a < b ? a : b;
}

static bool lists(const struct trust_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0)
            return true;
    return false;
}

static enum trust_truth read_principal(const struct trust_statement *statement)
{
    enum trust_truth named = TRUST_NO;

    if (statement->everyone || lists(&statement->services, TRUST_SERVICE))
        named = TRUST_YES;
    else if (lists(&statement->services, "*") || lists(&statement->aws, "*"))
        named = TRUST_MAYBE;
    if (!statement->not_principal)
        return named;
    return statement->allow ? TRUST_MAYBE : TRUST_YES - named;
}

static enum trust_truth read_action(const struct trust_statement *statement, const char *action)
{
    bool named = false;

    for (size_t i = 0; i < statement->actions.count; i++)
        named |= trust_condition_like(statement->actions.items[i], action, true);
    return named != statement->not_action ? TRUST_YES : TRUST_NO;
}

static void read_conditions(const struct trust_policy *policy,
                            const struct trust_statement *statement,
                            const struct trust_subject *subject, struct reading *reading)
{
    reading->conditions = TRUST_YES;
    for (size_t i = 0; i < statement->condition_count; i++) {
        const struct trust_condition *condition = &statement->conditions[i];
        enum trust_truth holds = trust_condition_holds(condition, subject, policy->variables);

        if (i > 0 && holds >= reading->conditions)
            continue;
        reading->conditions = holds;
        reading->decisive = condition;
    }
}

static struct reading read_statement(const struct trust_policy *policy,
                                     const struct trust_statement *statement,
                                     const struct trust_subject *subject, const char *action)
{
    struct reading reading = {.principal = read_principal(statement),
                              .action = read_action(statement, action)};

    read_conditions(policy, statement, subject, &reading);
    return reading;
}

static enum trust_truth applies(const struct reading *reading)
{
    return least(least(reading->principal, reading->action), reading->conditions);
}

/* ---- one action ---- */

/* How near an Allow is that does not apply. */
enum nearness { NONE, NOT_FOR_US, NOT_THE_ACTION, NOT_SO };

static enum nearness nearness_of(const struct reading *reading)
{
    if (reading->principal == TRUST_NO)
        return NOT_FOR_US;
    return reading->action == TRUST_NO ? NOT_THE_ACTION : NOT_SO;
}

struct finding {
    enum trust_verdict verdict;
    const char *action;
    const struct trust_statement *statement; /* the one that decides; NULL: there is none */
    struct reading reading;
    enum nearness nearness; /* when no Allow applies: how near this one is */
    size_t as_near;         /* that many more */
};

static void take(struct finding *finding, const struct trust_statement *statement,
                 const struct reading *reading)
{
    finding->statement = statement;
    finding->reading = *reading;
}

/* The nearest of the Allows that do not apply. */
static void note_miss(struct finding *finding, const struct trust_statement *statement,
                      const struct reading *reading)
{
    enum nearness nearness = nearness_of(reading);

    finding->as_near += nearness == finding->nearness;
    if (nearness <= finding->nearness)
        return;
    finding->nearness = nearness;
    finding->as_near = 0;
    take(finding, statement, reading);
}

/* What the statements say that allow, or that deny: the strongest of them counts. */
static enum trust_truth strongest(const struct trust_policy *policy, bool allow,
                                  const struct trust_subject *subject, struct finding *finding)
{
    enum trust_truth best = TRUST_NO;

    for (size_t i = 0; i < policy->count; i++) {
        const struct trust_statement *statement = &policy->statements[i];

        if (statement->allow != allow)
            continue;
        struct reading reading = read_statement(policy, statement, subject, finding->action);
        enum trust_truth truth = applies(&reading);

        if (truth > best)
            take(finding, statement, &reading);
        else if (best == TRUST_NO)
            note_miss(finding, statement, &reading);
        best = truth > best ? truth : best;
    }
    return best;
}

static struct finding judge_action(const struct trust_policy *policy,
                                   const struct trust_subject *subject, const char *action)
{
    struct finding denied = {.action = action}, allowed = {.action = action};
    enum trust_truth denial = strongest(policy, false, subject, &denied);
    enum trust_truth allowance = strongest(policy, true, subject, &allowed);

    if (denial == TRUST_YES) {
        denied.verdict = TRUST_REFUSED;
        return denied;
    }
    if (allowance == TRUST_NO || denial == TRUST_NO) {
        static const enum trust_verdict verdicts[] = {TRUST_REFUSED, TRUST_UNKNOWN, TRUST_GIVEN};

        allowed.verdict = verdicts[allowance];
        return allowed;
    }
    denied.verdict = TRUST_UNKNOWN;
    return denied;
}

/* ---- in words ---- */

static void say_statement(const struct trust_policy *policy,
                          const struct trust_statement *statement, struct strbuf *text)
{
    strbuf_format(text, "statement %zu", (size_t)(statement - policy->statements) + 1);
    if (*statement->sid == '\0')
        return;
    strbuf_str(text, " (");
    trust_condition_show(text, statement->sid);
    strbuf_char(text, ')');
}

static void say_denial(const struct finding *finding, const struct trust_subject *subject,
                       struct strbuf *text)
{
    strbuf_format(text, " denies %s", finding->action);
    if (!finding->reading.decisive)
        return;
    strbuf_str(text, " for ");
    trust_condition_say(finding->reading.decisive, subject, text);
}

static void say_doubt(const struct finding *finding, const struct trust_subject *subject,
                      struct strbuf *text)
{
    const struct trust_statement *statement = finding->statement;

    strbuf_format(text, " %s %s", statement->allow ? "allows" : "denies", finding->action);
    if (finding->reading.principal != TRUST_MAYBE) {
        strbuf_str(text, " under a condition on ");
        trust_condition_say_doubt(finding->reading.decisive, subject, text);
    } else if (statement->not_principal) {
        strbuf_str(text, " by NotPrincipal, which AWS does not support in a trust policy");
    } else {
        strbuf_format(text, " to {\"%s\": \"*\"}, and AWS does not say whether that covers %s",
                      lists(&statement->aws, "*") ? "AWS" : "Service", TRUST_SERVICE);
    }
}

static void say_principals(const char *kind, const struct trust_texts *texts, bool *first,
                           struct strbuf *text)
{
    if (texts->count == 0)
        return;
    strbuf_format(text, "%s%s ", *first ? "" : ", ", kind);
    trust_condition_show_all(text, texts);
    *first = false;
}

/* Whom it trusts instead. */
static void say_others(const struct trust_statement *statement, struct strbuf *text)
{
    bool first = true;

    strbuf_str(text, " trusts ");
    say_principals("Service", &statement->services, &first, text);
    say_principals("AWS", &statement->aws, &first, text);
    say_principals("Federated", &statement->federated, &first, text);
    say_principals("CanonicalUser", &statement->canonical_users, &first, text);
}

static void say_none(const struct finding *finding, struct strbuf *text)
{
    strbuf_format(text, "no statement allows %s to %s", finding->action, TRUST_SERVICE);
}

static void say_miss(const struct trust_policy *policy, const struct finding *finding,
                     const struct trust_subject *subject, struct strbuf *text)
{
    const struct trust_statement *statement = finding->statement;

    if (!statement) {
        say_none(finding, text);
        return;
    }
    if (finding->nearness == NOT_SO) {
        say_statement(policy, statement, text);
        strbuf_str(text, " wants ");
        trust_condition_say(finding->reading.decisive, subject, text);
        if (finding->as_near > 0)
            strbuf_format(text, "; failing likewise: %zu more", finding->as_near);
        return;
    }
    say_none(finding, text);
    strbuf_str(text, ": ");
    say_statement(policy, statement, text);
    if (finding->nearness == NOT_FOR_US) {
        say_others(statement, text);
        return;
    }
    strbuf_str(text, statement->not_action ? " allows it all but " : " allows it ");
    trust_condition_show_all(text, &statement->actions);
}

static void say(const struct trust_policy *policy, const struct finding *finding,
                const struct trust_subject *subject, struct strbuf *text)
{
    if (finding->verdict == TRUST_REFUSED && (!finding->statement || finding->statement->allow)) {
        say_miss(policy, finding, subject, text);
        return;
    }
    say_statement(policy, finding->statement, text);
    if (finding->verdict == TRUST_GIVEN)
        strbuf_format(text, " trusts %s", TRUST_SERVICE);
    else if (finding->verdict == TRUST_REFUSED)
        say_denial(finding, subject, text);
    else
        say_doubt(finding, subject, text);
}

enum trust_verdict trust_judge(const struct trust_policy *policy,
                               const struct trust_subject *subject, struct strbuf *ret_sentence)
{
    struct finding worst = judge_action(policy, subject, "sts:AssumeRole");

    if (subject->session_tags && worst.verdict != TRUST_REFUSED) {
        struct finding tags = judge_action(policy, subject, "sts:TagSession");

        if (tags.verdict == TRUST_REFUSED || worst.verdict == TRUST_GIVEN)
            worst = tags.verdict == TRUST_GIVEN ? worst : tags;
    }
    say(policy, &worst, subject, ret_sentence);
    return worst.verdict;
}
