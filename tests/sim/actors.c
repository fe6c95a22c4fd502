/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/actors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/deeds.h"

#define ROLE(name) "arn:aws:iam::" EXPECT_ACCOUNT ":role/" name
#define CONTESTED 3 /* our write undone so often */
/* So long before the rest they stop; they are not there any more when it is put off. */
#define LAST_MS (17 * 60 * 1000)

static struct model_association bare(const struct actor *actor, const char *role)
{
    return (struct model_association){.cluster = CLUSTER_NAME,
                                      .namespace = actor->namespace,
                                      .service_account = actor->account,
                                      .role_arn = role};
}

/* Whose binding it is sees it, and asks podbind to look. */
static void ask_for_a_look(struct world *world, const struct actor *actor)
{
    struct view view = world_view(world);
    const struct binding *holder = expect_holder(&view, actor->namespace, actor->account);
    struct binding next;
    char stamp[32];

    if (!holder || tape_choose(&world->tape, 3, "its owner asks for a look") == 0)
        return;
    next = *holder;
    snprintf(stamp, sizeof stamp, "%" PRIu64, ++world->numbers);
    next.reconcile_at = stamp;
    kube_update_binding(&world->kube, &next, false);
    fight_look_asked(world, actor->namespace, actor->account);
}

static void did(struct world *world, struct actor *actor, enum deed deed, const char *what,
                bool ours)
{
    people_did(world, deed, "%s %s/%s", what, actor->namespace, actor->account);
    world->stirred_at = world->now + EXISTENCE_INTERVAL_MS; /* until the operator has seen it */
    if (ours)
        ask_for_a_look(world, actor);
    actor->undone += ours;
    if (!ours || actor->undone < CONTESTED)
        return;
    world->tally->sometimes[SOMETIMES_UNDONE] += actor->undone == CONTESTED;
    marks_set(&world->contested, world->now, "%s/%s", actor->namespace, actor->account);
}

/* As Terraform: one role is right, whoever wrote another one. It makes its own anew. */
static void revert(struct world *world, struct actor *actor, const struct model_association *one)
{
    static const struct model_tag tags[] = {{"ManagedBy", "terraform"}};
    struct model_association next = bare(actor, ROLE("terraform"));

    if (!one && !actor->makes)
        return;
    if (one) {
        if (one->owner_arn[0] != '\0' || strcmp(one->role_arn, next.role_arn) == 0)
            return;
        next = *one;
        next.role_arn = ROLE("terraform");
    } else {
        next.tags = tags;
        next.tag_count = 1;
    }
    did(world, actor, DRIFT_REVERT, one ? "puts its role back on" : "makes its own for",
        one && expect_ours(one, OWNER));
    drift_put(world, &next);
}

/* It owns the key as soon as it is free. */
static void own(struct world *world, struct actor *actor, const struct model_association *one)
{
    struct model_association next = bare(actor, ROLE("add-on"));

    if (one)
        return;
    next.owner_arn = "arn:aws:eks:us-west-2:" EXPECT_ACCOUNT ":addon/blue/x/1";
    did(world, actor, DRIFT_ADD_ON_AGAIN, "makes its own for", false);
    drift_put(world, &next);
}

static bool is_of_another(const struct model_association *one)
{
    const char *owner = expect_tag(one, "podbind.dev/owner");

    return owner && strcmp(owner, OWNER) != 0;
}

/* As another instance of podbind, with adoption: Always: it makes, takes over, deletes its own. */
static void rival(struct world *world, struct actor *actor, const struct model_association *one)
{
    static const struct model_tag tags[] = {{"podbind.dev/binding", "some-uid"},
                                            {"podbind.dev/owner", "kube-system-uid-1/rival"}};
    struct model_association next = one ? *one : bare(actor, ROLE("rival"));

    if (one && one->owner_arn[0] != '\0')
        return;
    if (one && is_of_another(one)) {
        if (tape_choose(&world->tape, 4, "lets its own stand") < 3)
            return;
        did(world, actor, DRIFT_RIVAL, "deletes its own of", false);
        world_touch(world, actor->namespace, actor->account);
        model_remove_association(world->model, CLUSTER_NAME, one->id);
        return;
    }
    did(world, actor, DRIFT_RIVAL, one ? "takes over" : "makes its own for",
        one && expect_ours(one, OWNER));
    if (one)
        marks_set(&world->owner_lost, world->now, "%s", one->id);
    next.role_arn = ROLE("rival");
    next.tags = tags;
    next.tag_count = 2;
    drift_put(world, &next);
}

static void delete_ours(struct world *world, struct actor *actor,
                        const struct model_association *one)
{
    if (!one || !expect_ours(one, OWNER))
        return;
    did(world, actor, DRIFT_DELETE_AGAIN, "deletes what we made for", true);
    world_touch(world, actor->namespace, actor->account);
    model_remove_association(world->model, CLUSTER_NAME, one->id);
}

static void look(struct world *world, struct actor *actor)
{
    const struct model_association *one = world_key(world, actor->namespace, actor->account);

    actor->at = world->now + actor->pace;
    switch (actor->kind) {
    case ACTOR_REVERTER:
        revert(world, actor, one);
        break;
    case ACTOR_ADD_ON:
        own(world, actor, one);
        break;
    case ACTOR_RIVAL:
        rival(world, actor, one);
        break;
    case ACTOR_DELETER:
        delete_ours(world, actor, one);
        break;
    }
}

/* Mostly one that a binding asks for. */
static void draw_key(struct world *world, struct actor *actor)
{
    const struct binding *binding = people_some_binding(world);

    actor->namespace = people_namespace(world);
    actor->account = people_account(world);
    if (!binding || binding->service_account[0] == '\0' ||
        tape_choose(&world->tape, 4, "any key") == 3)
        return;
    actor->namespace = binding->namespace;
    actor->account = binding->service_account;
}

void actors_draw(struct world *world)
{
    static const int64_t paces[] = {20000, 3000, 60000};
    struct tape *tape = &world->tape;

    while (world->actor_count < ACTORS_MAX && world->weather.drift > 0 &&
           tape_chance(tape, 40, "somebody who keeps at it")) {
        struct actor actor = {.kind = (enum actor_kind)tape_choose(tape, 4, "who"),
                              .pace = paces[tape_choose(tape, 3, "how often")],
                              .makes = tape_choose(tape, 2, "makes its own") == 1,
                              .at = world->now + tape_between(tape, 1, 30000, "the first look")};

        draw_key(world, &actor);
        world->actors[world->actor_count++] = actor;
    }
}

static bool is_over(const struct world *world)
{
    return world->retries_awaited > 0 ||
           (world->phase != PHASE_BUSY &&
            (world->phase != PHASE_SETTLING || world->now > world->phase_until - LAST_MS));
}

int64_t actors_due(const struct world *world)
{
    int64_t due = NEVER;

    if (is_over(world))
        return NEVER;
    for (size_t i = 0; i < world->actor_count; i++)
        if (world->actors[i].at < due)
            due = world->actors[i].at;
    return due;
}

void actors_run(struct world *world)
{
    if (is_over(world))
        return;
    for (size_t i = 0; i < world->actor_count; i++)
        if (world->actors[i].at <= world->now)
            look(world, &world->actors[i]);
}
