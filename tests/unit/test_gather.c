/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "controller/gather.h"
#include "tests/unit/script.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct stage {
    struct script script;
    struct intake intake;
    struct pace pace;
    size_t prepared, done;
    bool eks;   /* they are calls to EKS */
    bool again; /* some are prepared again */
    bool may_cut, cut;
    bool urge;         /* a person changes something after ten answers */
    unsigned refusals; /* so many are still throttled */
    int64_t retry_after_ms;
    size_t throttled; /* as done() saw it */
    bool seen[SCRIPT_ROOM];
    size_t stop_after; /* done() says no more after so many; 0: never */
    bool die;          /* the world ends with the first answer */
};

static void stage_init(struct stage *stage)
{
    *stage = (struct stage){0};
    script_init(&stage->script);
    stage->script.context = stage;
    intake_init(&stage->intake, &stage->script.ports);
}

static void stage_release(struct stage *stage)
{
    intake_release(&stage->intake);
    script_release(&stage->script);
}

/* The answer says which call it is for: its token comes back as the resourceVersion. */
static void answer(struct script *script, struct call *call)
{
    struct stage *stage = script->context;

    if (stage->refusals > 0) {
        stage->refusals--;
        error_set(&call->error, ERROR_THROTTLED, "Rate exceeded");
        call->error.retry_after_ms = stage->retry_after_ms;
    }
    call->out.resource_version = mem_strdup(call->in.association.token);
    script->gone = stage->die;
}

static const char *token_of(size_t index)
{
    static char tokens[SCRIPT_ROOM][8];

    snprintf(tokens[index], sizeof tokens[index], "%zu", index);
    return tokens[index];
}

static void prepare(void *context, size_t index, struct call *ret_call)
{
    struct stage *stage = context;

    assert_int_equal(index, stage->again ? index : stage->prepared);
    stage->prepared++;
    assert_null(ret_call->out.resource_version);
    ret_call->in.association.token = token_of(index);
}

static bool done(void *context, size_t index, struct call *call)
{
    struct stage *stage = context;

    assert_string_equal(call->out.resource_version, token_of(index));
    assert_false(stage->seen[index]);
    stage->seen[index] = true;
    stage->throttled += call->error.kind == ERROR_THROTTLED;
    return ++stage->done != stage->stop_after;
}

static void be_urged(struct script *script, struct call *call);

static int gather(struct stage *stage, size_t window, size_t count, struct error *err)
{
    const struct gather gather = {.intake = &stage->intake,
                                  .pace = &stage->pace,
                                  .verb = stage->eks ? CALL_DESCRIBE_ASSOCIATION : CALL_GET_BINDING,
                                  .window = window,
                                  .context = stage,
                                  .prepare = prepare,
                                  .done = done};

    stage->script.answer = stage->urge ? be_urged : answer;
    return gather_run(&gather, count, stage->may_cut ? &stage->cut : NULL, err);
}

static void keeps_the_window_full_and_not_fuller(void **state)
{
    static const struct {
        size_t window, count, most;
    } rows[] = {{1, 5, 1}, {3, 10, 3}, {8, 5, 5}, {5, 5, 5}, {4, 0, 0}, {4, 1, 1}};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        CLEANUP(stage_release) struct stage stage;
        size_t row = i / 2;
        struct error err = {0};

        stage_init(&stage);
        stage.script.newest_first = i % 2;
        assert_int_equal(gather(&stage, rows[row].window, rows[row].count, &err), 0);
        assert_int_equal(stage.done, rows[row].count);
        assert_int_equal(stage.script.started, rows[row].count);
        assert_int_equal(stage.script.most_under_way, rows[row].most);
        assert_int_equal(stage.script.under_way_count, 0);
    }
}

static void starts_no_more_but_waits_for_those_under_way(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.stop_after = 2;
    assert_int_equal(gather(&stage, 3, 20, &err), 0);
    assert_int_equal(stage.script.started, 4);
    assert_int_equal(stage.done, 4);
    assert_int_equal(stage.script.under_way_count, 0);
}

static void ends_when_the_world_is_gone(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.die = true;
    assert_int_equal(gather(&stage, 2, 20, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
    assert_int_equal(stage.done, 1);
    assert_int_equal(stage.script.started, 2); /* what came after was let go of */
}

static void a_world_gone_from_the_start(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct call call = {.verb = CALL_DESCRIBE_CLUSTER};
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.script.gone = true;
    assert_int_equal(gather(&stage, 2, 3, &err), -1);
    error_clear(&err);
    assert_int_equal(gather_call(&stage.intake, NULL, &call, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
}

static void refuse(struct script *script, struct call *call)
{
    (void)script;
    error_set(&call->error, ERROR_DENIED, "no");
}

/* Changes and wake-ups come in between; the stores stay as they are. */
static void waits_through_news(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    CLEANUP(call_release) struct call call = {.verb = CALL_DESCRIBE_CLUSTER};
    const struct service_account account = {
        .namespace = "app", .name = "sa", .resource_version = "1"};
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.script.answer = refuse;
    stage.script.wakes = 2;
    script_change(&stage.script, RESOURCE_SERVICE_ACCOUNTS, 1, CHANGE_PUT,
                  service_account_copy(&account), NULL, NULL);
    assert_int_equal(gather_call(&stage.intake, NULL, &call, &err), 0);
    assert_int_equal(call.error.kind, ERROR_DENIED);
    assert_int_equal(stage.intake.pending.count, 1);
    assert_true(stage.intake.news);
    assert_int_equal(stage.script.wakes, 0);
    assert_int_equal(stage.intake.informers[RESOURCE_SERVICE_ACCOUNTS].store.count, 0);
}

/* ---- many calls to EKS ---- */

static void tries_again_what_is_throttled(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.eks = stage.again = true;
    stage.refusals = 2;
    assert_int_equal(gather(&stage, 8, 10, &err), 0);
    assert_int_equal(stage.done, 10);
    assert_int_equal(stage.script.started, 12);
    assert_int_equal(stage.throttled, 0);
    assert_int_equal(stage.pace.reads.under_way, 0);
}

static void gives_a_call_up_after_three_tries(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.eks = stage.again = true;
    stage.refusals = 3;
    assert_int_equal(gather(&stage, 1, 2, &err), 0);
    assert_int_equal(stage.done, 2);
    assert_int_equal(stage.throttled, 1);
    assert_int_equal(stage.script.started, 4);
}

static void waits_as_long_as_eks_asks(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};
    int64_t start;

    (void)state;
    stage_init(&stage);
    stage.eks = stage.again = true;
    stage.refusals = 1;
    stage.retry_after_ms = 7000;
    start = stage.script.now;
    assert_int_equal(gather(&stage, 1, 1, &err), 0);
    assert_int_equal(stage.done, 1);
    assert_true(stage.script.now >= start + 7000);
}

static void makes_room_when_it_would_wait_for_long(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.eks = stage.again = stage.may_cut = true;
    stage.refusals = 1;
    stage.retry_after_ms = 7000;
    stage.intake.urgent = true;
    assert_int_equal(gather(&stage, 1, 5, &err), 0);
    assert_true(stage.cut);
    assert_int_equal(stage.done, 0);
    assert_int_equal(stage.script.started, 1);
    assert_int_equal(stage.pace.reads.under_way, 0);
}

static void be_urged(struct script *script, struct call *call)
{
    struct stage *stage = script->context;

    answer(script, call);
    stage->intake.urgent = stage->done >= 10;
}

/* There may be thousands to read, and EKS keeps none of them waiting. */
static void makes_room_for_a_persons_change(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    for (int may_cut = 0; may_cut < 2; may_cut++) {
        stage_init(&stage);
        stage.may_cut = may_cut;
        stage.urge = true;
        assert_int_equal(gather(&stage, 4, 60, &err), 0);
        assert_int_equal(stage.cut, may_cut);
        assert_int_equal(stage.done, may_cut ? 15 : 60); /* a window of them */
        if (!may_cut)
            stage_release(&stage);
    }
}

/* The pass after it would have nothing to go on with. */
static void all_that_are_under_way_are_no_reason_to_cut(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.may_cut = stage.intake.urgent = true;
    assert_int_equal(gather(&stage, 4, 4, &err), 0);
    assert_false(stage.cut);
    assert_int_equal(stage.done, 4);
}

static void throttle_once(struct script *script, struct call *call)
{
    if (script->started > 1)
        return;
    error_set(&call->error, ERROR_THROTTLED, "Rate exceeded");
    call->error.retry_after_ms = 20000;
}

static void one_call_is_not_waited_for_for_long(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    CLEANUP(call_release) struct call call = {.verb = CALL_DESCRIBE_CLUSTER};
    struct error err = {0};

    (void)state;
    stage_init(&stage);
    stage.script.answer = throttle_once;
    assert_int_equal(gather_call(&stage.intake, &stage.pace, &call, &err), 0);
    assert_int_equal(call.error.kind, ERROR_THROTTLED);
    assert_int_equal(call.error.retry_after_ms, 20000);
    assert_int_equal(stage.script.started, 1);
    stage.script.now += 19000;
    assert_int_equal(gather_call(&stage.intake, &stage.pace, &call, &err), 0);
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_int_equal(stage.script.started, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_window_full_and_not_fuller),
        cmocka_unit_test(starts_no_more_but_waits_for_those_under_way),
        cmocka_unit_test(ends_when_the_world_is_gone),
        cmocka_unit_test(a_world_gone_from_the_start),
        cmocka_unit_test(waits_through_news),
        cmocka_unit_test(tries_again_what_is_throttled),
        cmocka_unit_test(gives_a_call_up_after_three_tries),
        cmocka_unit_test(waits_as_long_as_eks_asks),
        cmocka_unit_test(makes_room_when_it_would_wait_for_long),
        cmocka_unit_test(makes_room_for_a_persons_change),
        cmocka_unit_test(all_that_are_under_way_are_no_reason_to_cut),
        cmocka_unit_test(one_call_is_not_waited_for_for_long),
    };

    return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
