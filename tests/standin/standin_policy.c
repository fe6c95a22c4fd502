/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_policy.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define REQUEST_TAG "aws:RequestTag/"
#define RESOURCE_TAG "aws:ResourceTag/"

/* ---- reading ---- */

static bool among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static int known_members(const json_t *object, const char *const *names, struct error *err)
{
    for (void *at = json_object_iter((json_t *)object); at;
         at = json_object_iter_next((json_t *)object, at))
        if (!among(json_object_iter_key(at), names))
            return error_set(err, ERROR_INVALID, "a statement may hold no %s here",
                             json_object_iter_key(at));
    return 0;
}

/* One text or an array of them; each without a policy variable. */
static int check_texts(const json_t *value, const char *what, struct error *err)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;

    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;

        if (!json_is_string(one))
            return error_set(err, ERROR_INVALID, "expected %s to be a text or an array of texts",
                             what);
        if (strstr(json_string_value(one), "${"))
            return error_set(err, ERROR_INVALID, "expected no variable or placeholder in %s: %s",
                             what, json_string_value(one));
    }
    return count ? 0 : error_set(err, ERROR_INVALID, "expected at least one text in %s", what);
}

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

static bool known_key(const char *key)
{
    return begins(key, REQUEST_TAG) || begins(key, RESOURCE_TAG) ||
           strcasecmp(key, "iam:PassedToService") == 0 ||
           strcasecmp(key, "iam:AssociatedResourceArn") == 0;
}

static int check_keys(json_t *keys, struct error *err)
{
    const char *key = NULL;
    json_t *values = NULL;

    if (!json_is_object(keys))
        return error_set(err, ERROR_INVALID, "expected each operator to hold an object of keys");
    json_object_foreach(keys, key, values)
    {
        if (!known_key(key))
            return error_set(err, ERROR_INVALID, "the condition key %s is not known here", key);
        if (check_texts(values, key, err) < 0)
            return -1;
    }
    return 0;
}

static int check_condition(json_t *condition, struct error *err)
{
    const char *name = NULL;
    json_t *keys = NULL;

    if (condition && !json_is_object(condition))
        return error_set(err, ERROR_INVALID, "expected Condition to be an object of operators");
    json_object_foreach(condition, name, keys)
    {
        if (strcmp(name, "StringEquals") != 0 && strcmp(name, "StringLike") != 0)
            return error_set(err, ERROR_INVALID, "the operator %s is not known here", name);
        if (check_keys(keys, err) < 0)
            return -1;
    }
    return 0;
}

static int check_statement(const json_t *statement, struct error *err)
{
    static const char *const members[] = {"Sid", "Effect", "Action", "Resource", "Condition", NULL};
    const char *effect = json_text(statement, "Effect");

    if (!json_is_object(statement))
        return error_set(err, ERROR_INVALID, "expected each statement to be an object");
    if (known_members(statement, members, err) < 0)
        return -1;
    if (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0)
        return error_set(err, ERROR_INVALID, "expected Effect to be Allow or Deny");
    if (check_texts(json_object_get(statement, "Action"), "Action", err) < 0 ||
        check_texts(json_object_get(statement, "Resource"), "Resource", err) < 0)
        return -1;
    return check_condition(json_object_get(statement, "Condition"), err);
}

int standin_policy_check_document(const json_t *document, struct error *err)
{
    const json_t *statements = json_object_get(document, "Statement");

    if (strcmp(json_text(document, "Version"), "2012-10-17") != 0)
        return error_set(err, ERROR_INVALID, "expected a policy of the Version 2012-10-17");
    if (!json_is_array(statements))
        return error_set(err, ERROR_INVALID, "expected Statement to be an array");
    for (size_t i = 0; i < json_array_size(statements); i++)
        if (check_statement(json_array_get(statements, i), err) < 0)
            return error_wrap(err, "statement %zu of the policy", i + 1);
    return 0;
}

/* ---- judging ---- */

/* `*` is any run of characters, `?` any one. */
static bool like(const char *pattern, const char *text, bool ignore_case)
{
    const char *star = NULL, *from = text;

    while (*text) {
        bool same = ignore_case ? tolower((unsigned char)*pattern) == tolower((unsigned char)*text)
                                : *pattern == *text;

        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern && (*pattern == '?' || same)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

enum way { EXACT, LIKE, LIKE_ANY_CASE };

static bool fits(const char *pattern, const char *text, enum way way)
{
    return way == EXACT ? strcmp(pattern, text) == 0 : like(pattern, text, way == LIKE_ANY_CASE);
}

/* One text, or any of an array. */
static bool any_fits(const json_t *patterns, const char *text, enum way way)
{
    if (!json_is_array(patterns))
        return fits(json_string_value(patterns), text, way);
    for (size_t i = 0; i < json_array_size(patterns); i++)
        if (fits(json_string_value(json_array_get(patterns, i)), text, way))
            return true;
    return false;
}

static const char *tag_value(const struct standin_policy_tags *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (strcasecmp(tags->tags[i].key, key) == 0)
            return tags->tags[i].value;
    return NULL;
}

/* What the request has under a condition key; NULL: it does not have it. */
static const char *value_of(const struct standin_policy_check *check, const char *key)
{
    if (begins(key, REQUEST_TAG))
        return tag_value(&check->request_tags, key + strlen(REQUEST_TAG));
    if (begins(key, RESOURCE_TAG))
        return tag_value(&check->resource_tags, key + strlen(RESOURCE_TAG));
    return strcasecmp(key, "iam:PassedToService") == 0 ? check->passed_to_service
                                                       : check->associated_resource;
}

static bool keys_met(json_t *keys, enum way way, const struct standin_policy_check *check)
{
    const char *key = NULL;
    json_t *patterns = NULL;

    json_object_foreach(keys, key, patterns)
    {
        const char *value = value_of(check, key);

        if (!value || !any_fits(patterns, value, way))
            return false;
    }
    return true;
}

static bool applies(const json_t *statement, const struct standin_policy_check *check)
{
    const json_t *condition = json_object_get(statement, "Condition");

    if (!any_fits(json_object_get(statement, "Action"), check->action, LIKE_ANY_CASE) ||
        !any_fits(json_object_get(statement, "Resource"), check->resource, LIKE))
        return false;
    return keys_met(json_object_get(condition, "StringEquals"), EXACT, check) &&
           keys_met(json_object_get(condition, "StringLike"), LIKE, check);
}

enum standin_policy_verdict standin_policy_judge(const json_t *document,
                                                 const struct standin_policy_check *check)
{
    const json_t *statements = json_object_get(document, "Statement");
    enum standin_policy_verdict verdict = STANDIN_POLICY_SILENT;

    for (size_t i = 0; i < json_array_size(statements); i++) {
        const json_t *statement = json_array_get(statements, i);

        if (!applies(statement, check))
            continue;
        if (strcmp(json_text(statement, "Effect"), "Deny") == 0)
            return STANDIN_POLICY_DENY;
        verdict = STANDIN_POLICY_ALLOW;
    }
    return verdict;
}
