/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/trust_condition.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define SHOWN 200     /* bytes of a text */
#define SHOWN_ITEMS 2 /* texts of a list */

/* ---- wildcards ---- */

struct piece {
    const char *start;
    size_t length;
};

static bool has_more(struct piece piece, size_t at)
{
    return at != piece.length;
}

static bool same_char(char pattern, char c, bool ignore_case)
{
    return pattern == '?' || pattern == c ||
           (ignore_case && tolower((unsigned char)pattern) == tolower((unsigned char)c));
}

/* Each star first stands for nothing, and takes one character more whenever what follows it does
 * not fit. Only the last star need do so: at most pattern times text steps. */
static bool like(struct piece pattern, struct piece text, bool ignore_case)
{
    size_t p = 0, t = 0, after_star = 0, star_end = 0;

    while (has_more(text, t)) {
        if (has_more(pattern, p) && pattern.start[p] == '*') {
            after_star = ++p;
            star_end = t;
        } else if (has_more(pattern, p) &&
                   same_char(pattern.start[p], text.start[t], ignore_case)) {
            p++;
            t++;
        } else if (after_star > 0) {
            p = after_star;
            t = ++star_end;
        } else {
            return false;
        }
    }
    while (has_more(pattern, p) && pattern.start[p] == '*')
        p++;
    return !has_more(pattern, p);
}

bool trust_condition_like(const char *pattern, const char *text, bool ignore_case)
{
    return like((struct piece){pattern, strlen(pattern)}, (struct piece){text, strlen(text)},
                ignore_case);
}

/* ---- ARNs ---- */

#define ARN_PIECES 6

/* Cuts at the first five colons; the resource may hold more. */
static bool split(const char *arn, struct piece ret_pieces[ARN_PIECES])
{
    for (int i = 0; i < ARN_PIECES - 1; i++) {
        size_t length = strcspn(arn, ":");

        if (arn[length] == '\0')
            return false;
        ret_pieces[i] = (struct piece){arn, length};
        arn += length + 1;
    }
    ret_pieces[ARN_PIECES - 1] = (struct piece){arn, strlen(arn)};
    return true;
}

/* Each piece for itself: a star never reaches over a colon of the first five. */
static enum trust_truth arn_like(const char *pattern, const char *arn)
{
    struct piece wanted[ARN_PIECES], found[ARN_PIECES];

    if (!split(pattern, wanted) || !split(arn, found))
        return TRUST_MAYBE;
    for (int i = 0; i < ARN_PIECES; i++)
        if (!like(wanted[i], found[i], false))
            return TRUST_NO;
    return TRUST_YES;
}

/* ---- what is known ---- */

struct fact {
    enum { FACT_UNKNOWN, FACT_ABSENT, FACT_HIDDEN, FACT_KNOWN } kind;
    const char *value; /* when known */
    const char *what;  /* "this cluster is" */
};

#define TAG "aws:RequestTag/"

static bool is_tag(const char *key)
{
    return strncasecmp(key, TAG, strlen(TAG)) == 0;
}

static struct fact look_up(const char *key, const struct trust_subject *subject)
{
    const struct {
        const char *key, *value, *what;
    } rows[] = {
        {"aws:SourceArn", subject->cluster_arn, "this cluster is"},
        {"aws:SourceAccount", subject->account, "this account is"},
        {TAG "eks-cluster-arn", subject->cluster_arn, "this cluster is"},
        {TAG "eks-cluster-name", subject->cluster_name, "this cluster is"},
        {TAG "kubernetes-namespace", subject->namespace, "this namespace is"},
        {TAG "kubernetes-service-account", subject->service_account, "this service account is"},
        {TAG "kubernetes-pod-name", NULL, NULL},
        {TAG "kubernetes-pod-uid", NULL, NULL},
    };

    if (is_tag(key) && !subject->session_tags)
        return (struct fact){.kind = FACT_ABSENT};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcasecmp(rows[i].key, key) == 0)
            return (struct fact){rows[i].value ? FACT_KNOWN : FACT_HIDDEN, rows[i].value,
                                 rows[i].what};
    return (struct fact){.kind = FACT_UNKNOWN};
}

/* ---- does it hold? ---- */

static enum trust_truth truth(bool holds)
{
    return holds ? TRUST_YES : TRUST_NO;
}

static enum trust_truth when_absent(const struct trust_condition *condition)
{
    if (condition->quantifier == TRUST_FOR_ANY_VALUE)
        return condition->if_exists ? TRUST_MAYBE : TRUST_NO;
    return truth(condition->negated || condition->if_exists ||
                 condition->quantifier == TRUST_FOR_ALL_VALUES);
}

static enum trust_truth null_holds(const struct trust_condition *condition, struct fact fact)
{
    if (fact.kind == FACT_UNKNOWN)
        return TRUST_MAYBE;
    for (size_t i = 0; i < condition->values.count; i++)
        if ((strcmp(condition->values.items[i], "true") == 0) == (fact.kind == FACT_ABSENT))
            return TRUST_YES;
    return TRUST_NO;
}

static bool has_variable(const char *value)
{
    return strstr(value, "${") != NULL;
}

static enum trust_truth value_fits(enum trust_comparison comparison, const char *wanted,
                                   const char *value)
{
    switch (comparison) {
    case TRUST_STRING_EQUALS:
        return truth(strcmp(wanted, value) == 0);
    case TRUST_STRING_EQUALS_IGNORE_CASE:
        return truth(strcasecmp(wanted, value) == 0);
    case TRUST_STRING_LIKE:
        return truth(trust_condition_like(wanted, value, false));
    default:
        return arn_like(wanted, value);
    }
}

static enum trust_truth any_fits(const struct trust_condition *condition, const char *value,
                                 bool variables)
{
    enum trust_truth best = TRUST_NO;

    for (size_t i = 0; i < condition->values.count; i++) {
        const char *wanted = condition->values.items[i];
        enum trust_truth fits = variables && has_variable(wanted)
                                    ? TRUST_MAYBE
                                    : value_fits(condition->comparison, wanted, value);

        best = fits > best ? fits : best;
    }
    return best;
}

enum trust_truth trust_condition_holds(const struct trust_condition *condition,
                                       const struct trust_subject *subject, bool variables)
{
    struct fact fact = look_up(condition->key, subject);

    if (condition->comparison == TRUST_OTHER)
        return TRUST_MAYBE;
    if (condition->comparison == TRUST_NULL)
        return null_holds(condition, fact);
    if (fact.kind == FACT_ABSENT)
        return when_absent(condition);
    if (fact.kind != FACT_KNOWN)
        return TRUST_MAYBE;
    enum trust_truth fits = any_fits(condition, fact.value, variables);
    return condition->negated ? TRUST_YES - fits : fits;
}

/* ---- in words ---- */

void trust_condition_show(struct strbuf *text, const char *shown)
{
    size_t length = strnlen(shown, SHOWN + 1);

    for (size_t i = 0; i < length && i < SHOWN; i++)
        strbuf_char(text, shown[i] >= ' ' && shown[i] < 0x7F ? shown[i] : '?');
    if (length > SHOWN)
        strbuf_str(text, "...");
}

void trust_condition_show_all(struct strbuf *text, const struct trust_texts *shown)
{
    size_t named = shown->count > SHOWN_ITEMS + 1 ? SHOWN_ITEMS : shown->count;

    for (size_t i = 0; i < named; i++) {
        if (i > 0)
            strbuf_str(text, i + 1 == shown->count ? " or " : ", ");
        trust_condition_show(text, shown->items[i]);
    }
    if (named < shown->count)
        strbuf_format(text, " or %zu more", shown->count - named);
}

static void say_fact(struct fact fact, struct strbuf *text)
{
    switch (fact.kind) {
    case FACT_KNOWN:
        strbuf_format(text, "%s ", fact.what);
        trust_condition_show(text, fact.value);
        break;
    case FACT_ABSENT:
        strbuf_str(text, "EKS sends no session tags for this binding");
        break;
    default:
        strbuf_str(text, "EKS sends it");
    }
}

void trust_condition_say(const struct trust_condition *condition,
                         const struct trust_subject *subject, struct strbuf *text)
{
    trust_condition_show(text, condition->key);
    if (condition->comparison == TRUST_NULL) {
        strbuf_str(text, strcmp(condition->values.items[0], "true") == 0 ? " absent" : " present");
    } else {
        strbuf_str(text, condition->negated ? " other than " : " ");
        trust_condition_show_all(text, &condition->values);
    }
    strbuf_str(text, ", and ");
    say_fact(look_up(condition->key, subject), text);
}

void trust_condition_say_doubt(const struct trust_condition *condition,
                               const struct trust_subject *subject, struct strbuf *text)
{
    struct fact fact = look_up(condition->key, subject);

    trust_condition_show(text, condition->key);
    if (condition->comparison == TRUST_OTHER) {
        strbuf_str(text, " by the operator ");
        trust_condition_show(text, condition->name);
        strbuf_str(text, ", which podbind does not judge");
    } else if (fact.kind == FACT_UNKNOWN) {
        strbuf_str(text, ", which podbind cannot know");
    } else if (fact.kind == FACT_HIDDEN) {
        strbuf_str(text, ", which is another for each pod");
    } else if (fact.kind == FACT_ABSENT) {
        strbuf_str(text, " by ForAnyValue with IfExists, and AWS does not say what that means for "
                         "a key that is absent");
    } else {
        strbuf_str(text, ", whose value is a policy variable or no ARN: ");
        trust_condition_show_all(text, &condition->values);
    }
}
