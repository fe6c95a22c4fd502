/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "reconcile/outcome.h"
#include "tests/unit/scene.h"

#define NOW 1000000
#define WALL_US INT64_C(1764000000123456)
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- a scene and what its binding "reader" is told --------------------------------------------
 */

struct stage {
    struct scene scene;
    struct outcome_context context;
    struct outcome outcome;
};

static void stage_init(struct stage *stage)
{
    *stage = (struct stage){
        .context = {.now = NOW, .wall_us = WALL_US, .blind_reason = "", .blind_message = ""}};
    scene_init(&stage->scene);
}

static void stage_release(struct stage *stage)
{
    outcome_release(&stage->outcome);
    scene_release(&stage->scene);
}

static const struct binding_status *judge(struct stage *stage)
{
    stage->context.cluster = &stage->scene.cluster;
    stage->context.mirror = &stage->scene.mirror;
    outcome_release(&stage->outcome);
    scene_desire(&stage->scene);
    outcome_make(scene_claim(&stage->scene, "reader"), &stage->context, &stage->outcome);
    return &stage->outcome.status;
}

static struct binding *add_reader(struct stage *stage)
{
    struct binding binding = scene_binding("reader");

    return scene_add_binding(&stage->scene, &binding);
}

static struct mirror_entry *add_ours(struct stage *stage, const char *account)
{
    struct association association = scene_association(account, "uid-reader");

    return scene_add_association(&stage->scene, &association);
}

static void is(const struct binding_status *status, enum binding_condition_type type,
               enum condition_status expected, const char *reason)
{
    const struct binding_condition *condition = &status->conditions[type];

    if (condition->status != expected)
        fail_msg("%s is %s, expected %s", condition_type_name(type),
                 condition_status_name(condition->status), condition_status_name(expected));
    assert_string_equal(condition->reason, reason);
}

static void says(const struct binding_status *status, enum binding_condition_type type,
                 const char *words)
{
    if (!strstr(status->conditions[type].message, words))
        fail_msg("'%s' does not say '%s'", status->conditions[type].message, words);
}

/* ---- well -------------------------------------------------------------------------------------
 */

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

/* ---- how a key stands -------------------------------------------------------------------------
 */

struct standing {
    const char *what;
    void (*prepare)(struct stage *stage);
    const char *state, *reason, *words;
};

static void nothing_there(struct stage *stage)
{
    add_reader(stage);
}

static void other_role(struct stage *stage)
{
    add_reader(stage)->role_name = "other";
    add_ours(stage, "app-sa");
}

static void listed_only(struct stage *stage)
{
    add_reader(stage);
    add_ours(stage, "app-sa")->association->described = false;
}

static void deleted(struct stage *stage)
{
    add_reader(stage);
    add_ours(stage, "app-sa")->deleted_at = NOW - 1;
}

static void made_by_hand(struct stage *stage)
{
    add_reader(stage);
    add_ours(stage, "app-sa")->association->tags = "";
}

static void made_by_another(struct stage *stage)
{
    add_reader(stage);
    add_ours(stage, "app-sa")->association->tags = "podbind.dev/owner\tother-uid/podbind\n";
}

static void made_by_an_add_on(struct stage *stage)
{
    add_reader(stage);
    add_ours(stage, "app-sa")->association->owner_arn = "arn:of:the:add-on";
}

static void suspended(struct stage *stage)
{
    other_role(stage);
    stage->scene.bindings[0]->suspend = true;
}

static void suspended_and_nothing_there(struct stage *stage)
{
    add_reader(stage)->suspend = true;
}

static void observed(struct stage *stage)
{
    add_reader(stage);
    stage->context.mode = PLAN_OBSERVE;
}

static void failing(struct stage *stage)
{
    other_role(stage);
    mirror_failed(stage->scene.mirror.entries[0], TROUBLE_ROLE_MISSING, "no such role", 1, NOW - 5,
                  1000);
}

static void failed_before_the_edit(struct stage *stage)
{
    failing(stage);
    stage->scene.bindings[0]->generation = 2;
}

static void failing_to_be_read(struct stage *stage)
{
    listed_only(stage);
    mirror_failed(stage->scene.mirror.entries[0], TROUBLE_DENIED, "not allowed to describe",
                  TROUBLE_ANY_GENERATION, NOW - 5, 1000);
}

static void own_namespace(struct stage *stage)
{
    add_reader(stage)->namespace = "podbind-system";
}

static void held_by_an_older(struct stage *stage)
{
    struct binding binding = scene_binding("older");

    add_reader(stage)->created_us = 2;
    binding.created_us = 1;
    scene_add_binding(&stage->scene, &binding);
}

static void tells_how_a_key_stands(void **state)
{
    static const struct standing rows[] = {
        {"nothing there", nothing_there, "Creating", "Creating", "on its way"},
        {"other role", other_role, "Updating", "Updating", "on its way"},
        {"listed only", listed_only, "Checking", "Checking", "on its way"},
        {"deleted", deleted, "Waiting", "WaitingForPropagation", "to let go of the deleted"},
        {"by hand", made_by_hand, "Blocked", "KeyTaken",
         "association a-app-sa (role " SCENE_ROLE ") stands there already, not made by podbind"},
        {"by another", made_by_another, "Blocked", "KeyTaken",
         "made by another podbind (other-uid/podbind)"},
        {"by an add-on", made_by_an_add_on, "Blocked", "AddOnOwned", "arn:of:the:add-on"},
        {"suspended", suspended, "Suspended", "Suspended", "spec.suspend is true"},
        {"suspended, nothing there", suspended_and_nothing_there, "Suspended", "Suspended",
         "nothing is written to EKS"},
        {"observed", observed, "Observed", "ObserveOnly", "--mode=observe"},
        {"failing", failing, "Failing", "RoleNotFound", "service account 'app-sa': no such role"},
        {"edited since", failed_before_the_edit, "Updating", "Updating", "on its way"},
        {"unreadable", failing_to_be_read, "Failing", "AccessDenied", "not allowed to describe"},
        {"own namespace", own_namespace, "Refused", "Refused", "podbind's own namespace"},
        {"conflict", held_by_an_older, "Conflict", "Conflict", "held by the older binding 'older'"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(stage_release) struct stage stage;
        const struct binding_status *status;

        stage_init(&stage);
        rows[i].prepare(&stage);
        status = judge(&stage);
        assert_string_equal(status->rows[0].state, rows[i].state);
        is(status, CONDITION_ASSOCIATED, CONDITION_FALSE, rows[i].reason);
        is(status, CONDITION_READY, CONDITION_FALSE, rows[i].reason);
        is(status, CONDITION_RECONCILING, CONDITION_TRUE, rows[i].reason);
        says(status, CONDITION_READY, rows[i].words);
        assert_string_equal(status->bound, "0/1");
        assert_string_equal(status->access, "");
    }
}

static void each_trouble_has_its_reason(void **state)
{
    static const char *const reasons[] = {
        [TROUBLE_NONE] = "Retrying",
        [TROUBLE_RETRYING] = "Retrying",
        [TROUBLE_THROTTLED] = "Throttled",
        [TROUBLE_DENIED] = "AccessDenied",
        [TROUBLE_PASS_ROLE] = "PassRoleDenied",
        [TROUBLE_ROLE_MISSING] = "RoleNotFound",
        [TROUBLE_ROLE_WAIT] = "WaitingForPropagation",
        [TROUBLE_TRUST] = "RoleNotTrusted",
        [TROUBLE_QUOTA] = "QuotaExceeded",
        [TROUBLE_INVALID] = "InvalidRequest",
        [TROUBLE_GHOST] = "WaitingForPropagation",
    };

    (void)state;
    for (size_t kind = 0; kind < COUNT(reasons); kind++)
        assert_string_equal(outcome_trouble_reason((enum trouble)kind), reasons[kind]);
}

/* ---- accepted ---------------------------------------------------------------------------------
 */

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

/* ---- the cluster ------------------------------------------------------------------------------
 */

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

/* ---- time -------------------------------------------------------------------------------------
 */

static void stalled_after_the_patience_of_the_reason(void **state)
{
    static const struct {
        void (*prepare)(struct stage *stage);
        int64_t patience; /* 0: passes by itself */
    } rows[] = {{held_by_an_older, 60000}, {made_by_hand, 60000}, {made_by_an_add_on, 60000},
                {own_namespace, 60000},    {failing, 120000},     {failing_to_be_read, 120000},
                {nothing_there, 0},        {deleted, 0},          {suspended, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(stage_release) struct stage stage;
        int64_t since = NOW - rows[i].patience;

        stage_init(&stage);
        rows[i].prepare(&stage);
        judge(&stage); /* a new reason */
        assert_int_equal(stage.outcome.due, rows[i].patience ? NOW + rows[i].patience : INT64_MAX);
        stage.context.reason_since = since + 1;
        judge(&stage);
        assert_int_equal(stage.outcome.status.conditions[CONDITION_STALLED].status,
                         CONDITION_ABSENT);
        assert_int_equal(stage.outcome.due, rows[i].patience ? NOW + 1 : INT64_MAX);
        stage.context.reason_since = rows[i].patience ? since : 1;
        judge(&stage);
        assert_int_equal(stage.outcome.status.conditions[CONDITION_STALLED].status,
                         rows[i].patience ? CONDITION_TRUE : CONDITION_ABSENT);
        assert_int_equal(stage.outcome.status.conditions[CONDITION_RECONCILING].status,
                         rows[i].patience ? CONDITION_ABSENT : CONDITION_TRUE);
        assert_int_equal(stage.outcome.due, INT64_MAX);
    }
}

static void the_time_of_a_transition_is_kept_while_the_status_is_the_same(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct binding_status *status;
    struct binding *binding;

    (void)state;
    stage_init(&stage);
    binding = add_reader(&stage);
    binding->status.conditions[CONDITION_ACCEPTED] = CONDITION_TRUE;
    binding->status.since_us[CONDITION_ACCEPTED] = 111000000;
    binding->status.conditions[CONDITION_READY] = CONDITION_TRUE;
    binding->status.since_us[CONDITION_READY] = 222000000;
    status = judge(&stage);
    assert_int_equal(status->conditions[CONDITION_ACCEPTED].since_us, 111000000);
    assert_int_equal(status->conditions[CONDITION_READY].since_us, WALL_US);
    assert_int_equal(status->conditions[CONDITION_ASSOCIATED].since_us, WALL_US);
    binding->status.conditions[CONDITION_READY] = CONDITION_FALSE;
    status = judge(&stage);
    assert_int_equal(status->conditions[CONDITION_READY].since_us, 222000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_in_place_is_ready),
        cmocka_unit_test(a_selector_without_matches_is_ready),
        cmocka_unit_test(status_has_a_hundred_rows_at_most),
        cmocka_unit_test(suspended_but_in_place_is_ready),
        cmocka_unit_test(tells_how_a_key_stands),
        cmocka_unit_test(each_trouble_has_its_reason),
        cmocka_unit_test(a_refused_binding_is_neither_accepted_nor_associated),
        cmocka_unit_test(the_holder_of_a_contested_key_says_so_and_is_ready),
        cmocka_unit_test(one_lost_key_of_three),
        cmocka_unit_test(a_wrong_cluster_is_said_in_its_words),
        cmocka_unit_test(a_cluster_not_known_makes_accepted_unknown),
        cmocka_unit_test(blindness_goes_before_all_else),
        cmocka_unit_test(stalled_after_the_patience_of_the_reason),
        cmocka_unit_test(the_time_of_a_transition_is_kept_while_the_status_is_the_same),
    };

    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
