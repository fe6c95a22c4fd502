/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aws/trust_policy.h"
#include "base/mem.h"
#include "controller/roles.h"
#include "tests/unit/script.h"

#define ARN "arn:aws:iam::111122223333:role/"
#define MINUTE 60000

/* What IAM says to every question, until it is changed. */
struct stage {
    struct script script;
    struct roles roles;
    enum error_kind says; /* NONE: the role, with this digest */
    uint64_t digest;
};

static void answer(struct script *script, struct call *call)
{
    struct stage *stage = script->context;

    assert_int_equal(call->verb, CALL_READ_ROLE);
    if (stage->says != ERROR_NONE) {
        error_set(&call->error, stage->says, "IAM said no");
        return;
    }
    call->out.role.arn = mem_strdup(ARN "reader");
    call->out.role.policy = mem_alloc(sizeof *call->out.role.policy);
    call->out.role.digest = stage->digest;
}

static void stage_init(struct stage *stage)
{
    *stage = (struct stage){.digest = 1};
    script_init(&stage->script);
    stage->script.context = stage;
    stage->script.answer = answer;
    roles_init(&stage->roles, &stage->script.ports);
}

static void stage_release(struct stage *stage)
{
    roles_release(&stage->roles);
    script_release(&stage->script);
}

static struct roles_entry *want(struct stage *stage, const char *name)
{
    CLEANUP(strbuf_release) struct strbuf arn = {0};

    strbuf_format(&arn, ARN "%s", name);
    return roles_want(&stage->roles, strbuf_text(&arn));
}

/* One call comes back. Returns whether it brought something new. */
static bool take_one(struct stage *stage)
{
    const struct ports *ports = &stage->script.ports;
    struct changes changes = {0};
    struct call *call = NULL;

    assert_int_equal(ports->next(ports->world, stage->script.now, &call, &changes), PORT_CALL);
    return roles_back(&stage->roles, call);
}

/* Asks for what is due, and takes all answers. Returns how many calls were made. */
static size_t settle(struct stage *stage)
{
    size_t before = stage->script.started;

    for (;;) {
        roles_ask(&stage->roles);
        if (stage->script.under_way_count == 0)
            return stage->script.started - before;
        take_one(stage);
    }
}

static size_t settle_after(struct stage *stage, int64_t ms)
{
    stage->script.now += ms;
    return settle(stage);
}

/* ---- how much is asked ---- */

static void a_thousand_bindings_of_one_role_are_one_call(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    roles_begin(&stage.roles);
    for (int i = 0; i < 1000; i++)
        want(&stage, i % 2 ? "reader" : "team/a/reader");
    roles_end(&stage.roles);
    assert_int_equal(settle(&stage), 1);
    assert_int_equal(want(&stage, "reader")->role.knowledge, ROLE_READ);
    assert_int_equal(settle_after(&stage, 9 * MINUTE - 1), 0);
    assert_int_equal(settle_after(&stage, MINUTE + 1), 1);
}

static void few_are_asked_for_at_once(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    char name[8] = "role-a";

    (void)state;
    stage_init(&stage);
    for (; name[5] <= 'z'; name[5]++)
        want(&stage, name);
    assert_int_equal(settle(&stage), 26);
    assert_int_equal(stage.script.most_under_way, 4);
}

static void a_role_that_nobody_names_is_forgotten(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    want(&stage, "reader");
    want(&stage, "writer");
    roles_ask(&stage.roles);
    roles_begin(&stage.roles);
    want(&stage, "reader");
    roles_end(&stage.roles);
    assert_int_equal(stage.roles.count, 2); /* its call is under way */
    settle(&stage);
    roles_begin(&stage.roles);
    roles_end(&stage.roles);
    assert_int_equal(stage.roles.count, 0);
    assert_int_equal(settle_after(&stage, 60 * MINUTE), 0);
}

/* Its binding was deleted and made anew meanwhile. */
static void a_role_that_is_named_again_is_read_again_in_time(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    want(&stage, "reader");
    roles_ask(&stage.roles);
    roles_begin(&stage.roles);
    roles_end(&stage.roles);
    settle(&stage);
    roles_begin(&stage.roles);
    want(&stage, "reader");
    roles_end(&stage.roles);
    assert_true(roles_due(&stage.roles) <= stage.script.now + 10 * MINUTE);
    assert_int_equal(settle_after(&stage, 10 * MINUTE), 1);
}

static void the_same_answer_is_no_news(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    want(&stage, "reader");
    roles_ask(&stage.roles);
    assert_true(take_one(&stage));
    stage.script.now += 10 * MINUTE;
    roles_ask(&stage.roles);
    assert_false(take_one(&stage));
    stage.digest = 2;
    stage.script.now += 10 * MINUTE;
    roles_ask(&stage.roles);
    assert_true(take_one(&stage));
}

/* ---- IAM can't be reached ---- */

static void a_call_without_an_answer_ends_all_asking(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    char name[8] = "role-a";

    (void)state;
    stage_init(&stage);
    stage.says = ERROR_TRANSIENT;
    for (; name[5] <= 'h'; name[5]++)
        want(&stage, name);
    assert_int_equal(settle(&stage), 4); /* those that were under way together */
    for (name[5] = 'a'; name[5] <= 'i'; name[5]++)
        assert_int_equal(want(&stage, name)->role.knowledge, ROLE_UNREACHED);
    assert_int_equal(settle_after(&stage, 14999), 0);
    assert_int_equal(settle_after(&stage, 1), 1);
    assert_int_equal(settle_after(&stage, 10 * MINUTE - 1), 0);
    assert_int_equal(settle_after(&stage, 1), 1);
}

static void when_iam_answers_again_all_is_asked_for(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    char name[8] = "role-a";

    (void)state;
    stage_init(&stage);
    stage.says = ERROR_TRANSIENT;
    for (; name[5] <= 'h'; name[5]++)
        want(&stage, name);
    settle(&stage);
    stage.says = ERROR_NONE;
    assert_int_equal(settle_after(&stage, 15000), 8);
    assert_int_equal(want(&stage, "role-h")->role.knowledge, ROLE_READ);
}

static void what_was_read_counts_for_an_hour(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    want(&stage, "reader");
    settle(&stage);
    stage.says = ERROR_UNKNOWN;
    for (int minutes = 10; minutes < 60; minutes += 5) {
        settle_after(&stage, 5 * MINUTE);
        assert_int_equal(want(&stage, "reader")->role.knowledge, ROLE_READ);
    }
    settle_after(&stage, 20 * MINUTE);
    assert_int_equal(want(&stage, "reader")->role.knowledge, ROLE_UNREACHED);
}

static void a_throttled_call_is_made_later(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    want(&stage, "reader");
    stage.says = ERROR_THROTTLED;
    assert_int_equal(settle(&stage), 1);
    assert_int_equal(want(&stage, "reader")->role.knowledge, ROLE_UNREAD);
    assert_true(roles_due(&stage.roles) >= stage.script.now + 500);
    stage.says = ERROR_NONE;
    assert_int_equal(settle_after(&stage, 1000), 1);
    assert_int_equal(want(&stage, "reader")->role.knowledge, ROLE_READ);
}

/* ---- one role ---- */

static void what_is_denied_is_not_asked_for_again_for_ten_minutes(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct roles_entry *entry;

    (void)state;
    stage_init(&stage);
    stage.says = ERROR_DENIED;
    entry = want(&stage, "reader");
    assert_int_equal(settle(&stage), 1);
    assert_int_equal(entry->role.knowledge, ROLE_DENIED);
    stage.script.now += MINUTE;
    roles_doubt(&stage.roles, entry);
    assert_int_equal(settle_after(&stage, 9 * MINUTE - 1), 0);
    assert_int_equal(settle_after(&stage, 1), 1);
    stage.script.now += MINUTE;
    roles_recheck(&stage.roles, entry); /* a person did */
    assert_int_equal(settle(&stage), 1);
}

static void a_role_that_is_not_there_may_be_new_for_two_minutes(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct roles_entry *entry;
    size_t calls;

    (void)state;
    stage_init(&stage);
    stage.says = ERROR_NOT_FOUND;
    entry = want(&stage, "reader");
    calls = settle(&stage);
    assert_int_equal(entry->role.knowledge, ROLE_NOT_YET);
    for (int s = 0; s < 119; s++)
        calls += settle_after(&stage, 1000);
    assert_int_equal(entry->role.knowledge, ROLE_NOT_YET);
    for (int s = 0; s < 200; s++)
        calls += settle_after(&stage, 1000);
    assert_int_equal(entry->role.knowledge, ROLE_ABSENT);
    assert_in_range(calls, 4, 6);
    stage.says = ERROR_NONE;
    roles_doubt(&stage.roles, entry); /* EKS has taken it */
    assert_int_equal(settle(&stage), 1);
    assert_int_equal(entry->role.knowledge, ROLE_READ);
}

static void a_role_that_is_refused_is_looked_at_sooner(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct roles_entry *entry;
    size_t calls = 0;

    (void)state;
    stage_init(&stage);
    entry = want(&stage, "reader");
    settle(&stage);
    roles_refuse(&stage.roles, entry);
    roles_refuse(&stage.roles, entry); /* in each pass */
    assert_int_equal(settle_after(&stage, MINUTE - 1), 0);
    assert_int_equal(settle_after(&stage, 1), 1);
    for (int i = 0; i < 59; i++)
        calls += settle_after(&stage, MINUTE);
    assert_in_range(calls, 6, 10); /* ... and then less and less often */
    stage.digest = 2;
    settle_after(&stage, 10 * MINUTE);
    assert_false(entry->refused);
    assert_int_equal(settle_after(&stage, 5 * MINUTE), 0);
}

static void doubts_make_no_storm(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct roles_entry *entry;

    (void)state;
    stage_init(&stage);
    entry = want(&stage, "reader");
    for (int i = 0; i < 600; i++) {
        roles_doubt(&stage.roles, entry);
        roles_ask(&stage.roles);
        roles_doubt(&stage.roles, entry); /* while it is under way */
        settle_after(&stage, 100);
    }
    assert_in_range(stage.script.started, 11, 13);
}

/* ---- how long a status waits ---- */

static void a_first_status_waits_while_a_call_may_tell(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct roles_entry *entry;

    (void)state;
    stage_init(&stage);
    entry = want(&stage, "reader");
    assert_in_range(roles_wait_until(&stage.roles, entry) - stage.script.now, 2000, 2200);
    settle(&stage);
    assert_int_equal(roles_wait_until(&stage.roles, entry), 0);
    stage.script.now += 10 * MINUTE;
    roles_ask(&stage.roles); /* what was read before is good enough meanwhile */
    assert_int_equal(roles_wait_until(&stage.roles, entry), 0);
}

static void nothing_waits_while_iam_does_not_answer(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    stage.says = ERROR_TRANSIENT;
    want(&stage, "reader");
    settle(&stage);
    assert_int_equal(roles_wait_until(&stage.roles, want(&stage, "reader")), 0);
    assert_int_equal(roles_wait_until(&stage.roles, want(&stage, "writer")), 0);
    stage.script.now += 10 * MINUTE;
    roles_ask(&stage.roles);
    assert_int_equal(roles_wait_until(&stage.roles, want(&stage, "writer")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_bindings_of_one_role_are_one_call),
        cmocka_unit_test(few_are_asked_for_at_once),
        cmocka_unit_test(a_role_that_nobody_names_is_forgotten),
        cmocka_unit_test(a_role_that_is_named_again_is_read_again_in_time),
        cmocka_unit_test(the_same_answer_is_no_news),
        cmocka_unit_test(a_call_without_an_answer_ends_all_asking),
        cmocka_unit_test(when_iam_answers_again_all_is_asked_for),
        cmocka_unit_test(what_was_read_counts_for_an_hour),
        cmocka_unit_test(a_throttled_call_is_made_later),
        cmocka_unit_test(what_is_denied_is_not_asked_for_again_for_ten_minutes),
        cmocka_unit_test(a_role_that_is_not_there_may_be_new_for_two_minutes),
        cmocka_unit_test(a_role_that_is_refused_is_looked_at_sooner),
        cmocka_unit_test(doubts_make_no_storm),
        cmocka_unit_test(a_first_status_waits_while_a_call_may_tell),
        cmocka_unit_test(nothing_waits_while_iam_does_not_answer),
    };

    return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
