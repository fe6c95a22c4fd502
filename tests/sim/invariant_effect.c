/* SPDX-License-Identifier: Apache-2.0 */
/* Calls as they are carried out. */
#include "tests/sim/invariant.h"

#include <inttypes.h>
#include <string.h>

#include "tests/sim/candidate.h"
#include "tests/sim/replica.h"
#include "tests/sim/tagged.h"

#define NEWBORN_MS 75000
#define LATE_MS 12000 /* a call that was sent in time may take effect that much later */

static bool another_plans(const struct world *world, const struct errand *errand)
{
    for (size_t i = 0; i < world->place_count; i++) {
        const struct replica *replica = world->places[i].replica;

        if (replica && replica->life != errand->life && !replica->resting &&
            candidate_holds_until(&world->places[i]) > world->now)
            return true;
    }
    return false;
}

/* Its sender leads no more, and perhaps does not know. */
static void note_lease(struct world *world, const struct errand *errand)
{
    if (!call_writes(errand->work.verb))
        return;
    if (!errand->replica || candidate_holds_until(errand->replica->place) <= world->now)
        world->tally->sometimes[SOMETIMES_LEASE_GONE_AT_EFFECT]++;
}

static void effect_of_create(struct world *world, const struct errand *errand)
{
    const struct create_in *in = &errand->work.in.create;
    const struct binding *live = tagged_binding(world, in->tags);
    char uid[64];

    tagged_uid(in->tags, uid);
    if (errand->late || !errand->call) {
        world->tally->sometimes[SOMETIMES_LATE_CREATE]++;
        world->tally->sometimes[SOMETIMES_LATE_CREATE_BESIDE] += another_plans(world, errand);
        world_touch(world, in->key.namespace, in->key.service_account);
    }
    if ((live ? !live->has_finalizer : !tagged_was_lost(world, uid)) &&
        marks_get(&world->left, "%s", uid) < 0 &&
        !world_key(world, in->key.namespace, in->key.service_account))
        world_fail(world, "finalizer-first",
                   "a Create for %s/%s takes effect, and no finalizer of ours will remember it",
                   in->key.namespace, in->key.service_account);
}

static void note_take_over(struct world *world, const struct errand *errand,
                           const struct model_association *there)
{
    const char *before = expect_tag(there, "podbind.dev/binding");
    char uid[64];

    if (errand->work.verb != CALL_TAG_ASSOCIATION)
        return;
    tagged_uid(errand->work.in.association.tags, uid);
    if (!expect_ours(there, OWNER))
        world->tally->sometimes[SOMETIMES_ADOPTED]++;
    else if (uid[0] != '\0' && before && strcmp(before, uid) != 0) {
        world->tally->sometimes[SOMETIMES_HANDED_OVER]++;
        world->tally->sometimes[SOMETIMES_RESTORED] += tagged_was_lost(world, before);
        world->tally->sometimes[SOMETIMES_RETAINED_TAKEN] +=
            expect_tag(there, "podbind.dev/retain") != NULL;
    }
}

static void effect_on_association(struct world *world, const struct errand *errand)
{
    const char *id = errand->work.in.association.id;
    const struct model_association *there = world_association(world, id);
    bool deletes = errand->work.verb == CALL_DELETE_ASSOCIATION, lost;

    if (!there)
        return;
    if (errand->late || !errand->call) {
        world->tally->sometimes[SOMETIMES_LATE_DELETE] += deletes;
        world_touch(world, there->namespace, there->service_account);
    }
    if (deletes) {
        const char *uid = expect_tag(there, "podbind.dev/binding");

        marks_set(&world->deleted, world->now, "%" PRIu64 "/%s", errand->life, id);
        marks_set(&world->deleted, world->now, "%" PRIu64 "/%s/%s", errand->life, uid ? uid : "",
                  id);
    }
    note_take_over(world, errand, there);
    lost = deletes ? marks_get(&world->owner_lost, "%s", id) >= 0 : tagged_lost_lately(world, id);
    if (!expect_ours(there, OWNER) && !lost && (deletes || !errand->adoption))
        world_fail(world, "foreign-untouched", "%s of %s takes effect, which is not ours",
                   call_name(errand->work.verb), id);
}

/* By whoever led before, or by a call of theirs that came late: reads may not show it yet. */
static bool changed_lately(const struct world *world, const struct errand *errand,
                           const struct model_association *there)
{
    return there->modified_ms < errand->led_from + LATE_MS &&
           there->modified_ms + model_settings(world->model)->propagation_ms +
                   2 * DESCRIBE_INTERVAL_MS >
               world->now;
}

/* What reads show though it was deleted: nobody can know, but who has deleted it. */
static bool is_fooled(const struct world *world, uint64_t life, const char *namespace,
                      const char *account)
{
    struct model_view view;

    return model_association_by_key(world->model, CLUSTER_NAME, namespace, account, world->now,
                                    &view) &&
           view.shown && marks_get(&world->deleted, "%" PRIu64 "/%s", life, view.shown->id) < 0;
}

static void effect_of_status(struct world *world, const struct errand *errand)
{
    const struct object_in *in = &errand->work.in.object;
    const struct binding *binding = kube_binding(&world->kube, in->namespace, in->name);
    const struct binding_stored_status *status = &errand->status.stored;
    const struct model_association *there;
    struct view view = world_view(world);

    if (!binding || strcmp(binding->resource_version, in->resource_version) != 0)
        return;
    if (strcmp(status->ready_reason, "Conflict") == 0)
        marks_set(&world->told_conflict, world->now, "%s", binding->uid);
    world->tally->sometimes[SOMETIMES_DISTRUSTED] +=
        status->conditions[CONDITION_ROLE_TRUSTED] == CONDITION_FALSE;
    world->tally->sometimes[SOMETIMES_CONTESTED] += strcmp(status->ready_reason, "Contested") == 0;
    if (status->conditions[CONDITION_READY] != CONDITION_TRUE || binding->deleting)
        return;
    if (status->observed_generation > binding->generation)
        world_fail(world, "ready-lie", "%s: a generation that there never was", in->name);
    if (status->observed_generation != binding->generation || binding->selector_count > 0 ||
        expect_holder(&view, in->namespace, binding->service_account) != binding ||
        marks_get(&world->touched, "%s/%s", in->namespace, binding->service_account) >= 0)
        return;
    there = world_key(world, in->namespace, binding->service_account);
    if (!there && (is_fooled(world, errand->life, in->namespace, binding->service_account) ||
                   world->now < errand->led_from + NEWBORN_MS))
        return; /* a new leader may be fooled by what its first List showed */
    if (!there ||
        (expect_difference(binding, there)[0] != '\0' && !changed_lately(world, errand, there)))
        world_fail(world, "ready-lie", "%s is called Ready, but EKS holds %s", in->name,
                   there ? "something else" : "nothing");
}

void invariant_effect(struct world *world, const struct errand *errand)
{
    note_lease(world, errand);
    switch (errand->work.verb) {
    case CALL_CREATE_ASSOCIATION:
        effect_of_create(world, errand);
        break;
    case CALL_DELETE_ASSOCIATION:
        invariant_budget(world);
        effect_on_association(world, errand);
        break;
    case CALL_UPDATE_ASSOCIATION:
    case CALL_TAG_ASSOCIATION:
    case CALL_UNTAG_ASSOCIATION:
        effect_on_association(world, errand);
        break;
    case CALL_PATCH_STATUS:
        effect_of_status(world, errand);
        break;
    default:
        break;
    }
}
