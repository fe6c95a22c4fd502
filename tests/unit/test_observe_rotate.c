/* SPDX-License-Identifier: Apache-2.0 */
/* Associations are looked at in turn: what is news of that? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/observe.h"
#include "tests/unit/script.h"

#define MINUTE_MS 60000

/* One association that podbind knows, and what EKS says of it now. */
struct stage {
    struct script script;
    struct intake intake;
    struct observe_settings settings;
    struct observe observe;
    struct association now;
    bool missing, denied;
    size_t describes;
};

static void answer(struct script *script, struct call *call)
{
    struct stage *stage = script->context;

    assert_int_equal(call->verb, CALL_DESCRIBE_ASSOCIATION);
    stage->describes++;
    if (stage->missing)
        error_set(&call->error, ERROR_NOT_FOUND, "no such association");
    else if (stage->denied)
        error_set(&call->error, ERROR_DENIED, "not allowed to describe");
    else
        call->out.association = association_copy(&stage->now);
}

static void stage_init(struct stage *stage)
{
    *stage = (struct stage){
        .settings = {.instance = "podbind",
                     .window = 4,
                     .rotation_ms = 1000,
                     .describe_interval_ms = 10 * MINUTE_MS},
        .now = {.key = {"app", "sa"},
                .id = "a-00000000000000001",
                .owner_arn = "",
                .described = true,
                .access = {"arn:aws:iam::111122223333:role/reader", "", "", true},
                .tags = TAG_OWNER "\tuid/podbind\n",
                .external_id = "e-1",
                .modified_us = 1000000},
    };
    script_init(&stage->script);
    stage->script.now = 60 * MINUTE_MS;
    stage->script.context = stage;
    stage->script.answer = answer;
    intake_init(&stage->intake, &stage->script.ports);
    observe_init(&stage->observe, &stage->settings, &stage->intake, "blue");
    stage->observe.cluster.verdict = CLUSTER_VERIFIED;
    mirror_entry(&stage->observe.mirror, &stage->now.key)->association =
        association_copy(&stage->now);
    stage->observe.mirror.listed_at = stage->script.now;
}

static void stage_release(struct stage *stage)
{
    observe_release(&stage->observe);
    intake_release(&stage->intake);
    script_release(&stage->script);
}

/* True when the turn brought something that a pass must look at. */
static bool turn(struct stage *stage)
{
    struct error err = {0};

    stage->intake.news = false;
    stage->script.now += stage->settings.describe_interval_ms;
    stage->observe.rotation_due = 0;
    stage->describes = 0;
    assert_int_equal(observe_rotate(&stage->observe, &err), 0);
    assert_int_equal(stage->describes, 1);
    return stage->intake.news;
}

static void what_is_as_it_was_is_no_news(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    assert_false(turn(&stage));
}

static void all_that_status_tells_is_news(void **state)
{
    CLEANUP(stage_release) struct stage later, renamed;

    (void)state;
    stage_init(&later);
    stage_init(&renamed);
    later.now.modified_us += 1000000; /* our own TagResource: its answer does not tell when */
    renamed.now.external_id = "e-2";
    assert_true(turn(&later));
    assert_true(turn(&renamed));
}

static void what_somebody_changed_is_news(void **state)
{
    CLEANUP(stage_release) struct stage role, tags, owner, gone;

    (void)state;
    stage_init(&role);
    stage_init(&tags);
    stage_init(&owner);
    stage_init(&gone);
    role.now.access.role_arn = "arn:aws:iam::111122223333:role/writer";
    tags.now.tags = "";
    owner.now.owner_arn = "arn:aws:eks:us-west-2:111122223333:addon/blue/x/1";
    gone.missing = true;
    assert_true(turn(&role));
    assert_true(turn(&tags));
    assert_true(turn(&owner));
    assert_true(turn(&gone));
}

/* A row of status says that it is failing. */
static void trouble_with_reading_is_news_when_it_begins_and_when_it_ends(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    stage.denied = true;
    assert_true(turn(&stage));
    assert_false(turn(&stage));
    stage.denied = false;
    assert_true(turn(&stage));
    assert_false(turn(&stage));
}

static void nobody_is_asked_before_its_time(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    turn(&stage);
    stage.script.now += stage.settings.describe_interval_ms - 1;
    stage.observe.rotation_due = 0;
    assert_int_equal(observe_rotate(&stage.observe, &err), 0);
    assert_int_equal(stage.describes, 1);
    assert_true(stage.observe.rotation_due == stage.script.now + 1);
    stage.script.now++;
    assert_int_equal(observe_rotate(&stage.observe, &err), 0);
    assert_int_equal(stage.describes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_as_it_was_is_no_news),
        cmocka_unit_test(all_that_status_tells_is_news),
        cmocka_unit_test(what_somebody_changed_is_news),
        cmocka_unit_test(trouble_with_reading_is_news_when_it_begins_and_when_it_ends),
        cmocka_unit_test(nobody_is_asked_before_its_time),
    };

    return cmocka_run_group_tests_name("observe_rotate", tests, NULL, NULL);
}
