/* SPDX-License-Identifier: Apache-2.0 */
/* Is the cluster of the name that was given ours, and when is that asked again? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "tests/unit/observe_world.h"

#define VERIFY_MS 600000

static void go_wrong(struct observe_world *world, enum call_verb verb, enum error_kind kind)
{
    error_set(&world->fails[verb], kind, "the server says no");
}

/* What observe_cluster() says; the error is kept. */
static int look(struct observe_world *world, struct error *ret_err)
{
    error_clear(ret_err);
    return observe_cluster(&world->observe, ret_err);
}

static void sees(struct observe_world *world, int expected)
{
    struct error err;

    assert_int_equal(look(world, &err), expected);
}

static int64_t wait(const struct observe_world *world)
{
    return observe_due(&world->observe) - world->script.now;
}

static void our_own_is_verified_and_looked_at_every_ten_minutes(void **state)
{
    struct observe_world *world = *state;

    sees(world, 0);
    assert_string_equal(world->observe.cluster.owner, "kube-uid/podbind");
    assert_string_equal(world->observe.cluster.account, "111122223333");
    assert_int_equal(world->observe.verify_due, world->script.now + VERIFY_MS);
    world->script.now += VERIFY_MS - 1;
    sees(world, 0);
    assert_int_equal(world->made[CALL_DESCRIBE_CLUSTER], 1);
    world->script.now++;
    sees(world, 0);
    assert_int_equal(world->made[CALL_DESCRIBE_CLUSTER], 2);
}

static void another_is_wrong_and_looked_at_soon(void **state)
{
    struct observe_world *world = *state;
    struct error err;
    int64_t first;

    world->issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/ANOTHER";
    assert_int_equal(look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.text, world->observe.cluster.why);
    assert_int_equal(world->observe.cluster.verdict, CLUSTER_WRONG);
    first = wait(world);
    assert_in_range(first, 500, 2000);
    assert_int_equal(look(world, &err), -1); /* not again so soon, and for the same reason */
    assert_string_equal(err.text, world->observe.cluster.why);
    assert_int_equal(world->made[CALL_DESCRIBE_CLUSTER], 1);
    for (int i = 0; i < 6; i++) {
        world->script.now += wait(world);
        sees(world, -1);
    }
    assert_in_range(wait(world), 7000, 15000);
    world->issuer = OBSERVE_ISSUER; /* a person mends it */
    world->script.now += wait(world);
    sees(world, 0);
    world->issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/ANOTHER";
    world->script.now += VERIFY_MS;
    sees(world, -1);
    assert_in_range(wait(world), 500, 2000); /* the waits begin anew */
}

static void one_that_is_missing_is_wrong(void **state)
{
    struct observe_world *world = *state;
    struct error err;

    world->missing = true;
    assert_int_equal(look(world, &err), -1);
    assert_int_equal(world->observe.cluster.verdict, CLUSTER_WRONG);
    assert_non_null(strstr(world->observe.cluster.why, "EKS knows no cluster of this name"));
    assert_int_equal(world->observe.trouble.kind, ERROR_NOT_FOUND);
    assert_in_range(wait(world), 500, 2000);
    world->missing = false;
    world->script.now += wait(world);
    sees(world, 0);
    assert_int_equal(world->observe.trouble.kind, ERROR_NONE);
}

static void one_that_cannot_be_read_is_not_known(void **state)
{
    static const enum call_verb verbs[] = {CALL_READ_IDENTITY, CALL_DESCRIBE_CLUSTER};
    struct error err;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(observe_world_release) struct observe_world world;

        observe_world_init(&world);
        go_wrong(&world, verbs[i], ERROR_DENIED);
        assert_int_equal(look(&world, &err), -1);
        assert_int_equal(err.kind, ERROR_DENIED);
        assert_int_equal(world.observe.cluster.verdict, CLUSTER_UNVERIFIED);
        assert_int_equal(world.observe.trouble.kind, ERROR_DENIED);
        assert_in_range(wait(&world), 500, 2000);
        assert_int_equal(look(&world, &err), -1);
        assert_int_equal(err.kind, ERROR_DENIED);
        assert_int_equal(world.made[CALL_READ_IDENTITY], 1);
    }
}

static void a_verdict_stands_while_it_cannot_be_read(void **state)
{
    struct observe_world *world = *state;

    sees(world, 0);
    world->script.now += VERIFY_MS;
    go_wrong(world, CALL_DESCRIBE_CLUSTER, ERROR_TRANSIENT);
    sees(world, 0);
    assert_int_equal(world->observe.trouble.kind, ERROR_TRANSIENT);
    assert_in_range(world->observe.verify_due - world->script.now, 500, 2000);
}

static void a_server_that_names_a_time_is_waited_for(void **state)
{
    struct observe_world *world = *state;

    go_wrong(world, CALL_DESCRIBE_CLUSTER, ERROR_THROTTLED);
    world->fails[CALL_DESCRIBE_CLUSTER].retry_after_ms = 30000;
    sees(world, -1);
    assert_int_equal(wait(world), 30000);
    world->script.now += 30000;
    world->fails[CALL_DESCRIBE_CLUSTER].retry_after_ms = 1;
    sees(world, -1);
    assert_in_range(wait(world), 1000, 4000);
}

static void an_answer_that_makes_no_sense_is_an_error(void **state)
{
    struct observe_world *world = *state;
    struct error err;

    world->arn = "arn:aws:eks:us-west-2:111122223333:cluster/another";
    assert_int_equal(look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "as the ARN of cluster 'blue'"));
    assert_int_equal(world->observe.cluster.verdict, CLUSTER_UNVERIFIED);
    assert_in_range(wait(world), 500, 2000);
}

static void one_that_eks_deletes_is_still_ours(void **state)
{
    struct observe_world *world = *state;

    world->status = "DELETING";
    sees(world, 0);
    assert_true(world->observe.cluster.deleting);
}

static void a_doubt_is_looked_into_at_once(void **state)
{
    struct observe_world *world = *state;

    sees(world, 0);
    observe_doubt_cluster(&world->observe);
    assert_string_equal(cluster_reason(&world->observe.cluster), "ClusterUnverified");
    assert_int_equal(observe_due(&world->observe), 0);
    sees(world, 0);
    assert_int_equal(world->made[CALL_DESCRIBE_CLUSTER], 2);
    assert_string_equal(cluster_reason(&world->observe.cluster), "");
}

static void a_world_that_ends_ends_the_look(void **state)
{
    struct observe_world *world = *state;
    struct error err;

    world->dies = CALL_READ_IDENTITY; /* between the two calls */
    assert_int_equal(look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
    error_clear(&err);
    assert_int_equal(look(world, &err), -1); /* before the first */
    assert_int_equal(err.kind, ERROR_GONE);
    assert_int_equal(world->observe.trouble.kind, ERROR_NONE);
    assert_int_equal(world->observe.verify_due, 0);
}

static void a_world_that_ends_says_so_of_a_verified_cluster_too(void **state)
{
    struct observe_world *world = *state;
    struct error err;

    sees(world, 0);
    world->script.now += VERIFY_MS;
    world->script.gone = true;
    assert_int_equal(look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
}

/* A name as long as may be; a longer one is cut, and found to be no cluster of EKS. */
static void a_name_is_cut_to_what_there_is_room_for(void **state)
{
    char name[sizeof((struct cluster *)0)->name + 10];
    struct observe_world *world = *state;
    struct observe observe;

    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    observe_init(&observe, &world->settings, &world->intake, name);
    assert_int_equal(strlen(observe.cluster.name), sizeof observe.cluster.name - 1);
    assert_false(observe.searches);
    observe_release(&observe);
    name[sizeof observe.cluster.name] = '\0';
    observe_init(&observe, &world->settings, &world->intake, name);
    assert_int_equal(strlen(observe.cluster.name), sizeof observe.cluster.name - 1);
    observe_release(&observe);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, observe_world_make, observe_world_end)
    const struct CMUnitTest tests[] = {
        TEST(our_own_is_verified_and_looked_at_every_ten_minutes),
        TEST(another_is_wrong_and_looked_at_soon),
        TEST(one_that_is_missing_is_wrong),
        TEST(one_that_cannot_be_read_is_not_known),
        TEST(a_verdict_stands_while_it_cannot_be_read),
        TEST(a_server_that_names_a_time_is_waited_for),
        TEST(an_answer_that_makes_no_sense_is_an_error),
        TEST(one_that_eks_deletes_is_still_ours),
        TEST(a_doubt_is_looked_into_at_once),
        TEST(a_world_that_ends_ends_the_look),
        TEST(a_world_that_ends_says_so_of_a_verified_cluster_too),
        TEST(a_name_is_cut_to_what_there_is_room_for),
    };

    return cmocka_run_group_tests_name("observe_cluster", tests, NULL, NULL);
}
