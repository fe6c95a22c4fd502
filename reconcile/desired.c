/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/desired.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/mem.h"
#include "crds/pairs.h"

#define MESSAGE_CAP 512

/* ---- is the binding as a whole allowed? ---- */

static void refuse(struct claim *claim, const char *reason, struct strbuf *message)
{
    claim->reason = reason;
    claim->owned_message = strbuf_take(message);
}

/* Splits arn:<partition>:iam::<account>:role/<name>; false when it is not of that form. */
static bool split_role_arn(const char *arn, const char *ret_parts[3], size_t ret_lengths[3])
{
    const char *partition, *account, *name;

    if (strncmp(arn, "arn:", 4) != 0)
        return false;
    partition = arn + 4;
    account = strstr(partition, ":iam::");
    if (!account)
        return false;
    ret_lengths[0] = (size_t)(account - partition);
    account += strlen(":iam::");
    name = strstr(account, ":role/");
    if (!name)
        return false;
    ret_lengths[1] = (size_t)(name - account);
    name += strlen(":role/");
    ret_lengths[2] = strlen(name);
    ret_parts[0] = partition;
    ret_parts[1] = account;
    ret_parts[2] = name;
    return ret_lengths[0] > 0 && ret_lengths[1] == 12 && ret_lengths[2] > 0;
}

static bool part_is(const char *part, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(part, text, length) == 0;
}

#define SERVICE_ROLES "aws-service-role/"

/* `own_account`: the role must be in the cluster's account; AWS lets only target roles be
 * elsewhere. */
static bool role_is_allowed(struct claim *claim, const char *field, const char *arn,
                            bool own_account, const struct cluster *cluster)
{
    CLEANUP(strbuf_release) struct strbuf message = STRBUF_CAPPED(MESSAGE_CAP);
    const char *parts[3];
    size_t lengths[3];

    if (!split_role_arn(arn, parts, lengths)) {
        strbuf_format(&message,
                      "%s '%.200s' is not an IAM role ARN, expected "
                      "arn:<partition>:iam::<12 digits>:role/<name>",
                      field, arn);
        refuse(claim, "InvalidSpec", &message);
    } else if (strncmp(parts[2], SERVICE_ROLES, strlen(SERVICE_ROLES)) == 0) {
        strbuf_format(&message,
                      "%s '%.200s' is a service-linked role: AWS services own these, bind a "
                      "role of your own",
                      field, arn);
        refuse(claim, "Refused", &message);
    } else if (!part_is(parts[0], lengths[0], cluster->partition)) {
        strbuf_format(&message, "%s '%.200s' is in another partition than the cluster (%s)", field,
                      arn, cluster->partition);
        refuse(claim, "Refused", &message);
    } else if (own_account && !part_is(parts[1], lengths[1], cluster->account)) {
        strbuf_format(&message,
                      "%s '%.200s' is in another account than the cluster (%s): name a role of "
                      "the cluster's account here and the other one as targetRole",
                      field, arn, cluster->account);
        refuse(claim, "Refused", &message);
    }
    return claim->reason[0] == '\0';
}

struct builder {
    const struct desired_input *input;
    struct desired *desired;
    size_t capacity;           /* of desired->wants */
    struct strbuf role_prefix; /* of a role's ARN, before its name; empty: not known yet */
    char *next_arn;            /* the room for the next one that is computed */
};

/* The ARN is computed by text alone, so that blue and green always compute the same. Not while the
 * account is unknown: nothing is written before it is known. */
static void make_role_prefix(struct builder *builder)
{
    const struct cluster *cluster = builder->input->cluster;

    builder->role_prefix = STRBUF_CAPPED(256);
    if (cluster->account[0] != '\0')
        strbuf_format(&builder->role_prefix, "arn:%s:iam::%s:role/", cluster->partition,
                      cluster->account);
}

/* One block for all: there may be thousands, and they live and end together. */
static void make_room_for_arns(struct builder *builder)
{
    const struct desired_input *input = builder->input;
    size_t prefix = builder->role_prefix.length, size = 0;

    for (size_t i = 0; i < input->binding_count && prefix > 0; i++)
        if (input->bindings[i]->role_arn[0] == '\0')
            size += prefix + strlen(input->bindings[i]->role_name) + 1;
    builder->next_arn = builder->desired->role_arns = mem_resize(NULL, size);
}

static const char *compute_arn(struct builder *builder, const char *role_name)
{
    size_t prefix = builder->role_prefix.length, name_size = strlen(role_name) + 1;
    char *arn = builder->next_arn;

    memcpy(arn, builder->role_prefix.text, prefix);
    memcpy(arn + prefix, role_name, name_size);
    builder->next_arn += prefix + name_size;
    return arn;
}

static void resolve_role(struct builder *builder, struct claim *claim)
{
    const struct binding *binding = claim->binding;

    claim->access.role_arn = binding->role_arn;
    if (binding->role_arn[0] == '\0' && builder->role_prefix.length > 0)
        claim->access.role_arn = compute_arn(builder, binding->role_name);
}

static void refuse_defect(struct claim *claim, const char *reason, const char *sentence)
{
    CLEANUP(strbuf_release) struct strbuf message = STRBUF_CAPPED(MESSAGE_CAP);

    strbuf_format(&message, "%.480s", sentence);
    refuse(claim, reason, &message);
}

static void judge_binding(struct builder *builder, struct claim *claim)
{
    const struct cluster *cluster = builder->input->cluster;
    const struct binding *binding = claim->binding;

    claim->reason = "";
    claim->access = (struct access){.role_arn = "",
                                    .target_role_arn = binding->target_role_arn,
                                    .policy = binding->session_policy,
                                    .session_tags = binding->session_tags};
    if (binding->defect[0] != '\0')
        refuse_defect(claim, "InvalidSpec", binding->defect);
    else if (binding->policy_defect[0] != '\0')
        refuse_defect(claim, "InvalidSessionPolicy", binding->policy_defect);
    resolve_role(builder, claim);
    if (claim->reason[0] != '\0' || claim->access.role_arn[0] == '\0' ||
        cluster->account[0] == '\0')
        return;
    if (role_is_allowed(claim, "role", claim->access.role_arn, true, cluster) &&
        binding->target_role_arn[0] != '\0')
        role_is_allowed(claim, "targetRole", binding->target_role_arn, false, cluster);
}

/* ---- which keys does it ask for? ---- */

/* The first account that is not before (namespace, name). */
static size_t account_position(const struct desired_input *input, const char *namespace,
                               const char *name)
{
    size_t low = 0, high = input->account_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct service_account *account = input->accounts[middle];
        int order = strcmp(account->namespace, namespace);

        if (order == 0)
            order = strcmp(account->name, name);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_want(struct builder *builder, struct claim *claim, const char *account, bool irsa)
{
    struct desired *desired = builder->desired;
    const char *namespace = claim->binding->namespace;
    bool own = strcmp(namespace, builder->input->own_namespace) == 0;

    MEM_GROW(desired->wants, desired->want_count, builder->capacity);
    desired->wants[desired->want_count++] = (struct want){
        .key = {namespace, account}, .verdict = own ? WANT_REFUSED : WANT_HELD, .irsa = irsa};
    claim->want_count++;
}

static void add_wants(struct builder *builder, struct claim *claim)
{
    const struct desired_input *input = builder->input;
    const struct binding *binding = claim->binding;
    size_t i;

    if (binding->deleting || claim->reason[0] != '\0')
        return;
    i = account_position(input, binding->namespace, binding->service_account);
    if (binding->selector_count == 0) {
        bool exists = i < input->account_count &&
                      strcmp(input->accounts[i]->namespace, binding->namespace) == 0 &&
                      strcmp(input->accounts[i]->name, binding->service_account) == 0;

        add_want(builder, claim, binding->service_account,
                 exists && input->accounts[i]->has_irsa_role);
        return;
    }
    for (; i < input->account_count; i++) {
        const struct service_account *account = input->accounts[i];

        if (strcmp(account->namespace, binding->namespace) != 0)
            break;
        if (selector_matches(binding->selector, binding->selector_count, account->labels))
            add_want(builder, claim, account->name, account->has_irsa_role);
    }
}

/* ---- who holds a key that two ask for? ---- */

static int older_first(const struct binding *a, const struct binding *b)
{
    if (a->created_us != b->created_us)
        return a->created_us < b->created_us ? -1 : 1;
    return strcmp(a->name, b->name); /* keys are shared within one namespace only */
}

static int by_key_then_age(const void *left, const void *right)
{
    const struct want *a = *(struct want *const *)left, *b = *(struct want *const *)right;
    int order = association_key_compare(&a->key, &b->key);

    return order != 0 ? order : older_first(a->claim->binding, b->claim->binding);
}

static bool is_sorted(struct want *const *wants, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (by_key_then_age(&wants[i - 1], &wants[i]) > 0)
            return false;
    return true;
}

static void settle_conflicts(struct desired *desired)
{
    size_t kept = 0;

    desired->held = mem_array(desired->want_count, sizeof *desired->held);
    for (size_t i = 0; i < desired->want_count; i++)
        if (desired->wants[i].verdict == WANT_HELD)
            desired->held[desired->held_count++] = &desired->wants[i];
    if (!is_sorted(desired->held, desired->held_count))
        qsort(desired->held, desired->held_count, sizeof *desired->held, by_key_then_age);
    for (size_t i = 0; i < desired->held_count; i++) {
        struct want *want = desired->held[i];
        struct want *holder = kept > 0 ? desired->held[kept - 1] : NULL;

        if (holder && association_key_compare(&holder->key, &want->key) == 0) {
            want->verdict = WANT_CONFLICT;
            want->rival = holder->claim;
            holder->rival = want->claim;
        } else {
            desired->held[kept++] = want;
        }
    }
    desired->held_count = kept;
}

void desired_build(const struct desired_input *input, struct desired *ret_desired)
{
    struct desired desired = {0};
    struct builder builder = {.input = input, .desired = &desired};
    size_t next = 0;

    desired.claims = mem_array(input->binding_count, sizeof *desired.claims);
    desired.claim_count = input->binding_count;
    make_role_prefix(&builder);
    make_room_for_arns(&builder);
    for (size_t i = 0; i < input->binding_count; i++) {
        desired.claims[i].binding = input->bindings[i];
        judge_binding(&builder, &desired.claims[i]);
        add_wants(&builder, &desired.claims[i]);
    }
    for (size_t i = 0; i < desired.claim_count; i++) {
        CANNOT_HAPPEN(!desired.wants && desired.claims[i].want_count > 0, "wants are counted");
        desired.claims[i].wants = desired.wants ? desired.wants + next : NULL;
        for (size_t j = 0; j < desired.claims[i].want_count; j++)
            desired.wants[next++].claim = &desired.claims[i];
    }
    strbuf_release(&builder.role_prefix);
    settle_conflicts(&desired);
    *ret_desired = desired;
}

void desired_release(struct desired *desired)
{
    for (size_t i = 0; i < desired->claim_count; i++) {
        mem_free(desired->claims[i].owned_message);
    }
    mem_free(desired->claims);
    mem_free(desired->role_arns);
    mem_free(desired->wants);
    mem_free(desired->held);
    *desired = (struct desired){0};
}

const char *claim_role_short(const struct claim *claim)
{
    const struct binding *binding = claim->binding;
    const char *name = strstr(binding->role_arn, ":role/");

    if (binding->role_arn[0] == '\0')
        return binding->role_name;
    return name ? name + strlen(":role/") : binding->role_arn;
}

struct want *desired_find(const struct desired *desired, const struct association_key *key)
{
    size_t low = 0, high = desired->held_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = association_key_compare(&desired->held[middle]->key, key);

        if (order == 0)
            return desired->held[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

#define OWN_TAGS 3
#define MAX_TAGS 50

void desired_tags(const struct claim *claim, const char *owner, struct strbuf *ret_tags)
{
    CLEANUP(strbuf_release) struct strbuf user = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);
    struct pair pairs[MAX_TAGS];
    struct pair_view view;
    size_t count = 0;
    const char *cursor = claim->binding->tags;

    strbuf_str(&user, claim->binding->tags); /* cut into strings below */
    while (count < MAX_TAGS - OWN_TAGS && pairs_next(&cursor, &view)) {
        char *key = user.text + (view.key - claim->binding->tags);
        char *value = user.text + (view.value - claim->binding->tags);

        key[view.key_length] = '\0';
        value[view.value_length] = '\0';
        if (strncmp(key, TAG_PREFIX, strlen(TAG_PREFIX)) != 0)
            pairs[count++] = (struct pair){key, value};
    }
    pairs[count++] = (struct pair){TAG_OWNER, owner};
    pairs[count++] = (struct pair){TAG_BINDING, claim->binding->uid};
    if (claim->binding->retain)
        pairs[count++] = (struct pair){TAG_RETAIN, "true"};
    pairs_write(pairs, count, ret_tags);
}
