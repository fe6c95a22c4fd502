/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "tests/unit/outcome_stage.h"

/* ---- a binding that is being deleted, and its association that stays ---- */

static const struct binding_status *judge_stuck(struct stage *stage, const char *hold)
{
    const struct plan_step step = {.verb = PLAN_DELETE,
                                   .evidence = EVIDENCE_BINDING_DELETED,
                                   .entry = stage->scene.mirror.entries[0]};
    const struct binding_status *status;

    stage->context.stuck = &step;
    stage->context.hold = hold;
    status = judge(stage);
    stage->context.stuck = NULL;
    return status;
}

static void what_keeps_an_association_from_going_is_said(void **state)
{
    static const struct {
        enum trouble trouble;
        const char *hold, *reason, *words;
    } rows[] = {
        {TROUBLE_DENIED, "", "AccessDenied", "EKS said no"},
        {TROUBLE_RETRYING, "not yet", "Retrying", "EKS said no"}, /* it was tried */
        {TROUBLE_NONE, "20 of 20 are spent", "DeletionHeld", "20 of 20 are spent"},
        {TROUBLE_NONE, "", "DeletionDisabled", "--mode that deletes nothing"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(stage_release) struct stage stage;
        const struct binding_status *status;

        stage_init(&stage);
        add_reader(&stage)->deleting = true;
        add_ours(&stage, "app-sa");
        if (rows[i].trouble != TROUBLE_NONE)
            mirror_failed(stage.scene.mirror.entries[0], rows[i].trouble, "EKS said no", 1, NOW, 1);
        status = judge_stuck(&stage, rows[i].hold);
        is(status, CONDITION_ASSOCIATED, CONDITION_FALSE, rows[i].reason);
        says(status, CONDITION_ASSOCIATED,
             "association a-app-sa of service account 'app-sa' is still there: ");
        says(status, CONDITION_ASSOCIATED, rows[i].words);
    }
}

/* ---- who stands in the way ---- */

static void a_failure_says_nothing_of_what_is_in_place_or_taken(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct mirror_entry *entry;

    (void)state;
    stage_init(&stage);
    add_reader(&stage);
    entry = add_ours(&stage, "app-sa");
    mirror_failed(entry, TROUBLE_DENIED, "of an earlier try", 1, NOW, 1);
    is(judge(&stage), CONDITION_READY, CONDITION_TRUE, "Ready");
    entry->association->tags = "";
    is(judge(&stage), CONDITION_READY, CONDITION_FALSE, "KeyTaken");
}

static void the_owner_that_is_named_is_cut_where_it_is_too_long(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct association taken = scene_association("app-sa", "uid-reader");
    char owner[301] = "", tags[400];

    (void)state;
    memset(owner, 'o', sizeof owner - 1);
    snprintf(tags, sizeof tags, "podbind.dev/owner\t%s\n", owner);
    taken.tags = tags;
    stage_init(&stage);
    add_reader(&stage);
    scene_add_association(&stage.scene, &taken);
    judge(&stage);
    owner[200] = '\0';
    says(&stage.outcome.status, CONDITION_READY, owner);
    says(&stage.outcome.status, CONDITION_READY, "oo): remove one of the two bindings");
}

static const struct selector_requirement any_tier = {.key = "tier", .operation = SELECTOR_EXISTS};

static struct binding for_all_of(const char *namespace, const char *name)
{
    struct binding binding = scene_binding(name);

    binding.namespace = namespace;
    binding.service_account = "";
    binding.selector = &any_tier;
    binding.selector_count = 1;
    return binding;
}

static void add_accounts(struct stage *stage, const char *namespace)
{
    static const char *const names[] = {"a", "b", "c"};

    for (size_t i = 0; i < COUNT(names); i++)
        scene_add_account(&stage->scene, namespace, names[i], "tier\t\n");
}

static void the_first_of_several_is_named_and_the_others_are_counted(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding reader = for_all_of("podbind-system", "reader");

    (void)state;
    stage_init(&stage);
    scene_add_binding(&stage.scene, &reader);
    add_accounts(&stage, "podbind-system");
    is(judge(&stage), CONDITION_ACCEPTED, CONDITION_FALSE, "Refused");
    says(&stage.outcome.status, CONDITION_ACCEPTED, "service account 'a': ");
    says(&stage.outcome.status, CONDITION_ACCEPTED, "(and 2 more)");
}

static void of_several_contested_keys_the_first_is_named(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct binding binding = for_all_of("app", "reader");

    (void)state;
    stage_init(&stage);
    scene_add_binding(&stage.scene, &binding);
    binding = for_all_of("app", "younger");
    binding.created_us = 9;
    scene_add_binding(&stage.scene, &binding);
    add_accounts(&stage, "app");
    is(judge(&stage), CONDITION_ACCEPTED, CONDITION_TRUE, "ConflictHolder");
    says(&stage.outcome.status, CONDITION_ACCEPTED, "asks for service account 'a' too");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_keeps_an_association_from_going_is_said),
        cmocka_unit_test(a_failure_says_nothing_of_what_is_in_place_or_taken),
        cmocka_unit_test(the_owner_that_is_named_is_cut_where_it_is_too_long),
        cmocka_unit_test(the_first_of_several_is_named_and_the_others_are_counted),
        cmocka_unit_test(of_several_contested_keys_the_first_is_named),
    };

    return cmocka_run_group_tests_name("outcome_stuck", tests, NULL, NULL);
}
