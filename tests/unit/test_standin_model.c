/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation of the model and what it refuses. */
#include "tests/unit/standin_world.h"

static const bool yes = true, no = false;

static void makes_associations_with_unique_ids(void **state)
{
    struct world *world = *state;
    const struct model_association *made = NULL;
    char first[MODEL_ID_SIZE], arn[256];

    create(world, "one", 1000);
    made = world->answer.association;
    assert_int_equal(strlen(made->id), 19);
    assert_memory_equal(made->id, "a-", 2);
    assert_string_equal(made->cluster, "blue");
    assert_string_equal(made->role_arn, ROLE);
    assert_string_equal(made->target_role_arn, "");
    assert_string_equal(made->external_id, "");
    assert_int_equal(made->created_ms, 1000);
    snprintf(arn, sizeof arn, "arn:aws:eks:us-west-2:111122223333:podidentityassociation/blue/%s",
             made->id);
    assert_string_equal(made->arn, arn);
    memcpy(first, world->id, sizeof first);
    create(world, "two", 1000);
    assert_string_not_equal(first, world->id);
    assert_int_equal(listed(world, 1000), 2);
    assert_string_equal(world->answer.associations[0]->service_account, "one");
}

static void external_id_comes_with_a_target_role(void **state)
{
    struct world *world = *state;

    OK(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "sa", .role_arn = ROLE,
            .target_role_arn = TARGET));
    assert_string_equal(world->answer.association->external_id,
                        "us-west-2/111122223333/blue/app/sa");
}

static void refuses_bad_parameters(void **state)
{
    struct world *world = *state;
    static char long_name[300], policy[3000];
    char message[128];

    memset(long_name, 'a', sizeof long_name - 1);
    memset(policy, ' ', sizeof policy - 1);
    refused(CALL(world, MODEL_LIST, .cluster = ""), 400, "InvalidParameterException",
            "The parameter clusterName contains invalid characters. It should conform to the "
            "regular expression ^[0-9A-Za-z][A-Za-z0-9\\-_]*");
    refused(CALL(world, MODEL_LIST, .cluster = "red"), 404, "ResourceNotFoundException",
            "No cluster found for name: red.");
    assert_string_equal(world->answer.error.cluster_name, "red");
    refused(CALL(world, MODEL_CREATE, .namespace = "", .service_account = "sa", .role_arn = ROLE),
            400, "InvalidParameterException", "The parameter namespace should not be empty.");
    refused(CALL(world, MODEL_CREATE, .namespace = "app", .role_arn = ROLE), 400,
            "InvalidParameterException", "The parameter serviceAccount should not be empty.");
    refused(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = long_name,
                 .role_arn = ROLE),
            400, "InvalidParameterException",
            "The parameter serviceAccount should be at most 253 characters long.");
    refused(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "sa"), 400,
            "InvalidParameterException", "The parameter roleArn should not be empty.");
    refused(CALL(world, MODEL_DESCRIBE, .id = "a-1"), 400, "InvalidParameterException",
            "The parameter associationId should be 19 characters long.");
    refused(CALL(world, MODEL_DESCRIBE, .id = "a-ABCDEFGHIJKLMNOPQ"), 400,
            "InvalidParameterException",
            "The parameter associationId contains invalid characters. It should conform to the "
            "regular expression ^a-[a-z0-9]*$");
    refused(CALL(world, MODEL_DESCRIBE, .id = "a-abcdefghijklmnop1"), 404,
            "ResourceNotFoundException",
            "No association found for associationId: a-abcdefghijklmnop1.");
    refused(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "sa", .role_arn = ROLE,
                 .policy = "{}"),
            400, "InvalidParameterException",
            "The parameter policy requires disableSessionTags to be true (PackedPolicyTooLarge).");
    snprintf(message, sizeof message, "The parameter policy should be at most %d characters long.",
             MODEL_POLICY_MAX);
    refused(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "sa", .role_arn = ROLE,
                 .policy = policy, .disable_session_tags = &yes),
            400, "InvalidParameterException", message);
    refused(CALL(world, MODEL_LIST, .max_results = 101), 400, "InvalidParameterException",
            "The parameter maxResults should be between 1 and 100.");
    refused(CALL(world, MODEL_LIST, .next_token = "nonsense"), 400, "InvalidParameterException",
            "The parameter nextToken is not valid.");
    assert_int_equal(listed(world, 0), 0);
}

static void refuses_a_second_one_for_a_key_and_names_the_first(void **state)
{
    struct world *world = *state;
    char message[64];

    create(world, "sa", 0);
    snprintf(message, sizeof message, "Association already exists: %s", world->id);
    refused(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "sa",
                 .role_arn = OTHER_ROLE),
            409, "ResourceInUseException", message);
    OK(CALL(world, MODEL_CREATE, .cluster = "green", .namespace = "app", .service_account = "sa",
            .role_arn = ROLE));
}

static void a_token_replays_its_own_create_only(void **state)
{
    struct world *world = *state;
    const struct model_request request = {MODEL_CREATE, .namespace = "app", .service_account = "sa",
                                          .role_arn = ROLE, .client_token = "token-1"};
    struct model_request other = request;
    char id[MODEL_ID_SIZE];

    OK(call(world, request));
    memcpy(id, world->answer.association->id, sizeof id);
    OK(call(world, request));
    assert_string_equal(world->answer.association->id, id);
    other.role_arn = OTHER_ROLE;
    refused(call(world, other), 400, "InvalidRequestException",
            "The clientRequestToken was used before with other parameters.");
    OK(CALL(world, MODEL_DELETE, .id = id));
    OK(call(world, request));
    assert_string_not_equal(world->answer.association->id, id);
    assert_int_equal(listed(world, 0), 1);
}

static void judges_roles(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *role_arn;
        int status;
        const char *code;
        const char *message;
    } cases[] = {
        {"", 403, "AccessDeniedException", "Cross-account pass role is not allowed"},
        {TARGET, 403, "AccessDeniedException", "Cross-account pass role is not allowed"},
        {"reader", 400, "InvalidParameterException",
         "The parameter roleArn is not a valid ARN of an IAM role."},
        {"arn:aws-cn:iam::111122223333:role/reader", 400, "InvalidParameterException",
         "The parameter roleArn is not a valid ARN of an IAM role."},
        {"arn:aws:iam::111122223333:role/missing", 400, "InvalidParameterException",
         "Role provided in the request does not exist."},
        {"arn:aws:iam::111122223333:role/wrong/path/mistrusted", 400, "InvalidParameterException",
         "Role provided in the request does not exist."},
        {"arn:aws:iam::111122223333:role/late", 400, "InvalidParameterException",
         "Role provided in the request does not exist."},
        {"arn:aws:iam::111122223333:role/mistrusted", 400, "InvalidParameterException",
         "Trust policy of the role provided is invalid. Follow the official documentation to "
         "resolve the issue."},
        {"arn:aws:iam::111122223333:role/kept", 403, "AccessDeniedException",
         "User: arn:aws:sts::111122223333:assumed-role/podbind-controller/podbind is not "
         "authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/kept "
         "because no identity-based policy allows the iam:PassRole action"},
    };

    model_put_role(world->model, &(struct model_role){.name = "missing", .missing = true});
    model_put_role(world->model, &(struct model_role){.name = "mistrusted", .trust_invalid = true});
    model_put_role(world->model, &(struct model_role){.name = "kept", .pass_denied = true});
    model_put_role(world->model, &(struct model_role){.name = "late", .exists_from_ms = 5000});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "sa",
                     .role_arn = cases[i].role_arn),
                cases[i].status, cases[i].code, cases[i].message);
    OK(CALL(world, MODEL_CREATE, .now_ms = 5000, .namespace = "app", .service_account = "sa",
            .role_arn = "arn:aws:iam::111122223333:role/late"));
    model_settings(world->model)->any_role = false;
    refused(
        CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "other", .role_arn = ROLE),
        400, "InvalidParameterException", "Role provided in the request does not exist.");
}

static void update_changes_only_what_is_sent(void **state)
{
    struct world *world = *state;
    const struct model_association *now = NULL;

    create(world, "sa", 1000);
    OK(CALL(world, MODEL_UPDATE, .now_ms = 2000, .id = world->id, .target_role_arn = TARGET,
            .disable_session_tags = &yes, .policy = "{\"Version\":\"2012-10-17\"}"));
    OK(CALL(world, MODEL_UPDATE, .now_ms = 3000, .id = world->id, .role_arn = OTHER_ROLE));
    OK(CALL(world, MODEL_DESCRIBE, .now_ms = 3000, .id = world->id));
    now = world->answer.association;
    assert_string_equal(now->role_arn, OTHER_ROLE);
    assert_string_equal(now->target_role_arn, TARGET);
    assert_string_equal(now->external_id, "us-west-2/111122223333/blue/app/sa");
    assert_string_equal(now->policy, "{\"Version\":\"2012-10-17\"}");
    assert_true(now->disable_session_tags);
    assert_int_equal(now->created_ms, 1000);
    assert_int_equal(now->modified_ms, 3000);
    refused(CALL(world, MODEL_UPDATE, .id = world->id, .disable_session_tags = &no), 400,
            "InvalidParameterException",
            "The parameter policy requires disableSessionTags to be true (PackedPolicyTooLarge).");
    OK(CALL(world, MODEL_UPDATE, .id = world->id, .target_role_arn = "", .policy = "",
            .disable_session_tags = &no));
    assert_string_equal(world->answer.association->target_role_arn, "");
    assert_string_equal(world->answer.association->external_id, "");
    assert_string_equal(world->answer.association->policy, "");
}

static void update_must_change_something(void **state)
{
    struct world *world = *state;
    static const char message[] =
        "At least one of roleArn, targetRoleArn, disableSessionTags and policy must change.";

    create(world, "sa", 0);
    refused(CALL(world, MODEL_UPDATE, .id = world->id), 400, "InvalidParameterException", message);
    refused(CALL(world, MODEL_UPDATE, .id = world->id, .role_arn = ROLE), 400,
            "InvalidParameterException", message);
    OK(CALL(world, MODEL_UPDATE, .id = world->id, .role_arn = OTHER_ROLE, .client_token = "t"));
    OK(CALL(world, MODEL_UPDATE, .id = world->id, .role_arn = OTHER_ROLE, .client_token = "t"));
    refused(CALL(world, MODEL_UPDATE, .id = world->id, .role_arn = ROLE, .client_token = "t"), 400,
            "InvalidRequestException",
            "The clientRequestToken was used before with other parameters.");
}

static void quota_counts_what_is_true(void **state)
{
    struct world *world = *state;

    model_settings(world->model)->quota = 1;
    create(world, "one", 0);
    refused(
        CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "two", .role_arn = ROLE),
        400, "ResourceLimitExceededException",
        "The cluster already has the maximum of 1 pod identity associations.");
    OK(CALL(world, MODEL_DELETE, .id = world->id));
    create(world, "two", 0);
}

static void a_page_may_hold_less_than_was_asked_for(void **state)
{
    struct world *world = *state;
    char token[MODEL_TOKEN_SIZE];

    model_settings(world->model)->page = 1;
    create(world, "one", 0);
    create(world, "two", 0);
    OK(CALL(world, MODEL_LIST, .max_results = 100));
    assert_int_equal(world->answer.association_count, 1);
    snprintf(token, sizeof token, "%s", world->answer.next_token);
    OK(CALL(world, MODEL_LIST, .max_results = 100, .next_token = token));
    assert_int_equal(world->answer.association_count, 1);
    assert_string_equal(world->answer.associations[0]->service_account, "two");
    assert_string_equal(world->answer.next_token, "");
}

static void pages_through_a_filtered_list(void **state)
{
    struct world *world = *state;
    char name[16], token[MODEL_TOKEN_SIZE] = "";
    size_t seen = 0, pages = 0;

    for (int i = 0; i < 250; i++) {
        snprintf(name, sizeof name, "sa-%d", i);
        create(world, name, 0);
    }
    do {
        OK(CALL(world, MODEL_LIST, .max_results = 40, .next_token = *token ? token : NULL));
        for (size_t i = 0; i < world->answer.association_count; i++, seen++) {
            snprintf(name, sizeof name, "sa-%zu", seen);
            assert_string_equal(world->answer.associations[i]->service_account, name);
        }
        memcpy(token, world->answer.next_token, sizeof token);
        pages++;
    } while (*token);
    assert_int_equal(seen, 250);
    assert_int_equal(pages, 7);
    assert_int_equal(listed(world, 0), 100);
    OK(CALL(world, MODEL_LIST, .namespace = "app", .service_account = "sa-77"));
    assert_int_equal(world->answer.association_count, 1);
    assert_string_equal(world->answer.next_token, "");
    OK(CALL(world, MODEL_LIST, .namespace = "ap"));
    assert_int_equal(world->answer.association_count, 0);
}

static void pages_survive_deletions_between_them(void **state)
{
    struct world *world = *state;
    char token[MODEL_TOKEN_SIZE], first[MODEL_ID_SIZE];

    create(world, "one", 0);
    memcpy(first, world->id, sizeof first);
    create(world, "two", 0);
    create(world, "three", 0);
    OK(CALL(world, MODEL_LIST, .max_results = 2));
    memcpy(token, world->answer.next_token, sizeof token);
    OK(CALL(world, MODEL_DELETE, .id = first));
    OK(CALL(world, MODEL_LIST, .max_results = 2, .next_token = token));
    assert_int_equal(world->answer.association_count, 1);
    assert_string_equal(world->answer.associations[0]->service_account, "three");
}

static void tags_are_merged_and_removed(void **state)
{
    struct world *world = *state;
    const struct model_tag first[] = {{"b", "1"}, {"a", "1"}}, second[] = {{"b", "2"}, {"c", ""}};
    const char *const keys[] = {"a", "unknown"};

    create(world, "sa", 0);
    OK(CALL(world, MODEL_TAG, .resource_arn = world->arn, .tags = first, .tag_count = 2));
    OK(CALL(world, MODEL_TAG, .resource_arn = world->arn, .tags = second, .tag_count = 2));
    OK(CALL(world, MODEL_UNTAG, .resource_arn = world->arn, .tag_keys = keys, .tag_key_count = 2));
    OK(CALL(world, MODEL_LIST_TAGS, .resource_arn = world->arn));
    assert_int_equal(world->answer.tag_count, 2);
    assert_string_equal(world->answer.tags[0].key, "b");
    assert_string_equal(world->answer.tags[0].value, "2");
    assert_string_equal(world->answer.tags[1].key, "c");
    OK(CALL(world, MODEL_DESCRIBE, .id = world->id));
    assert_int_equal(world->answer.association->tag_count, 2);
}

static void refuses_bad_tags(void **state)
{
    struct world *world = *state;
    char key[130] = "", value[258] = "", names[51][4];
    struct model_tag many[51];
    const struct {
        struct model_tag tag;
        const char *message;
    } cases[] = {
        {{"", "x"}, "A tag key must be between 1 and 128 characters long."},
        {{key, "x"}, "A tag key must be between 1 and 128 characters long."},
        {{"x", value}, "A tag value must be at most 256 characters long."},
        {{"AWS:x", ""}, "Tags with the prefix aws: are reserved for AWS use."},
        {{"x;", ""}, "Tag keys and values may hold letters, digits, spaces and + - = . _ : / @"},
    };

    memset(key, 'k', sizeof key - 1);
    memset(value, 'v', sizeof value - 1);
    create(world, "sa", 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refused(CALL(world, MODEL_TAG, .resource_arn = world->arn, .tags = &cases[i].tag,
                     .tag_count = 1),
                400, "BadRequestException", cases[i].message);
        refused(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "x",
                     .role_arn = ROLE, .tags = &cases[i].tag, .tag_count = 1),
                400, "InvalidParameterException", cases[i].message);
    }
    for (size_t i = 0; i < 51; i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i);
        many[i] = (struct model_tag){names[i], ""};
    }
    OK(CALL(world, MODEL_TAG, .resource_arn = world->arn, .tags = many, .tag_count = 50));
    refused(CALL(world, MODEL_TAG, .resource_arn = world->arn, .tags = many + 50, .tag_count = 1),
            400, "BadRequestException", "A resource may have at most 50 tags.");
}

static void tag_calls_judge_the_arn(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *arn;
        int status;
    } cases[] = {
        {"", 400},
        {"nonsense", 400},
        {"arn:aws:iam:us-west-2:111122223333:role/x", 400},
        {"arn:aws:eks:us-west-2:111122223333:nodegroup/blue/x", 400},
        {"arn:aws:eks:us-west-2:111122223333:podidentityassociation/blue", 400},
        {"arn:aws:eks:us-west-2:111122223333:podidentityassociation/blue/a-abcdefghijklmnop1", 404},
        {"arn:aws:eks:us-west-2:111122223333:podidentityassociation/red/a-abcdefghijklmnop1", 404},
        {"arn:aws:eks:us-west-2:999999999999:cluster/blue", 404},
        {"arn:aws:eks:us-west-2:111122223333:cluster/blue", 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(CALL(world, MODEL_LIST_TAGS, .resource_arn = cases[i].arn)->status,
                         cases[i].status);
}

static void clusters_of_other_regions_are_not_found(void **state)
{
    struct world *world = *state;

    model_put_cluster(world->model,
                      &(struct model_cluster){.name = "far", .region = "eu-central-1"});
    assert_int_equal(
        CALL(world, MODEL_DESCRIBE_CLUSTER, .cluster = "far", .region = "us-west-2")->status, 404);
    OK(CALL(world, MODEL_DESCRIBE_CLUSTER, .cluster = "far", .region = "eu-central-1"));
    assert_string_equal(world->answer.cluster->arn,
                        "arn:aws:eks:eu-central-1:111122223333:cluster/far");
    OK(CALL(world, MODEL_LIST_CLUSTERS, .region = "us-west-2"));
    assert_int_equal(world->answer.cluster_count, 2);
    OK(CALL(world, MODEL_LIST_CLUSTERS, .max_results = 2));
    assert_string_equal(world->answer.cluster_names[1], "far");
    assert_string_not_equal(world->answer.next_token, "");
}

static void a_cluster_that_goes_takes_its_associations(void **state)
{
    struct world *world = *state;

    create(world, "sa", 0);
    model_put_cluster(world->model, &(struct model_cluster){.name = "blue", .status = "DELETING"});
    refused(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "x", .role_arn = ROLE),
            400, "InvalidRequestException", "The cluster blue is in status DELETING, not ACTIVE.");
    assert_int_equal(listed(world, 0), 1);
    assert_true(model_remove_cluster(world->model, "blue"));
    assert_int_equal(CALL(world, MODEL_DESCRIBE, .id = world->id)->status, 404);
    assert_false(model_remove_cluster(world->model, "blue"));
    assert_non_null(model_cluster(world->model, "green"));
}

static void get_role_answers_for_the_account(void **state)
{
    struct world *world = *state;

    OK(CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "sa",
            .role_arn = OTHER_ROLE));
    OK(CALL(world, MODEL_GET_ROLE, .role_name = "writer"));
    assert_string_equal(world->answer.role->arn, OTHER_ROLE);
    assert_non_null(strstr(world->answer.role->trust, "pods.eks.amazonaws.com"));
    model_put_role(world->model, &(struct model_role){.name = "missing", .missing = true});
    refused(CALL(world, MODEL_GET_ROLE, .role_name = "missing"), 404, "NoSuchEntity",
            "The role with name missing cannot be found.");
    assert_true(model_remove_role(world->model, NULL, "missing"));
    OK(CALL(world, MODEL_GET_ROLE, .role_name = "missing"));
    model_put_role(world->model, &(struct model_role){.name = "secret", .get_denied = true});
    assert_int_equal(CALL(world, MODEL_GET_ROLE, .role_name = "secret")->status, 403);
    assert_int_equal(CALL(world, MODEL_GET_ROLE, .role_name = "a b")->status, 400);
}

static void a_session_is_of_the_role_and_as_long_as_asked(void **state)
{
    struct world *world = *state;

    OK(CALL(world, MODEL_ASSUME_ROLE, .role_arn = OTHER_ROLE, .session_name = "one"));
    assert_string_equal(world->answer.caller_arn,
                        "arn:aws:sts::111122223333:assumed-role/writer/one");
    assert_int_equal(world->answer.duration_ms, 3600 * 1000);
    OK(CALL(world, MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY, .role_arn = OTHER_ROLE,
            .session_name = "one", .web_token = "abcd", .duration_s = "900"));
    assert_int_equal(world->answer.duration_ms, 900 * 1000);
    model_put_role(world->model, &(struct model_role){.name = "kept", .assume_denied = true});
    refused(CALL(world, MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY,
                 .role_arn = "arn:aws:iam::111122223333:role/kept", .session_name = "one",
                 .web_token = "abcd"),
            403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    assert_int_equal(CALL(world, MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY, .role_arn = OTHER_ROLE,
                          .session_name = "one", .web_token = "abc")
                         ->status,
                     400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_associations_with_unique_ids),
        TEST(external_id_comes_with_a_target_role),
        TEST(refuses_bad_parameters),
        TEST(refuses_a_second_one_for_a_key_and_names_the_first),
        TEST(a_token_replays_its_own_create_only),
        TEST(judges_roles),
        TEST(update_changes_only_what_is_sent),
        TEST(update_must_change_something),
        TEST(quota_counts_what_is_true),
        TEST(a_page_may_hold_less_than_was_asked_for),
        TEST(pages_through_a_filtered_list),
        TEST(pages_survive_deletions_between_them),
        TEST(tags_are_merged_and_removed),
        TEST(refuses_bad_tags),
        TEST(tag_calls_judge_the_arn),
        TEST(clusters_of_other_regions_are_not_found),
        TEST(a_cluster_that_goes_takes_its_associations),
        TEST(get_role_answers_for_the_account),
        TEST(a_session_is_of_the_role_and_as_long_as_asked),
    };

    return cmocka_run_group_tests_name("standin_model", tests, NULL, NULL);
}
