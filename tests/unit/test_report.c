/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "controller/report.h"
#include "tests/unit/scene.h"

#define NOW 1000000

struct stage {
    struct scene scene;
    struct outcome_context context;
    struct reports reports;
    struct report report;
    struct role role;  /* as IAM tells; its knowledge is UNREAD */
    int64_t role_wait; /* 0: none */
};

static void stage_release(struct stage *stage)
{
    report_release(&stage->report);
    reports_release(&stage->reports);
    scene_release(&stage->scene);
}

/* One binding, reader, whose key is free. */
static void stage_init(struct stage *stage)
{
    struct binding binding = scene_binding("reader");

    *stage = (struct stage){
        .context = {.now = NOW, .blind_reason = "", .blind_message = "", .hold = ""}};
    scene_init(&stage->scene);
    scene_add_binding(&stage->scene, &binding);
}

static struct mirror_entry *associate(struct stage *stage)
{
    struct association association = scene_association("app-sa", "uid-reader");

    return scene_add_association(&stage->scene, &association);
}

static const struct report *report(struct stage *stage)
{
    stage->context.cluster = &stage->scene.cluster;
    stage->context.mirror = &stage->scene.mirror;
    report_release(&stage->report);
    scene_desire(&stage->scene);
    stage->context.role = &stage->role;
    report_make(&stage->reports, scene_claim(&stage->scene, "reader"), &stage->context,
                stage->role_wait, &stage->report);
    return &stage->report;
}

/* The API server holds what was just reported. */
static void store(struct stage *stage)
{
    const struct binding_status *status = &stage->report.outcome.status;
    struct binding *binding = stage->scene.bindings[0];

    binding->status.hash = binding_status_hash(status);
    binding->status.trust_hash = binding_trust_hash(status);
    binding->status.observed_generation = status->observed_generation;
    binding->status.ready_reason = stage->report.outcome.reason;
    for (int type = 0; type < CONDITION_COUNT; type++)
        binding->status.conditions[type] = (uint8_t)status->conditions[type].status;
}

static void ready_at_once_is_written_once(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    associate(&stage);
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    assert_false(stage.report.event); /* nothing was said before */
    assert_int_equal(stage.report.due, INT64_MAX);
    store(&stage);
    stage.context.now += 86400000;
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    assert_int_equal(stage.reports.count, 0);
}

/* So that it is written once. */
static void waits_for_iam_while_it_may_tell(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    associate(&stage);
    stage.role_wait = NOW + 2000;
    assert_int_equal(report(&stage)->verdict, REPORT_LATER);
    assert_true(stage.report.awaits_role);
    assert_int_equal(stage.report.due, NOW + 2000);
    stage.context.now = NOW + 2000;
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    assert_false(stage.report.awaits_role);
}

static void a_status_that_would_not_change_waits_for_nothing(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    associate(&stage);
    report(&stage);
    store(&stage);
    stage.role_wait = NOW + 2000;
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    assert_false(stage.report.awaits_role);
    assert_int_equal(stage.report.due, INT64_MAX);
}

/* After a restart nothing is known of any role, and that is no news. */
static void what_was_said_of_a_role_stands_until_iam_is_asked(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    associate(&stage);
    stage.role.knowledge = ROLE_DENIED;
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    store(&stage);
    stage.role.knowledge = ROLE_UNREAD;
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    stage.role.knowledge = ROLE_DENIED;
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    stage.role.knowledge = ROLE_UNREACHED;
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    assert_true(stage.report.outcome.ready);
    assert_false(stage.report.event);
}

static void distrust_is_told_once(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    associate(&stage);
    stage.role.knowledge = ROLE_ABSENT;
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    assert_true(stage.report.distrust);
    store(&stage);
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    assert_false(stage.report.distrust);
}

static void not_ready_is_written_after_a_second(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    assert_int_equal(report(&stage)->verdict, REPORT_LATER);
    assert_int_equal(stage.report.due, NOW + 1000);
    stage.context.now = NOW + 999;
    assert_int_equal(report(&stage)->verdict, REPORT_LATER);
    stage.context.now = NOW + 1000;
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    store(&stage);
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    associate(&stage);
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE); /* Ready waits for nothing */
    assert_true(stage.report.event);
    assert_int_equal(stage.reports.count, 0);
}

static void a_reason_that_changes_is_an_event_and_starts_its_time(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct mirror_entry *entry;

    (void)state;
    stage_init(&stage);
    report(&stage);
    stage.context.now += 5000;
    report(&stage);
    store(&stage);
    entry = mirror_entry(&stage.scene.mirror, &(struct association_key){"app", "app-sa"});
    mirror_failed(entry, TROUBLE_ROLE_MISSING, "no role", 1, stage.context.now, 1000);
    stage.context.now += 200000; /* the wait for another reason does not count */
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    assert_true(stage.report.event);
    assert_int_equal(stage.report.outcome.status.conditions[CONDITION_STALLED].status,
                     CONDITION_ABSENT);
    assert_int_equal(stage.report.due, stage.context.now + 120000);
    store(&stage);
    stage.context.now += 119999;
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    assert_false(stage.report.event);
    stage.context.now++;
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    assert_false(stage.report.event); /* Stalled is no other reason */
    assert_int_equal(stage.report.outcome.status.conditions[CONDITION_STALLED].status,
                     CONDITION_TRUE);
}

/* After a restart nothing is remembered, but status tells that it was stalled. */
static void a_restart_does_not_unsay_that_it_is_stalled(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct mirror_entry *entry;

    (void)state;
    stage_init(&stage);
    entry = associate(&stage);
    entry->association->tags = ""; /* KeyTaken */
    report(&stage);
    stage.context.now += 60000;
    report(&stage);
    assert_int_equal(stage.report.outcome.status.conditions[CONDITION_STALLED].status,
                     CONDITION_TRUE);
    store(&stage);
    reports_release(&stage.reports);
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    stage.context.now += 5000;
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    reports_release(&stage.reports); /* another reason since then has its own time */
    entry->association->owner_arn = "add-on";
    report(&stage);
    assert_int_equal(stage.report.outcome.status.conditions[CONDITION_STALLED].status,
                     CONDITION_ABSENT);
    assert_int_equal(stage.report.due, stage.context.now + 1000);
}

static void not_being_able_to_look_is_no_news_of_a_ready_binding(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    associate(&stage);
    report(&stage);
    store(&stage);
    stage.context.blind_reason = "Throttled";
    stage.context.blind_message = "too many requests";
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    assert_false(stage.report.event);
    stage.scene.bindings[0]->generation = 2; /* status says nothing of this one yet */
    stage.context.now += 1000;
    assert_int_equal(report(&stage)->verdict, REPORT_LATER);
    stage.context.now += 1000;
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    assert_string_equal(stage.report.outcome.reason, "Throttled");
}

/* As after a start: a List shows the association, and thousands are to be described. */
static void not_having_read_it_again_is_no_news_of_a_ready_binding(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct mirror_entry *entry;

    (void)state;
    stage_init(&stage);
    entry = associate(&stage);
    report(&stage);
    store(&stage);
    entry->association->described = false;
    for (int i = 0; i < 3; i++, stage.context.now += 1000)
        assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    mirror_failed(entry, TROUBLE_THROTTLED, "slower", TROUBLE_ANY_GENERATION, NOW, 1);
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    mirror_failed(entry, TROUBLE_DENIED, "EKS says no", TROUBLE_ANY_GENERATION, NOW, 1);
    assert_int_equal(report(&stage)->verdict, REPORT_LATER); /* that lasts */
    stage.context.now += 1000;
    assert_int_equal(report(&stage)->verdict, REPORT_WRITE);
    assert_string_equal(stage.report.outcome.reason, "AccessDenied");
}

static void but_all_else_is(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct mirror_entry *entry;

    (void)state;
    stage_init(&stage);
    entry = associate(&stage);
    report(&stage);
    store(&stage);
    entry->maybe_gone_at = NOW; /* a Delete that was perhaps done */
    assert_int_equal(report(&stage)->verdict, REPORT_LATER);
    entry->association->described = false;
    stage.scene.cluster.verdict = CLUSTER_WRONG;
    assert_int_equal(report(&stage)->verdict, REPORT_LATER);
    stage.scene.cluster.verdict = CLUSTER_VERIFIED;
    assert_int_equal(report(&stage)->verdict, REPORT_NOTHING);
    stage.scene.bindings[0]->generation = 2; /* status says nothing of this one yet */
    assert_int_equal(report(&stage)->verdict, REPORT_LATER);
}

static void names_an_account_that_still_uses_IRSA(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    scene_add_account(&stage.scene, "app", "app-sa", "")->has_irsa_role = true;
    assert_null(report(&stage)->irsa); /* not in place yet */
    associate(&stage);
    assert_string_equal(report(&stage)->irsa, "app-sa");
}

static void forgets_bindings_that_are_gone(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct binding other;
    struct report second = {0};

    (void)state;
    stage_init(&stage);
    other = scene_binding("other");
    other.service_account = "other-sa";
    scene_add_binding(&stage.scene, &other);
    report(&stage);
    report_make(&stage.reports, scene_claim(&stage.scene, "other"), &stage.context, 0, &second);
    report_release(&second);
    assert_int_equal(stage.reports.count, 2);
    reports_begin(&stage.reports);
    reports_look(&stage.reports, "uid-other");
    reports_look(&stage.reports, "uid-unknown");
    reports_end(&stage.reports);
    assert_int_equal(stage.reports.count, 1);
    assert_string_equal(stage.reports.items[0].uid, "uid-other");
}

/* ---- Events ---- */

static struct event_in write_event(struct reports *reports, const char *binding_name,
                                   const char *reason, int64_t now)
{
    const struct binding binding = scene_binding(binding_name);
    struct event_in event;

    report_event(reports, &binding, reason, true, "a note", now, 0xabc + (uint64_t)now, &event);
    return event;
}

static void repeats_are_folded_into_the_first(void **state)
{
    CLEANUP(reports_release) struct reports reports = {0};
    struct event_in event = write_event(&reports, "reader", "KeyTaken", NOW);
    char name[300];

    (void)state;
    assert_int_equal(event.series_count, 0);
    assert_string_equal(event.namespace, "app");
    assert_string_equal(event.binding, "reader");
    assert_string_equal(event.uid, "uid-reader");
    assert_string_equal(event.note, "a note");
    assert_true(event.warning);
    assert_int_equal(strncmp(event.name, "reader.", 7), 0);
    assert_int_equal(strlen(event.name), strlen("reader.") + 16);
    snprintf(name, sizeof name, "%s", event.name);
    event = write_event(&reports, "reader", "KeyTaken", NOW + 359999);
    assert_int_equal(event.series_count, 2);
    assert_string_equal(event.name, name);
    event = write_event(&reports, "reader", "Ready", NOW + 1);
    assert_int_equal(event.series_count, 0);
    event = write_event(&reports, "other", "KeyTaken", NOW + 1);
    assert_int_equal(event.series_count, 0);
    event = write_event(&reports, "reader", "KeyTaken", NOW + 359999 + 359999);
    assert_int_equal(event.series_count, 3);
    event = write_event(&reports, "reader", "KeyTaken", NOW + 359999 + 359999 + 360000);
    assert_int_equal(event.series_count, 0); /* a new series */
    assert_string_not_equal(event.name, name);
}

static void what_was_not_taken_is_written_anew(void **state)
{
    CLEANUP(reports_release) struct reports reports = {0};
    char name[300];

    (void)state;
    snprintf(name, sizeof name, "%s", write_event(&reports, "reader", "KeyTaken", NOW).name);
    report_event_lost(&reports, "uid-reader", "Ready", NOW);
    report_event_lost(&reports, "uid-other", "KeyTaken", NOW);
    assert_int_equal(write_event(&reports, "reader", "KeyTaken", NOW + 1).series_count, 2);
    report_event_lost(&reports, "uid-reader", "KeyTaken", NOW + 1);
    assert_int_equal(write_event(&reports, "reader", "KeyTaken", NOW + 2).series_count, 0);
    assert_string_not_equal(write_event(&reports, "reader", "KeyTaken", NOW + 3).name, name);
}

static void only_so_many_events_are_remembered(void **state)
{
    CLEANUP(reports_release) struct reports reports = {0};

    (void)state;
    for (int i = 0; i <= REPORT_EVENTS; i++) {
        char name[16];

        snprintf(name, sizeof name, "b-%d", i);
        write_event(&reports, name, "Ready", NOW);
    }
    assert_int_equal(write_event(&reports, "b-1", "Ready", NOW).series_count, 2);
    assert_int_equal(write_event(&reports, "b-0", "Ready", NOW).series_count, 0);
}

/* Wherever a long name is cut, what is left is a DNS-1123 subdomain. */
static void names_of_events_are_names(void **state)
{
    CLEANUP(reports_release) struct reports reports = {0};
    char name[254];

    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t cut = 190; cut < 210; cut++) {
        struct event_in event;
        size_t length;

        memset(name, 'x', sizeof name - 1);
        name[cut] = '.';
        name[cut - 1] = '-';
        event = write_event(&reports, name, "Ready", NOW);
        length = strlen(event.name);
        assert_in_range(length, 210, 253);
        assert_int_equal(event.name[length - 17], '.');
        assert_int_equal(event.name[length - 18], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_at_once_is_written_once),
        cmocka_unit_test(waits_for_iam_while_it_may_tell),
        cmocka_unit_test(a_status_that_would_not_change_waits_for_nothing),
        cmocka_unit_test(what_was_said_of_a_role_stands_until_iam_is_asked),
        cmocka_unit_test(distrust_is_told_once),
        cmocka_unit_test(not_ready_is_written_after_a_second),
        cmocka_unit_test(a_reason_that_changes_is_an_event_and_starts_its_time),
        cmocka_unit_test(a_restart_does_not_unsay_that_it_is_stalled),
        cmocka_unit_test(not_being_able_to_look_is_no_news_of_a_ready_binding),
        cmocka_unit_test(not_having_read_it_again_is_no_news_of_a_ready_binding),
        cmocka_unit_test(but_all_else_is),
        cmocka_unit_test(names_an_account_that_still_uses_IRSA),
        cmocka_unit_test(forgets_bindings_that_are_gone),
        cmocka_unit_test(repeats_are_folded_into_the_first),
        cmocka_unit_test(what_was_not_taken_is_written_anew),
        cmocka_unit_test(only_so_many_events_are_remembered),
        cmocka_unit_test(names_of_events_are_names),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
