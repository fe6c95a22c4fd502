/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "tests/unit/aws_cases.h"
#include "tests/unit/plan_case.h"

static void plans_as_the_case_says(void **state)
{
    CLEANUP_FREE char *given = aws_cases_read(*state, "given", NULL);
    CLEANUP_FREE char *expected = aws_cases_read(*state, "plan", NULL);
    CLEANUP(strbuf_release) struct strbuf first = {0}, second = {0};
    CLEANUP(scene_release) struct scene scene;

    assert_non_null(given);
    assert_non_null(expected);
    plan_case_read(given, &scene);
    plan_case_write(&scene, &first);
    assert_string_equal(strbuf_text(&first), expected);
    plan_release(&scene.plan); /* equal inputs give equal plans */
    plan_make(&scene.desired, &scene.mirror, &scene.context, &scene.plan);
    plan_case_write(&scene, &second);
    assert_string_equal(strbuf_text(&second), expected);
}

/* The grace begins with the first plan that sees the account gone, and anew after it was back. */
static void the_grace_of_an_absence_begins_anew_each_time(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct mirror_entry *entry;

    (void)state;
    plan_case_read("context now=500 grace=100\n"
                   "binding app/reader select=tier=web\n"
                   "account app/web label=tier=web\n"
                   "association app/web\n",
                   &scene);
    entry = scene.mirror.entries[0];
    assert_int_equal(scene.plan.steps[0].verb, PLAN_KEEP);
    assert_int_equal(entry->absent_since, 0);
    mem_free(scene.accounts[--scene.account_count]);
    scene_plan(&scene);
    assert_int_equal(scene.plan.steps[0].verb, PLAN_DELETE);
    assert_int_equal(entry->absent_since, 500);
    assert_false(plan_may_act(&scene.plan.steps[0], &scene.context));
    scene.context.now = 599;
    scene_plan(&scene);
    assert_int_equal(entry->absent_since, 500);
    assert_false(plan_may_act(&scene.plan.steps[0], &scene.context));
    scene_add_account(&scene, "app", "web", "tier\tweb\n");
    scene_plan(&scene);
    assert_int_equal(entry->absent_since, 0);
    mem_free(scene.accounts[--scene.account_count]);
    scene.context.now = 600;
    scene_plan(&scene);
    assert_int_equal(entry->absent_since, 600);
    assert_int_equal(plan_due(&scene.plan.steps[0], &scene.context), 700);
    scene.context.now = 700;
    assert_true(plan_may_act(&scene.plan.steps[0], &scene.context));
}

/* An empty list is no evidence, neither of an absence nor of since when. */
static void the_grace_begins_when_no_doubt_is_left_that_accounts_are_gone(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    plan_case_read("context now=500 grace=100\n"
                   "binding app/reader select=tier=web\n"
                   "association app/web\n",
                   &scene);
    scene.context.accounts_doubtful = true;
    scene.context.now = 600;
    scene_plan(&scene);
    assert_int_equal(scene.plan.steps[0].verb, PLAN_DELETE);
    assert_false(plan_may_act(&scene.plan.steps[0], &scene.context));
    scene.context.accounts_doubtful = false;
    scene.context.now = 650;
    scene_plan(&scene);
    assert_int_equal(plan_due(&scene.plan.steps[0], &scene.context), 700);
}

static void an_absence_is_forgotten_while_the_binding_is_suspended(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    plan_case_read("binding app/reader select=tier=web +suspend\n"
                   "association app/web absent=10\n",
                   &scene);
    assert_int_equal(scene.plan.steps[0].verb, PLAN_LEAVE);
    assert_int_equal(scene.mirror.entries[0]->absent_since, 0);
}

static void steps_are_grouped_by_claim_in_key_order(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    const struct plan *plan = &scene.plan;

    (void)state;
    plan_case_read("binding app/a select=tier=web\n"
                   "binding app/b account=k\n"
                   "binding app/c account=x +deleting\n"
                   "account app/j label=tier=web\n"
                   "account app/z label=tier=web\n"
                   "association app/l for=a\n"
                   "association app/other owner=none\n",
                   &scene);
    assert_int_equal(plan->count, 5);
    assert_int_equal(plan->claim_first[0], 0);
    assert_int_equal(plan->claim_first[1], 3);
    assert_int_equal(plan->claim_first[2], 4);
    assert_int_equal(plan->claim_first[3], 4);
    assert_string_equal(plan->by_claim[0]->want->key.service_account, "j");
    assert_string_equal(plan->by_claim[1]->entry->key.service_account, "l");
    assert_string_equal(plan->by_claim[2]->want->key.service_account, "z");
    assert_string_equal(plan->by_claim[3]->want->key.service_account, "k");
}

static void tells_in_which_namespaces_something_is_unknown(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    plan_case_read("association b/x +listed-only\n"
                   "association b/y +listed-only\n"
                   "association c/x\n"
                   "maybe d/x at=5\n",
                   &scene);
    assert_false(plan_has_unknown(&scene.plan, "a"));
    assert_true(plan_has_unknown(&scene.plan, "b"));
    assert_false(plan_has_unknown(&scene.plan, "c"));
    assert_true(plan_has_unknown(&scene.plan, "d"));
    assert_int_equal(scene.plan.unknown_count, 2);
}

/* What a Describe shows just before a Delete is the last word. */
static void a_delete_needs_what_was_planned_to_stand_there_still(void **state)
{
    static const char *const no_longer[] = {
        "",
        "podbind.dev/binding\tuid-reader\n",
        "podbind.dev/binding\tuid-reader\npodbind.dev/owner\tanother-uid/podbind\n",
        "podbind.dev/binding\tuid-another\npodbind.dev/owner\t" SCENE_OWNER "\n",
        "podbind.dev/binding\tuid-reader\npodbind.dev/owner\t" SCENE_OWNER "\n"
        "podbind.dev/retain\ttrue\n",
    };
    CLEANUP(scene_release) struct scene scene;
    struct association ours, seen;
    const struct plan_step *step;

    (void)state;
    plan_case_read("binding app/reader +deleting\n"
                   "association app/app-sa\n",
                   &scene);
    ours = scene_association("app-sa", "uid-reader");
    step = &scene.plan.steps[0];
    assert_int_equal(step->verb, PLAN_DELETE);
    assert_true(plan_may_delete(step, &ours, SCENE_OWNER));
    ours.access.role_arn = SCENE_OTHER_ROLE; /* whoever turned it: it is ours */
    assert_true(plan_may_delete(step, &ours, SCENE_OWNER));
    for (size_t i = 0; i < sizeof no_longer / sizeof *no_longer; i++) {
        seen = ours;
        seen.tags = no_longer[i];
        assert_false(plan_may_delete(step, &seen, SCENE_OWNER));
    }
    seen = ours;
    seen.id = "a-another";
    assert_false(plan_may_delete(step, &seen, SCENE_OWNER));
    seen = ours;
    seen.owner_arn = "arn:aws:eks:us-west-2:111122223333:addon/blue/x/1";
    assert_false(plan_may_delete(step, &seen, SCENE_OWNER));
}

static void a_plan_of_nothing_is_empty(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    plan_case_read("", &scene);
    assert_int_equal(scene.plan.count, 0);
    assert_int_equal(scene.plan.claim_first[0], 0);
    assert_false(plan_has_unknown(&scene.plan, "app"));
}

/* It may be what somebody asked for who does not hold the key any more. */
static void what_may_have_been_updated_unseen_is_not_in_place(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    plan_case_read("binding app/reader\n"
                   "association app/app-sa\n",
                   &scene);
    assert_int_equal(scene.plan.steps[0].verb, PLAN_KEEP);
    scene.mirror.entries[0]->unshown = true;
    scene_plan(&scene);
    assert_int_equal(scene.plan.steps[0].verb, PLAN_UNKNOWN);
}

static void what_was_released_is_an_empty_plan(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    plan_case_read("binding app/reader\n"
                   "association b/x +listed-only\n",
                   &scene);
    plan_release(&scene.plan);
    assert_int_equal(scene.plan.count, 0);
    assert_null(scene.plan.steps);
    assert_false(plan_has_unknown(&scene.plan, "b"));
}

/* UIDs are in no order of names. */
static void each_association_is_its_own_bindings(void **state)
{
    static const char *const owners[] = {"a", "b", "c", "d", "e"};
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    plan_case_read("binding app/a uid=u5 account=k1\n"
                   "binding app/b uid=u2 account=k2\n"
                   "binding app/c uid=u4 account=k3\n"
                   "binding app/d uid=u1 account=k4\n"
                   "binding app/e uid=u3 account=k5\n"
                   "association app/old-1 uid=u5\n"
                   "association app/old-2 uid=u2\n"
                   "association app/old-3 uid=u4\n"
                   "association app/old-4 uid=u1\n"
                   "association app/old-5 uid=u3\n",
                   &scene);
    for (size_t i = 0; i < 5; i++) {
        const struct plan_step *step = &scene.plan.steps[5 + i];

        assert_non_null(step->claim);
        assert_string_equal(step->claim->binding->name, owners[i]);
    }
}

int main(void)
{
    const struct CMUnitTest plain[] = {
        cmocka_unit_test(the_grace_of_an_absence_begins_anew_each_time),
        cmocka_unit_test(the_grace_begins_when_no_doubt_is_left_that_accounts_are_gone),
        cmocka_unit_test(an_absence_is_forgotten_while_the_binding_is_suspended),
        cmocka_unit_test(steps_are_grouped_by_claim_in_key_order),
        cmocka_unit_test(tells_in_which_namespaces_something_is_unknown),
        cmocka_unit_test(a_delete_needs_what_was_planned_to_stand_there_still),
        cmocka_unit_test(what_may_have_been_updated_unseen_is_not_in_place),
        cmocka_unit_test(a_plan_of_nothing_is_empty),
        cmocka_unit_test(what_was_released_is_an_empty_plan),
        cmocka_unit_test(each_association_is_its_own_bindings),
    };

    return aws_cases_run("plan", plain, sizeof plain / sizeof *plain, plans_as_the_case_says);
}
