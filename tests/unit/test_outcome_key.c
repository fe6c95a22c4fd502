/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/outcome_stage.h"

/* ---- how a key stands ---- */

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

static void disowned_by_hand(struct stage *stage)
{
    made_by_hand(stage);
    stage->scene.bindings[0]->status.associations = "app-sa\ta-app-sa\n";
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

static void cluster_deleting(struct stage *stage)
{
    suspended(stage);
    mirror_failed(stage->scene.mirror.entries[0], TROUBLE_INVALID, "not ACTIVE", 1, NOW - 5, 1000);
    stage->scene.cluster.deleting = true;
}

/* Since two minutes ago; the last time a minute ago. */
static struct contest *contest(struct stage *stage, enum contest_kind kind)
{
    struct mirror_entry *entry = stage->scene.mirror.entries[0];

    entry->contest = mem_alloc(sizeof *entry->contest);
    for (int64_t i = 0; i < 3; i++)
        contest_count(entry->contest, kind, NOW - 120000 + i * 30000);
    contest_tell(entry->contest, NOW, WALL_US);
    return entry->contest;
}

static void contested(struct stage *stage)
{
    other_role(stage);
    contest(stage, CONTEST_ACCESS);
}

static void contested_by_deletions(struct stage *stage)
{
    add_reader(stage);
    mirror_entry(&stage->scene.mirror,
                 &(struct association_key){.namespace = "app", .service_account = "app-sa"});
    contest(stage, CONTEST_DELETED);
}

static void contested_in_its_tags(struct stage *stage)
{
    other_role(stage);
    contest(stage, CONTEST_TAGS);
}

static void contested_in_its_policy(struct stage *stage)
{
    add_reader(stage)->session_policy = "{}";
    add_ours(stage, "app-sa");
    contest(stage, CONTEST_ACCESS);
}

/* What was changed went altogether in the end. */
static void contested_and_gone(struct stage *stage)
{
    contested_by_deletions(stage);
    stage->scene.mirror.entries[0]->contest->kind = CONTEST_ACCESS;
}

static void contested_and_failing(struct stage *stage)
{
    contested(stage);
    mirror_failed(stage->scene.mirror.entries[0], TROUBLE_DENIED, "no right to", 1, NOW, 1000);
}

/* Somebody has put it right meanwhile. */
static void contested_and_in_place(struct stage *stage)
{
    add_reader(stage);
    add_ours(stage, "app-sa");
    contest(stage, CONTEST_ACCESS);
}

static void contested_until_now(struct stage *stage)
{
    other_role(stage);
    contest(stage, CONTEST_TAGS)->retry_at = NOW;
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
        {"disowned by hand", disowned_by_hand, "Blocked", "KeyTaken",
         "association a-app-sa (role " SCENE_ROLE
         ") stands there already, and was this binding's: its tag "
         "podbind.dev/owner was taken away"},
        {"by another", made_by_another, "Blocked", "KeyTaken",
         "made by another podbind (other-uid/podbind)"},
        {"by an add-on", made_by_an_add_on, "Blocked", "AddOnOwned", "arn:of:the:add-on"},
        {"suspended", suspended, "Suspended", "Suspended", "spec.suspend is true"},
        {"suspended, nothing there", suspended_and_nothing_there, "Suspended", "Suspended",
         "nothing is written to EKS"},
        {"observed", observed, "Observed", "ObserveOnly", "--mode=observe"},
        {"cluster deleting", cluster_deleting, "Stopped", "ClusterDeleting",
         "EKS is deleting this cluster"},
        {"contested", contested, "Contested", "Contested",
         "the role is set from arn:aws:iam::111122223333:role/other back to " SCENE_ROLE
         ", 3 times since 2025-11-24T15:58:00Z"},
        {"contested by deletions", contested_by_deletions, "Contested", "Contested",
         "the association is deleted, 3 times since 2025-11-24T15:58:00Z; it is written again at "
         "2025-11-24T16:59:00Z"},
        {"tags contested", contested_in_its_tags, "Contested", "Contested", "the tags are changed"},
        {"contested in its policy", contested_in_its_policy, "Contested", "Contested",
         "target role, session policy or session tags are changed back, 3 times"},
        {"contested and gone", contested_and_gone, "Contested", "Contested",
         "are changed back, 3 times"},
        {"contested and failing", contested_and_failing, "Contested", "Contested",
         "the role is set from"},
        {"tried again", contested_until_now, "Updating", "Updating", "on its way"},
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

/* So that an id in status always is that of what was this binding's. */
static void a_row_names_only_what_is_or_was_ours(void **state)
{
    static const struct {
        void (*prepare)(struct stage *stage);
        const char *id;
    } rows[] = {{other_role, "a-app-sa"},
                {made_by_hand, ""},
                {made_by_another, ""},
                {made_by_an_add_on, ""},
                {disowned_by_hand, "a-app-sa"}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(stage_release) struct stage stage;

        stage_init(&stage);
        rows[i].prepare(&stage);
        assert_string_equal(judge(&stage)->rows[0].id, rows[i].id);
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
        [TROUBLE_HIDDEN] = "KeyTaken",
    };

    (void)state;
    for (size_t kind = 0; kind < COUNT(reasons); kind++)
        assert_string_equal(outcome_trouble_reason((enum trouble)kind), reasons[kind]);
}

/* ---- time ---- */

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

static void what_is_in_place_is_not_contested_any_more(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    contested_and_in_place(&stage);
    is(judge(&stage), CONDITION_READY, CONDITION_TRUE, "Ready");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_how_a_key_stands),
        cmocka_unit_test(a_row_names_only_what_is_or_was_ours),
        cmocka_unit_test(each_trouble_has_its_reason),
        cmocka_unit_test(stalled_after_the_patience_of_the_reason),
        cmocka_unit_test(what_is_in_place_is_not_contested_any_more),
    };

    return cmocka_run_group_tests_name("outcome_key", tests, NULL, NULL);
}
