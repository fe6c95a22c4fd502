/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to the API server while the operator is at work. */
#include "tests/sim/deeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/upheaval.h"

const struct binding *people_some_binding(struct world *world)
{
    const struct kube_world *kube = &world->kube;

    if (kube->binding_count == 0)
        return NULL;
    return kube->bindings[tape_choose(&world->tape, (uint32_t)kube->binding_count, "a binding")];
}

/* Minds are changed at the last moment too: what is on its way out is picked first, half of the time. */
static const struct binding *some_binding_that_goes(struct world *world)
{
    const struct kube_world *kube = &world->kube;

    if (tape_choose(&world->tape, 2, "one that goes") == 0)
        return people_some_binding(world);
    for (size_t i = 0; i < kube->binding_count; i++)
        if (kube->bindings[i]->deleting && kube->bindings[i]->has_finalizer)
            return kube->bindings[i];
    return people_some_binding(world);
}

static const struct service_account *some_account(struct world *world)
{
    const struct kube_world *kube = &world->kube;

    if (kube->account_count == 0)
        return NULL;
    return kube->accounts[tape_choose(&world->tape, (uint32_t)kube->account_count, "an account")];
}

/* ---- edits ---- */

static void save(struct world *world, enum deed deed, const struct binding *next, bool spec)
{
    people_did(world, deed, "%s/%s: for %s%s, role %s%s%s%s%s", next->namespace, next->name,
               next->service_account, next->selector_count ? "a selector" : "", next->role_name,
               next->role_arn, next->suspend ? ", suspended" : "", next->retain ? ", Retain" : "",
               next->deleting ? ", being deleted" : "");
    kube_update_binding(&world->kube, next, spec);
}

static void edit(struct world *world, enum deed deed)
{
    bool how_it_goes = deed == DEED_DELETION_POLICY || deed == DEED_ABANDON;
    const struct binding *binding =
        how_it_goes ? some_binding_that_goes(world) : people_some_binding(world);
    struct binding next;
    char stamp[32];

    if (!binding)
        return;
    next = *binding;
    switch (deed) {
    case DEED_ROLE:
        people_draw_role(world, &next);
        break;
    case DEED_RENAME:
    case DEED_SELECTOR:
        people_draw_accounts(world, &next);
        break;
    case DEED_SUSPEND:
        next.suspend = !next.suspend;
        break;
    case DEED_TAGS:
        people_draw_extras(world, &next);
        break;
    case DEED_DELETION_POLICY:
        next.retain = !next.retain;
        break;
    case DEED_ADOPTION:
        people_draw_adoption(world, &next);
        break;
    case DEED_ABANDON:
        next.abandon = tape_choose(&world->tape, 3, "really") == 2;
        save(world, deed, &next, false);
        return;
    default:
        snprintf(stamp, sizeof stamp, "%" PRIu64, ++world->numbers);
        next.reconcile_at = stamp;
        save(world, DEED_RECONCILE_AT, &next, false);
        return;
    }
    save(world, deed, &next, true);
}

static void delete_binding(struct world *world, bool again)
{
    const struct binding *binding = people_some_binding(world);
    char name[64];

    if (!binding || binding->deleting)
        return;
    snprintf(name, sizeof name, "%s", binding->name);
    people_did(world, again ? DEED_RECREATE : DEED_DELETE, "%s/%s%s", binding->namespace, name,
               binding->retain ? ", Retain" : "");
    kube_delete_binding(&world->kube, binding);
    if (again)
        people_create_binding(world, binding->namespace, name);
}

/* Another controller's comes or goes; it always goes in the end. */
static void change_finalizer(struct world *world)
{
    const struct binding *binding = people_some_binding(world);
    struct binding next;

    if (!binding)
        return;
    next = *binding;
    if (strstr(binding->finalizers, "example.com/hold"))
        next.finalizers = binding->has_finalizer ? BINDING_FINALIZER "\n" : "";
    else if (!binding->deleting)
        next.finalizers = binding->has_finalizer ? BINDING_FINALIZER "\nexample.com/hold\n"
                                                 : "example.com/hold\n";
    else
        return;
    save(world, DEED_FINALIZER, &next, false);
}

/* ---- the rest ---- */

static void delete_account(struct world *world)
{
    const struct service_account *account = some_account(world);

    if (!account)
        return;
    people_did(world, DEED_ACCOUNT_DELETE, "%s/%s", account->namespace, account->name);
    kube_delete_account(&world->kube, account);
}

static void relabel(struct world *world)
{
    const struct service_account *account = some_account(world);

    if (account)
        people_put_account(world, account->namespace, account->name);
}

/* All in it goes; somebody may make it anew when it has gone. */
static void delete_namespace(struct world *world)
{
    const char *namespace = people_namespace(world);

    people_did(world, DEED_NAMESPACE_DELETE, "%s", namespace);
    kube_delete_namespace(&world->kube, namespace);
}

static void compact(struct world *world)
{
    struct kube_world *kube = &world->kube;
    uint64_t back = tape_choose(&world->tape, 10, "states that are left");

    kube->compacted = kube->version > back ? kube->version - back : 0;
    people_did(world, DEED_COMPACT, "up to %" PRIu64, kube->compacted);
}

static void deny(struct world *world)
{
    int64_t until = world->now + tape_between(&world->tape, 1000, 20000, "denied for");
    bool eks = tape_choose(&world->tape, 2, "who denies") == 0;

    *(eks ? &world->deny_eks_until : &world->deny_kube_until) = until;
    people_did(world, DEED_DENY, "%s", eks ? "EKS" : "the API server");
}

/* As by a webhook or a policy that knows better, or is broken. */
static void refuse_patches(struct world *world)
{
    const struct binding *binding = people_some_binding(world);
    struct tape *tape = &world->tape;
    uint32_t which = tape_choose(tape, 3, "which patches");

    if (!binding)
        return;
    world->admission = (struct admission){
        .until = world->now + tape_between(tape, 1000, 40000, "refused for"),
        .status = tape_choose(tape, 2, "how it is refused") ? 403 : 422,
        .namespace = binding->namespace,
        .name = tape_choose(tape, 2, "all of the namespace") ? NULL : binding->name,
        .finalizers = which != 1,
        .statuses = which != 0};
    people_did(world, DEED_ADMISSION, "%d for %s/%s,%s%s", world->admission.status,
               binding->namespace, world->admission.name ? binding->name : "*",
               which != 1 ? " finalizers" : "", which != 0 ? " status" : "");
}

/* The trap of blue and green. */
#define PINNED                                                                                       \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":"   \
    "\"pods.eks.amazonaws.com\"},\"Action\":[\"sts:AssumeRole\",\"sts:TagSession\"],\"Condition\":{" \
    "\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:eks:us-west-2:111122223333:cluster/green\"}}}]}"

static void break_role(struct world *world)
{
    const char *name = people_role(world), *slash = strrchr(name, '/');
    struct model_role role = {.name = slash ? slash + 1 : name, .path = slash ? "/team/a/" : "/"};

    switch (tape_choose(&world->tape, 6, "how it is broken")) {
    case 0:
        break;
    case 1:
        role.missing = true;
        break;
    case 2:
        role.trust_invalid = true;
        break;
    case 3:
        role.pass_denied = true;
        break;
    case 4:
        role.trust = PINNED; /* EKS takes it all the same */
        break;
    default:
        role.exists_from_ms = world->now + 20000;
    }
    people_did(world, DEED_ROLE_BROKEN, "%s%s%s%s%s", name, role.missing ? ", missing" : "",
               role.trust_invalid ? ", trust" : "", role.pass_denied ? ", PassRole" : "",
               role.trust ? ", pinned to green" : "");
    model_put_role(world->model, &role);
}

static void set_quota(struct world *world)
{
    size_t quota = tape_choose(&world->tape, 2, "quota") ? 3 : 5000;

    model_settings(world->model)->quota = quota;
    people_did(world, DEED_QUOTA, "%zu associations", quota);
}

static void let_through(struct world *world)
{
    static const char *const numbers[] = {"1", "2", "5", "0", "all of them"};
    const char *number = numbers[tape_choose(&world->tape, 5, "so many deletions")];

    people_did(world, DEED_RELEASE, "%s", number);
    kube_release_deletions(&world->kube, number);
}

/* It never comes back. */
static void delete_cluster(struct world *world)
{
    if (world->identity == IDENTITY_WRONG || world->identity == IDENTITY_UNREADABLE)
        return;
    world->cluster_deleting = true;
    births_put_cluster(world, "DELETING");
    people_did(world, DEED_CLUSTER_DELETING, "%s", CLUSTER_NAME);
}

static void do_deed(struct world *world, enum deed deed)
{
    switch (deed) {
    case DEED_CREATE:
        people_create_binding(world, people_namespace(world), people_binding_name(world));
        break;
    case DEED_DELETE:
    case DEED_RECREATE:
        delete_binding(world, deed == DEED_RECREATE);
        break;
    case DEED_FINALIZER:
        change_finalizer(world);
        break;
    case DEED_ACCOUNT_CREATE:
        people_put_account(world, people_namespace(world), people_account(world));
        break;
    case DEED_ACCOUNT_DELETE:
        delete_account(world);
        break;
    case DEED_RELABEL:
        relabel(world);
        break;
    case DEED_NAMESPACE_DELETE:
        if (tape_choose(&world->tape, 6, "really") == 5)
            delete_namespace(world);
        break;
    case DEED_COMPACT:
        compact(world);
        break;
    case DEED_DENY:
        deny(world);
        break;
    case DEED_RELEASE:
        let_through(world);
        break;
    case DEED_ADMISSION:
        refuse_patches(world);
        break;
    case DEED_QUOTA:
        set_quota(world);
        break;
    case DEED_ROLE_BROKEN:
        break_role(world);
        break;
    case DEED_CLUSTER_DELETING:
        if (tape_choose(&world->tape, 12, "really") == 11)
            delete_cluster(world);
        break;
    default:
        edit(world, deed);
    }
}

void people_act(struct world *world)
{
    /* Rough ones only where calls fail too. */
    static const enum deed deeds[] = {
        DEED_CREATE,         DEED_CREATE,         DEED_ROLE,    DEED_RENAME,
        DEED_SELECTOR,       DEED_SUSPEND,        DEED_TAGS,    DEED_DELETION_POLICY,
        DEED_ADOPTION,       DEED_DELETE,         DEED_DELETE,  DEED_RECREATE,
        DEED_RECONCILE_AT,   DEED_FINALIZER,      DEED_ABANDON, DEED_ACCOUNT_CREATE,
        DEED_ACCOUNT_CREATE, DEED_ACCOUNT_DELETE, DEED_RELABEL, DEED_NAMESPACE_DELETE,
        DEED_RELEASE};
    static const enum deed rough[] = {DEED_COMPACT,     DEED_DENY,      DEED_QUOTA,
                                      DEED_ROLE_BROKEN, DEED_ADMISSION, DEED_CLUSTER_DELETING};
    struct tape *tape = &world->tape;

    if (tape_chance(tape, world->weather.drift, "drift"))
        drift_act(world);
    else if (world->weather.kube_faults > 0 && tape_chance(tape, 100, "a rough deed"))
        do_deed(world, rough[tape_choose(tape, sizeof rough / sizeof *rough, "which")]);
    else if (tape_chance(tape, 15, "an upheaval"))
        upheaval_act(world);
    else
        do_deed(world, deeds[tape_choose(tape, sizeof deeds / sizeof *deeds, "deed")]);
}
