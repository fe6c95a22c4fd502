/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/association.h"

#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"

int association_key_compare(const struct association_key *a, const struct association_key *b)
{
    int by_namespace = strcmp(a->namespace, b->namespace);

    return by_namespace != 0 ? by_namespace : strcmp(a->service_account, b->service_account);
}

unsigned access_difference(const struct access *a, const struct access *b)
{
    unsigned fields = 0;

    if (strcmp(a->role_arn, b->role_arn) != 0)
        fields |= ACCESS_ROLE;
    if (strcmp(a->target_role_arn, b->target_role_arn) != 0)
        fields |= ACCESS_TARGET_ROLE;
    if (strcmp(a->policy, b->policy) != 0)
        fields |= ACCESS_POLICY;
    if (a->session_tags != b->session_tags)
        fields |= ACCESS_SESSION_TAGS;
    return fields;
}

bool association_is_ours(const struct association *association, const char *owner)
{
    return association->described && association->owner_arn[0] == '\0' &&
           pairs_has(association->tags, TAG_OWNER, owner);
}

static const char *pack(char **cursor, const char *text)
{
    size_t size = strlen(text) + 1;
    char *start = *cursor;

    if (size == 1)
        return "";
    memcpy(start, text, size);
    *cursor += size;
    return start;
}

struct association *association_copy(const struct association *from)
{
    const char *texts[] = {from->key.namespace,
                           from->key.service_account,
                           from->id,
                           from->owner_arn,
                           from->access.role_arn,
                           from->access.policy,
                           from->access.target_role_arn,
                           from->tags,
                           from->external_id};
    size_t size = sizeof *from;
    struct association *copy;
    char *cursor;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        size += strlen(texts[i]) + 1;
    copy = mem_alloc(size);
    *copy = *from;
    cursor = (char *)(copy + 1);
    copy->key.namespace = pack(&cursor, from->key.namespace);
    copy->key.service_account = pack(&cursor, from->key.service_account);
    copy->id = pack(&cursor, from->id);
    copy->owner_arn = pack(&cursor, from->owner_arn);
    copy->access.role_arn = pack(&cursor, from->access.role_arn);
    copy->access.target_role_arn = pack(&cursor, from->access.target_role_arn);
    copy->access.policy = pack(&cursor, from->access.policy);
    copy->tags = pack(&cursor, from->tags);
    copy->external_id = pack(&cursor, from->external_id);
    return copy;
}
