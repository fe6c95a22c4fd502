/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "controller/budget.h"
#include "tests/unit/scene.h"
#include "tests/unit/script.h"

#define FLOOR 3
#define LASTS (GUARD_WINDOW_MS + GUARD_USE_MS)

/* An API server with one Lease and one definition, and bindings that go. */
struct stage {
    struct script script;
    struct intake intake;
    struct scene scene;
    struct budget budget;
    char deletions[256], release[32]; /* what stands on the Lease */
    int version;
    unsigned reads, writes, renewals; /* these come between a read and a write */
    enum error_kind read_fails, write_fails, definition_fails;
    bool definition_going;
};

static const struct budget_settings settings = {
    .lease_namespace = "podbind-system", .lease_name = "podbind", .floor = FLOOR};

static void answer_read(struct stage *stage, struct call *call)
{
    char version[16];

    stage->reads++;
    if (stage->read_fails) {
        error_set(&call->error, stage->read_fails, "no Lease today");
        return;
    }
    snprintf(version, sizeof version, "%d", stage->version);
    call->out.lease = (struct lease_facts){.resource_version = mem_strdup(version),
                                           .deletions = mem_strdup(stage->deletions),
                                           .release = mem_strdup(stage->release)};
}

static void answer_write(struct stage *stage, struct call *call)
{
    const struct lease_in *in = &call->in.lease;
    char version[16];

    stage->writes++;
    if (stage->renewals > 0) {
        stage->renewals--;
        error_set(&call->error, ERROR_CONFLICT, "the object has been modified");
        return;
    }
    snprintf(version, sizeof version, "%d", stage->version);
    assert_string_equal(in->resource_version, version);
    if (stage->write_fails) {
        error_set(&call->error, stage->write_fails, "not written");
        return;
    }
    stage->version++;
    snprintf(stage->deletions, sizeof stage->deletions, "%s", in->deletions);
    snprintf(stage->release, sizeof stage->release, "%s", in->release);
}

static void answer(struct script *script, struct call *call)
{
    struct stage *stage = script->context;

    if (call->verb == CALL_READ_LEASE) {
        answer_read(stage, call);
    } else if (call->verb == CALL_PATCH_LEASE) {
        answer_write(stage, call);
    } else {
        assert_int_equal(call->verb, CALL_READ_DEFINITION);
        if (stage->definition_fails)
            error_set(&call->error, stage->definition_fails, "no definition");
        call->out.definition_going = stage->definition_going;
    }
}

static int make_stage(void **state)
{
    struct stage *stage = mem_alloc(sizeof *stage);

    script_init(&stage->script);
    stage->script.answer = answer;
    stage->script.context = stage;
    intake_init(&stage->intake, &stage->script.ports);
    scene_init(&stage->scene);
    budget_init(&stage->budget, &settings);
    *state = stage;
    return 0;
}

static int end_stage(void **state)
{
    struct stage *stage = *state;

    budget_release(&stage->budget);
    scene_release(&stage->scene);
    intake_release(&stage->intake);
    script_release(&stage->script);
    mem_free(stage);
    return 0;
}

/* So many bindings that are being deleted, each with its association, in place of the ones before.
 */
static void bindings_go(struct stage *stage, size_t count)
{
    scene_release(&stage->scene);
    scene_init(&stage->scene);
    for (size_t i = 0; i < count; i++) {
        char name[32], uid[64];
        struct binding binding = scene_binding("x");
        struct association association;

        snprintf(name, sizeof name, "b%zu", i);
        snprintf(uid, sizeof uid, "uid-%s", name);
        binding.name = binding.service_account = name;
        binding.uid = uid;
        binding.deleting = true;
        scene_add_binding(&stage->scene, &binding);
        association = scene_association(name, uid);
        scene_add_association(&stage->scene, &association);
    }
}

/* Returns how many Deletes may act. */
static size_t decide(struct stage *stage)
{
    struct scene *scene = &stage->scene;
    struct error err = {0};
    size_t acting = 0;

    scene->context.now = stage->script.now;
    scene_plan(scene);
    assert_int_equal(
        budget_decide(&stage->budget, &stage->intake, &scene->plan, &scene->context, &err), 0);
    for (size_t i = 0; i < scene->plan.count; i++)
        acting += scene->plan.steps[i].verb == PLAN_DELETE &&
                  plan_may_act(&scene->plan.steps[i], &scene->context);
    return acting;
}

static size_t send_all(struct stage *stage)
{
    size_t sent = 0;

    while (budget_take(&stage->budget, stage->script.now))
        sent++;
    return sent;
}

static void says(const struct stage *stage, const char *words)
{
    if (!strstr(stage->budget.why, words))
        fail_msg("'%s' does not say '%s'", stage->budget.why, words);
}

static void what_is_to_be_deleted_is_written_first(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 2);
    assert_int_equal(decide(stage), 2);
    assert_string_equal(stage->deletions, "1764001000=2/2");
    assert_int_equal(send_all(stage), 2);
    assert_int_equal(stage->budget.held, 0);
    assert_int_equal(stage->budget.left, 1);
    assert_string_equal(stage->budget.why, "");
}

static void more_than_the_budget_at_once_holds_all(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, FLOOR + 1);
    assert_int_equal(decide(stage), 0);
    assert_int_equal(send_all(stage), 0);
    assert_string_equal(stage->deletions, "");
    assert_int_equal(stage->budget.held, FLOOR + 1);
    says(stage, "4 deletions are wanted at once");
    says(stage, "kubectl annotate lease podbind -n podbind-system --overwrite "
                "podbind.dev/release-deletions=4");
    bindings_go(stage, FLOOR); /* one was undone */
    assert_int_equal(decide(stage), FLOOR);
    assert_string_equal(stage->budget.why, "");
}

/* The first are seen a moment before the rest, and go. */
static void more_that_are_wanted_right_after_are_held_and_told(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, FLOOR);
    assert_int_equal(decide(stage), FLOOR);
    assert_int_equal(send_all(stage), FLOOR);
    bindings_go(stage, FLOOR + 2);
    assert_int_equal(decide(stage), 0);
    says(stage, "5 deletions are wanted at once, and of 3 in ten minutes 0 are left");
}

static void what_was_spent_counts_for_ten_minutes(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 2);
    decide(stage);
    assert_int_equal(send_all(stage), 2);
    bindings_go(stage, 2);
    assert_int_equal(decide(stage), 0);
    stage->script.now += LASTS;
    assert_int_equal(decide(stage), 2);
}

static void a_person_lets_a_number_through(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 10);
    assert_int_equal(decide(stage), 0);
    snprintf(stage->release, sizeof stage->release, "7");
    stage->version++;
    stage->script.now = stage->budget.due;
    assert_int_equal(decide(stage), 7);
    assert_string_equal(stage->release, "");
    assert_string_equal(stage->deletions, ""); /* they count to no budget */
    assert_int_equal(stage->budget.held, 3);
    assert_int_equal(send_all(stage), 7);
}

static void what_a_person_let_through_and_was_not_sent_may_go_later(void **state)
{
    struct stage *stage = *state;

    snprintf(stage->release, sizeof stage->release, "9");
    bindings_go(stage, 8);
    assert_int_equal(decide(stage), 8);
    assert_string_equal(stage->release, "1");
    assert_true(budget_take(&stage->budget, stage->script.now));
    stage->script.now += 5000;
    bindings_go(stage, 7);
    assert_int_equal(decide(stage), 7);
    assert_string_equal(stage->release, "1");
}

static void what_a_person_let_through_and_was_refused_may_go_later(void **state)
{
    struct stage *stage = *state;

    snprintf(stage->release, sizeof stage->release, "30");
    bindings_go(stage, 30);
    assert_int_equal(decide(stage), 30);
    for (int i = 0; i < 30; i++)
        assert_true(budget_take(&stage->budget, stage->script.now));
    for (int i = 0; i < 25; i++)
        budget_give_back(&stage->budget);
    stage->script.now += 5000;
    bindings_go(stage, 25); /* more than the budget would allow */
    assert_int_equal(decide(stage), 25);
    assert_string_equal(stage->deletions, "");
}

static void what_was_not_sent_is_given_back(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 3);
    assert_int_equal(decide(stage), 3);
    assert_true(budget_take(&stage->budget, stage->script.now));
    assert_true(budget_take(&stage->budget, stage->script.now));
    budget_give_back(&stage->budget); /* one was refused, one was never sent */
    stage->script.now += 5000;
    bindings_go(stage, 2);
    assert_int_equal(decide(stage), 2);
    assert_string_equal(stage->deletions, "1764001000=1/3 1764001005=2/2");
}

static void what_was_allowed_is_not_for_ever(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 1);
    decide(stage);
    assert_false(budget_take(&stage->budget, stage->script.now + GUARD_USE_MS + 1));
    assert_true(budget_take(&stage->budget, stage->script.now + GUARD_USE_MS));
}

static void another_leader_begins_with_what_stands_there(void **state)
{
    struct stage *stage = *state;

    snprintf(stage->deletions, sizeof stage->deletions, "1700000000=3/40");
    bindings_go(stage, 2);
    assert_int_equal(decide(stage), 0);
    budget_restart(&stage->budget);
    stage->script.now += LASTS - 1;
    assert_int_equal(decide(stage), 0); /* as old as this life knows of it */
    stage->script.now += LASTS;
    assert_int_equal(decide(stage), 2);
}

static void a_definition_that_goes_holds_all(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 1);
    stage->definition_going = true;
    assert_int_equal(decide(stage), 0);
    says(stage, "the CustomResourceDefinition of bindings is being deleted");
    stage->definition_going = false;
    stage->definition_fails = ERROR_NOT_FOUND;
    stage->script.now = stage->budget.due;
    assert_int_equal(decide(stage), 0);
    says(stage, "the CustomResourceDefinition of bindings is being deleted");
    assert_string_equal(stage->deletions, "");
    snprintf(stage->release, sizeof stage->release, "1");
    stage->script.now = stage->budget.due;
    assert_int_equal(decide(stage), 1);
}

static void what_can_not_be_read_or_written_holds_all(void **state)
{
    static const struct {
        enum error_kind read, write, definition;
        const char *deletions, *release, *words;
    } rows[] = {
        {ERROR_TRANSIENT, 0, 0, "", "", "the Lease can't be read: no Lease today"},
        {ERROR_NOT_FOUND, 0, 0, "", "", "the Lease can't be read"},
        {0, ERROR_CONFLICT, 0, "", "", "the Lease can't be written: not written"},
        {0, ERROR_UNKNOWN, 0, "", "", "the Lease can't be written"},
        {0, 0, ERROR_DENIED, "", "", "the CustomResourceDefinition can't be read"},
        {0, 0, 0, "by hand", "", "podbind.dev/deletions of the Lease: 'by hand' is not"},
        {0, 0, 0, "", "many", "podbind.dev/release-deletions of the Lease: 'many' is not"},
    };
    struct stage *stage = *state;

    bindings_go(stage, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stage->read_fails = rows[i].read;
        stage->write_fails = rows[i].write;
        stage->definition_fails = rows[i].definition;
        snprintf(stage->deletions, sizeof stage->deletions, "%s", rows[i].deletions);
        snprintf(stage->release, sizeof stage->release, "%s", rows[i].release);
        stage->script.now += 60000;
        assert_int_equal(decide(stage), 0);
        assert_int_equal(send_all(stage), 0);
        says(stage, rows[i].words);
        assert_true(stage->budget.due > stage->script.now);
    }
    stage->release[0] = '\0';
    stage->script.now += 60000;
    assert_int_equal(decide(stage), 1);
}

/* They come one after the other, as a folder is deleted. */
static void what_is_let_through_waits_for_nothing(void **state)
{
    struct stage *stage = *state;

    snprintf(stage->release, sizeof stage->release, "30");
    for (size_t i = 0; i < 3; i++) {
        bindings_go(stage, 10);
        assert_int_equal(decide(stage), 10);
        assert_int_equal(send_all(stage), 10);
        stage->script.now += 10;
    }
    assert_string_equal(stage->release, "");
    bindings_go(stage, 10);
    assert_int_equal(decide(stage), 0);
}

/* The Lease is renewed every two seconds. */
static void a_renewal_in_between_is_nothing_to_wait_for(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 2);
    stage->renewals = 3;
    assert_int_equal(decide(stage), 2);
    assert_int_equal(stage->writes, 4);
    assert_string_equal(stage->deletions, "1764001000=2/2"); /* once */
    stage->script.now += LASTS;
    stage->renewals = 4; /* without end: another time */
    assert_int_equal(decide(stage), 0);
    says(stage, "the object has been modified");
    assert_int_equal(stage->writes, 8);
}

static void without_the_lease_nothing_is_written(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 1);
    stage->script.lease_until = stage->script.now + PORT_CALL_TIMEOUT_MS;
    assert_int_equal(decide(stage), 0);
    assert_int_equal(stage->writes, 0);
    says(stage, "it has to be renewed first");
}

/* The first look tells what an earlier life has spent, and the last takes away what no longer
 * counts. */
static void at_rest_the_lease_is_left_alone(void **state)
{
    struct stage *stage = *state;

    assert_int_equal(decide(stage), 0);
    assert_int_equal(stage->reads, 1);
    for (int i = 0; i < 100; i++) {
        stage->script.now += 10000;
        decide(stage);
    }
    assert_int_equal(stage->reads, 1);
    assert_int_equal(stage->budget.due, INT64_MAX);
    bindings_go(stage, 2);
    decide(stage);
    send_all(stage);
    assert_int_equal(stage->writes, 1);
    bindings_go(stage, 0);
    stage->script.now += 6000;
    decide(stage);
    assert_int_equal(stage->reads, 2);
    stage->script.now = stage->budget.due;
    decide(stage);
    assert_string_equal(stage->deletions, "");
    assert_int_equal(stage->writes, 2);
    assert_int_equal(stage->budget.due, INT64_MAX);
}

/* While some are held, passes come for other reasons too. */
static void a_hold_does_not_ask_in_every_pass(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 10);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(decide(stage), 0);
        stage->script.now += 100;
    }
    assert_int_equal(stage->reads, 1);
    assert_true(stage->budget.due > stage->script.now);
    assert_true(stage->budget.due <= stage->script.now + 5000);
}

static void a_mode_that_deletes_nothing_asks_nothing(void **state)
{
    struct stage *stage = *state;

    bindings_go(stage, 10);
    stage->scene.context.mode = PLAN_NO_DELETE;
    assert_int_equal(decide(stage), 0);
    assert_int_equal(stage->reads, 0);
    assert_int_equal(stage->budget.held, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stage, end_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_to_be_deleted_is_written_first),
        TEST(more_than_the_budget_at_once_holds_all),
        TEST(more_that_are_wanted_right_after_are_held_and_told),
        TEST(what_was_spent_counts_for_ten_minutes),
        TEST(a_person_lets_a_number_through),
        TEST(what_a_person_let_through_and_was_not_sent_may_go_later),
        TEST(what_a_person_let_through_and_was_refused_may_go_later),
        TEST(what_was_not_sent_is_given_back),
        TEST(what_was_allowed_is_not_for_ever),
        TEST(another_leader_begins_with_what_stands_there),
        TEST(a_definition_that_goes_holds_all),
        TEST(what_can_not_be_read_or_written_holds_all),
        TEST(what_is_let_through_waits_for_nothing),
        TEST(a_renewal_in_between_is_nothing_to_wait_for),
        TEST(without_the_lease_nothing_is_written),
        TEST(at_rest_the_lease_is_left_alone),
        TEST(a_hold_does_not_ask_in_every_pass),
        TEST(a_mode_that_deletes_nothing_asks_nothing),
    };

    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
