/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/apply_world.h"

/* It refuses to show roles, which is an answer as good as another. */
static void bring_iam_within_reach(struct apply_world *world)
{
    roles_release(&world->roles);
    roles_init(&world->roles, &world->script.ports);
    world->intake.aside = (struct intake_aside){.context = &world->roles, .back = roles_back};
    error_set(&world->fails[CALL_READ_ROLE], ERROR_DENIED, "no iam:GetRole");
}

/* The Create of the other binding is under way when IAM answers: there is no need to wait for the
 * next pass. */
static void a_status_that_waited_for_its_role_is_written_in_the_same_pass(void **state)
{
    struct apply_world *world = *state;

    bring_iam_within_reach(world);
    apply_world_add(world, "stands");
    apply_world_stand(world, "stands");
    apply_world_add(world, "to-be-made");
    world->script.newest_first = true;
    apply_world_run(world);
    assert_int_equal(world->calls[CALL_READ_ROLE], 1);
    assert_string_equal(apply_world_binding(world, "stands")->ready, "True");
    assert_string_equal(apply_world_binding(world, "to-be-made")->ready, "True");
    assert_int_equal(world->calls[CALL_PATCH_STATUS], 2);
}

/* ... and where nothing else is under way, the next one writes it. */
static void a_pass_does_not_wait_for_iam_alone(void **state)
{
    struct apply_world *world = *state;

    bring_iam_within_reach(world);
    apply_world_add(world, "stands");
    apply_world_stand(world, "stands");
    apply_world_run(world);
    assert_int_equal(world->calls[CALL_READ_ROLE], 0); /* it is under way */
    assert_int_equal(world->roles.asking, 1);
    assert_int_equal(world->calls[CALL_PATCH_STATUS], 0);
    assert_true(world->result.due <= world->script.now + PORT_ROLE_TIMEOUT_MS + 1000);
}

static size_t looks; /* at a status: each asks for the time that it would be told with */

static int64_t count_look(void *world)
{
    (void)world;
    looks++;
    return 1764000000000000;
}

/* It is to have the other role, and has it. */
static void add_second(struct apply_world *world)
{
    struct association other = scene_association("second", "uid-second");

    apply_world_add(world, "second")->role_name = "team/a/writer";
    other.access.role_arn = SCENE_OTHER_ROLE;
    scene_add_association(&world->scene, &other);
}

/* Thousands may wait, each for another role. */
static void an_answer_of_iam_is_looked_at_by_those_alone_who_wait_for_it(void **state)
{
    struct apply_world *world = *state;

    bring_iam_within_reach(world);
    apply_world_add(world, "first");
    apply_world_stand(world, "first");
    add_second(world);
    apply_world_add(world, "to-be-made");
    world->script.newest_first = true;
    world->script.ports.wall = count_look;
    looks = 0;
    apply_world_run(world);
    assert_int_equal(world->calls[CALL_READ_ROLE], 2);
    assert_int_equal(world->calls[CALL_PATCH_STATUS], 3);
    assert_int_equal(looks, 2 + 2 + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_world_make, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(a_status_that_waited_for_its_role_is_written_in_the_same_pass),
        TEST(a_pass_does_not_wait_for_iam_alone),
        TEST(an_answer_of_iam_is_looked_at_by_those_alone_who_wait_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
