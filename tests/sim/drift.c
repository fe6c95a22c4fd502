/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of EKS behind the operator's back. */
#include <string.h>

#include "base/mem.h"
#include "tests/sim/people.h"

#define TAGS_MAX 50

void drift_put(struct world *world, const struct model_association *wanted)
{
    const struct model_association *made;
    struct model_error err;

    world->drifted |= world->lives > 0;
    world->came_at = world->now;
    world_touch(world, wanted->namespace, wanted->service_account);
    model_put_association(world->model, wanted, world->now, tape_bits(&world->tape, "id"), &made,
                          &err);
}

bool drift_foreign(struct world *world, const char *namespace, const char *account, uint32_t kind)
{
    static const struct model_tag terraform[] = {{"ManagedBy", "terraform"}};
    static const struct model_tag other[] = {{"podbind.dev/owner", "another-uid/podbind"},
                                             {"podbind.dev/binding", "some-uid"}};
    static const char *const roles[] = {"arn:aws:iam::" EXPECT_ACCOUNT ":role/reader",
                                        "arn:aws:iam::" EXPECT_ACCOUNT ":role/foreign"};
    struct model_association foreign = {
        .cluster = CLUSTER_NAME, .namespace = namespace, .service_account = account};

    if (world_key(world, namespace, account))
        return false;
    foreign.role_arn = roles[tape_choose(&world->tape, 2, "foreign role")];
    if (kind == 1) {
        foreign.tags = terraform;
        foreign.tag_count = 1;
    } else if (kind == 2) {
        foreign.tags = other;
        foreign.tag_count = 2;
    } else if (kind == 3) {
        foreign.owner_arn = "arn:aws:eks:us-west-2:" EXPECT_ACCOUNT ":addon/blue/x/1";
    }
    people_did(world, kind == 3 ? DRIFT_ADD_ON : DRIFT_FOREIGN, "%s/%s", namespace, account);
    drift_put(world, &foreign);
    return true;
}

static const struct model_association *pick(struct world *world, bool ours)
{
    size_t count = world_association_count(world);
    uint32_t start = tape_choose(&world->tape, (uint32_t)count + 1, "which association");

    for (size_t i = 0; i < count; i++) {
        const struct model_association *one = world_association_at(world, (start + i) % count);

        if (expect_ours(one, OWNER) == ours)
            return one;
    }
    return NULL;
}

static void remove_one(struct world *world, bool ours)
{
    const struct model_association *one = pick(world, ours);

    if (!one)
        return;
    people_did(world, ours ? DRIFT_DELETE : DRIFT_FOREIGN_GONE, "%s/%s %s", one->namespace,
               one->service_account, one->id);
    world->came_at = world->now;
    world_touch(world, one->namespace, one->service_account);
    model_remove_association(world->model, CLUSTER_NAME, one->id);
}

static void change_role(struct world *world, bool ours)
{
    const struct model_association *one = pick(world, ours);
    struct model_association changed;

    if (!one)
        return;
    changed = *one;
    changed.role_arn = "arn:aws:iam::" EXPECT_ACCOUNT ":role/by-hand";
    people_did(world, ours ? DRIFT_ROLE : DRIFT_FOREIGN_ROLE, "%s/%s %s", one->namespace,
               one->service_account, one->id);
    drift_put(world, &changed);
}

/* Takes one of the user's away, or adds one. */
static void change_tags(struct world *world)
{
    const struct model_association *one = pick(world, true);
    struct model_tag tags[TAGS_MAX + 1];
    struct model_association changed;
    size_t count = 0;

    if (!one)
        return;
    for (size_t i = 0; i < one->tag_count; i++)
        if (strncmp(one->tags[i].key, "podbind.dev/", 12) == 0)
            tags[count++] = one->tags[i];
    if (tape_choose(&world->tape, 2, "a tag comes"))
        tags[count++] = (struct model_tag){"byhand", "yes"};
    changed = *one;
    changed.tags = tags;
    changed.tag_count = count;
    people_did(world, DRIFT_TAGS, "%s/%s %s", one->namespace, one->service_account, one->id);
    drift_put(world, &changed);
}

static void lose_owner(struct world *world)
{
    const struct model_association *one = pick(world, true);
    struct model_tag tags[TAGS_MAX];
    struct model_association changed;
    size_t count = 0;

    if (!one)
        return;
    for (size_t i = 0; i < one->tag_count; i++)
        if (strcmp(one->tags[i].key, "podbind.dev/owner") != 0)
            tags[count++] = one->tags[i];
    changed = *one;
    changed.tags = tags;
    changed.tag_count = count;
    people_did(world, DRIFT_OWNER_LOST, "%s/%s %s", one->namespace, one->service_account, one->id);
    marks_set(&world->owner_lost, world->now, "%s", one->id);
    drift_put(world, &changed);
}

void drift_act(struct world *world)
{
    static const enum deed deeds[] = {
        DRIFT_DELETE, DRIFT_DELETE,       DRIFT_ROLE,         DRIFT_TAGS,       DRIFT_FOREIGN,
        DRIFT_ADD_ON, DRIFT_FOREIGN_GONE, DRIFT_FOREIGN_ROLE, DRIFT_OWNER_LOST, DRIFT_FIGHT};
    enum deed deed = deeds[tape_choose(&world->tape, sizeof deeds / sizeof *deeds, "which drift")];

    switch (deed) {
    case DRIFT_DELETE:
    case DRIFT_FOREIGN_GONE:
        remove_one(world, deed == DRIFT_DELETE);
        break;
    case DRIFT_ROLE:
    case DRIFT_FOREIGN_ROLE:
        change_role(world, deed == DRIFT_ROLE);
        break;
    case DRIFT_TAGS:
        change_tags(world);
        break;
    case DRIFT_OWNER_LOST:
        lose_owner(world);
        break;
    case DRIFT_FIGHT:
        fight_begin(world);
        break;
    default:
        drift_foreign(world, people_namespace(world), people_account(world),
                      deed == DRIFT_ADD_ON ? 3 : tape_choose(&world->tape, 3, "whose"));
    }
}
