/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/lease_steps.h"

/* ---- keeping it ---- */

static void renews_every_two_seconds(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    for (int64_t now = 2000; now < 100000; now += 2000) {
        assert_int_equal(lease_steps_next(&lease, now - 1, LEASE_WAIT).until_ms, now);
        struct lease_record record = lease_steps_write(&lease, now, LEASE_UPDATE, 30);
        assert_int_equal(record.acquire_us, LEASE_STEPS_WALL);
        assert_int_equal(record.renew_us, LEASE_STEPS_WALL + now * 1000);
        assert_int_equal(record.transitions, 0);
        assert_int_equal(lease_until(&lease), now + 10000);
    }
}

/* Others see a renewal only as a change. */
static void a_stopped_wall_clock_still_renews(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    int64_t last = lease.seen.renew_us;
    for (int64_t now = 2000; now < 20000; now += 2000) {
        struct lease_action action = lease_step(&lease, now, LEASE_STEPS_WALL);
        assert_int_equal(action.move, LEASE_UPDATE);
        assert_int_not_equal(action.record.renew_us, last);
        last = action.record.renew_us;
        lease_answer(&lease, now, ERROR_NONE, &action.record, 0);
    }
}

static void is_lost_ten_seconds_after_the_last_success(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    int64_t now = 2000;
    unsigned tries = 0;
    while (now < 10000) {
        struct lease_action action = lease_step(&lease, now, LEASE_STEPS_WALL);
        if (action.move == LEASE_WAIT) {
            assert_true(action.until_ms > now && action.until_ms <= 10000);
            now = action.until_ms;
            continue;
        }
        tries++;
        assert_int_equal(lease_until(&lease), 10000);
        lease_answer(&lease, now, ERROR_TRANSIENT, NULL, 0);
    }
    assert_in_range(tries, 4, 20);
    lease_steps_next(&lease, 10000, LEASE_DONE);
    assert_int_equal(lease.state, LEASE_LOST);
    assert_int_equal(lease_until(&lease), 0);
    lease_steps_next(&lease, 99999, LEASE_DONE);
}

static void is_lost_when_another_has_it(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    struct lease_record others = lease_steps_record("b", LEASE_STEPS_WALL, "9");
    lease_steps_fail(&lease, 2000, ERROR_CONFLICT);
    assert_int_equal(lease_until(&lease), 10000); /* nothing is known against it yet */
    lease_steps_look(&lease, 2000, &others);
    assert_int_equal(lease.state, LEASE_LOST);
    assert_int_equal(lease_until(&lease), 0);
    lease_steps_next(&lease, 2000, LEASE_DONE);
}

static void an_edit_by_others_costs_one_look(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    struct lease_record edited = lease.seen;
    snprintf(edited.version, sizeof edited.version, "77");
    lease_steps_fail(&lease, 2000, ERROR_CONFLICT);
    lease_steps_look(&lease, 2000, &edited);
    struct lease_action action = lease_steps_next(&lease, 2000, LEASE_UPDATE);
    assert_string_equal(action.record.version, "77");
    lease_answer(&lease, 2010, ERROR_NONE, &action.record, 0);
    assert_int_equal(lease_until(&lease), 12000);
}

static void endless_conflicts_are_slowed_down(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    unsigned calls = 0;
    for (int64_t now = 2000; lease.state == LEASE_LEADING && now < 20000;) {
        struct lease_action action = lease_step(&lease, now, LEASE_STEPS_WALL);
        if (action.move == LEASE_WAIT) {
            now = action.until_ms;
            continue;
        }
        calls++;
        lease_answer(&lease, now, action.move == LEASE_GET ? ERROR_NONE : ERROR_CONFLICT,
                     &lease.seen, 0);
    }
    assert_int_equal(lease.state, LEASE_LOST);
    assert_in_range(calls, 10, 40);
}

static void looks_before_it_writes_after_an_unknown_outcome(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    struct lease_action action = lease_steps_next(&lease, 2000, LEASE_UPDATE);
    lease_answer(&lease, 5333, ERROR_UNKNOWN, NULL, 0);
    assert_int_equal(lease_until(&lease), 10000);
    int64_t now = lease_steps_next(&lease, 5333, LEASE_WAIT).until_ms;
    assert_int_equal(now, 5833);
    snprintf(action.record.version, sizeof action.record.version, "5"); /* it had come through */
    lease_steps_look(&lease, now, &action.record);
    assert_string_equal(lease_steps_next(&lease, now, LEASE_UPDATE).record.version, "5");
}

static void a_deleted_lease_stops_writes_until_it_is_made_anew(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    lease_steps_fail(&lease, 2000, ERROR_NOT_FOUND);
    assert_int_equal(lease_until(&lease), 0);
    lease_steps_look(&lease, 2000, NULL);
    assert_int_equal(lease_until(&lease), 0);
    lease_steps_write(&lease, 2100, LEASE_CREATE, 50);
    assert_int_equal(lease.state, LEASE_LEADING);
    assert_int_equal(lease_until(&lease), 12100);
}

static void a_lease_taken_from_it_by_hand_stops_writes(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    struct lease_record nobodys = lease_steps_record("", LEASE_STEPS_WALL, "9");
    lease_observe(&lease, 1000, &nobodys);
    lease_steps_look(&lease, 1000, &nobodys);
    assert_int_equal(lease_until(&lease), 0);
    assert_int_equal(lease.state, LEASE_LEADING);
    assert_int_equal(lease_steps_write(&lease, 1000, LEASE_UPDATE, 0).transitions, 4);
    assert_int_equal(lease_until(&lease), 11000);
}

static void a_late_success_counts_from_its_send(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    struct lease_action action = lease_steps_next(&lease, 9000, LEASE_UPDATE);
    lease_answer(&lease, 12000, ERROR_NONE, &action.record, 0);
    assert_int_equal(lease_until(&lease), 19000);
    lease_steps_next(&lease, 12000, LEASE_UPDATE);
}

static void waits_as_the_server_asks(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    lease_steps_next(&lease, 2000, LEASE_UPDATE);
    lease_answer(&lease, 2000, ERROR_THROTTLED, NULL, 60000);
    assert_int_equal(lease_steps_next(&lease, 2000, LEASE_WAIT).until_ms,
                     4000); /* a leader has no more time */
    struct lease follower = lease_steps_new("b");
    lease_steps_next(&follower, 0, LEASE_GET);
    lease_answer(&follower, 0, ERROR_THROTTLED, NULL, 7000);
    assert_int_equal(lease_steps_next(&follower, 0, LEASE_WAIT).until_ms, 7000);
}

static void an_answer_for_another_is_no_success(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("a");
    struct lease_record others = lease_steps_record("b", LEASE_STEPS_WALL, "9");
    lease_steps_look(&lease, 0, NULL);
    lease_steps_next(&lease, 0, LEASE_CREATE);
    lease_answer(&lease, 0, ERROR_NONE, &others, 0);
    assert_int_equal(lease.state, LEASE_FOLLOWING);
    assert_int_equal(lease_until(&lease), 0);
}

/* ---- giving it up ---- */

static void releases(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    lease_release(&lease, 500);
    assert_int_equal(lease_until(&lease), 0);
    struct lease_action action = lease_steps_next(&lease, 500, LEASE_UPDATE);
    assert_string_equal(action.record.holder, "");
    assert_int_equal(action.record.duration_s, 1);
    assert_int_equal(action.record.transitions, 0);
    assert_string_equal(action.record.version, "1");
    lease_answer(&lease, 520, ERROR_NONE, &action.record, 0);
    lease_steps_next(&lease, 520, LEASE_DONE);
    assert_int_equal(lease.state, LEASE_RELEASED);
}

static void releases_in_spite_of_a_conflict(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    struct lease_record edited = lease.seen;
    snprintf(edited.version, sizeof edited.version, "77");
    lease_release(&lease, 500);
    lease_steps_fail(&lease, 500, ERROR_CONFLICT);
    lease_steps_look(&lease, 500, &edited);
    assert_string_equal(lease_steps_next(&lease, 500, LEASE_UPDATE).record.version, "77");
}

static void releases_nothing_of_others(void **state)
{
    (void)state;
    struct lease follower = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "9");
    lease_steps_look(&follower, 0, &others);
    lease_release(&follower, 0);
    lease_steps_next(&follower, 0, LEASE_DONE);

    struct lease leader = lease_steps_leader(0);
    lease_release(&leader, 500);
    lease_steps_fail(&leader, 500, ERROR_CONFLICT);
    others.holder[0] = 'c';
    lease_steps_look(&leader, 500, &others);
    lease_steps_next(&leader, 500, LEASE_DONE);
    assert_int_equal(leader.state, LEASE_RELEASED);
}

static void gives_up_releasing_in_the_end(void **state)
{
    (void)state;
    struct lease lease = lease_steps_leader(0);
    unsigned calls = 0;
    lease_release(&lease, 0);
    for (int64_t now = 0; lease.state != LEASE_RELEASED && now < 60000;) {
        struct lease_action action = lease_step(&lease, now, LEASE_STEPS_WALL);
        if (action.move == LEASE_WAIT)
            now = action.until_ms;
        if (action.move != LEASE_GET && action.move != LEASE_UPDATE)
            continue;
        calls++;
        lease_answer(&lease, now, ERROR_TRANSIENT, NULL, 0);
    }
    assert_int_equal(calls, LEASE_RELEASE_CALLS);
    assert_int_equal(lease.state, LEASE_RELEASED);
}

static void releases_what_it_may_hold(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("a");
    lease_steps_look(&lease, 0, NULL);
    struct lease_action action = lease_steps_next(&lease, 0, LEASE_CREATE);
    lease_answer(&lease, 3333, ERROR_UNKNOWN, NULL, 0);
    lease_release(&lease, 3333);
    snprintf(action.record.version, sizeof action.record.version, "1");
    lease_steps_look(&lease, 3333, &action.record);
    assert_string_equal(lease_steps_next(&lease, 3333, LEASE_UPDATE).record.holder, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renews_every_two_seconds),
        cmocka_unit_test(a_stopped_wall_clock_still_renews),
        cmocka_unit_test(is_lost_ten_seconds_after_the_last_success),
        cmocka_unit_test(is_lost_when_another_has_it),
        cmocka_unit_test(an_edit_by_others_costs_one_look),
        cmocka_unit_test(endless_conflicts_are_slowed_down),
        cmocka_unit_test(looks_before_it_writes_after_an_unknown_outcome),
        cmocka_unit_test(a_deleted_lease_stops_writes_until_it_is_made_anew),
        cmocka_unit_test(a_lease_taken_from_it_by_hand_stops_writes),
        cmocka_unit_test(a_late_success_counts_from_its_send),
        cmocka_unit_test(waits_as_the_server_asks),
        cmocka_unit_test(an_answer_for_another_is_no_success),
        cmocka_unit_test(releases),
        cmocka_unit_test(releases_in_spite_of_a_conflict),
        cmocka_unit_test(releases_nothing_of_others),
        cmocka_unit_test(gives_up_releasing_in_the_end),
        cmocka_unit_test(releases_what_it_may_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
