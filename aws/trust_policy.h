/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_policy - a role's trust policy as plain data: aws/policy reads it, reconcile/trust judges
 * it. No function of its own, no library's header.
 *
 * Texts are as the document has them, NUL-terminated, never NULL but where said. What is of a form
 * that is not told here never gets into these types: reading it is an error.
 *
 * Source: IAM User Guide, "Grammar of the IAM JSON policy language", "Condition operators".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct json_t;

struct trust_texts {
    const char **items;
    size_t count;
};

enum trust_comparison {
    TRUST_OTHER, /* one that is not judged: NumericLessThan, Bool, one that is not known */
    TRUST_STRING_EQUALS,
    TRUST_STRING_EQUALS_IGNORE_CASE,
    TRUST_STRING_LIKE,
    TRUST_ARN_LIKE, /* ArnEquals too: AWS says that they are the same */
    TRUST_NULL,     /* the values are "true" and "false" */
};

enum trust_quantifier { TRUST_NO_QUANTIFIER, TRUST_FOR_ALL_VALUES, TRUST_FOR_ANY_VALUE };

/* One key under one operator: "StringNotLikeIfExists": {"aws:SourceArn": ["a", "b"]}. */
struct trust_condition {
    const char *name; /* of the operator, as written: "ForAnyValue:StringEquals" */
    enum trust_comparison comparison;
    enum trust_quantifier quantifier;
    bool negated;
    bool if_exists;
    const char *key;
    struct trust_texts values; /* at least one; numbers and booleans as text */
};

struct trust_statement {
    const char *sid;    /* "" when it has none */
    bool allow;         /* else it denies */
    bool not_principal; /* NotPrincipal: all but these */
    bool everyone;      /* the principal is "*" itself; the lists are empty */
    struct trust_texts services;
    struct trust_texts aws; /* accounts, roles, users, "*" */
    struct trust_texts federated;
    struct trust_texts canonical_users;
    bool not_action;            /* NotAction: all but these */
    struct trust_texts actions; /* at least one */
    struct trust_condition *conditions;
    size_t condition_count;
};

struct trust_policy {
    bool variables; /* ${...} in values is a variable: the version is 2012-10-17 */
    struct trust_statement *statements;
    size_t count;
    struct json_t *document; /* private to aws/policy: what the texts point into */
};
