/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/policy.h"
#include "base/mem.h"
#include "tests/unit/outcome_stage.h"

#define ALLOW                                                                                      \
    "\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"pods.eks.amazonaws.com\"},"                 \
    "\"Action\":[\"sts:AssumeRole\",\"sts:TagSession\"]"
#define CLUSTER_ARN "arn:aws:eks:us-west-2:111122223333:cluster/"
#define POLICY(more)                                                                               \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Pods\"," ALLOW more "}]}"
#define PINNED(cluster)                                                                            \
    POLICY(",\"Condition\":{\"ArnEquals\":{\"aws:SourceArn\":\"" CLUSTER_ARN cluster "\"}}")

/* A binding in place, and what IAM says of its role. */
struct play {
    struct stage stage;
    struct role role;
    struct trust_policy policy;
};

static void play_init(struct play *play)
{
    *play = (struct play){.role = {.knowledge = ROLE_READ, .arn = SCENE_ROLE}};
    stage_init(&play->stage);
    add_reader(&play->stage);
    add_ours(&play->stage, "app-sa");
    play->stage.context.role = &play->role;
    play->role.policy = &play->policy;
}

static void play_release(struct play *play)
{
    policy_release(&play->policy);
    stage_release(&play->stage);
}

static const struct binding_status *trusts(struct play *play, const char *document)
{
    struct error err = {0};

    policy_release(&play->policy);
    if (policy_read(document, strlen(document), &play->policy, &err) < 0)
        fail_msg("%s", err.text);
    return judge(&play->stage);
}

static void a_trust_for_this_cluster_is_true(void **state)
{
    CLEANUP(play_release) struct play play;
    const struct binding_status *status;

    (void)state;
    play_init(&play);
    is(trusts(&play, POLICY("")), CONDITION_ROLE_TRUSTED, CONDITION_TRUE, "RoleTrusted");
    status = trusts(&play, PINNED("blue"));
    is(status, CONDITION_ROLE_TRUSTED, CONDITION_TRUE, "RoleTrusted");
    is(status, CONDITION_READY, CONDITION_TRUE, "Ready");
}

/* The trap of blue and green. */
static void a_trust_pinned_to_another_cluster_is_false_and_ready_stays(void **state)
{
    CLEANUP(play_release) struct play play;
    const struct binding_status *status;

    (void)state;
    play_init(&play);
    status = trusts(&play, PINNED("green"));
    is(status, CONDITION_ROLE_TRUSTED, CONDITION_FALSE, "RoleNotTrusted");
    says(status, CONDITION_ROLE_TRUSTED, "service account 'app-sa': ");
    says(status, CONDITION_ROLE_TRUSTED, "aws:SourceArn");
    says(status, CONDITION_ROLE_TRUSTED, CLUSTER_ARN "green");
    is(status, CONDITION_READY, CONDITION_TRUE, "Ready");
    assert_true(play.stage.outcome.ready);
}

static void one_of_many_keys_that_is_refused_or_not_known_is_named(void **state)
{
    CLEANUP(play_release) struct play play;
    static const struct selector_requirement all = {"app", SELECTOR_EXISTS, NULL, 0};
    struct binding binding = scene_binding("reader");
    const struct binding_status *status;

    (void)state;
    play_init(&play);
    stage_release(&play.stage);
    stage_init(&play.stage);
    play.stage.context.role = &play.role;
    binding.service_account = "";
    binding.selector = &all;
    binding.selector_count = 1;
    scene_add_binding(&play.stage.scene, &binding);
    scene_add_account(&play.stage.scene, "app", "one", "app\tx\n");
    scene_add_account(&play.stage.scene, "app", "two", "app\tx\n");
    scene_add_account(&play.stage.scene, "app", "three", "app\tx\n");
    status = trusts(&play, POLICY(",\"Condition\":{\"StringEquals\":{\"aws:RequestTag/"
                                  "kubernetes-service-account\":\"one\"}}"));
    is(status, CONDITION_ROLE_TRUSTED, CONDITION_FALSE, "RoleNotTrusted");
    says(status, CONDITION_ROLE_TRUSTED, "service account 'three': ");
    says(status, CONDITION_ROLE_TRUSTED, "(and 1 more)");
    status = trusts(&play, POLICY(",\"Condition\":{\"StringEquals\":{\"aws:SourceOrgId\":\"o\"}}"));
    is(status, CONDITION_ROLE_TRUSTED, CONDITION_UNKNOWN, "CannotTell");
    says(status, CONDITION_ROLE_TRUSTED, "service account 'one': ");
    says(status, CONDITION_ROLE_TRUSTED, "(and 2 more)");
}

static void what_is_not_known_is_unknown(void **state)
{
    static const struct {
        enum role_knowledge knowledge;
        enum condition_status status;
        const char *reason, *words;
    } rows[] = {
        {ROLE_UNREAD, CONDITION_UNKNOWN, "Checking", "not been asked"},
        {ROLE_NOT_YET, CONDITION_UNKNOWN, "RoleNotFound", "no role named 'reader' yet"},
        {ROLE_ABSENT, CONDITION_FALSE, "RoleNotFound", "no role named 'reader'"},
        {ROLE_DENIED, CONDITION_UNKNOWN, "AccessDenied",
         "allow iam:GetRole to podbind to see this"},
        {ROLE_UNREACHED, CONDITION_UNKNOWN, "IAMUnavailable", "IAM does not answer"},
        {ROLE_UNREADABLE, CONDITION_UNKNOWN, "CannotTell", "not understood"},
    };
    CLEANUP(play_release) struct play play;

    (void)state;
    play_init(&play);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct binding_status *status;

        play.role = (struct role){.knowledge = rows[i].knowledge};
        status = judge(&play.stage);
        is(status, CONDITION_ROLE_TRUSTED, rows[i].status, rows[i].reason);
        says(status, CONDITION_ROLE_TRUSTED, rows[i].words);
        is(status, CONDITION_READY, CONDITION_TRUE, "Ready");
    }
}

static void a_policy_that_cannot_be_judged_is_unknown(void **state)
{
    CLEANUP(play_release) struct play play;

    (void)state;
    play_init(&play);
    is(trusts(&play, POLICY(",\"Condition\":{\"StringEquals\":{\"aws:SourceOrgId\":\"o-1\"}}")),
       CONDITION_ROLE_TRUSTED, CONDITION_UNKNOWN, "CannotTell");
    says(&play.stage.outcome.status, CONDITION_ROLE_TRUSTED, "aws:SourceOrgId");
}

static void a_role_on_another_path_is_named_as_it_must_be_written(void **state)
{
    CLEANUP(play_release) struct play play;
    const struct binding_status *status;
    struct mirror_entry *entry;

    (void)state;
    play_init(&play);
    play.role.arn = "arn:aws:iam::111122223333:role/team/a/reader";
    status = trusts(&play, POLICY(""));
    is(status, CONDITION_ROLE_TRUSTED, CONDITION_FALSE, "RoleNotFound");
    says(status, CONDITION_ROLE_TRUSTED, "there is no role " SCENE_ROLE "; IAM has it as ");
    says(status, CONDITION_ROLE_TRUSTED, "write \"team/a/reader\"");

    entry = mirror_entry(&play.stage.scene.mirror, &(struct association_key){"app", "app-sa"});
    mem_free(entry->association);
    entry->association = NULL;
    mirror_failed(entry, TROUBLE_ROLE_MISSING, "EKS says no", 1, NOW, 1000);
    status = judge(&play.stage);
    is(status, CONDITION_READY, CONDITION_FALSE, "RoleNotFound");
    says(status, CONDITION_READY, "EKS says no; IAM has it as ");
    says(status, CONDITION_READY, "write \"team/a/reader\"");
}

static void a_role_given_by_its_arn_is_told_the_arn(void **state)
{
    CLEANUP(play_release) struct play play;
    struct binding binding = scene_binding("reader");

    (void)state;
    play_init(&play);
    stage_release(&play.stage);
    stage_init(&play.stage);
    play.stage.context.role = &play.role;
    binding.role_name = "";
    binding.role_arn = SCENE_ROLE;
    scene_add_binding(&play.stage.scene, &binding);
    play.role.arn = "arn:aws:iam::111122223333:role/team/a/reader";
    says(trusts(&play, POLICY("")), CONDITION_ROLE_TRUSTED, "team/a/reader: write this ARN");
}

static void what_is_not_accepted_needs_no_role(void **state)
{
    CLEANUP(play_release) struct play play;
    struct binding older = scene_binding("aaa");

    (void)state;
    play_init(&play);
    older.created_us = -1;
    scene_add_binding(&play.stage.scene, &older);
    is(trusts(&play, POLICY("")), CONDITION_ROLE_TRUSTED, CONDITION_UNKNOWN, "NotAccepted");
    assert_false(role_matters(scene_claim(&play.stage.scene, "reader")));
    assert_true(role_matters(scene_claim(&play.stage.scene, "aaa")));
}

static void a_cluster_that_is_not_ours_has_no_roles(void **state)
{
    CLEANUP(play_release) struct play play;

    (void)state;
    play_init(&play);
    play.stage.scene.cluster.verdict = CLUSTER_WRONG;
    is(trusts(&play, POLICY("")), CONDITION_ROLE_TRUSTED, CONDITION_UNKNOWN, "WrongCluster");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trust_for_this_cluster_is_true),
        cmocka_unit_test(a_trust_pinned_to_another_cluster_is_false_and_ready_stays),
        cmocka_unit_test(one_of_many_keys_that_is_refused_or_not_known_is_named),
        cmocka_unit_test(what_is_not_known_is_unknown),
        cmocka_unit_test(a_policy_that_cannot_be_judged_is_unknown),
        cmocka_unit_test(a_role_on_another_path_is_named_as_it_must_be_written),
        cmocka_unit_test(a_role_given_by_its_arn_is_told_the_arn),
        cmocka_unit_test(what_is_not_accepted_needs_no_role),
        cmocka_unit_test(a_cluster_that_is_not_ours_has_no_roles),
    };

    return cmocka_run_group_tests_name("role", tests, NULL, NULL);
}
