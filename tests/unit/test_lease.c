/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/lease_steps.h"

/* ---- settings ---- */

static void refuses_times_that_do_not_fit(void **state)
{
    (void)state;
    static const struct lease_settings bad[] = {
        {"a", 10000, 10000, 2000}, {"a", 15000, 2400, 2000}, {"a", 15000, 10000, 0},
        {"a", 15000, 10000, -1},   {"a", 0, 0, 0},           {"", 15000, 10000, 2000},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lease lease;
        struct error err;
        assert_int_equal(lease_init(&lease, &bad[i], &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

/* ---- gaining it ---- */

static void creates_a_lease_that_is_not_there(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("a");
    lease_steps_look(&lease, 1000, NULL);
    struct lease_action action = lease_steps_next(&lease, 1200, LEASE_CREATE);
    assert_string_equal(action.record.holder, "a");
    assert_string_equal(action.record.version, "");
    assert_int_equal(action.record.duration_s, 15);
    assert_int_equal(action.record.transitions, 0);
    assert_int_equal(action.record.acquire_us, LEASE_STEPS_WALL + 1200000);
    assert_int_equal(action.record.renew_us, LEASE_STEPS_WALL + 1200000);
    assert_int_equal(lease_until(&lease), 0);
    lease_answer(&lease, 1900, ERROR_NONE, &action.record, 0);
    assert_int_equal(lease.state, LEASE_LEADING);
    assert_int_equal(lease_until(&lease), 1200 + 10000); /* from the send, not the answer */
    assert_int_equal(lease_steps_next(&lease, 1900, LEASE_WAIT).until_ms, 1200 + 2000);
}

static void takes_a_released_lease_at_once(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("a");
    struct lease_record nobodys = lease_steps_record("", LEASE_STEPS_WALL, "41");
    lease_steps_look(&lease, 0, &nobodys);
    struct lease_action action = lease_steps_next(&lease, 0, LEASE_UPDATE);
    assert_string_equal(action.record.holder, "a");
    assert_string_equal(action.record.version, "41");
    assert_int_equal(action.record.transitions, 4);
    assert_int_equal(action.record.acquire_us, LEASE_STEPS_WALL);
}

static void takes_its_own_lease_back_at_once(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("a");
    struct lease_record ours = lease_steps_record("a", LEASE_STEPS_WALL - 5000000, "41");
    ours.acquire_us = LEASE_STEPS_WALL - 9000000;
    lease_steps_look(&lease, 0, &ours);
    assert_int_equal(lease_until(&lease), 0); /* seeing it is not renewing it */
    struct lease_action action = lease_steps_next(&lease, 0, LEASE_UPDATE);
    assert_int_equal(action.record.transitions, 3);
    assert_int_equal(action.record.acquire_us, LEASE_STEPS_WALL - 9000000);
}

static void waits_for_anothers_lease_by_its_own_clock(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    /* renewed an hour ago, or in an hour, by the other's clock: that says nothing */
    struct lease_record others =
        lease_steps_record("a", LEASE_STEPS_WALL - INT64_C(3600000000), "41");
    int64_t now = 500;
    for (lease_steps_look(&lease, now, &others); now + 2000 < 15500;
         lease_steps_look(&lease, now, &others)) {
        assert_int_equal(lease_steps_next(&lease, now, LEASE_WAIT).until_ms, now + 2000);
        now += 2000;
    }
    assert_int_equal(lease_steps_next(&lease, now, LEASE_WAIT).until_ms, 15500);
    lease_steps_look(&lease, 15500, &others);
    struct lease_action action = lease_steps_next(&lease, 15500, LEASE_UPDATE);
    assert_string_equal(action.record.version, "41");
    assert_int_equal(action.record.transitions, 4);
}

static void a_renewal_starts_the_wait_anew(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41");
    lease_steps_look(&lease, 0, &others);
    others = lease_steps_record("a", LEASE_STEPS_WALL + 1, "42");
    lease_steps_look(&lease, 14000, &others);
    lease_steps_look(&lease, 16000, &others);
    assert_int_equal(lease_steps_next(&lease, 28000, LEASE_GET).until_ms, 28000 + 3333);
    lease_answer(&lease, 28000, ERROR_NONE, &others, 0);
    assert_int_equal(lease_steps_next(&lease, 28000, LEASE_WAIT).until_ms, 29000);
    lease_steps_look(&lease, 29000, &others);
    lease_steps_next(&lease, 29000, LEASE_UPDATE);
}

/* An annotation moves the version, and is no sign of life. */
static void a_new_version_alone_is_no_renewal(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41");
    lease_steps_look(&lease, 0, &others);
    others = lease_steps_record("a", LEASE_STEPS_WALL, "42");
    lease_steps_look(&lease, 15000, &others);
    assert_string_equal(lease_steps_next(&lease, 15000, LEASE_UPDATE).record.version, "42");
}

/* Stopped for an hour, it must look again before it judges. */
static void looks_again_after_a_pause(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41");
    lease_steps_look(&lease, 0, &others);
    others = lease_steps_record("a", LEASE_STEPS_WALL + 1, "1800");
    lease_steps_look(&lease, 3600000, &others);
    assert_int_equal(lease_steps_next(&lease, 3600000, LEASE_WAIT).until_ms, 3602000);
}

static void honours_the_records_own_duration(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41");
    others.duration_s = 1;
    lease_steps_look(&lease, 0, &others);
    assert_int_equal(lease_steps_next(&lease, 0, LEASE_WAIT).until_ms, 1000);
    lease_steps_look(&lease, 1000, &others);
    lease_steps_next(&lease, 1000, LEASE_UPDATE);

    struct lease patient = lease_steps_new("b");
    others.duration_s = 60;
    lease_steps_look(&patient, 0, &others);
    lease_steps_look(&patient, 59999, &others);
    assert_int_equal(lease_steps_next(&patient, 59999, LEASE_WAIT).until_ms, 60000);
}

static void a_record_without_a_duration_gets_ours(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41");
    others.duration_s = INT64_MIN;
    lease_steps_look(&lease, 0, &others);
    lease_steps_look(&lease, 14999, &others);
    lease_steps_look(&lease, 15000, &others);
    lease_steps_next(&lease, 15000, LEASE_UPDATE);
    others.duration_s = INT64_MAX; /* no overflow */
    struct lease other = lease_steps_new("b");
    lease_steps_look(&other, 0, &others);
    lease_steps_look(&other, INT64_C(86399999), &others);
    lease_steps_next(&other, INT64_C(86399999), LEASE_WAIT);
}

static void a_lost_race_means_waiting_again(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record nobodys = lease_steps_record("", LEASE_STEPS_WALL, "41"),
                        others = lease_steps_record("c", LEASE_STEPS_WALL, "42");
    lease_steps_look(&lease, 0, &nobodys);
    lease_steps_fail(&lease, 0, ERROR_CONFLICT);
    lease_steps_look(&lease, 0, &others);
    assert_int_equal(lease_steps_next(&lease, 0, LEASE_WAIT).until_ms, 2000);
    assert_int_equal(lease.state, LEASE_FOLLOWING);
    assert_string_equal(lease_holder(&lease), "c");
}

static void a_hint_is_followed_by_a_look_only(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41"),
                        nobodys = lease_steps_record("", LEASE_STEPS_WALL, "42");
    lease_steps_look(&lease, 0, &others);
    lease_observe(&lease, 100, &others);
    lease_steps_next(&lease, 100, LEASE_WAIT);
    lease_observe(&lease, 100, &nobodys);
    lease_steps_look(&lease, 100, &others); /* an old event: the lease is taken again */
    lease_steps_next(&lease, 100, LEASE_WAIT);
    lease_observe(&lease, 200, &nobodys);
    lease_steps_look(&lease, 200, &nobodys);
    lease_steps_next(&lease, 200, LEASE_UPDATE);
}

static void a_watched_renewal_spares_the_look(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41");
    lease_steps_look(&lease, 0, &others);
    for (int64_t now = 1900; now < 60000; now += 2000) {
        others.renew_us += 2000000;
        lease_observe(&lease, now, &others);
        assert_int_equal(lease_steps_next(&lease, now, LEASE_WAIT).until_ms, now + 6000);
    }
    lease_steps_next(&lease, 59900 + 5999, LEASE_WAIT); /* nothing came since */
    lease_steps_look(&lease, 59900 + 6000, &others);
    assert_int_equal(lease_steps_next(&lease, 65900, LEASE_WAIT).until_ms, 67900);
    lease_steps_look(&lease, 74899, &others);
    lease_steps_look(&lease, 74900, &others); /* 15 s after the last one that was seen */
    lease_steps_next(&lease, 74900, LEASE_UPDATE);
}

static void a_watched_record_is_waited_out_by_its_own_duration(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41");
    others.duration_s = 3;
    lease_observe(&lease, 100, &others);
    lease_steps_look(&lease, 3100, &others);
    lease_steps_next(&lease, 3100, LEASE_UPDATE);
}

static void a_watched_holder_is_not_overwritten(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record nobodys = lease_steps_record("", LEASE_STEPS_WALL, "41"),
                        others = lease_steps_record("c", LEASE_STEPS_WALL, "42");
    lease_steps_look(&lease, 0, &nobodys);
    lease_steps_fail(&lease, 0, ERROR_TRANSIENT); /* about to try again */
    lease_observe(&lease, 500, &others);
    assert_int_equal(lease_steps_next(&lease, 1000, LEASE_WAIT).until_ms, 6500);
    lease_steps_next(&lease, 6500, LEASE_GET);
}

static void an_old_sight_says_nothing(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record old = lease_steps_record("a", LEASE_STEPS_WALL, "41"),
                        newer = lease_steps_record("c", LEASE_STEPS_WALL, "42");
    lease_steps_look(&lease, 1000, &newer);
    lease_observe(&lease, 900, &old);
    assert_string_equal(lease_holder(&lease), "c");
    assert_int_equal(lease_steps_next(&lease, 1000, LEASE_WAIT).until_ms, 3000);
}

/* Who held it is not told at once that it is gone, and may go on writing. */
static void a_lease_deleted_by_hand_is_waited_for_as_if_it_stood(void **state)
{
    (void)state;
    struct lease lease = lease_steps_new("b");
    struct lease_record others = lease_steps_record("a", LEASE_STEPS_WALL, "41");
    lease_steps_look(&lease, 0, &others);
    lease_observe(&lease, 1000, NULL);
    lease_steps_look(&lease, 1000, NULL);
    assert_int_equal(lease_steps_next(&lease, 1000, LEASE_WAIT).until_ms, 3000);
    lease_steps_look(&lease, 14000, NULL);
    assert_int_equal(lease_steps_next(&lease, 14000, LEASE_WAIT).until_ms, 15000);
    lease_steps_look(&lease, 15000, NULL);
    lease_steps_write(&lease, 15000, LEASE_CREATE, 0);
    assert_int_equal(lease.state, LEASE_LEADING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_times_that_do_not_fit),
        cmocka_unit_test(creates_a_lease_that_is_not_there),
        cmocka_unit_test(takes_a_released_lease_at_once),
        cmocka_unit_test(takes_its_own_lease_back_at_once),
        cmocka_unit_test(waits_for_anothers_lease_by_its_own_clock),
        cmocka_unit_test(a_lease_deleted_by_hand_is_waited_for_as_if_it_stood),
        cmocka_unit_test(a_renewal_starts_the_wait_anew),
        cmocka_unit_test(a_new_version_alone_is_no_renewal),
        cmocka_unit_test(looks_again_after_a_pause),
        cmocka_unit_test(honours_the_records_own_duration),
        cmocka_unit_test(a_record_without_a_duration_gets_ours),
        cmocka_unit_test(a_lost_race_means_waiting_again),
        cmocka_unit_test(a_hint_is_followed_by_a_look_only),
        cmocka_unit_test(a_watched_renewal_spares_the_look),
        cmocka_unit_test(a_watched_record_is_waited_out_by_its_own_duration),
        cmocka_unit_test(a_watched_holder_is_not_overwritten),
        cmocka_unit_test(an_old_sight_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
