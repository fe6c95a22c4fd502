/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/invariant.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"
#include "tests/sim/candidate.h"
#include "tests/sim/replica.h"
#include "tests/sim/tagged.h"

#define EVIDENCE_MS (3 * PORT_CALL_TIMEOUT_MS) /* between a GET's effect and its Delete's start */

/* ---- before any write ---- */

/* It is over before the lease may end, and nobody else may write meanwhile. */
static void check_lease(struct replica *replica, const struct call *call)
{
    struct world *world = replica->world;
    int64_t until = candidate_holds_until(replica->place);

    if (world->now + PORT_CALL_TIMEOUT_MS >= until)
        world_fail(world, "lease", "%s starts %d ms before the lease may end",
                   call_name(call->verb), (int)(until - world->now));
    for (size_t i = 0; i < world->place_count; i++)
        if (&world->places[i] != replica->place && world->places[i].replica &&
            candidate_holds_until(&world->places[i]) > world->now)
            world_fail(world, "lease", "%s of %s starts while %s holds the lease too",
                       call_name(call->verb), replica_name(replica), world->places[i].name);
}

static void check_gates(struct replica *replica, const struct call *call)
{
    struct world *world = replica->world;

    if (!call_writes(call->verb))
        return;
    check_lease(replica, call);
    if (world->weather.mode == PLAN_OBSERVE && call->verb == CALL_PATCH_FINALIZERS &&
        !invariant_abandoned(world, &call->in.object))
        world_fail(world, "mode", "a finalizer is written in mode observe");
    if (!call_is_eks(call->verb))
        return;
    if (!replica->synced[RESOURCE_BINDINGS] || !replica->synced[RESOURCE_SERVICE_ACCOUNTS])
        world_fail(world, "synced-first", "%s before both resources were seen whole",
                   call_name(call->verb));
    if (!replica->identity_read || !replica->cluster_read)
        world_fail(world, "right-cluster", "%s before the cluster was checked",
                   call_name(call->verb));
    if (replica->told_deleting)
        world_fail(world, "cluster-deleting", "%s to a cluster that is being deleted",
                   call_name(call->verb));
    if (world->identity == IDENTITY_WRONG || world->identity == IDENTITY_UNREADABLE)
        world_fail(world, "right-cluster", "%s to a cluster that is not ours",
                   call_name(call->verb));
    if (world->weather.mode == PLAN_OBSERVE ||
        (world->weather.mode == PLAN_NO_DELETE && call->verb == CALL_DELETE_ASSOCIATION))
        world_fail(world, "mode", "%s in mode %d", call_name(call->verb), world->weather.mode);
}

/* ---- one kind after the other, as they are sent ---- */

static void check_create(struct replica *replica, const struct create_in *in)
{
    struct world *world = replica->world;
    struct view view = replica_view(replica);
    const struct binding *holder = expect_holder(&view, in->key.namespace, in->key.service_account);
    const struct binding *live = tagged_binding(world, in->tags);
    char uid[64];

    tagged_uid(in->tags, uid);
    if (!holder || strcmp(holder->uid, uid) != 0)
        world_fail(world, "well-formed", "a Create for %s, which does not hold %s/%s", uid,
                   in->key.namespace, in->key.service_account);
    else if (holder->suspend)
        world_fail(world, "mode", "a Create for the suspended %s", holder->name);
    if (live ? !live->has_finalizer : !tagged_was_lost(world, uid))
        world_fail(world, "finalizer-first", "a Create for %s/%s, but %s has no finalizer of ours",
                   in->key.namespace, in->key.service_account, live ? live->name : uid);
}

bool invariant_may_adopt(const struct replica *replica, const char *id)
{
    const struct world *world = replica->world;
    const struct model_association *there = world_association(world, id);
    struct view view = replica_view(replica);
    const struct binding *holder =
        there ? expect_holder(&view, there->namespace, there->service_account) : NULL;

    return holder && holder->adoption != ADOPTION_NEVER && there->owner_arn[0] == '\0';
}

/* Its binding goes, and what it leaves is to get the tag that says so. */
static bool is_left_by_its_binding(const struct view *view, const struct model_association *one)
{
    const char *uid = expect_tag(one, "podbind.dev/binding");

    for (size_t i = 0; uid && i < view->binding_count; i++) {
        const struct binding *binding = view->bindings[i];

        if (strcmp(binding->uid, uid) == 0)
            return binding->deleting && binding->has_finalizer && binding->retain &&
                   !binding->abandon && !binding->suspend &&
                   strcmp(binding->namespace, one->namespace) == 0;
    }
    return false;
}

static void check_change(struct replica *replica, const struct call *call)
{
    struct world *world = replica->world;
    const char *id = call->in.association.id;
    const struct model_association *there = world_association(world, id);
    struct view view = replica_view(replica);
    const struct binding *holder, *live;

    if (call->verb == CALL_UPDATE_ASSOCIATION && call->in.association.fields == 0)
        world_fail(world, "well-formed", "an Update of nothing");
    if (call->verb != CALL_UPDATE_ASSOCIATION && call->in.association.tags[0] == '\0')
        world_fail(world, "well-formed", "%s without tags", call_name(call->verb));
    if (!there)
        return;
    holder = expect_holder(&view, there->namespace, there->service_account);
    if (!holder && call->verb != CALL_UPDATE_ASSOCIATION &&
        (expect_ours(there, OWNER) ? is_left_by_its_binding(&view, there)
                                   : tagged_lost_lately(world, id)))
        return;
    live = holder ? kube_binding_by_uid(&world->kube, holder->uid, strlen(holder->uid)) : NULL;
    if (!holder || holder->suspend) {
        world_fail(world, "mode", "%s of %s, which nobody may ask for", call_name(call->verb), id);
        return;
    }
    if (expect_ours(there, OWNER) || tagged_lost_lately(world, id))
        return;
    if (!invariant_may_adopt(replica, id) ||
        (holder->adoption == ADOPTION_SAME_ACCESS && call->verb == CALL_UPDATE_ASSOCIATION))
        world_fail(world, "foreign-untouched", "%s of %s, which is not ours", call_name(call->verb),
                   id);
    else if (live ? !live->has_finalizer : !tagged_was_lost(world, holder->uid))
        world_fail(world, "finalizer-first", "%s is adopted, but %s has no finalizer of ours", id,
                   holder->name);
}

/* Was the account really out of the selection all the grace time? It may have come and gone while no
 * watch of accounts ran. */
static void check_grace(const struct replica *replica, const struct model_association *there,
                        const struct binding *live)
{
    struct world *world = replica->world;
    int64_t then = world->now - ABSENCE_GRACE_MS;
    const struct binding *binding =
        kube_record_at(&world->kube, RESOURCE_BINDINGS, live->namespace, live->name, then);
    const struct service_account *account = kube_record_at(
        &world->kube, RESOURCE_SERVICE_ACCOUNTS, there->namespace, there->service_account, then);
    struct view view = {.accounts = &account, .account_count = account ? 1 : 0};

    if (binding && strcmp(binding->uid, live->uid) == 0 &&
        replica->blind_at[RESOURCE_SERVICE_ACCOUNTS] < then &&
        expect_names(&view, binding, there->service_account))
        world_fail(world, "evidence", "%s/%s was still selected %d s ago, and is deleted",
                   there->namespace, there->service_account, ABSENCE_GRACE_MS / 1000);
}

static bool is_made(const struct world *world, const struct binding *binding)
{
    const struct model_association *made =
        world_key(world, binding->namespace, binding->service_account);

    return marks_get(&world->touched, "%s/%s", binding->namespace, binding->service_account) >= 0 ||
           (made && expect_ours(made, OWNER));
}

/* Did its spec speak against that key, since then: as one that selects accounts (`by_account`), or
 * that names another, which is made? */
static bool was_against(const struct world *world, const struct binding *live,
                        const struct model_association *there, bool by_account, int64_t since)
{
    for (size_t i = world->kube.log_count; i-- > 0;) {
        const struct kube_event *event = &world->kube.log[i];
        const struct binding *then = event->record;

        if (event->resource != RESOURCE_BINDINGS || strcmp(then->uid, live->uid) != 0)
            continue;
        if (by_account ? then->selector_count > 0
                       : strcmp(then->service_account, there->service_account) != 0 &&
                             is_made(world, then))
            return true;
        if (event->at <= since)
            break;
    }
    return false;
}

/* Of one that selects, the account is gone long enough; of one that names, the new association
 * stands. It may have been edited since the GET whose answer came at `seen`. */
static void check_moved(struct replica *replica, const struct model_association *there,
                        const struct binding *live, int64_t seen)
{
    struct world *world = replica->world;
    int64_t since = seen - PORT_CALL_TIMEOUT_MS;

    if (was_against(world, live, there, false, since))
        return;
    if (live->selector_count > 0)
        check_grace(replica, there, live);
    else if (!was_against(world, live, there, true, since))
        world_fail(world, "make-first", "%s/%s is deleted before %s/%s is made", there->namespace,
                   there->service_account, live->namespace, live->service_account);
}

/* Its binding went without our finalizer having run, or never was in this world. */
static bool is_orphan(const struct world *world, const char *uid)
{
    int64_t lost = marks_get(&world->lost, "%s", uid);

    return strncmp(uid, "ffffffff", 8) == 0 || (lost >= 0 && lost + EVIDENCE_MS < world->now);
}

static void check_delete(struct replica *replica, const char *id)
{
    struct world *world = replica->world;
    const struct model_association *there = world_association(world, id);
    struct view view = replica_view(replica);
    CLEANUP(strbuf_release) struct strbuf tags = {0};
    const struct binding *holder, *live;
    const char *retain;
    char uid[64];
    int64_t seen, shown;

    if (!there)
        return;
    expect_pairs(there, &tags);
    tagged_uid(strbuf_text(&tags), uid);
    live = tagged_binding(world, strbuf_text(&tags));
    holder = expect_holder(&view, there->namespace, there->service_account);
    retain = expect_tag(there, "podbind.dev/retain");
    seen = marks_get(&replica->unwanted, "%s/%s", uid, id);
    shown = marks_get(&replica->deletable, "%s", id);
    if (!expect_ours(there, OWNER) && marks_get(&world->owner_lost, "%s", id) < 0)
        world_fail(world, "foreign-untouched", "a Delete of %s, which is not ours", id);
    else if (shown < 0 || shown + EVIDENCE_MS < world->now)
        world_fail(world, "describe-first", "a Delete of %s, which no Describe showed as ours", id);
    else if (holder)
        world_fail(world, "wanted-not-deleted", "a Delete of %s, whose key %s wants", id,
                   holder->name);
    else if (!expect_ours(there, OWNER))
        return; /* it was, as just shown; by now its tags tell of a rival's binding */
    else if (retain && strcmp(retain, "true") == 0 && (!live || live->retain) &&
             marks_get(&world->touched, "%s/%s", there->namespace, there->service_account) < 0)
        world_fail(world, "wanted-not-deleted", "a Delete of the retained %s", id);
    else if (is_orphan(world, uid))
        world_fail(world, "orphan-stays", "a Delete of %s, whose binding is no more", id);
    else if (marks_get(&replica->seen, "%s", uid) + EVIDENCE_MS < world->now)
        world_fail(world, "evidence", "a Delete of %s without a live GET of its binding", id);
    else if (seen < 0 || seen + EVIDENCE_MS < world->now)
        world_fail(world, "evidence", "a Delete of %s without a live GET that shows why", id);
    else if (live && !live->deleting)
        check_moved(replica, there, live, seen);
}

static bool is_on_its_way(const struct world *world, const char *uid)
{
    for (const struct errand *errand = world->errands; errand; errand = errand->next)
        if (errand->work.verb == CALL_CREATE_ASSOCIATION && errand->effect_at != NEVER &&
            pairs_has(errand->work.in.create.tags, "podbind.dev/binding", uid))
            return true;
    return false;
}

/* Somebody has to mend something before a call for it can succeed. */
static bool is_blocked(const struct mirror_entry *entry)
{
    return entry->trouble && entry->trouble->kind != TROUBLE_RETRYING &&
           entry->trouble->kind != TROUBLE_THROTTLED;
}

/* Another binding holds its key and is to take it over, but may not or can't. */
static bool is_stuck(const struct replica *replica, const struct model_association *one)
{
    struct view view = replica_view(replica);
    const struct mirror_entry *entry;
    const struct binding *holder;
    struct association_key key;

    assert(one);
    key = (struct association_key){one->namespace, one->service_account};
    entry = mirror_find(&replica->sync.observe.mirror, &key);
    holder = expect_holder(&view, one->namespace, one->service_account);
    return holder && (holder->suspend || (entry && is_blocked(entry)));
}

/* What is retained has the tag that says so, as far as the replica can know: not where it is
 * suspended, may not write tags, or has seen one that somebody takes away just now. */
static bool lacks_its_tag(const struct replica *replica, const struct binding *binding,
                          const struct model_association *one)
{
    struct association_key key = {one->namespace, one->service_account};
    const struct mirror_entry *entry = mirror_find(&replica->sync.observe.mirror, &key);

    if (!binding->retain || binding->suspend || expect_tag(one, "podbind.dev/retain") ||
        strcmp(binding->namespace, one->namespace) != 0 || is_stuck(replica, one) || !entry ||
        !entry->association)
        return false;
    return !pairs_has(entry->association->tags, "podbind.dev/retain", "true") && !is_blocked(entry);
}

/* It was deleted in this life, a moment ago, and reads show it still. Not so when it was deleted
 * before it ever showed. */
static void check_ghosts(struct replica *replica, const struct binding *binding)
{
    struct world *world = replica->world;
    int64_t propagation = model_settings(world->model)->propagation_ms;
    struct model_view view;

    for (size_t i = 0; model_association_at(world->model, CLUSTER_NAME, i, world->now, &view);
         i++) {
        int64_t deleted;

        if (view.truth || !view.shown)
            continue;
        deleted = marks_get(&world->deleted, "%" PRIu64 "/%s/%s", replica->life, binding->uid,
                            view.shown->id);
        if (deleted >= 0 && expect_ours(view.shown, OWNER) && !is_stuck(replica, view.shown) &&
            deleted > view.shown->created_ms + propagation && world->now < deleted + 59000)
            world_fail(world, "let-go", "%s is let go while EKS still lists %s", binding->name,
                       view.shown->id);
    }
}

static void check_finalizers(struct replica *replica, const struct object_in *in)
{
    struct world *world = replica->world;
    const struct binding *binding = kube_binding(&world->kube, in->namespace, in->name);
    const struct model_association *one;
    int64_t told =
        marks_get(&replica->let_go, "%s/%s@%s", in->namespace, in->name, in->resource_version);

    if (told >= 0 && world->now < told + 30000)
        world_fail(world, "let-go", "%s is let go again: it was told that it is gone", in->name);
    if (!binding || strcmp(binding->resource_version, in->resource_version) != 0 ||
        !binding->has_finalizer || strstr(in->finalizers, BINDING_FINALIZER))
        return;
    world->tally->sometimes[SOMETIMES_LET_GO]++;
    if (!binding->deleting)
        world_fail(world, "let-go", "%s loses our finalizer, and nobody deletes it", in->name);
    if (invariant_let_go_of(replica, binding)) {
        marks_set(&world->left, world->now, "%s", binding->uid);
        return;
    }
    if (!binding->retain)
        check_ghosts(replica, binding);
    if (is_on_its_way(world, binding->uid))
        world_fail(world, "let-go", "%s is let go while a Create for it is on its way", in->name);
    for (size_t i = 0; (one = world_association_at(world, i)); i++) {
        const char *uid = expect_tag(one, "podbind.dev/binding");

        if (!expect_ours(one, OWNER) || !uid || strcmp(uid, binding->uid) != 0)
            continue;
        if (lacks_its_tag(replica, binding, one))
            world_fail(world, "let-go",
                       "%s is let go, and %s stays without the tag that retains it", binding->name,
                       one->id);
        if (binding->retain || expect_tag(one, "podbind.dev/retain") || is_stuck(replica, one)) {
            world->tally->sometimes[SOMETIMES_RETAINED]++;
            marks_set(&world->retained, world->now, "%s", uid);
        } else {
            world_fail(world, "let-go", "%s is let go, and %s of it stays", in->name, one->id);
        }
    }
}

/* Of other clusters only what they are is of interest. */
static void check_cluster(struct world *world, const struct call *call)
{
    if (call_is_eks(call->verb) && call->verb != CALL_LIST_CLUSTERS &&
        call->verb != CALL_DESCRIBE_CLUSTER && strcmp(call->cluster, CLUSTER_NAME) != 0)
        world_fail(world, "right-cluster", "%s to cluster '%s'", call_name(call->verb),
                   call->cluster);
}

void invariant_start(struct replica *replica, const struct call *call)
{
    check_gates(replica, call);
    check_cluster(replica->world, call);
    invariant_rate(replica, call);
    invariant_key(replica, call);
    if (call->verb == CALL_LIST_OBJECTS && call->in.objects.continue_token[0] == '\0')
        replica->list_began[call->in.objects.resource] = replica->world->now;
    if (call->verb == CALL_CREATE_ASSOCIATION)
        invariant_try(replica, &call->in.create);
    if (call->verb == CALL_CREATE_ASSOCIATION)
        check_create(replica, &call->in.create);
    else if (call->verb == CALL_DELETE_ASSOCIATION)
        check_delete(replica, call->in.association.id);
    else if (call->verb == CALL_PATCH_FINALIZERS)
        check_finalizers(replica, &call->in.object);
    else if (call_is_eks(call->verb) && call_writes(call->verb))
        check_change(replica, call);
}
