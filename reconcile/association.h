/* SPDX-License-Identifier: Apache-2.0 */
/*
 * association - what EKS holds, or should hold, under one key.
 *
 * Key = (namespace, service account): EKS allows one association per key and cluster. Access =
 * what an association gives. Both sides of the plan are arrays of these, sorted by key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define TAG_OWNER "podbind.dev/owner"
#define TAG_BINDING "podbind.dev/binding"
#define TAG_RETAIN "podbind.dev/retain"
#define TAG_PREFIX "podbind.dev/"

/* Bytes of the pairs of 50 tags, the most that EKS keeps: 128 and 256 characters of 4 bytes each,
 * and some room. */
#define ASSOCIATION_TAGS_CAP ((size_t)80 << 10)

/* Strings are never NULL; "" is absent. */
struct association_key {
    const char *namespace;
    const char *service_account;
};

struct access {
    const char *role_arn;
    const char *target_role_arn;
    const char *policy; /* compact JSON with sorted keys */
    bool session_tags;
};

/* One association as EKS tells it. One heap block: association_copy() packs it. */
struct association {
    struct association_key key;
    const char *id;        /* a-… */
    const char *owner_arn; /* of the add-on that owns it, or "" */
    bool described;        /* the rest is known; otherwise it came from a List and is empty */
    struct access access;
    const char *tags; /* pairs (crds/pairs.h), all of them */
    const char *external_id;
    int64_t modified_us; /* modifiedAt, microseconds since 1970; 0: unknown */
};

/* By namespace, then service account, in byte order. */
int association_key_compare(const struct association_key *a, const struct association_key *b);

enum access_field {
    ACCESS_ROLE = 1,
    ACCESS_TARGET_ROLE = 2,
    ACCESS_POLICY = 4,
    ACCESS_SESSION_TAGS = 8,
};
/* The fields that differ, as a set of enum access_field; 0 when both give the same. */
unsigned access_difference(const struct access *a, const struct access *b);

/* True when the tags say that this association is ours (`owner` is "<uid>/<instance>") and no
 * add-on owns it. False for one that is not described. */
bool association_is_ours(const struct association *association, const char *owner);

/* A packed copy, freed with mem_free(). */
struct association *association_copy(const struct association *from);
