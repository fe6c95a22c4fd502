/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"

/* The longest wait comes from random == longest - half. */
static void doubles_up_to_the_cap(void **state)
{
    static const int64_t longest[] = {100, 200, 400, 800, 1000, 1000, 1000};
    struct backoff low = {.base_ms = 100, .cap_ms = 1000}, high = low;

    (void)state;
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        uint64_t spread = (uint64_t)(longest[i] - longest[i] / 2);

        assert_int_equal(backoff_next(&low, 0), longest[i] / 2);
        assert_int_equal(backoff_next(&high, spread), longest[i]);
        assert_int_equal(high.failures, i + 1);
    }
}

static void any_random_stays_between_half_and_all(void **state)
{
    uint64_t random = 1;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct backoff backoff = {.base_ms = 7, .cap_ms = 5001, .failures = (unsigned)i % 20};
        int64_t longest = backoff.failures < 10 ? (int64_t)7 << backoff.failures : 5001;

        random = random * 6364136223846793005u + 1442695040888963407u;
        longest = longest < 5001 ? longest : 5001;
        assert_in_range(backoff_next(&backoff, random), longest / 2, longest);
    }
}

static void reset_starts_over(void **state)
{
    struct backoff backoff = {.base_ms = 100, .cap_ms = 1000, .failures = 9};

    (void)state;
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, 0), 50);
}

static void extremes_do_not_overflow(void **state)
{
    struct backoff endless = {.base_ms = 3, .cap_ms = INT64_MAX, .failures = UINT32_MAX};
    struct backoff nothing = {0};
    struct backoff base_over_cap = {.base_ms = 900, .cap_ms = 100};

    (void)state;
    assert_in_range(backoff_next(&endless, UINT64_MAX), INT64_MAX / 2, INT64_MAX);
    assert_int_equal(endless.failures, UINT32_MAX);
    assert_int_equal(backoff_next(&nothing, 12345), 0);
    assert_in_range(backoff_next(&base_over_cap, 7), 50, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_the_cap),
        cmocka_unit_test(any_random_stays_between_half_and_all),
        cmocka_unit_test(reset_starts_over),
        cmocka_unit_test(extremes_do_not_overflow),
    };

    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
