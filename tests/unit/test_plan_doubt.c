/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/plan_case.h"

/* What is planned where it is not known for sure what stands there, and when it may be done. */

#define WANTED "binding app/reader\nassociation app/app-sa\n"
#define DELETED "binding app/reader +deleting\nassociation app/app-sa\n"

static struct plan_step *only_step(const struct scene *scene)
{
    assert_int_equal(scene->plan.count, 1);
    return &scene->plan.steps[0];
}

static void read_given(const char *given, struct scene *ret_scene)
{
    plan_case_read(given, ret_scene);
    only_step(ret_scene);
}

static void what_may_have_been_deleted_is_unknown(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    read_given(WANTED, &scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_KEEP);
    scene.mirror.entries[0]->maybe_gone_at = scene.context.now;
    scene_plan(&scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_UNKNOWN);
}

static void ours_that_names_no_binding_is_an_orphan(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct association nobodys;

    (void)state;
    scene_init(&scene);
    nobodys = scene_association("app-sa", "");
    nobodys.tags = "podbind.dev/owner\t" SCENE_OWNER "\n";
    scene_add_association(&scene, &nobodys);
    scene_plan(&scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_ORPHAN);
    assert_int_equal(scene.plan.orphans, 1);
    assert_false(plan_may_act(only_step(&scene), &scene.context));
}

/* It may have been handed to another binding, or retained, unseen. */
static void a_delete_waits_for_a_settled_description(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct mirror_entry *entry;

    (void)state;
    read_given(DELETED, &scene);
    entry = scene.mirror.entries[0];
    assert_int_equal(only_step(&scene)->verb, PLAN_DELETE);
    assert_false(entry->settle);
    scene.mirror.epoch = entry->described_at; /* whoever led before us wrote until then */
    scene_plan(&scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_UNKNOWN);
    assert_true(entry->settle);
    assert_int_equal(plan_due(only_step(&scene), &scene.context), INT64_MAX);
    entry->described_at = scene.mirror.epoch + MIRROR_UNSURE_MS;
    scene_plan(&scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_DELETE);
    assert_false(entry->settle);
}

/* It may have been handed to another binding, unseen: that one's would be retained. */
static void a_tag_that_retains_waits_for_a_settled_description(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct association tagged, *before;
    struct mirror_entry *entry;

    (void)state;
    read_given("binding app/reader +deleting +retain\nassociation app/app-sa\n", &scene);
    entry = scene.mirror.entries[0];
    assert_int_equal(only_step(&scene)->verb, PLAN_CHANGE);
    assert_true(plan_retains(only_step(&scene), &scene.context));
    scene.mirror.epoch = entry->described_at;
    scene_plan(&scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_UNKNOWN);
    assert_true(entry->settle);
    assert_true(plan_retains(only_step(&scene), &scene.context)); /* the finalizer waits for it */
    entry->maybe_gone_at = scene.context.now;
    scene_plan(&scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_LEAVE);
    entry->maybe_gone_at = 0;
    scene_plan(&scene);
    assert_true(plan_retains(only_step(&scene), &scene.context));
    tagged = *entry->association;
    tagged.tags =
        TAG_BINDING "\tuid-reader\n" TAG_OWNER "\t" SCENE_OWNER "\n" TAG_RETAIN "\ttrue\n";
    before = entry->association;
    entry->association = association_copy(&tagged);
    mem_free(before);
    assert_false(plan_retains(only_step(&scene), &scene.context));
    mem_free(entry->association); /* somebody has deleted it meanwhile */
    entry->association = NULL;
    assert_false(plan_retains(only_step(&scene), &scene.context));
}

static void a_tag_that_retains_is_not_waited_for_where_it_may_not_be_written(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    read_given("binding app/reader +deleting +retain\nassociation app/app-sa\n", &scene);
    scene.context.mode = PLAN_OBSERVE;
    assert_false(plan_retains(only_step(&scene), &scene.context));
    scene.context.mode = PLAN_NO_DELETE;
    assert_true(plan_retains(only_step(&scene), &scene.context));
    scene.bindings[0]->suspend = true;
    assert_false(plan_retains(only_step(&scene), &scene.context));
}

/* To delete once more what may be gone does no harm. */
static void a_delete_of_unknown_outcome_is_repeated_without_waiting(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct mirror_entry *entry;

    (void)state;
    read_given(DELETED, &scene);
    entry = scene.mirror.entries[0];
    scene.mirror.epoch = entry->described_at;
    entry->maybe_gone_at = entry->described_at;
    scene_plan(&scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_DELETE);
    assert_false(entry->settle);
}

static void a_write_of_unknown_outcome_makes_its_namespace_unknown(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct mirror_entry *entry;

    (void)state;
    read_given(WANTED, &scene);
    entry = scene.mirror.entries[0];
    assert_false(plan_has_unknown(&scene.plan, "app"));
    entry->unsure_at = entry->described_at;
    scene_plan(&scene);
    assert_true(plan_has_unknown(&scene.plan, "app"));
    entry->unsure_at = 0;
    entry->maybe_gone_at = entry->described_at;
    scene_plan(&scene);
    assert_true(plan_has_unknown(&scene.plan, "app"));
    entry->described_at += MIRROR_UNSURE_MS;
    scene_plan(&scene);
    assert_false(plan_has_unknown(&scene.plan, "app"));
}

static void a_key_where_only_a_failure_is_remembered_is_known_to_be_free(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    scene_init(&scene);
    mirror_failed(mirror_entry(&scene.mirror, &(struct association_key){"app", "app-sa"}),
                  TROUBLE_DENIED, "no", 1, 1, 1);
    scene_plan(&scene);
    assert_int_equal(only_step(&scene)->verb, PLAN_LEAVE);
    assert_false(plan_has_unknown(&scene.plan, "app"));
}

static void tells_which_steps_delete_now(void **state)
{
    static const struct {
        const char *given;
        bool deletes;
    } rows[] = {
        {DELETED, true},
        {DELETED "context mode=no-delete\n", false},
        {"binding app/reader +deleting\nassociation app/app-sa deleted=5\n", false},
        {WANTED, false},
        {"binding app/reader\n", false},
        {"context now=500 grace=100\nbinding app/reader select=tier=web\n"
         "association app/app-sa absent=401\n",
         false},
        {"context now=500 grace=100\nbinding app/reader select=tier=web\n"
         "association app/app-sa absent=400\n",
         true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(scene_release) struct scene scene;

        read_given(rows[i].given, &scene);
        if (plan_deletes(only_step(&scene), &scene.context) != rows[i].deletes)
            fail_msg("deletes %s: %s", rows[i].deletes ? "nothing" : "something", rows[i].given);
    }
}

static void a_step_that_is_held_or_to_be_looked_at_waits(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct plan_step *step;

    (void)state;
    read_given(DELETED, &scene);
    step = only_step(&scene);
    assert_true(plan_may_act(step, &scene.context));
    step->held = true;
    assert_false(plan_may_act(step, &scene.context));
    step->held = false;
    step->entry->look = true;
    assert_false(plan_may_act(step, &scene.context));
}

static void a_delete_that_failed_waits_until_a_person_asks(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct plan_step *step;

    (void)state;
    read_given(DELETED, &scene);
    step = only_step(&scene);
    mirror_failed(step->entry, TROUBLE_DENIED, "no", step->claim->binding->generation,
                  scene.context.now, 300000);
    assert_false(plan_may_act(step, &scene.context));
    plan_retry_deletes(&scene.plan, (size_t)(step->claim - scene.desired.claims));
    assert_true(plan_may_act(step, &scene.context));
}

static void what_is_wanted_is_not_retried_with_the_deletes(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct plan_step *step;

    (void)state;
    read_given(WANTED, &scene);
    step = only_step(&scene);
    mirror_failed(step->entry, TROUBLE_DENIED, "no", TROUBLE_ANY_GENERATION, scene.context.now,
                  300000); /* a read of a moment ago */
    plan_retry_deletes(&scene.plan, 0);
    assert_non_null(step->entry->trouble);
}

/* Else the look would wait for what was to be tried again for the old one. */
static void what_failed_before_an_edit_is_forgotten(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    const struct association_key key = {"app", "app-sa"};
    struct binding binding = scene_binding("reader");
    struct mirror_entry *entry;

    (void)state;
    scene_init(&scene);
    binding.generation = 2;
    scene_add_binding(&scene, &binding);
    entry = mirror_entry(&scene.mirror, &key);
    mirror_failed(entry, TROUBLE_GHOST, "taken", 2, scene.context.now, 15000);
    scene_plan(&scene);
    assert_non_null(entry->trouble);
    scene.bindings[0]->generation = 3;
    scene_plan(&scene);
    assert_null(entry->trouble);
}

static void a_create_needs_nothing_in_the_mirror(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    read_given("binding app/reader\n", &scene);
    assert_null(only_step(&scene)->entry);
    assert_true(plan_may_act(only_step(&scene), &scene.context));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_have_been_deleted_is_unknown),
        cmocka_unit_test(ours_that_names_no_binding_is_an_orphan),
        cmocka_unit_test(a_delete_waits_for_a_settled_description),
        cmocka_unit_test(a_tag_that_retains_waits_for_a_settled_description),
        cmocka_unit_test(a_tag_that_retains_is_not_waited_for_where_it_may_not_be_written),
        cmocka_unit_test(a_delete_of_unknown_outcome_is_repeated_without_waiting),
        cmocka_unit_test(a_write_of_unknown_outcome_makes_its_namespace_unknown),
        cmocka_unit_test(a_key_where_only_a_failure_is_remembered_is_known_to_be_free),
        cmocka_unit_test(tells_which_steps_delete_now),
        cmocka_unit_test(a_step_that_is_held_or_to_be_looked_at_waits),
        cmocka_unit_test(a_delete_that_failed_waits_until_a_person_asks),
        cmocka_unit_test(what_is_wanted_is_not_retried_with_the_deletes),
        cmocka_unit_test(what_failed_before_an_edit_is_forgotten),
        cmocka_unit_test(a_create_needs_nothing_in_the_mirror),
    };

    return cmocka_run_group_tests_name("plan_doubt", tests, NULL, NULL);
}
