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
    const struct binding_status *status;

    stage->context.stuck = stage->scene.mirror.entries[0];
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

/* A read of this very pass found nothing there any more. */
static void what_has_gone_meanwhile_does_not_linger(void **state)
{
    const struct association_key key = {"app", "old-sa"};
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    add_reader(&stage);
    add_ours(&stage, "app-sa");
    stage.context.lingering = mirror_entry(&stage.scene.mirror, &key);
    stage.context.hold = "20 of 20 are spent";
    is(judge(&stage), CONDITION_ASSOCIATED, CONDITION_TRUE, "Associated");
    assert_string_equal(stage.outcome.status.conditions[CONDITION_ASSOCIATED].message,
                        "EKS holds exactly what is wanted");
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
    says(&stage.outcome.status, CONDITION_READY, "oo): delete one of the two bindings");
}

static const char *sentence_for(struct stage *stage, const char *tags, const char *role,
                                const char *add_on)
{
    struct association taken = scene_association("app-sa", "uid-reader");

    taken.tags = tags;
    taken.access.role_arn = role;
    taken.owner_arn = add_on;
    stage_init(stage);
    add_reader(stage);
    scene_add_association(&stage->scene, &taken);
    return judge(stage)->conditions[CONDITION_READY].message;
}

/* Id, role, whose it is, and the next step: the reader has nothing but this sentence. */
static void what_stands_in_the_way_is_told_with_a_way_out(void **state)
{
    static const struct {
        const char *tags, *role, *add_on, *sentence;
    } rows[] = {
        {"a\t1\nmanaged-by\tterraform\n", SCENE_OTHER_ROLE, "",
         ", not made by podbind (it has the tags a=1, managed-by=terraform): delete it where it "
         "was made, or set adoption: Always and podbind takes it over and changes it"},
        {"managed-by\tterraform\n", SCENE_ROLE, "",
         "terraform): delete it where it was made, or set adoption: SameAccess and podbind takes "
         "it over"},
        {"a\t1\nb\t2\nc\t3\nd\t4\n", SCENE_ROLE, "", "(it has the tags a=1, b=2, c=3): "},
        {"", SCENE_ROLE, "", ", not made by podbind (it has no tag that tells by whom): delete it"},
        {"podbind.dev/owner\tother-uid/podbind\n", SCENE_OTHER_ROLE, "",
         ", made by another podbind (other-uid/podbind): delete one of the two bindings, or set "
         "adoption: Always and podbind takes it over and changes it"},
        {"", SCENE_OTHER_ROLE, "arn:of:the:add-on",
         ", owned by the EKS add-on arn:of:the:add-on: podbind never touches it; delete this "
         "binding, or take the association out of the add-on's configuration"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(stage_release) struct stage stage;
        const char *said = sentence_for(&stage, rows[i].tags, rows[i].role, rows[i].add_on);

        assert_non_null(strstr(said, "service account 'app-sa': association a-app-sa (role arn:"));
        assert_non_null(strstr(said, rows[i].role));
        if (!strstr(said, rows[i].sentence))
            fail_msg("'%s' does not say '%s'", said, rows[i].sentence);
    }
}

static void a_tag_that_is_too_long_for_a_sentence_is_left_out(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    char value[98] = "", tags[200];

    (void)state;
    memset(value, 'x', sizeof value - 1);
    snprintf(tags, sizeof tags, "long\t%s\nteam\tred\n", value);
    assert_non_null(
        strstr(sentence_for(&stage, tags, SCENE_ROLE, ""), "(it has the tags team=red)"));
}

static void the_holder_of_a_key_is_told_with_what_it_has_there(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct binding older = scene_binding("older");

    (void)state;
    stage_init(&stage);
    add_reader(&stage)->created_us = 9;
    older.role_name = "writer";
    scene_add_binding(&stage.scene, &older);
    judge(&stage);
    says(&stage.outcome.status, CONDITION_READY,
         "held by the older binding 'older' (role arn:aws:iam::111122223333:role/writer): delete "
         "one of the two, or take the service account out of one");
    mirror_entry(&stage.scene.mirror, &(struct association_key){"app", "app-sa"})->look = true;
    judge(&stage);
    says(&stage.outcome.status, CONDITION_READY, "'older' (role ");
    add_ours(&stage, "app-sa");
    judge(&stage);
    says(&stage.outcome.status, CONDITION_READY,
         "held by the older binding 'older' with association a-app-sa (role ");
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
        cmocka_unit_test(what_has_gone_meanwhile_does_not_linger),
        cmocka_unit_test(a_failure_says_nothing_of_what_is_in_place_or_taken),
        cmocka_unit_test(the_owner_that_is_named_is_cut_where_it_is_too_long),
        cmocka_unit_test(what_stands_in_the_way_is_told_with_a_way_out),
        cmocka_unit_test(a_tag_that_is_too_long_for_a_sentence_is_left_out),
        cmocka_unit_test(the_holder_of_a_key_is_told_with_what_it_has_there),
        cmocka_unit_test(the_first_of_several_is_named_and_the_others_are_counted),
        cmocka_unit_test(of_several_contested_keys_the_first_is_named),
    };

    return cmocka_run_group_tests_name("outcome_words", tests, NULL, NULL);
}
