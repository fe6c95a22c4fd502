/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binding - a PodIdentityBinding and a ServiceAccount as podbind sees them: plain, compact,
 * read-only.
 *
 * A record is one heap block: the struct and every string it points to. Strings are never NULL;
 * absent is "". Records are made by crds/binding_json from what the API server says (or by a test
 * from a literal) and never changed afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BINDING_GROUP "podbind.dev"
#define BINDING_VERSION "v1alpha1"
#define BINDING_KIND "PodIdentityBinding"
#define BINDING_PLURAL "podidentitybindings"
#define BINDING_FINALIZER "podbind.dev/association"
#define BINDING_ANNOTATION_RECONCILE "podbind.dev/reconcile-at"
#define BINDING_ANNOTATION_ABANDON "podbind.dev/abandon"

enum selector_operator {
    SELECTOR_IN,
    SELECTOR_NOT_IN,
    SELECTOR_EXISTS,
    SELECTOR_DOES_NOT_EXIST,
};

struct selector_requirement {
    const char *key;
    enum selector_operator operation;
    const char *const *values; /* for In and NotIn */
    size_t value_count;
};

enum binding_adoption { ADOPTION_NEVER, ADOPTION_SAME_ACCESS, ADOPTION_ALWAYS };

/* The conditions podbind writes, in the order in which status lists them. */
enum binding_condition_type {
    CONDITION_ACCEPTED,
    CONDITION_ASSOCIATED,
    CONDITION_ROLE_TRUSTED,
    CONDITION_READY,
    CONDITION_RECONCILING,
    CONDITION_STALLED,
    CONDITION_COUNT,
};

enum condition_status { CONDITION_ABSENT, CONDITION_TRUE, CONDITION_FALSE, CONDITION_UNKNOWN };

/* What must be remembered of the status that the API server holds. */
struct binding_stored_status {
    int64_t observed_generation;         /* -1: nothing written yet */
    uint64_t hash;                       /* binding_status_hash() */
    uint64_t trust_hash;                 /* binding_trust_hash() */
    uint32_t since_s[CONDITION_COUNT];   /* lastTransitionTime: seconds since 1970, to 2106 */
    uint8_t conditions[CONDITION_COUNT]; /* enum condition_status, a byte each */
    const char *ready_reason;
    const char *associations; /* pairs (crds/pairs.h): service account → association id */
};

struct binding {
    const char *namespace;
    const char *name;
    const char *uid;
    const char *resource_version; /* decimal digits of any length */
    int64_t generation;
    int64_t created_us;       /* creationTimestamp, microseconds since 1970 */
    const char *finalizers;   /* all, a line each, in order: a merge patch replaces the list */
    const char *reconcile_at; /* the annotation, "" without one; a long one as its SHA-256 */

    const char *service_account; /* "" when a selector is used */
    const struct selector_requirement *selector;
    size_t selector_count; /* 0 when a name is used */
    const char *role_arn;  /* one of role_arn, role_name; the other is "" */
    const char *role_name; /* may hold a path: team/a/reader */
    const char *target_role_arn;
    const char *session_policy; /* compact JSON with sorted keys; "" when absent or broken */
    const char *policy_defect;  /* what is wrong with the policy as written; "" when nothing */
    const char *tags;           /* pairs */
    const char *defect; /* what our schema would have refused, as a sentence; "": well-formed */

    enum binding_adoption adoption;
    bool session_tags;
    bool retain;
    bool suspend;
    bool deleting;      /* has a deletionTimestamp */
    bool has_finalizer; /* ours is among the finalizers */
    bool abandon;       /* the annotation */

    struct binding_stored_status status;
};

struct service_account {
    const char *namespace;
    const char *name;
    const char *resource_version;
    const char *labels; /* pairs */
    bool has_irsa_role; /* carries eks.amazonaws.com/role-arn */
};

/* A packed copy, to be freed with mem_free(). A NULL string of a literal becomes "". */
struct binding *binding_copy(const struct binding *from);
struct service_account *service_account_copy(const struct service_account *from);

/* True when every requirement holds for these labels (pairs). No requirements: false. */
bool selector_matches(const struct selector_requirement *selector, size_t count,
                      const char *labels);

/* ---- what we write ---- */

struct binding_condition {
    enum condition_status status;
    const char *reason;
    const char *message;
    int64_t since_us; /* lastTransitionTime, written in whole seconds */
};

struct binding_row {
    const char *service_account;
    const char *id;
    const char *state; /* Associated, Creating, Updating, Deleting, Refused, Waiting, ... */
    const char *external_id;
    int64_t last_changed_us; /* written in whole seconds; 0: unknown, left out */
};

#define BINDING_MAX_ROWS 100

struct binding_status {
    int64_t observed_generation; /* also that of every condition */
    struct binding_condition conditions[CONDITION_COUNT];
    const char *cluster_name;
    const char *role; /* short, for the column */
    const char *role_arn;
    const char *service_accounts; /* the name, or "3 selected" */
    const char *access;           /* "", "none" or 8 hex digits */
    const char *bound;            /* "1/1" */
    int wanted;
    int in_place;
    const struct binding_row *rows; /* sorted by service account, BINDING_MAX_ROWS at most */
    size_t row_count;
    int omitted;
};

const char *condition_type_name(enum binding_condition_type type);
const char *condition_status_name(enum condition_status status);

/* Equal statuses have equal hashes, whether made by us or read back from the API server:
 * last_changed_us counts in whole seconds, and bytes that are not UTF-8 as what JSON makes of them.
 * Times of transition are not in it: they follow from the rest. NULL strings count as "".
 * RoleTrusted has a hash of its own: what is said of it stands until IAM has been asked. */
uint64_t binding_status_hash(const struct binding_status *status);
uint64_t binding_trust_hash(const struct binding_status *status);
