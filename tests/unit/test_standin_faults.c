/* SPDX-License-Identifier: Apache-2.0 */
/* The model's weather: propagation, rate limits, faults, and hands that change things. */
#include "tests/unit/standin_world.h"

static void writes_show_only_after_they_propagated(void **state)
{
    struct world *world = *state;

    model_settings(world->model)->propagation_ms = 2000;
    create(world, "sa", 1000);
    assert_int_equal(listed(world, 2999), 0);
    assert_int_equal(CALL(world, MODEL_DESCRIBE, .now_ms = 2999, .id = world->id)->status, 404);
    assert_int_equal(
        CALL(world, MODEL_LIST_TAGS, .now_ms = 2999, .resource_arn = world->arn)->status, 404);
    assert_int_equal(CALL(world, MODEL_CREATE, .now_ms = 2999, .namespace = "app",
                          .service_account = "sa", .role_arn = ROLE)
                         ->status,
                     409);
    assert_int_equal(listed(world, 3000), 1);

    OK(CALL(world, MODEL_UPDATE, .now_ms = 4000, .id = world->id, .role_arn = OTHER_ROLE));
    assert_string_equal(world->answer.association->role_arn, OTHER_ROLE);
    OK(CALL(world, MODEL_DESCRIBE, .now_ms = 5999, .id = world->id));
    assert_string_equal(world->answer.association->role_arn, ROLE);
    OK(CALL(world, MODEL_DESCRIBE, .now_ms = 6000, .id = world->id));
    assert_string_equal(world->answer.association->role_arn, OTHER_ROLE);
}

static void a_deleted_association_is_a_ghost_for_a_while(void **state)
{
    struct world *world = *state;
    char message[64];

    create(world, "sa", 0);
    model_settings(world->model)->propagation_ms = 2000;
    OK(CALL(world, MODEL_DELETE, .now_ms = 1000, .id = world->id));
    assert_string_equal(world->answer.association->id, world->id);
    assert_int_equal(CALL(world, MODEL_DELETE, .now_ms = 1000, .id = world->id)->status, 404);
    assert_int_equal(listed(world, 2999), 1);
    snprintf(message, sizeof message, "Association already exists: %s", world->id);
    refused(CALL(world, MODEL_CREATE, .now_ms = 2999, .namespace = "app", .service_account = "sa",
                 .role_arn = ROLE),
            409, "ResourceInUseException", message);
    assert_int_equal(listed(world, 3000), 0);
    create(world, "sa", 3000);
}

static void a_ghost_yields_where_told_so(void **state)
{
    struct world *world = *state;

    create(world, "sa", 0);
    model_settings(world->model)->propagation_ms = 2000;
    model_settings(world->model)->no_ghost_conflict = true;
    OK(CALL(world, MODEL_DELETE, .now_ms = 1000, .id = world->id));
    create(world, "sa", 1000);
    assert_int_equal(listed(world, 2999), 1); /* the old one */
    assert_string_not_equal(world->answer.associations[0]->id, world->id);
    assert_int_equal(listed(world, 3000), 1);
    assert_string_equal(world->answer.associations[0]->id, world->id);
}

static void many_pending_states_settle_in_order(void **state)
{
    struct world *world = *state;

    model_settings(world->model)->propagation_ms = 1000;
    create(world, "sa", 0);
    for (int i = 1; i <= 9; i++)
        OK(CALL(world, MODEL_UPDATE, .now_ms = i * 100, .id = world->id,
                .role_arn = i % 2 ? OTHER_ROLE : ROLE));
    for (int i = 0; i <= 9; i++) {
        OK(CALL(world, MODEL_DESCRIBE, .now_ms = 1000 + i * 100, .id = world->id));
        assert_string_equal(world->answer.association->role_arn, i % 2 ? OTHER_ROLE : ROLE);
    }
}

static void mutations_and_reads_have_buckets_of_their_own(void **state)
{
    struct world *world = *state;
    struct model_settings *settings = model_settings(world->model);

    settings->rate = 1;
    settings->burst = 2;
    create(world, "one", 0);
    create(world, "two", 0);
    refused(
        CALL(world, MODEL_CREATE, .namespace = "app", .service_account = "three", .role_arn = ROLE),
        429, "ThrottlingException", "Rate exceeded");
    assert_int_equal(listed(world, 0), 2);
    create(world, "three", 1000);
    settings->read_rate = 1;
    assert_int_equal(listed(world, 1000), 3);
    assert_int_equal(CALL(world, MODEL_LIST, .now_ms = 1500)->status, 429);
    assert_int_equal(model_counted(world->model, MODEL_CREATE, "ThrottlingException"), 1);
    assert_int_equal(model_counted(world->model, MODEL_ANY, "ThrottlingException"), 2);
}

static enum model_fate fate(struct world *world, struct model_request request)
{
    request.cluster = "blue";
    return model_call(world->model, &request, &world->answer);
}

static void faults_hit_the_calls_they_name(void **state)
{
    struct world *world = *state;
    const struct model_request list = {.operation = MODEL_LIST};

    assert_true(model_put_fault(
        world->model,
        &(struct model_fault){.operation = MODEL_LIST, .nth = 2, .count = 2, .fate = MODEL_HANG}));
    assert_true(model_put_fault(world->model,
                                &(struct model_fault){.cluster = "green", .fate = MODEL_RESET}));
    assert_int_equal(fate(world, list), MODEL_ANSWER);
    assert_int_equal(fate(world, list), MODEL_HANG);
    create(world, "sa", 0);
    assert_int_equal(fate(world, list), MODEL_HANG);
    assert_int_equal(fate(world, list), MODEL_ANSWER);
    model_clear_faults(world->model);
    assert_int_equal(model_counted(world->model, MODEL_LIST, "hang"), 2);
}

static void a_lost_reply_has_its_effect(void **state)
{
    struct world *world = *state;
    const struct model_request one = {MODEL_CREATE, .namespace = "app", .service_account = "one",
                                      .role_arn = ROLE};
    struct model_request two = one;

    two.service_account = "two";
    model_put_fault(world->model, &(struct model_fault){.operation = MODEL_CREATE,
                                                        .count = 1,
                                                        .fate = MODEL_RESET,
                                                        .after_effect = true});
    model_put_fault(world->model,
                    &(struct model_fault){.operation = MODEL_CREATE, .fate = MODEL_RESET});
    assert_int_equal(fate(world, one), MODEL_RESET);
    assert_int_equal(fate(world, two), MODEL_RESET);
    assert_int_equal(listed(world, 0), 1);
    assert_string_equal(world->answer.associations[0]->service_account, "one");
    assert_int_equal(model_counted(world->model, MODEL_CREATE, "reset-after-effect"), 1);
    assert_int_equal(model_counted(world->model, MODEL_CREATE, "reset"), 1);
}

static void error_faults_are_worded_like_the_service(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *code;
        int status;
        const char *message;
    } cases[] = {
        {"TooManyRequestsException", 429, "Too Many Requests"},
        {"ServerException", 500, "Internal server error"},
        {"AccessDeniedException", 403,
         "User: arn:aws:sts::111122223333:assumed-role/podbind-controller/podbind is not "
         "authorized to perform: eks:ListPodIdentityAssociations on resource: blue"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_fault fault = {.operation = MODEL_LIST};

        snprintf(fault.error.code, sizeof fault.error.code, "%s", cases[i].code);
        model_put_fault(world->model, &fault);
        refused(CALL(world, .operation = MODEL_LIST), cases[i].status, cases[i].code,
                cases[i].message);
        model_clear_faults(world->model);
    }
}

static void chances_follow_the_random_number(void **state)
{
    struct world *world = *state;
    const struct model_request low = {.operation = MODEL_LIST},
                               high = {MODEL_LIST, .random = UINT64_MAX};

    model_put_fault(world->model,
                    &(struct model_fault){.probability = 0.001, .fate = MODEL_GARBAGE});
    assert_int_equal(fate(world, low), MODEL_ANSWER);
    assert_int_equal(fate(world, high), MODEL_GARBAGE);
}

static void latency_adds_up(void **state)
{
    struct world *world = *state;
    const struct model_request list = {MODEL_LIST, .cluster = "blue"};
    struct model_verdict verdict;

    model_settings(world->model)->latency_ms = 100;
    model_put_fault(world->model, &(struct model_fault){.latency_ms = 50});
    model_judge(world->model, &list, &verdict);
    assert_int_equal(verdict.latency_ms, 150);
    assert_true(verdict.effect);
    assert_int_equal(verdict.fate, MODEL_ANSWER);
}

static void hands_change_what_eks_would_refuse(void **state)
{
    struct world *world = *state;
    const struct model_association *put = NULL;
    struct model_association wanted = {.cluster = "blue",
                                       .namespace = "app",
                                       .service_account = "sa",
                                       .role_arn = TARGET,
                                       .owner_arn = "arn:aws:eks:::addon/x"};
    struct model_error error = {0};
    struct model_view view;

    model_settings(world->model)->propagation_ms = 60000;
    assert_int_equal(model_put_association(world->model, &wanted, 0, 0, &put, &error), 0);
    assert_int_equal(listed(world, 0), 1);
    assert_string_equal(world->answer.associations[0]->owner_arn, "arn:aws:eks:::addon/x");
    memcpy(world->id, world->answer.associations[0]->id, sizeof world->id);

    OK(CALL(world, MODEL_UPDATE, .id = world->id, .role_arn = ROLE));
    assert_true(model_association_by_key(world->model, "blue", "app", "sa", 0, &view));
    assert_false(view.settled);
    assert_string_equal(view.truth->role_arn, ROLE);
    assert_string_equal(view.shown->role_arn, TARGET);
    wanted = *view.truth;
    wanted.owner_arn = "";
    assert_int_equal(model_put_association(world->model, &wanted, 5, 0, &put, &error), 0);
    OK(CALL(world, MODEL_DESCRIBE, .id = world->id));
    assert_string_equal(world->answer.association->role_arn, ROLE);
    assert_string_equal(world->answer.association->owner_arn, "");

    wanted.id = "";
    assert_int_equal(model_put_association(world->model, &wanted, 0, 0, &put, &error), -1);
    assert_int_equal(error.status, 409);
    assert_true(model_remove_association(world->model, "blue", world->id));
    assert_false(model_association_by_id(world->model, "blue", world->id, 0, &view));
    assert_int_equal(listed(world, 0), 0);
    assert_false(model_remove_association(world->model, "blue", world->id));
}

static void hands_replace_a_ghost(void **state)
{
    struct world *world = *state;
    const struct model_association *put = NULL;
    const struct model_association wanted = {
        .cluster = "blue", .namespace = "app", .service_account = "sa", .role_arn = ROLE};
    struct model_error error = {0};
    struct model_view view;

    create(world, "sa", 0);
    model_settings(world->model)->propagation_ms = 1000;
    OK(CALL(world, MODEL_DELETE, .id = world->id));
    assert_true(model_association_at(world->model, "blue", 0, 0, &view));
    assert_null(view.truth);
    assert_non_null(view.shown);
    assert_int_equal(model_put_association(world->model, &wanted, 0, 0, &put, &error), 0);
    assert_int_equal(listed(world, 0), 1);
    assert_string_not_equal(world->answer.associations[0]->id, world->id);
    assert_false(model_association_at(world->model, "blue", 1, 0, &view));
}

static void one_history_gives_one_world(void **state)
{
    struct world *world = *state;
    struct model *twin = model_new();
    struct model_answer answer;
    char name[16];

    model_put_cluster(twin, &(struct model_cluster){.name = "blue"});
    for (uint64_t i = 0; i < 50; i++) {
        struct model_request request = {
            MODEL_CREATE,       .random = i * i,         .cluster = "blue",
            .namespace = "app", .service_account = name, .role_arn = ROLE};

        snprintf(name, sizeof name, "sa-%d", (int)i);
        model_call(world->model, &request, &world->answer);
        model_call(twin, &request, &answer);
        assert_string_equal(answer.association->id, world->answer.association->id);
    }
    model_free(twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_show_only_after_they_propagated),
        TEST(a_deleted_association_is_a_ghost_for_a_while),
        TEST(a_ghost_yields_where_told_so),
        TEST(many_pending_states_settle_in_order),
        TEST(mutations_and_reads_have_buckets_of_their_own),
        TEST(faults_hit_the_calls_they_name),
        TEST(a_lost_reply_has_its_effect),
        TEST(error_faults_are_worded_like_the_service),
        TEST(chances_follow_the_random_number),
        TEST(latency_adds_up),
        TEST(hands_change_what_eks_would_refuse),
        TEST(hands_replace_a_ghost),
        TEST(one_history_gives_one_world),
    };

    return cmocka_run_group_tests_name("standin_faults", tests, NULL, NULL);
}
