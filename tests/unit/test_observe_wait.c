/* SPDX-License-Identifier: Apache-2.0 */
/* How long a look waits that failed: not as long as everybody else's, and no longer than it must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/observe_list.h"
#include "tests/unit/observe_world.h"

/* reader's association can't be read: the first wait after one of these calls failed, in ms. */
static int64_t first_wait(enum call_verb verb, uint64_t random)
{
    CLEANUP(observe_world_release) struct observe_world world;
    struct binding binding = scene_binding("reader");
    struct error err = {0};

    observe_world_init(&world);
    scene_add_binding(&world.scene, &binding);
    observe_world_stand(&world, "app-sa");
    error_set(&world.fails[verb], ERROR_TRANSIENT, "no answer");
    world.script.random = random;
    if (observe_cluster(&world.observe, &err) == 0)
        observe_world_look(&world, &err);
    return observe_due(&world.observe) - world.script.now;
}

static void waits_are_spread_over_half_of_their_length(void **state)
{
    static const enum call_verb verbs[] = {CALL_DESCRIBE_CLUSTER, CALL_LIST_ASSOCIATIONS,
                                           CALL_DESCRIBE_ASSOCIATION};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(first_wait(verbs[i], 0), 500);
        assert_int_equal(first_wait(verbs[i], 123), 623);
        assert_int_equal(first_wait(verbs[i], 500), 1000);
    }
}

static void a_trouble_whose_time_has_come_asks_for_nothing_by_itself(void **state)
{
    CLEANUP(observe_world_release) struct observe_world world;
    struct mirror_entry *entry;

    (void)state;
    observe_world_init(&world);
    observe_world_stand(&world, "foreign");
    observe_world_see(&world);
    entry = observe_world_entry(&world, "foreign"); /* nobody needs to know what it holds */
    mirror_failed(entry, TROUBLE_DENIED, "x", TROUBLE_ANY_GENERATION, world.script.now, 1);
    assert_int_equal(observe_due(&world.observe), world.script.now + 1);
    world.script.now++;
    assert_int_equal(observe_due(&world.observe), world.observe.list_wanted_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_are_spread_over_half_of_their_length),
        cmocka_unit_test(a_trouble_whose_time_has_come_asks_for_nothing_by_itself),
    };

    return cmocka_run_group_tests_name("observe_wait", tests, NULL, NULL);
}
