/* SPDX-License-Identifier: Apache-2.0 */
/* What AWS may just be slow to show: told as such for two minutes, then as what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/mirror.h"
#include "tests/unit/apply_world.h"

#define TWO_MINUTES_MS 120000

static const struct association_key key = {.namespace = "app", .service_account = "reader"};

static const char *reason_of(const struct apply_world *world)
{
    return apply_world_binding(world, "reader")->reason;
}

/* A look at the key shows nothing there, and the next try is due. */
static void try_again(struct apply_world *world)
{
    struct mirror_entry *entry = mirror_find(&world->scene.mirror, &key);

    entry->look = false;
    world->script.now += 1000; /* a first status is no hurry */
    if (world->script.now < entry->trouble->retry_at)
        world->script.now = entry->trouble->retry_at;
    apply_world_run(world);
}

/* The reasons of all the tries until `last` are `first`; `last` comes after two minutes, and stays. */
static void becomes(struct apply_world *world, const char *first, const char *last)
{
    int64_t begun = world->script.now;

    apply_world_add(world, "reader");
    apply_world_run(world);
    try_again(world);
    while (world->script.now < begun + TWO_MINUTES_MS) {
        assert_string_equal(reason_of(world), first);
        try_again(world);
    }
    assert_string_equal(reason_of(world), last);
    assert_in_range(world->script.now, begun + TWO_MINUTES_MS, begun + TWO_MINUTES_MS + 15000);
    try_again(world);
    assert_string_equal(reason_of(world), last);
}

/* It is no storm: ten tries take more than ten minutes. */
static void is_tried_slowly(struct apply_world *world)
{
    int64_t before = world->script.now;
    size_t calls = world->calls[CALL_CREATE_ASSOCIATION];

    for (int i = 0; i < 10; i++)
        try_again(world);
    assert_int_equal(world->calls[CALL_CREATE_ASSOCIATION], calls + 10);
    assert_true(world->script.now > before + 10 * 60000);
}

static void say_no_role(struct apply_world *world, struct call *call)
{
    (void)world;
    if (call->verb == CALL_CREATE_ASSOCIATION)
        call->detail = DETAIL_ROLE_MISSING;
}

static void a_role_that_does_not_exist_may_be_new(void **state)
{
    struct apply_world *world = *state;

    world->meanwhile = say_no_role;
    error_set(&world->fails[CALL_CREATE_ASSOCIATION], ERROR_INVALID, "no such role");
    becomes(world, "WaitingForPropagation", "RoleNotFound");
    is_tried_slowly(world);
}

static void what_takes_the_key_unseen_may_be_just_deleted(void **state)
{
    struct apply_world *world = *state;

    error_set(&world->fails[CALL_CREATE_ASSOCIATION], ERROR_CONFLICT, "it exists");
    becomes(world, "WaitingForPropagation", "KeyTaken");
    is_tried_slowly(world);
    assert_non_null(strstr(apply_world_binding(world, "reader")->associated,
                           "it exists; no list of EKS has shown by what for two minutes"));
}

static void what_took_the_key_unseen_is_over_when_it_is_free(void **state)
{
    struct apply_world *world = *state;

    error_set(&world->fails[CALL_CREATE_ASSOCIATION], ERROR_CONFLICT, "it exists");
    becomes(world, "WaitingForPropagation", "KeyTaken");
    error_clear(&world->fails[CALL_CREATE_ASSOCIATION]);
    try_again(world);
    assert_true(apply_world_stands(world, "reader"));
    assert_string_equal(apply_world_binding(world, "reader")->ready, "True");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_world_make, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(a_role_that_does_not_exist_may_be_new),
        TEST(what_takes_the_key_unseen_may_be_just_deleted),
        TEST(what_took_the_key_unseen_is_over_when_it_is_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
