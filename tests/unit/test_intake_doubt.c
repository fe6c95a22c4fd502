/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/intake.h"
#include "tests/unit/scene.h"
#include "tests/unit/script.h"

struct stage {
    struct script script;
    struct intake intake;
    uint64_t watch; /* of the bindings */
};

static void stage_release(struct stage *stage)
{
    intake_release(&stage->intake);
    script_release(&stage->script);
}

static void bring(struct stage *stage, enum change_kind kind, struct binding *owned,
                  const char *version)
{
    script_change(&stage->script, RESOURCE_BINDINGS, stage->watch, kind, owned, version, NULL);
}

/* A new watch of the bindings has been asked for; it streams this state. */
static void stream(struct stage *stage, bool with_reader)
{
    uint64_t old = stage->watch;
    struct call *call;

    intake_run(&stage->intake);
    for (size_t i = 0; i < stage->script.watch_count; i++)
        if (stage->script.watches[i].resource == RESOURCE_BINDINGS)
            stage->watch = stage->script.watches[i].watch;
    assert_true(stage->watch > old);
    if (with_reader) {
        struct binding binding = scene_binding("reader");

        bring(stage, CHANGE_PUT, binding_copy(&binding), NULL);
    }
    bring(stage, CHANGE_SYNCED, NULL, "20");
    while (stage->script.queued.count > 0)
        assert_int_equal(intake_next(&stage->intake, INT64_MAX, &call), INTAKE_NEWS);
    intake_run(&stage->intake);
}

/* One binding was known, and a new state has none. */
static void stage_init(struct stage *stage)
{
    *stage = (struct stage){0};
    script_init(&stage->script);
    intake_init(&stage->intake, &stage->script.ports);
    stream(stage, true);
    assert_int_equal(intake_due(&stage->intake), INT64_MAX);
    reflector_restart(&stage->intake.informers[RESOURCE_BINDINGS].reflector);
    stream(stage, false);
    assert_int_equal(stage->intake.informers[RESOURCE_BINDINGS].store.count, 0);
}

static void a_state_that_is_empty_all_at_once_is_asked_for_again(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    for (int look = 0; look < 2; look++) {
        assert_true(intake_doubts(&stage.intake, RESOURCE_BINDINGS));
        assert_int_equal(intake_due(&stage.intake), stage.script.now + 15000);
        stage.script.now += 15000;
        stream(&stage, look == 1);
    }
    assert_int_equal(stage.intake.informers[RESOURCE_BINDINGS].store.count, 1); /* a mistake */
    assert_false(intake_doubts(&stage.intake, RESOURCE_BINDINGS));
    assert_int_equal(intake_due(&stage.intake), INT64_MAX);
}

static void what_stays_empty_is_asked_for_for_five_minutes(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    int64_t started;

    (void)state;
    stage_init(&stage);
    started = stage.script.now;
    while (intake_due(&stage.intake) != INT64_MAX) {
        stage.script.now = intake_due(&stage.intake);
        stream(&stage, false);
    }
    assert_int_equal(stage.script.now - started, 5 * 60 * 1000);
}

static void a_first_state_that_is_empty_is_asked_for_again(void **state)
{
    CLEANUP(stage_release) struct stage stage = {0};

    (void)state;
    script_init(&stage.script);
    intake_init(&stage.intake, &stage.script.ports);
    stream(&stage, false);
    assert_int_equal(intake_due(&stage.intake), stage.script.now + 15000);
    stage.script.now += 15000;
    stream(&stage, true);
    assert_int_equal(stage.intake.informers[RESOURCE_BINDINGS].store.count, 1);
    assert_int_equal(intake_due(&stage.intake), INT64_MAX);
}

/* It may have been filled between the event and the state. */
static void an_empty_state_in_place_of_an_empty_one_is_asked_for_again(void **state)
{
    CLEANUP(stage_release) struct stage stage = {0};
    struct binding last = scene_binding("reader");
    struct call *call;

    (void)state;
    script_init(&stage.script);
    intake_init(&stage.intake, &stage.script.ports);
    stream(&stage, true);
    last.resource_version = "21";
    bring(&stage, CHANGE_DELETED, binding_copy(&last), NULL);
    assert_int_equal(intake_next(&stage.intake, INT64_MAX, &call), INTAKE_NEWS);
    intake_run(&stage.intake);
    assert_int_equal(stage.intake.informers[RESOURCE_BINDINGS].store.count, 0);
    assert_int_equal(intake_due(&stage.intake), INT64_MAX);
    reflector_restart(&stage.intake.informers[RESOURCE_BINDINGS].reflector);
    stream(&stage, false);
    assert_int_equal(intake_due(&stage.intake), stage.script.now + 15000);
}

static void what_comes_after_an_empty_state_does_not_confirm_it(void **state)
{
    CLEANUP(stage_release) struct stage stage = {0};
    struct binding late = scene_binding("late");
    struct call *call;

    (void)state;
    script_init(&stage.script);
    intake_init(&stage.intake, &stage.script.ports);
    intake_run(&stage.intake);
    stage.watch = stage.intake.informers[RESOURCE_BINDINGS].watch;
    bring(&stage, CHANGE_SYNCED, NULL, "20");
    late.resource_version = "21";
    bring(&stage, CHANGE_PUT, binding_copy(&late), NULL);
    while (stage.script.queued.count > 0)
        assert_int_equal(intake_next(&stage.intake, INT64_MAX, &call), INTAKE_NEWS);
    intake_run(&stage.intake);
    assert_int_equal(stage.intake.informers[RESOURCE_BINDINGS].store.count, 1);
    assert_int_equal(intake_due(&stage.intake), stage.script.now + 15000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_that_is_empty_all_at_once_is_asked_for_again),
        cmocka_unit_test(a_first_state_that_is_empty_is_asked_for_again),
        cmocka_unit_test(an_empty_state_in_place_of_an_empty_one_is_asked_for_again),
        cmocka_unit_test(what_stays_empty_is_asked_for_for_five_minutes),
        cmocka_unit_test(what_comes_after_an_empty_state_does_not_confirm_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
