/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "informers/reflector.h"

#define NOW 1000000
#define HUGE_VERSION "340282366920938463463374607431768211456" /* 2^128 */

static const struct error well = {.kind = ERROR_NONE};
static const struct error gone = {.kind = ERROR_GONE, .status = 410};
static const struct error reset = {.kind = ERROR_TRANSIENT};
static const struct error invalid = {.kind = ERROR_INVALID, .status = 422};

static void ends(struct reflector *reflector, const struct error *error, int64_t now)
{
    reflector_failed(reflector, error, now, UINT64_MAX);
}

/* At NOW, after a streamed state as of version 100. */
static struct reflector watching(void)
{
    struct reflector reflector;

    reflector_init(&reflector);
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_STREAM);
    reflector_opened(&reflector, NOW);
    reflector_saw(&reflector, "7");
    reflector_streamed(&reflector, "100", NOW);
    return reflector;
}

static void streams_first_then_watches_on_the_same_connection(void **state)
{
    struct reflector reflector;

    (void)state;
    reflector_init(&reflector);
    assert_false(reflector.synced);
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_STREAM);
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_NONE); /* taken as done */
    reflector_opened(&reflector, NOW);
    reflector_saw(&reflector, "500"); /* the streamed state comes in no order */
    assert_string_equal(reflector.version, "");
    reflector_streamed(&reflector, "400", NOW);
    assert_true(reflector.synced);
    assert_string_equal(reflector.version, "400");
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_NONE);
    reflector_saw(&reflector, "401");
    reflector_saw(&reflector, "399");
    assert_string_equal(reflector.version, "401");
}

static void keeps_the_newest_version_of_any_length(void **state)
{
    struct reflector reflector = watching();
    char longest[80];

    (void)state;
    reflector_saw(&reflector, HUGE_VERSION);
    assert_string_equal(reflector.version, HUGE_VERSION);
    reflector_saw(&reflector, "99999999999999999999");
    assert_string_equal(reflector.version, HUGE_VERSION);
    memset(longest, '9', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    reflector_saw(&reflector, longest); /* does not fit */
    reflector_saw(&reflector, "12a");
    reflector_saw(&reflector, "");
    assert_string_equal(reflector.version, HUGE_VERSION);
}

static void resumes_at_once_from_the_last_version(void **state)
{
    struct reflector reflector = watching();

    (void)state;
    reflector_saw(&reflector, "101");
    ends(&reflector, &well, NOW + 5000);
    assert_int_equal(reflector_next(&reflector, NOW + 5000), REFLECTOR_WATCH);
    assert_string_equal(reflector.version, "101");
    assert_true(reflector.synced);
}

static void a_watch_that_breaks_is_resumed_after_a_wait(void **state)
{
    struct reflector reflector = watching();

    (void)state;
    ends(&reflector, &reset, NOW + 10);
    assert_in_range(reflector.due, NOW + 10 + 400, NOW + 10 + 800);
    assert_int_equal(reflector_next(&reflector, reflector.due - 1), REFLECTOR_NONE);
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_WATCH);
}

static void a_410_takes_the_whole_state_anew(void **state)
{
    struct reflector reflector = watching();

    (void)state;
    ends(&reflector, &gone, NOW + 5000);
    assert_int_equal(reflector_next(&reflector, NOW + 5000), REFLECTOR_NONE);
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_STREAM);
    assert_true(reflector.synced); /* what was taken over still stands */
    reflector_streamed(&reflector, "50", reflector.due);
    assert_string_equal(reflector.version, "50"); /* a restored etcd may be older */
}

static void a_422_to_the_stream_means_pages(void **state)
{
    struct reflector reflector;
    int64_t now = NOW;

    (void)state;
    reflector_init(&reflector);
    assert_int_equal(reflector_next(&reflector, now), REFLECTOR_STREAM);
    ends(&reflector, &invalid, now);
    now = reflector.due;
    assert_int_equal(reflector_next(&reflector, now), REFLECTOR_LIST);
    assert_string_equal(reflector.page, "");
    assert_int_equal(reflector_next(&reflector, now), REFLECTOR_NONE);
    assert_false(reflector_listed(&reflector, "80", "next"));
    assert_false(reflector.synced);
    assert_int_equal(reflector_next(&reflector, now), REFLECTOR_LIST);
    assert_string_equal(reflector.page, "next");
    assert_true(reflector_listed(&reflector, "80", ""));
    assert_true(reflector.synced);
    assert_int_equal(reflector_next(&reflector, now), REFLECTOR_WATCH);
    assert_string_equal(reflector.version, "80");
    ends(&reflector, &gone, now + 5000); /* and pages it is from then on */
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_LIST);
}

static void a_422_to_a_plain_watch_is_not_about_streams(void **state)
{
    struct reflector reflector = watching();

    (void)state;
    ends(&reflector, &invalid, NOW + 5000);
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_STREAM);
}

static void a_page_that_fails_starts_the_list_over(void **state)
{
    struct reflector reflector;

    (void)state;
    reflector_init(&reflector);
    reflector.by_pages = true;
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_LIST);
    reflector_listed(&reflector, "80", "next");
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_LIST);
    ends(&reflector, &gone, NOW); /* the continue token is too old */
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_NONE);
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_LIST);
    assert_string_equal(reflector.page, "");
    assert_false(reflector.synced);
}

/* What comes next is not known then, so this may not pass for the last page. */
static void a_continue_token_that_does_not_fit_is_not_the_last_page(void **state)
{
    struct reflector reflector;
    char token[sizeof reflector.page + 1];

    (void)state;
    memset(token, 't', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    reflector_init(&reflector);
    reflector.by_pages = true;
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_LIST);
    assert_false(reflector_listed(&reflector, "80", token));
    assert_false(reflector.synced);
    token[sizeof token - 2] = '\0'; /* this one fits */
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_LIST);
    assert_string_equal(reflector.page, "");
    assert_false(reflector_listed(&reflector, "80", token));
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_LIST);
    assert_string_equal(reflector.page, token);
}

static void waits_double_up_to_a_quarter_minute(void **state)
{
    static const int64_t longest[] = {800, 1600, 3200, 6400, 12800, 15000, 15000};
    struct reflector reflector;
    int64_t now = NOW;

    (void)state;
    reflector_init(&reflector);
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        int64_t wait;

        assert_int_equal(reflector_next(&reflector, now), REFLECTOR_STREAM);
        ends(&reflector, &reset, now);
        wait = reflector.due - now;
        assert_in_range(wait, longest[i] / 2, longest[i]);
        now = reflector.due;
    }
}

static void a_watch_that_ends_at_once_without_a_word_is_trouble(void **state)
{
    struct reflector reflector = watching();
    int64_t now = NOW + 5000;

    (void)state;
    ends(&reflector, &well, now);
    assert_int_equal(reflector_next(&reflector, now), REFLECTOR_WATCH);
    reflector_opened(&reflector, now);
    ends(&reflector, &well, now + 999);
    assert_true(reflector.due > now + 999);
    now = reflector.due;
    assert_int_equal(reflector_next(&reflector, now), REFLECTOR_WATCH);
    reflector_opened(&reflector, now);
    reflector_saw(&reflector, "102");
    ends(&reflector, &well, now + 1); /* short, but it brought something */
    assert_int_equal(reflector.due, now + 1);
    assert_int_equal(reflector.backoff.failures, 0);
}

static void two_minutes_without_trouble_reset_the_wait(void **state)
{
    struct reflector reflector = watching();

    (void)state;
    reflector.backoff.failures = 9;
    ends(&reflector, &reset, NOW + 119999);
    assert_true(reflector.due - (NOW + 119999) >= 7500);
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_WATCH);
    reflector_opened(&reflector, 2 * NOW);
    ends(&reflector, &reset, 2 * NOW + 120000);
    assert_true(reflector.due - (2 * NOW + 120000) <= 800);
}

static void retry_after_is_honoured(void **state)
{
    const struct error throttled = {.kind = ERROR_THROTTLED, .retry_after_ms = 45000};
    struct reflector reflector = watching();

    (void)state;
    ends(&reflector, &throttled, NOW + 10);
    assert_int_equal(reflector.due, NOW + 10 + 45000);
}

static void a_restart_takes_the_state_anew_while_the_watch_stands(void **state)
{
    struct reflector reflector = watching();

    (void)state;
    reflector_restart(&reflector);
    assert_int_equal(reflector_next(&reflector, NOW + 1), REFLECTOR_STREAM);
    reflector_restart(&reflector); /* one is under way already: it is not cut */
    assert_int_equal(reflector_next(&reflector, NOW + 2), REFLECTOR_NONE);
}

static void a_renewal_voids_what_is_known_and_what_is_under_way(void **state)
{
    struct reflector reflector = watching();

    (void)state;
    assert_false(reflector.stale);
    reflector_renew(&reflector);
    assert_true(reflector.synced);
    assert_true(reflector.stale);
    assert_int_equal(reflector_next(&reflector, NOW + 1), REFLECTOR_STREAM);
    reflector_renew(&reflector); /* this stream was asked for too early */
    assert_int_equal(reflector_next(&reflector, NOW + 2), REFLECTOR_STREAM);
    reflector_streamed(&reflector, "200", NOW + 3);
    assert_false(reflector.stale);
    assert_int_equal(reflector_next(&reflector, NOW + 4), REFLECTOR_NONE);
}

static void a_page_asked_for_before_a_renewal_is_not_the_last(void **state)
{
    struct reflector reflector;

    (void)state;
    reflector_init(&reflector);
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_STREAM);
    ends(&reflector, &invalid, NOW);
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_LIST);
    reflector_renew(&reflector);
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_NONE); /* one at a time */
    assert_false(reflector_listed(&reflector, "100", ""));
    assert_int_equal(reflector_next(&reflector, reflector.due), REFLECTOR_LIST);
    assert_string_equal(reflector.page, "");
    assert_true(reflector_listed(&reflector, "101", ""));
    assert_true(reflector.synced);
    assert_false(reflector.stale);
}

static void a_version_as_long_as_there_is_room_for_is_kept(void **state)
{
    struct reflector reflector = watching();
    char version[sizeof reflector.version + 1];

    (void)state;
    memset(version, '8', sizeof version - 1);
    version[sizeof version - 1] = '\0';
    assert_true(reflector_saw(&reflector, version));
    assert_string_equal(reflector.version, "100");
    version[sizeof version - 2] = '\0';
    reflector_saw(&reflector, version);
    assert_string_equal(reflector.version, version);
}

static void a_watch_that_lasts_a_second_ends_well_without_a_word(void **state)
{
    struct reflector reflector = watching();
    int64_t now = NOW + 5000;

    (void)state;
    ends(&reflector, &well, now);
    assert_int_equal(reflector_next(&reflector, now), REFLECTOR_WATCH);
    reflector_opened(&reflector, now);
    ends(&reflector, &well, now + 1000);
    assert_int_equal(reflector.due, now + 1000);
}

/* What was heard before it began is no sign of its life. */
static void a_new_state_has_said_nothing_yet(void **state)
{
    struct reflector reflector = watching();

    (void)state;
    reflector_saw(&reflector, "101");
    reflector_renew(&reflector);
    assert_int_equal(reflector_next(&reflector, NOW + 10), REFLECTOR_STREAM);
    reflector_streamed(&reflector, "101", NOW + 10);
    ends(&reflector, &well, NOW + 11);
    assert_true(reflector.due > NOW + 11);
}

static void a_watch_stands_since_its_state_was_whole(void **state)
{
    struct reflector reflector;

    (void)state;
    reflector_init(&reflector);
    assert_int_equal(reflector_next(&reflector, NOW), REFLECTOR_STREAM);
    reflector_opened(&reflector, NOW);
    reflector_streamed(&reflector, "100", NOW + 50000);
    reflector.backoff.failures = 9;
    ends(&reflector, &reset, NOW + 50000 + 119999);
    assert_true(reflector.due - (NOW + 50000 + 119999) >= 7500);
}

/* One that stood for long says nothing of the next, which never did. */
static void a_watch_that_never_stood_has_not_lasted(void **state)
{
    struct reflector reflector = watching();
    int64_t now = NOW + 200000;

    (void)state;
    ends(&reflector, &reset, now);
    for (int i = 0; i < 5; i++) {
        now = reflector.due;
        assert_int_equal(reflector_next(&reflector, now), REFLECTOR_WATCH);
        ends(&reflector, &reset, now);
    }
    assert_true(reflector.due - now >= 7500);
}

/* The longer of the two waits. */
static void a_short_retry_after_does_not_shorten_the_wait(void **state)
{
    const struct error throttled = {.kind = ERROR_THROTTLED, .retry_after_ms = 1};
    struct reflector reflector = watching();

    (void)state;
    ends(&reflector, &throttled, NOW + 10);
    assert_in_range(reflector.due, NOW + 10 + 400, NOW + 10 + 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_first_then_watches_on_the_same_connection),
        cmocka_unit_test(keeps_the_newest_version_of_any_length),
        cmocka_unit_test(resumes_at_once_from_the_last_version),
        cmocka_unit_test(a_watch_that_breaks_is_resumed_after_a_wait),
        cmocka_unit_test(a_410_takes_the_whole_state_anew),
        cmocka_unit_test(a_422_to_the_stream_means_pages),
        cmocka_unit_test(a_422_to_a_plain_watch_is_not_about_streams),
        cmocka_unit_test(a_page_that_fails_starts_the_list_over),
        cmocka_unit_test(a_continue_token_that_does_not_fit_is_not_the_last_page),
        cmocka_unit_test(waits_double_up_to_a_quarter_minute),
        cmocka_unit_test(a_watch_that_ends_at_once_without_a_word_is_trouble),
        cmocka_unit_test(two_minutes_without_trouble_reset_the_wait),
        cmocka_unit_test(retry_after_is_honoured),
        cmocka_unit_test(a_restart_takes_the_state_anew_while_the_watch_stands),
        cmocka_unit_test(a_renewal_voids_what_is_known_and_what_is_under_way),
        cmocka_unit_test(a_page_asked_for_before_a_renewal_is_not_the_last),
        cmocka_unit_test(a_version_as_long_as_there_is_room_for_is_kept),
        cmocka_unit_test(a_watch_that_lasts_a_second_ends_well_without_a_word),
        cmocka_unit_test(a_new_state_has_said_nothing_yet),
        cmocka_unit_test(a_watch_stands_since_its_state_was_whole),
        cmocka_unit_test(a_watch_that_never_stood_has_not_lasted),
        cmocka_unit_test(a_short_retry_after_does_not_shorten_the_wait),
    };

    return cmocka_run_group_tests_name("reflector", tests, NULL, NULL);
}
