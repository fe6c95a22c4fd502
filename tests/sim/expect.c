/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/expect.h"

#include <stdio.h>
#include <string.h>

#include "crds/pairs.h"
#include "reconcile/association.h"

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

const char *expect_refusal(const struct binding *binding)
{
    static const char own[] = "arn:aws:iam::" EXPECT_ACCOUNT ":role/";
    const char *role = binding->role_name;

    if (binding->defect[0] != '\0')
        return "InvalidSpec";
    if (binding->policy_defect[0] != '\0')
        return "InvalidSessionPolicy";
    if (binding->role_arn[0] != '\0') {
        if (!starts_with(binding->role_arn, own))
            return "Refused";
        role = binding->role_arn + strlen(own);
    }
    if (starts_with(role, "aws-service-role/") ||
        strstr(binding->target_role_arn, ":role/aws-service-role/"))
        return "Refused";
    if (binding->target_role_arn[0] != '\0' && !starts_with(binding->target_role_arn, "arn:aws:"))
        return "Refused";
    return "";
}

/* ---- selectors ---- */

/* Labels are lines of "key\tvalue". */
static bool find_label(const char *labels, const char *key, char ret_value[64])
{
    size_t length = strlen(key);

    while (*labels != '\0') {
        size_t line = strcspn(labels, "\n");

        if (line > length && memcmp(labels, key, length) == 0 && labels[length] == '\t') {
            snprintf(ret_value, 64, "%.*s", (int)(line - length - 1), labels + length + 1);
            return true;
        }
        labels += line + (labels[line] == '\n');
    }
    return false;
}

static bool requirement_met(const struct selector_requirement *wanted, const char *labels)
{
    char value[64];
    bool there = find_label(labels, wanted->key, value), among = false;

    for (size_t i = 0; there && i < wanted->value_count; i++)
        among = among || strcmp(wanted->values[i], value) == 0;
    if (wanted->operation == SELECTOR_IN)
        return among;
    if (wanted->operation == SELECTOR_NOT_IN)
        return !among;
    return there == (wanted->operation == SELECTOR_EXISTS);
}

static bool selected(const struct binding *binding, const struct service_account *account)
{
    for (size_t i = 0; i < binding->selector_count; i++)
        if (!requirement_met(&binding->selector[i], account->labels))
            return false;
    return strcmp(account->namespace, binding->namespace) == 0;
}

bool expect_names(const struct view *view, const struct binding *binding, const char *account)
{
    if (binding->deleting)
        return false;
    if (binding->selector_count == 0)
        return strcmp(binding->service_account, account) == 0;
    for (size_t i = 0; i < view->account_count; i++)
        if (strcmp(view->accounts[i]->name, account) == 0 &&
            strcmp(view->accounts[i]->namespace, binding->namespace) == 0)
            return selected(binding, view->accounts[i]);
    return false;
}

static bool is_older(const struct binding *a, const struct binding *b)
{
    if (a->created_us != b->created_us)
        return a->created_us < b->created_us;
    return strcmp(a->name, b->name) < 0;
}

const struct binding *expect_holder(const struct view *view, const char *namespace,
                                    const char *account)
{
    const struct binding *holder = NULL;

    if (strcmp(namespace, view->own_namespace) == 0)
        return NULL;
    for (size_t i = 0; i < view->binding_count; i++) {
        const struct binding *binding = view->bindings[i];

        if (strcmp(binding->namespace, namespace) != 0 || expect_refusal(binding)[0] != '\0' ||
            !expect_names(view, binding, account))
            continue;
        if (!holder || is_older(binding, holder))
            holder = binding;
    }
    return holder;
}

/* ---- associations ---- */

void expect_role_arn(const struct binding *binding, char ret_arn[EXPECT_ARN_SIZE])
{
    if (binding->role_arn[0] != '\0')
        snprintf(ret_arn, EXPECT_ARN_SIZE, "%s", binding->role_arn);
    else
        snprintf(ret_arn, EXPECT_ARN_SIZE, "arn:aws:iam::" EXPECT_ACCOUNT ":role/%s",
                 binding->role_name);
}

const char *expect_difference(const struct binding *binding,
                              const struct model_association *association)
{
    char role_arn[EXPECT_ARN_SIZE];

    expect_role_arn(binding, role_arn);
    if (strcmp(association->role_arn, role_arn) != 0)
        return "role";
    if (strcmp(association->target_role_arn, binding->target_role_arn) != 0)
        return "target role";
    if (strcmp(association->policy, binding->session_policy) != 0)
        return "session policy";
    if (association->disable_session_tags == binding->session_tags)
        return "session tags";
    return "";
}

#define PAIRS_MAX 64

void expect_tags(const struct binding *binding, const char *owner, struct strbuf *ret_pairs)
{
    struct pair pairs[PAIRS_MAX];
    char texts[PAIRS_MAX][2][64];
    struct pair_view view;
    size_t count = 0;

    for (const char *cursor = binding->tags; pairs_next(&cursor, &view);) {
        snprintf(texts[count][0], 64, "%.*s", (int)view.key_length, view.key);
        snprintf(texts[count][1], 64, "%.*s", (int)view.value_length, view.value);
        pairs[count] = (struct pair){texts[count][0], texts[count][1]};
        count++;
    }
    pairs[count++] = (struct pair){"podbind.dev/owner", owner};
    pairs[count++] = (struct pair){"podbind.dev/binding", binding->uid};
    if (binding->retain)
        pairs[count++] = (struct pair){"podbind.dev/retain", "true"};
    pairs_write(pairs, count, ret_pairs);
}

void expect_pairs(const struct model_association *association, struct strbuf *ret_pairs)
{
    struct pair pairs[PAIRS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < association->tag_count; i++)
        pairs[count++] = (struct pair){association->tags[i].key, association->tags[i].value};
    pairs_write(pairs, count, ret_pairs);
}

const char *expect_tag(const struct model_association *association, const char *key)
{
    for (size_t i = 0; i < association->tag_count; i++)
        if (strcmp(association->tags[i].key, key) == 0)
            return association->tags[i].value;
    return NULL;
}

bool expect_ours(const struct model_association *association, const char *owner)
{
    const char *tag = expect_tag(association, "podbind.dev/owner");

    return association->owner_arn[0] == '\0' && tag && strcmp(tag, owner) == 0;
}
