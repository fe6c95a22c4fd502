/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who keeps undoing what the operator writes under one key, as Terraform does. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/people.h"

#define LONGEST_MS (15 * 60 * 1000)
#define HOUR_MS (60 * 60 * 1000)
#define MUTATIONS 12 /* an hour */

int64_t fight_due(const struct world *world)
{
    return world->fight.until > world->now ? world->fight.act_at : NEVER;
}

void fight_begin(struct world *world)
{
    const struct model_association *one = world_association_at(
        world, tape_choose(&world->tape, (uint32_t)world_association_count(world) + 1, "fought"));
    struct fight *fight = &world->fight;

    if (!one || !expect_ours(one, OWNER) || fight->until > 0 ||
        tape_choose(&world->tape, 6, "really") < 5)
        return; /* it takes hours of virtual time */
    *fight = (struct fight){.act_at = world->now, .until = world->now + LONGEST_MS};
    snprintf(fight->namespace, sizeof fight->namespace, "%s", one->namespace);
    snprintf(fight->account, sizeof fight->account, "%s", one->service_account);
    fight->deletes = tape_choose(&world->tape, 2, "what is undone") == 1;
    people_did(world, DRIFT_FIGHT, "%s/%s%s", fight->namespace, fight->account,
               fight->deletes ? ", deleted" : ", another role");
}

static void undo(struct world *world, const struct model_association *one)
{
    struct model_association changed = *one;
    const struct model_association *made;
    struct model_error err;

    TRACE(world, "somebody undoes what stands under %s/%s", one->namespace, one->service_account);
    world_touch(world, one->namespace, one->service_account);
    changed.role_arn = "arn:aws:iam::" EXPECT_ACCOUNT ":role/fought";
    if (world->fight.deletes)
        model_remove_association(world->model, CLUSTER_NAME, one->id);
    else
        model_put_association(world->model, &changed, world->now, tape_bits(&world->tape, "id"),
                              &made, &err);
}

/* He looks every few seconds, as his own reads lag too. */
void fight_run(struct world *world)
{
    struct fight *fight = &world->fight;
    const struct model_association *one;

    if (fight_due(world) > world->now)
        return;
    fight->act_at = world->now + tape_between(&world->tape, 1000, 90000, "until he looks again");
    one = world_key(world, fight->namespace, fight->account);
    if (one && expect_ours(one, OWNER) && strstr(one->role_arn, "role/fought") == NULL)
        undo(world, one);
}

/* The operator may try all of it once more. */
void fight_look_asked(struct world *world, const char *namespace, const char *account)
{
    struct fight *fight = &world->fight;

    if (fight->until > 0 && strcmp(fight->namespace, namespace) == 0 &&
        strcmp(fight->account, account) == 0)
        fight->mutations = (struct recent){0};
}

void fight_check(struct world *world, const char *namespace, const char *account)
{
    struct fight *fight = &world->fight;
    struct recent *recent = &fight->mutations;
    int64_t before = recent->at[(recent->next + RECENT_MAX - MUTATIONS) % RECENT_MAX];

    if (fight->until == 0 || !world_is_calm(world) || strcmp(fight->namespace, namespace) != 0 ||
        strcmp(fight->account, account) != 0)
        return;
    if (before > 0 && before + HOUR_MS > world->now)
        world_fail(world, "contested", "more than %d writes an hour for %s/%s, which is contested",
                   MUTATIONS, namespace, account);
    recent->at[recent->next] = world->now;
    recent->next = (recent->next + 1) % RECENT_MAX;
}
