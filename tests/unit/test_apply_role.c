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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_world_make, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(a_status_that_waited_for_its_role_is_written_in_the_same_pass),
        TEST(a_pass_does_not_wait_for_iam_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
