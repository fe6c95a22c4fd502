/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

#define NOV_22 1795375689123456 /* 2026-11-22T19:28:09.123456Z */

static void formats(void **state)
{
    static const struct {
        int64_t wall_us;
        const char *seconds, *micros;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
        {NOV_22, "2026-11-22T19:28:09Z", "2026-11-22T19:28:09.123456Z"},
        {NOV_22 - 123456, "2026-11-22T19:28:09Z", "2026-11-22T19:28:09.000000Z"},
        {951782400000001, "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999999Z"},
        {-62135596800000000, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CLOCK_TEXT_SIZE];
        int64_t again = 1;

        clock_format_s(rows[i].wall_us, text);
        assert_string_equal(text, rows[i].seconds);
        clock_format_us(rows[i].wall_us, text);
        assert_string_equal(text, rows[i].micros);
        assert_true(clock_parse(text, &again));
        assert_int_equal(again, rows[i].wall_us);
    }
}

static void farthest_times_fit(void **state)
{
    char text[CLOCK_TEXT_SIZE];

    (void)state;
    clock_format_us(INT64_MAX, text);
    assert_string_equal(text, "294247-01-10T04:00:54.775807Z");
    clock_format_us(INT64_MIN, text);
    assert_string_equal(text, "-290308-12-21T19:59:05.224192Z");
}

static void parses_any_fraction_in_utc(void **state)
{
    static const struct {
        const char *text;
        int64_t wall_us;
    } rows[] = {
        {"2026-11-22T19:28:09Z", NOV_22 - 123456},
        {"2026-11-22T19:28:09+00:00", NOV_22 - 123456},
        {"2026-11-22T19:28:09.1Z", NOV_22 - 23456},
        {"2026-11-22T19:28:09.123456789123456789Z", NOV_22},
        {"2026-11-22T19:28:09.123456+00:00", NOV_22},
        {"2024-02-29T00:00:00Z", 1709164800000000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t wall_us = 0;

        assert_true(clock_parse(rows[i].text, &wall_us));
        assert_int_equal(wall_us, rows[i].wall_us);
    }
}

static void refuses_anything_else(void **state)
{
    static const char *const texts[] = {
        "",
        "2026-11-22",
        "2026-11-22T19:28:09",
        "2026-11-22T19:28:09z",
        "2026-11-22t19:28:09Z",
        "2026-11-22 19:28:09Z",
        "2026-11-22T19:28:09.Z",
        "2026-11-22T19:28:09,1Z",
        "2026-11-22T19:28:09+01:00",
        "2026-11-22T19:28:09-00:00",
        "2026-11-22T19:28:09Zx",
        "2026-11-22T19:28:9Z",
        "+026-11-22T19:28:09Z",
        "2026-13-22T19:28:09Z",
        "2026-00-22T19:28:09Z",
        "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T23:60:00Z",
        "2026-11-22T23:59:60Z",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t wall_us = 42;

        if (clock_parse(texts[i], &wall_us))
            fail_msg("took '%s'", texts[i]);
        assert_int_equal(wall_us, 42);
    }
}

static void clocks_run_in_their_units(void **state)
{
    struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};
    int64_t boot = clock_boot_ms(), wall = clock_wall_us();

    (void)state;
    nanosleep(&nap, NULL);
    assert_in_range(clock_boot_ms() - boot, 19, 5000);
    assert_in_range(clock_wall_us() - wall, 19000, 5000000);
    assert_in_range(wall / 1000000, time(NULL) - 5, time(NULL) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(farthest_times_fit),
        cmocka_unit_test(parses_any_fraction_in_utc),
        cmocka_unit_test(refuses_anything_else),
        cmocka_unit_test(clocks_run_in_their_units),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
