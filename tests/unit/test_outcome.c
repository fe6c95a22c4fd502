/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "tests/unit/outcome_stage.h"

/* ---- well ---- */

static void a_key_in_place_is_ready(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;
    struct mirror_entry *entry;

    (void)state;
    stage_init(&stage);
    add_reader(&stage);
    entry = add_ours(&stage, "app-sa");
    entry->association->external_id = "external";
    entry->association->modified_us = 1764000000999999;
    status = judge(&stage);
    is(status, CONDITION_ACCEPTED, CONDITION_TRUE, "Accepted");
    is(status, CONDITION_ASSOCIATED, CONDITION_TRUE, "Associated");
    is(status, CONDITION_READY, CONDITION_TRUE, "Ready");
    says(status, CONDITION_READY, "new pods of app-sa get " SCENE_ROLE);
    assert_int_equal(status->conditions[CONDITION_RECONCILING].status, CONDITION_ABSENT);
    assert_int_equal(status->conditions[CONDITION_STALLED].status, CONDITION_ABSENT);
    assert_true(stage.outcome.ready);
    assert_int_equal(stage.outcome.due, INT64_MAX);
    assert_int_equal(status->observed_generation, 1);
    assert_string_equal(status->cluster_name, "blue");
    assert_string_equal(status->role, "reader");
    assert_string_equal(status->role_arn, SCENE_ROLE);
    assert_string_equal(status->service_accounts, "app-sa");
    assert_string_equal(status->bound, "1/1");
    assert_string_equal(status->access, "0344e396"); /* as in test_access */
    assert_int_equal(status->row_count, 1);
    assert_string_equal(status->rows[0].id, "a-app-sa");
    assert_string_equal(status->rows[0].state, "Associated");
    assert_string_equal(status->rows[0].external_id, "external");
    assert_int_equal(status->rows[0].last_changed_us, 1764000000000000);
}

static const struct selector_requirement any_tier = {.key = "tier", .operation = SELECTOR_EXISTS};

static void add_selector(struct stage *stage)
{
    struct binding binding = scene_binding("reader");

    binding.service_account = "";
    binding.selector = &any_tier;
    binding.selector_count = 1;
    scene_add_binding(&stage->scene, &binding);
}

static void a_selector_without_matches_is_ready(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;

    (void)state;
    stage_init(&stage);
    add_selector(&stage);
    status = judge(&stage);
    is(status, CONDITION_ASSOCIATED, CONDITION_TRUE, "NothingSelected");
    is(status, CONDITION_READY, CONDITION_TRUE, "NothingSelected");
    assert_string_equal(status->bound, "0/0");
    assert_string_equal(status->access, "none");
    assert_string_equal(status->service_accounts, "0 selected");
    assert_int_equal(status->row_count, 0);
    assert_int_equal(status->omitted, 0);
}

static void status_has_a_hundred_rows_at_most(void **state)
{
    static const int counts[] = {99, 100, 101, 130};

    (void)state;
    for (size_t c = 0; c < COUNT(counts); c++) {
        CLEANUP(stage_release) struct stage stage;
        const struct binding_status *status;
        char bound[32];

        stage_init(&stage);
        add_selector(&stage);
        for (int i = 0; i < counts[c]; i++) {
            char name[16];

            snprintf(name, sizeof name, "sa-%03d", i);
            scene_add_account(&stage.scene, "app", name, "tier\tweb\n");
            add_ours(&stage, name);
        }
        status = judge(&stage);
        snprintf(bound, sizeof bound, "%d/%d", counts[c], counts[c]);
        assert_string_equal(status->bound, bound);
        assert_int_equal(status->row_count, counts[c] < 100 ? counts[c] : 100);
        assert_int_equal(status->omitted, counts[c] < 100 ? 0 : counts[c] - 100);
        assert_string_equal(status->rows[98].service_account, "sa-098");
        is(status, CONDITION_READY, CONDITION_TRUE, "Ready");
        assert_int_equal(strlen(status->access), 8);
    }
}

static void suspended_but_in_place_is_ready(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    add_reader(&stage)->suspend = true;
    add_ours(&stage, "app-sa");
    is(judge(&stage), CONDITION_READY, CONDITION_TRUE, "Suspended");
}

/* ---- accepted ---- */

static void a_refused_binding_is_neither_accepted_nor_associated(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;

    (void)state;
    stage_init(&stage);
    add_reader(&stage)->role_name = "aws-service-role/x";
    add_ours(&stage, "app-sa");
    status = judge(&stage);
    is(status, CONDITION_ACCEPTED, CONDITION_FALSE, "Refused");
    says(status, CONDITION_ACCEPTED, "service-linked role");
    is(status, CONDITION_ASSOCIATED, CONDITION_FALSE, "NotAccepted");
    is(status, CONDITION_READY, CONDITION_FALSE, "Refused");
    assert_string_equal(status->bound, "0/0");
    assert_string_equal(status->access, "");
}

static void the_holder_of_a_contested_key_says_so_and_is_ready(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct binding younger = scene_binding("younger");
    const struct binding_status *status;

    (void)state;
    stage_init(&stage);
    younger.created_us = 9;
    scene_add_binding(&stage.scene, &younger);
    add_reader(&stage);
    add_ours(&stage, "app-sa");
    status = judge(&stage);
    is(status, CONDITION_ACCEPTED, CONDITION_TRUE, "ConflictHolder");
    says(status, CONDITION_ACCEPTED, "binding 'younger' asks for service account 'app-sa' too");
    is(status, CONDITION_READY, CONDITION_TRUE, "Ready");
}

/* Accepted is False when any key is refused; the others go on. */
static void one_lost_key_of_three(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct binding older = scene_binding("older");
    const struct binding_status *status;

    (void)state;
    stage_init(&stage);
    add_selector(&stage);
    stage.scene.bindings[0]->created_us = 5;
    older.service_account = "b";
    scene_add_binding(&stage.scene, &older);
    scene_add_account(&stage.scene, "app", "a", "tier\t\n");
    scene_add_account(&stage.scene, "app", "b", "tier\t\n");
    scene_add_account(&stage.scene, "app", "c", "tier\t\n");
    add_ours(&stage, "a");
    status = judge(&stage);
    is(status, CONDITION_ACCEPTED, CONDITION_FALSE, "Conflict");
    is(status, CONDITION_ASSOCIATED, CONDITION_FALSE, "Conflict");
    says(status, CONDITION_ASSOCIATED, "(and 1 more)");
    assert_string_equal(status->bound, "1/3");
    assert_string_equal(status->service_accounts, "3 selected");
    assert_string_equal(status->rows[0].state, "Associated");
    assert_string_equal(status->rows[1].state, "Conflict");
    assert_string_equal(status->rows[1].id, "");
    assert_string_equal(status->rows[2].state, "Creating");
    assert_string_equal(status->access, "");
}

/* ---- the cluster ---- */

static void a_wrong_cluster_is_said_in_its_words(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;

    (void)state;
    stage_init(&stage);
    add_reader(&stage);
    add_ours(&stage, "app-sa");
    stage.scene.cluster.verdict = CLUSTER_WRONG;
    memcpy(stage.scene.cluster.why, "these differ", sizeof "these differ");
    status = judge(&stage);
    is(status, CONDITION_ACCEPTED, CONDITION_TRUE, "Accepted");
    is(status, CONDITION_ASSOCIATED, CONDITION_UNKNOWN, "WrongCluster");
    is(status, CONDITION_READY, CONDITION_FALSE, "WrongCluster");
    says(status, CONDITION_READY, "these differ");
    assert_string_equal(status->access, "");
}

static void a_cluster_not_known_makes_accepted_unknown(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;

    (void)state;
    stage_init(&stage);
    add_reader(&stage);
    stage.scene.cluster = (struct cluster){.name = "blue", .why = "not read yet"};
    status = judge(&stage);
    is(status, CONDITION_ACCEPTED, CONDITION_UNKNOWN, "ClusterUnverified");
    is(status, CONDITION_ASSOCIATED, CONDITION_UNKNOWN, "ClusterUnverified");
    is(status, CONDITION_READY, CONDITION_FALSE, "ClusterUnverified");
    says(status, CONDITION_ACCEPTED, "not read yet");
}

static void blindness_goes_before_all_else(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;

    (void)state;
    stage_init(&stage);
    add_reader(&stage);
    stage.context.blind_reason = "AccessDenied";
    stage.context.blind_message = "EKS does not let us list";
    status = judge(&stage);
    is(status, CONDITION_ACCEPTED, CONDITION_TRUE, "Accepted");
    is(status, CONDITION_ASSOCIATED, CONDITION_UNKNOWN, "AccessDenied");
    is(status, CONDITION_READY, CONDITION_FALSE, "AccessDenied");
    says(status, CONDITION_READY, "EKS does not let us list");
    stage.scene.cluster = (struct cluster){.name = "blue"};
    is(judge(&stage), CONDITION_ACCEPTED, CONDITION_UNKNOWN, "AccessDenied");
}

/* ---- deletions ---- */

static void a_deletion_that_is_held_says_how_to_let_it_go(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;
    struct mirror_entry *entry;
    struct binding *binding;

    (void)state;
    stage_init(&stage);
    binding = add_reader(&stage);
    binding->deleting = true;
    entry = add_ours(&stage, "app-sa");
    stage.context.stuck = stage.context.lingering = entry;
    stage.context.hold = "40 are wanted: kubectl annotate lease";
    status = judge(&stage);
    is(status, CONDITION_READY, CONDITION_FALSE, "DeletionHeld");
    says(status, CONDITION_READY,
         "association a-app-sa of service account 'app-sa' is still there: "
         "40 are wanted: kubectl annotate lease");
    stage.context.hold = "";
    is(judge(&stage), CONDITION_READY, CONDITION_FALSE, "DeletionDisabled");
    mirror_failed(entry, TROUBLE_DENIED, "no right to", 1, NOW, 1000);
    status = judge(&stage);
    is(status, CONDITION_READY, CONDITION_FALSE, "AccessDenied");
    says(status, CONDITION_READY, "no right to");
}

static void a_key_it_no_longer_asks_for_may_be_held_too(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;

    (void)state;
    stage_init(&stage);
    add_reader(&stage);
    add_ours(&stage, "app-sa");
    stage.context.lingering = add_ours(&stage, "old");
    stage.context.hold = "40 are wanted";
    status = judge(&stage);
    is(status, CONDITION_READY, CONDITION_TRUE, "Ready");
    is(status, CONDITION_ASSOCIATED, CONDITION_TRUE, "Associated");
    says(status, CONDITION_ASSOCIATED,
         "association a-old of service account 'old' is still there: 40 are wanted");
}

/* ---- time ---- */

static void the_time_of_a_transition_is_kept_while_the_status_is_the_same(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;
    struct binding *binding;

    (void)state;
    stage_init(&stage);
    binding = add_reader(&stage);
    binding->status.conditions[CONDITION_ACCEPTED] = CONDITION_TRUE;
    binding->status.since_s[CONDITION_ACCEPTED] = 1700000111;
    binding->status.conditions[CONDITION_READY] = CONDITION_TRUE;
    binding->status.since_s[CONDITION_READY] = 1700000222;
    status = judge(&stage);
    assert_int_equal(status->conditions[CONDITION_ACCEPTED].since_us, 1700000111000000);
    assert_int_equal(status->conditions[CONDITION_READY].since_us, WALL_US);
    assert_int_equal(status->conditions[CONDITION_ASSOCIATED].since_us, WALL_US);
    binding->status.conditions[CONDITION_READY] = CONDITION_FALSE;
    status = judge(&stage);
    assert_int_equal(status->conditions[CONDITION_READY].since_us, 1700000222000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_in_place_is_ready),
        cmocka_unit_test(a_selector_without_matches_is_ready),
        cmocka_unit_test(status_has_a_hundred_rows_at_most),
        cmocka_unit_test(suspended_but_in_place_is_ready),
        cmocka_unit_test(a_refused_binding_is_neither_accepted_nor_associated),
        cmocka_unit_test(the_holder_of_a_contested_key_says_so_and_is_ready),
        cmocka_unit_test(one_lost_key_of_three),
        cmocka_unit_test(a_wrong_cluster_is_said_in_its_words),
        cmocka_unit_test(a_cluster_not_known_makes_accepted_unknown),
        cmocka_unit_test(blindness_goes_before_all_else),
        cmocka_unit_test(a_deletion_that_is_held_says_how_to_let_it_go),
        cmocka_unit_test(a_key_it_no_longer_asks_for_may_be_held_too),
        cmocka_unit_test(the_time_of_a_transition_is_kept_while_the_status_is_the_same),
    };

    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
