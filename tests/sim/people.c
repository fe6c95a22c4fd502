/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/people.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/deeds.h"

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

void people_did(struct world *world, enum deed deed, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    world->tally->deeds[deed]++;
    TRACE(world, "● %s: %s", deed_name(deed), text);
}

/* ---- names ---- */

const char *people_namespace(struct world *world)
{
    static const char *const names[] = {"app", "app", "app", "ops", "web"};

    if (tape_chance(&world->tape, 30, "podbind's own namespace"))
        return OWN_NAMESPACE;
    return names[tape_choose(&world->tape, COUNT(names), "namespace")];
}

const char *people_account(struct world *world)
{
    static const char *const names[] = {"sa-0", "sa-1", "sa-2", "sa-3", "sa-4"};

    return names[tape_choose(&world->tape, COUNT(names), "account")];
}

const char *people_role(struct world *world)
{
    static const char *const names[] = {"reader", "writer", "team/a/deep", "fresh"};

    return names[tape_choose(&world->tape, COUNT(names), "role")];
}

/* ---- a random spec ---- */

void people_draw_role(struct world *world, struct binding *binding)
{
    binding->role_arn = "";
    binding->role_name = people_role(world);
    switch (tape_choose(&world->tape, 12, "kind of role")) {
    case 8:
        binding->role_name = "";
        binding->role_arn = "arn:aws:iam::" EXPECT_ACCOUNT ":role/by-arn";
        break;
    case 9:
        binding->role_name = "";
        binding->role_arn = "arn:aws:iam::999988887777:role/elsewhere";
        break;
    case 10:
        binding->role_name = "aws-service-role/x";
        break;
    default:
        break;
    }
    binding->target_role_arn = "";
    if (tape_chance(&world->tape, 150, "target role"))
        binding->target_role_arn = "arn:aws:iam::999988887777:role/target";
}

void people_draw_extras(struct world *world, struct binding *binding)
{
    static const char *const tags[] = {"", "team\tdata\n", "cost\t12\nteam\tdata\n",
                                       "team\tother\n"};

    binding->tags = tags[tape_choose(&world->tape, COUNT(tags), "tags")];
    binding->session_tags = !tape_chance(&world->tape, 200, "no session tags");
    binding->session_policy = "";
    if (!binding->session_tags && tape_choose(&world->tape, 2, "policy"))
        binding->session_policy = "{\"Statement\":[],\"Version\":\"2012-10-17\"}";
    binding->policy_defect = "";
    if (tape_chance(&world->tape, 20, "broken policy") && !binding->session_tags)
        binding->policy_defect = "the session policy is no JSON";
}

void people_draw_adoption(struct world *world, struct binding *binding)
{
    static const enum binding_adoption kinds[] = {ADOPTION_NEVER, ADOPTION_NEVER, ADOPTION_NEVER,
                                                  ADOPTION_SAME_ACCESS, ADOPTION_ALWAYS};

    binding->adoption = kinds[tape_choose(&world->tape, COUNT(kinds), "adoption")];
}

static const char *const tier_a[] = {"a"}, *const tier_both[] = {"a", "b"};
static const struct selector_requirement selectors[] = {
    {"tier", SELECTOR_IN, tier_a, 1},    {"tier", SELECTOR_NOT_IN, tier_a, 1},
    {"tier", SELECTOR_EXISTS, NULL, 0},  {"tier", SELECTOR_DOES_NOT_EXIST, NULL, 0},
    {"tier", SELECTOR_IN, tier_both, 2},
};

void people_draw_accounts(struct world *world, struct binding *binding)
{
    binding->service_account = "";
    binding->selector = NULL;
    binding->selector_count = 0;
    if (tape_choose(&world->tape, 3, "selector") < 2) {
        binding->service_account = people_account(world);
        return;
    }
    binding->selector = &selectors[tape_choose(&world->tape, COUNT(selectors), "which selector")];
    binding->selector_count = 1;
}

void people_create_binding(struct world *world, const char *namespace, const char *name)
{
    struct binding binding = {.namespace = namespace, .name = name};

    if (kube_binding(&world->kube, namespace, name) ||
        !kube_may_create_binding(&world->kube, namespace))
        return;
    people_draw_role(world, &binding);
    people_draw_extras(world, &binding);
    people_draw_adoption(world, &binding);
    people_draw_accounts(world, &binding);
    binding.retain = tape_chance(&world->tape, 100, "retain");
    binding.suspend = tape_chance(&world->tape, 50, "suspend");
    binding.defect = tape_chance(&world->tape, 20, "defect") ? "spec.role is missing" : "";
    if (tape_chance(&world->tape, 50, "another's finalizer"))
        binding.finalizers = "example.com/hold\n";
    kube_create_binding(&world->kube, &binding);
    people_did(world, DEED_CREATE, "%s/%s for %s%s, role %s%s%s%s%s%s", namespace, name,
               binding.service_account, binding.selector_count ? "a selector" : "",
               binding.role_name, binding.role_arn, binding.retain ? ", Retain" : "",
               binding.suspend ? ", suspended" : "", binding.adoption ? ", adopts" : "",
               binding.defect[0] || binding.policy_defect[0] ? ", broken" : "");
}

void people_put_account(struct world *world, const char *namespace, const char *name)
{
    static const char *const labels[] = {"tier\ta\n", "", "tier\tb\n", "other\tx\ntier\ta\n"};
    struct service_account account = {.namespace = namespace, .name = name};
    bool known = kube_account(&world->kube, namespace, name) != NULL;

    if (!known && !kube_may_create(&world->kube, namespace))
        return;
    account.labels = labels[tape_choose(&world->tape, COUNT(labels), "labels")];
    account.has_irsa_role = tape_chance(&world->tape, 100, "irsa");
    kube_put_account(&world->kube, &account);
    people_did(world, known ? DEED_RELABEL : DEED_ACCOUNT_CREATE, "%s/%s, %s", namespace, name,
               account.labels[0] == '\0'  ? "no labels"
               : account.labels[0] == 'o' ? "a, other"
               : account.labels[5] == 'a' ? "a"
                                          : "b");
}

/* ---- the beginning and the end ---- */

const char *people_binding_name(struct world *world)
{
    static const char *const names[] = {"b-0", "b-1", "b-2", "b-3", "b-4", "b-5", "b-6", "b-7"};

    return names[tape_choose(&world->tape, COUNT(names), "binding")];
}

/* As after a restored backup: ours, but made for bindings that are no more. */
static void leave_ours(struct world *world)
{
    const struct model_association *made = NULL;
    const struct model_tag tags[] = {
        {"podbind.dev/owner", OWNER},
        {"podbind.dev/binding", "ffffffff-0000-4000-8000-0000000000ff"},
        {"podbind.dev/retain", "true"}};
    struct model_association ours = {
        .cluster = CLUSTER_NAME,
        .namespace = people_namespace(world),
        .service_account = people_account(world),
        .role_arn = "arn:aws:iam::" EXPECT_ACCOUNT ":role/reader",
        .tags = tags,
        .tag_count = 2 + tape_choose(&world->tape, 2, "retained"),
    };
    struct model_error err;

    if (strcmp(ours.namespace, OWN_NAMESPACE) != 0)
        model_put_association(world->model, &ours, world->now, tape_bits(&world->tape, "id"), &made,
                              &err);
    if (made)
        TRACE(world, "● %s/%s has %s of ours, of an earlier life", made->namespace,
              made->service_account, made->id);
}

void people_settle_in(struct world *world)
{
    uint32_t accounts = tape_choose(&world->tape, 8, "accounts");
    uint32_t bindings = tape_choose(&world->tape, 9, "bindings");
    uint32_t foreign = tape_choose(&world->tape, 4, "foreign associations");

    while (accounts-- > 0)
        people_put_account(world, people_namespace(world), people_account(world));
    while (foreign-- > 0)
        drift_foreign(world, people_namespace(world), people_account(world),
                      tape_choose(&world->tape, 4, "whose"));
    if (tape_choose(&world->tape, 3, "an earlier life") == 2)
        leave_ours(world);
    while (bindings-- > 0)
        people_create_binding(world, people_namespace(world), people_binding_name(world));
}

static void mend_role(struct world *world, const char *path, const char *name)
{
    const struct model_role role = {.name = name, .path = path};

    model_put_role(world->model, &role);
}

/* Another controller lets go in the end. */
static void let_go(struct world *world)
{
    for (size_t i = world->kube.binding_count; i-- > 0;) {
        struct binding next = *world->kube.bindings[i];

        if (!strstr(next.finalizers, "example.com/hold"))
            continue;
        next.finalizers = next.has_finalizer ? BINDING_FINALIZER "\n" : "";
        kube_update_binding(&world->kube, &next, false);
    }
}

void people_mend(struct world *world)
{
    let_go(world);
    kube_release_deletions(&world->kube, "1000");
    model_settings(world->model)->quota = 5000;
    mend_role(world, "/", "reader");
    mend_role(world, "/", "writer");
    mend_role(world, "/", "fresh");
    mend_role(world, "/team/a/", "deep");
    world->deny_eks_until = world->deny_kube_until = 0;
}
