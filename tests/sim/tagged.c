/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/tagged.h"

#include <stdio.h>
#include <string.h>

#include "crds/pairs.h"

#define STALE_MS (3 * 60 * 1000) /* what was described longer ago than this is described again */

void tagged_uid(const char *tags, char ret_uid[64])
{
    size_t length = 0;
    const char *uid = pairs_get(tags, "podbind.dev/binding", &length);

    snprintf(ret_uid, 64, "%.*s", uid ? (int)length : 0, uid ? uid : "");
}

const struct binding *tagged_binding(const struct world *world, const char *tags)
{
    char uid[64];

    tagged_uid(tags, uid);
    return kube_binding_by_uid(&world->kube, uid, strlen(uid));
}

bool tagged_lost_lately(const struct world *world, const char *id)
{
    int64_t at = marks_get(&world->owner_lost, "%s", id);

    return at >= 0 && (!world_is_calm(world) || world->now < at + STALE_MS);
}

bool tagged_was_lost(const struct world *world, const char *uid)
{
    return marks_get(&world->lost, "%s", uid) >= 0;
}
