/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the mirror share: lists and answers as EKS would give them. */
#pragma once

#include "reconcile/mirror.h"
#include "tests/unit/scene.h"

#define NOW 1000000
#define LATER (NOW + MIRROR_SETTLE_MS)
#define SURE (NOW + MIRROR_UNSURE_MS) /* whatever was sent until then shows, or is not done */
#define KEY(account) (&(const struct association_key){"app", account})

static inline struct association *summary(const char *account, const char *id)
{
    const struct association association = {.key = {"app", account},
                                            .id = id,
                                            .owner_arn = "",
                                            .access = {"", "", "", false},
                                            .tags = "",
                                            .external_id = ""};

    return association_copy(&association);
}

static inline struct association *full(const char *account, const char *id, const char *role)
{
    struct association association = scene_association(account, "u");

    association.id = id;
    association.access.role_arn = role;
    return association_copy(&association);
}

/* A list of the whole cluster with one association, or none. */
static inline void list_one(struct mirror *mirror, const char *account, const char *id,
                            int64_t started)
{
    struct association *items[] = {summary(account, id)};

    mirror_take_list(mirror, NULL, items, 1, started);
}

static inline void list_none(struct mirror *mirror, int64_t started)
{
    mirror_take_list(mirror, NULL, NULL, 0, started);
}

static inline struct mirror_entry *created(struct mirror *mirror, const char *id, int64_t now)
{
    struct mirror_entry *entry = mirror_entry(mirror, KEY("app-sa"));

    mirror_created(entry, full("app-sa", id, SCENE_ROLE), now);
    return entry;
}
