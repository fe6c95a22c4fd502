/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/outcome_stage.h"

#include "base/mem.h"
#include "controller/report_notice.h"

static void refuse(struct stage *stage)
{
    add_reader(stage)->namespace = "podbind-system";
}

static void says_who_what_and_why(void **state)
{
    CLEANUP(report_notices_release) struct report_notices notices = {0};
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    refuse(&stage);
    judge(&stage);
    report_notice(&notices, stage.scene.bindings[0], &stage.outcome);
    assert_int_equal(notices.count, 1);
    assert_string_equal(notices.items[0].namespace, "podbind-system");
    assert_string_equal(notices.items[0].name, "reader");
    assert_string_equal(notices.items[0].reason, "Refused");
    assert_non_null(strstr(notices.items[0].message, "podbind's own namespace"));
}

static void what_passes_by_itself_is_no_notice(void **state)
{
    CLEANUP(report_notices_release) struct report_notices notices = {0};
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    add_reader(&stage); /* Creating */
    judge(&stage);
    report_notice(&notices, stage.scene.bindings[0], &stage.outcome);
    add_ours(&stage, "app-sa"); /* Ready */
    judge(&stage);
    report_notice(&notices, stage.scene.bindings[0], &stage.outcome);
    assert_int_equal(notices.count, 0);
}

static void the_others_are_a_number(void **state)
{
    CLEANUP(report_notices_release) struct report_notices notices = {0};
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    refuse(&stage);
    judge(&stage);
    for (int i = 0; i < REPORT_NOTICES + 3; i++)
        report_notice(&notices, stage.scene.bindings[0], &stage.outcome);
    assert_int_equal(notices.count, REPORT_NOTICES);
    assert_int_equal(notices.more, 3);
    report_notices_release(&notices);
    assert_int_equal(notices.count, 0);
    assert_int_equal(notices.more, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_who_what_and_why),
        cmocka_unit_test(what_passes_by_itself_is_no_notice),
        cmocka_unit_test(the_others_are_a_number),
    };

    return cmocka_run_group_tests_name("report_notice", tests, NULL, NULL);
}
