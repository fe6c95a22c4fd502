/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/policy.h"

#include <string.h>

#include "aws/policy_reader.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"

/* ---- conditions ---- */

static const struct {
    const char *name;
    enum trust_comparison comparison;
    bool negated;
} operators[] = {
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
};

static const char *skip(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

static enum trust_quantifier take_quantifier(const char **name)
{
    const char *all = skip(*name, "ForAllValues:"), *any = skip(*name, "ForAnyValue:");

    if (all)
        *name = all;
    else if (any)
        *name = any;
    if (all)
        return TRUST_FOR_ALL_VALUES;
    return any ? TRUST_FOR_ANY_VALUE : TRUST_NO_QUANTIFIER;
}

/* Null takes neither a quantifier nor IfExists. */
static void read_operator(struct trust_condition *condition)
{
    const char *core = condition->name;

    condition->quantifier = take_quantifier(&core);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const char *rest = skip(core, operators[i].name);
        bool if_exists = rest && strcmp(rest, "IfExists") == 0;

        if (!rest || (*rest && !if_exists))
            continue;
        condition->comparison = operators[i].comparison;
        condition->negated = operators[i].negated;
        condition->if_exists = if_exists;
    }
    if (condition->comparison == TRUST_NULL && strcmp(condition->name, "Null") != 0)
        condition->comparison = TRUST_OTHER;
}

static int check_null(struct policy_reader *reader, const struct trust_condition *condition)
{
    for (size_t i = 0; i < condition->values.count; i++)
        if (strcmp(condition->values.items[i], "true") != 0 &&
            strcmp(condition->values.items[i], "false") != 0)
            return policy_reader_refuse(reader, "Null of %.64s is neither true nor false",
                                        condition->key);
    return 0;
}

static int read_condition(struct policy_reader *reader, const char *name, json_t *keys,
                          const char *key, struct trust_condition *condition)
{
    condition->name = name;
    condition->key = key;
    if (policy_reader_count(reader, "Condition", key, strlen(key)) < 0 ||
        policy_reader_texts(reader, keys, key, true, &condition->values) < 0)
        return -1;
    read_operator(condition);
    return condition->comparison == TRUST_NULL ? check_null(reader, condition) : 0;
}

static int count_conditions(struct policy_reader *reader, json_t *block, size_t *ret_count)
{
    const char *name;
    json_t *keys;
    size_t count = 0;

    if (!json_is_object(block))
        return policy_reader_refuse(reader, "Condition is not an object of operators");
    json_object_foreach(block, name, keys)
    {
        if (!json_is_object(keys))
            return policy_reader_refuse(reader, "Condition %.64s is not an object of keys", name);
        count += json_object_size(keys);
    }
    *ret_count = count;
    return 0;
}

/* The list is made once, at its full size. Its keys point into the document, where a value may be
 * replaced while a key stays. */
static int read_conditions(struct policy_reader *reader, json_t *block,
                           struct trust_statement *statement)
{
    const char *name, *key;
    json_t *keys, *unused;
    size_t count = 0;

    if (count_conditions(reader, block, &count) < 0)
        return -1;
    statement->conditions = mem_array(count, sizeof *statement->conditions);
    json_object_foreach(block, name, keys)
    {
        json_object_foreach(keys, key, unused)
        {
            struct trust_condition *condition =
                &statement->conditions[statement->condition_count++];

            if (read_condition(reader, name, keys, key, condition) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- statements ---- */

static int read_principals(struct policy_reader *reader, json_t *principal,
                           struct trust_statement *statement)
{
    static const char *const kinds[] = {"Service", "AWS", "Federated", "CanonicalUser", NULL};
    struct trust_texts *const lists[] = {&statement->services, &statement->aws,
                                         &statement->federated, &statement->canonical_users};

    if (json_object_size(principal) == 0)
        return policy_reader_refuse(reader,
                                    "Principal is neither \"*\" nor an object with a principal");
    if (policy_reader_members(reader, principal, kinds,
                              "Service, AWS, Federated or CanonicalUser") < 0)
        return -1;
    for (size_t i = 0; kinds[i]; i++)
        if (json_object_get(principal, kinds[i]) &&
            policy_reader_texts(reader, principal, kinds[i], false, lists[i]) < 0)
            return -1;
    return 0;
}

/* The one of two members that is there. */
static int choose(struct policy_reader *reader, json_t *object, const char *name, const char *other,
                  bool *ret_other)
{
    bool first = json_object_get(object, name), second = json_object_get(object, other);

    *ret_other = second;
    return first != second ? 0
                           : policy_reader_refuse(reader, "expected either %s or %s", name, other);
}

static int read_principal(struct policy_reader *reader, json_t *object,
                          struct trust_statement *statement)
{
    if (choose(reader, object, "Principal", "NotPrincipal", &statement->not_principal) < 0)
        return -1;
    json_t *principal =
        json_object_get(object, statement->not_principal ? "NotPrincipal" : "Principal");

    statement->everyone =
        json_is_string(principal) && strcmp(json_string_value(principal), "*") == 0;
    return statement->everyone ? 0 : read_principals(reader, principal, statement);
}

static int read_action(struct policy_reader *reader, json_t *object,
                       struct trust_statement *statement)
{
    if (choose(reader, object, "Action", "NotAction", &statement->not_action) < 0)
        return -1;
    return policy_reader_texts(reader, object, statement->not_action ? "NotAction" : "Action",
                               false, &statement->actions);
}

static int read_effect(struct policy_reader *reader, const json_t *object,
                       struct trust_statement *statement)
{
    const char *effect = json_text(object, "Effect");

    statement->allow = strcmp(effect, "Allow") == 0;
    if (statement->allow || strcmp(effect, "Deny") == 0)
        return 0;
    return policy_reader_refuse(reader, "Effect is neither \"Allow\" nor \"Deny\"");
}

static int read_statement(struct policy_reader *reader, json_t *object,
                          struct trust_statement *statement)
{
    static const char *const known[] = {"Sid",    "Effect",    "Principal", "NotPrincipal",
                                        "Action", "NotAction", "Condition", NULL};
    json_t *sid = json_object_get(object, "Sid"), *block = json_object_get(object, "Condition");

    statement->sid = "";
    if (!json_is_object(object))
        return policy_reader_refuse(reader, "not an object");
    if (policy_reader_members(reader, object, known,
                              "Sid, Effect, Principal, Action or Condition, as in a trust policy") <
            0 ||
        (sid && policy_reader_text(reader, "Sid", sid, &statement->sid) < 0) ||
        read_effect(reader, object, statement) < 0 ||
        read_principal(reader, object, statement) < 0 || read_action(reader, object, statement) < 0)
        return -1;
    return block ? read_conditions(reader, block, statement) : 0;
}

/* ---- the document ---- */

static int read_version(struct policy_reader *reader, const json_t *root)
{
    const json_t *version = json_object_get(root, "Version");
    const char *text = json_text(root, "Version");

    reader->policy->variables = strcmp(text, "2012-10-17") == 0;
    if (!version || reader->policy->variables || strcmp(text, "2008-10-17") == 0)
        return 0;
    return policy_reader_refuse(reader, "Version is neither \"2012-10-17\" nor \"2008-10-17\"");
}

static int read_statements(struct policy_reader *reader, json_t *root)
{
    struct trust_policy *policy = reader->policy;

    if (!json_object_get(root, "Statement"))
        return policy_reader_refuse(reader, "there is no Statement");
    json_t *list = policy_reader_list(root, "Statement");
    size_t count = json_array_size(list);

    if (count > POLICY_STATEMENT_CAP)
        return policy_reader_refuse(reader, "more than %d statements", POLICY_STATEMENT_CAP);
    policy->statements = mem_array(count, sizeof *policy->statements);
    while (policy->count < count) {
        json_t *object = json_array_get(list, policy->count);

        if (read_statement(reader, object, &policy->statements[policy->count++]) < 0)
            return -1;
    }
    return 0;
}

static int read_root(struct policy_reader *reader, json_t *root)
{
    static const char *const known[] = {"Version", "Id", "Statement", NULL};

    if (!json_is_object(root))
        return policy_reader_refuse(reader, "not a JSON object");
    if (policy_reader_members(reader, root, known, "Version, Id or Statement") < 0 ||
        read_version(reader, root) < 0)
        return -1;
    return read_statements(reader, root);
}

static int parse(const char *bytes, size_t length, struct trust_policy *ret_policy,
                 struct error *err)
{
    struct trust_policy policy = {.count = 0};
    struct policy_reader reader = {.policy = &policy, .err = err};

    if (length > POLICY_CAP)
        return error_set(err, ERROR_INVALID, "more than %zu bytes", POLICY_CAP);
    policy.document = json_parse(bytes, length, err);
    if (!policy.document)
        return -1;
    if (read_root(&reader, policy.document) < 0) {
        policy_release(&policy);
        return -1;
    }
    *ret_policy = policy;
    return 0;
}

/* ---- percent-encoding ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Where it is no percent-encoding; `length` when it is. */
static size_t decode(const char *bytes, size_t length, struct strbuf *text)
{
    size_t i = 0;

    while (i < length) {
        if (bytes[i] != '%') {
            strbuf_char(text, bytes[i++]);
            continue;
        }
        if (length - i < 3 || hex(bytes[i + 1]) < 0 || hex(bytes[i + 2]) < 0)
            break;
        strbuf_char(text, (char)(hex(bytes[i + 1]) << 4 | hex(bytes[i + 2])));
        i += 3;
    }
    return i;
}

int policy_read(const char *bytes, size_t length, struct trust_policy *ret_policy,
                struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    if (length == 0)
        return error_set(err, ERROR_INVALID, "nothing, expected a policy document");
    if (length > POLICY_ENCODED_CAP)
        return error_set(err, ERROR_INVALID, "more than %zu bytes", POLICY_ENCODED_CAP);
    if (memchr("{ \t\r\n", bytes[0], 5))
        return parse(bytes, length, ret_policy, err);
    size_t end = decode(bytes, length, &text);
    if (end < length)
        return error_set(err, ERROR_INVALID,
                         "a '%%' at byte %zu without two hexadecimal digits after it", end + 1);
    return parse(strbuf_text(&text), text.length, ret_policy, err);
}

static void release_statement(struct trust_statement *statement)
{
    mem_free(statement->services.items);
    mem_free(statement->aws.items);
    mem_free(statement->federated.items);
    mem_free(statement->canonical_users.items);
    mem_free(statement->actions.items);
    for (size_t i = 0; i < statement->condition_count; i++)
        mem_free(statement->conditions[i].values.items);
    mem_free(statement->conditions);
}

void policy_release(struct trust_policy *policy)
{
    for (size_t i = 0; i < policy->count; i++)
        release_statement(&policy->statements[i]);
    mem_free(policy->statements);
    json_release(&policy->document);
    *policy = (struct trust_policy){.count = 0};
}
