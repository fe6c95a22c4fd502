/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "kube/exec_cache.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define START 1000000
#define WALL_US (1800000000 * (int64_t)1000000)

static int make_cache(void **state)
{
    struct exec_cache *cache = mem_alloc(sizeof *cache);
    exec_cache_init(cache, START);
    *state = cache;
    return 0;
}

static int end_cache(void **state)
{
    exec_cache_release(*state);
    mem_free(*state);
    return 0;
}

static struct exec_credential *make_credential(const char *token, int64_t expires_us)
{
    struct exec_credential *credential = mem_alloc(sizeof *credential);
    *credential = (struct exec_credential){.token = mem_strdup(token),
                                           .cert_pem = mem_strdup(""),
                                           .key_pem = mem_strdup(""),
                                           .expires_us = expires_us,
                                           .references = 1};
    return credential;
}

/* A run of no length that gives a credential with that life in ms; 0: it does not say. */
static void run_well(struct exec_cache *cache, const char *token, int64_t now, int64_t life)
{
    int64_t wall_us = WALL_US + now * 1000;
    struct error err = {0};
    exec_cache_started(cache, now);
    assert_int_equal(exec_cache_due(cache), EXEC_CACHE_NEVER);
    assert_int_equal(exec_cache_take(cache,
                                     make_credential(token, life ? wall_us + life * 1000 : 0), now,
                                     wall_us, 0, &err),
                     0);
}

static void run_badly(struct exec_cache *cache, int64_t now, uint64_t random)
{
    struct error why;
    error_set(&why, ERROR_INVALID, "it broke");
    exec_cache_started(cache, now);
    exec_cache_failed(cache, &why, now, random);
}

static const char *token_at(const struct exec_cache *cache, int64_t now)
{
    struct error err = {0};
    const struct exec_credential *credential = exec_cache_current(cache, now, &err);
    return credential != NULL ? credential->token : "none";
}

static void expect_none(const struct exec_cache *cache, int64_t now, const char *text)
{
    struct error err = {0};
    assert_null(exec_cache_current(cache, now, &err));
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_string_equal(err.text, text);
}

static uint64_t number_of(const struct exec_cache *cache, int64_t now)
{
    struct error err = {0};
    return exec_cache_current(cache, now, &err)->number;
}

static void runs_at_once(void **state)
{
    struct exec_cache *cache = *state;
    assert_int_equal(exec_cache_due(cache), START);
    expect_none(cache, START, "the credential plugin has not answered yet");
    run_well(cache, "a", START, 0);
    assert_string_equal(token_at(cache, START), "a");
}

static void runs_ahead_of_the_end(void **state)
{
    struct exec_cache *cache = *state;
    static const struct {
        int64_t life, due;
    } rows[] = {
        {60 * MINUTE, 54 * MINUTE},         /* a tenth */
        {15 * MINUTE, 13 * MINUTE + 30000}, /* a tenth */
        {2 * MINUTE, 90 * SECOND},          /* 30 s */
        {60 * SECOND, 30 * SECOND},         /* 30 s, and half */
        {40 * SECOND, 20 * SECOND},         /* half */
        {4 * SECOND, 10 * SECOND},          /* no two runs within 10 s */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run_well(cache, "a", START, rows[i].life);
        assert_int_equal(exec_cache_due(cache), START + rows[i].due);
    }
}

static void uses_it_until_it_expires(void **state)
{
    struct exec_cache *cache = *state;
    run_well(cache, "a", START, 10 * MINUTE);
    assert_string_equal(token_at(cache, START + 10 * MINUTE - 1), "a");
    expect_none(cache, START + 10 * MINUTE,
                "the last credential has expired: the credential plugin has not answered yet");
    run_badly(cache, START + 9 * MINUTE, 0);
    assert_string_equal(token_at(cache, START + 10 * MINUTE - 1), "a");
    expect_none(cache, START + 10 * MINUTE, "the last credential has expired: it broke");
    run_well(cache, "b", START + 11 * MINUTE, 10 * MINUTE);
    assert_string_equal(token_at(cache, START + 11 * MINUTE), "b");
}

static void keeps_one_without_an_end(void **state)
{
    struct exec_cache *cache = *state;
    run_well(cache, "a", START, 0);
    assert_int_equal(exec_cache_due(cache), EXEC_CACHE_NEVER);
    assert_string_equal(token_at(cache, INT64_MAX - 1), "a");
}

static void refuses_one_that_has_expired(void **state)
{
    struct exec_cache *cache = *state;
    struct error err = {0};
    exec_cache_started(cache, START);
    assert_int_equal(
        exec_cache_take(cache, make_credential("a", WALL_US - 5000000), START, WALL_US, 0, &err),
        -1);
    assert_string_equal(err.text, "gave a credential that expired 5 s ago, expected one for now");
    assert_int_equal(exec_cache_due(cache), START + 1 * SECOND);
    expect_none(cache, START, err.text);
}

static void backs_off_after_failures(void **state)
{
    struct exec_cache *cache = *state;
    static const int64_t least[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
        run_badly(cache, START, 0);
        assert_int_equal(exec_cache_due(cache), START + least[i]);
    }
    run_badly(cache, START, 30000); /* of 30,001 values the last */
    assert_int_equal(exec_cache_due(cache), START + 60000);
    expect_none(cache, START, "it broke");
    run_well(cache, "a", START, 0);
    run_badly(cache, START, 0);
    assert_int_equal(exec_cache_due(cache), START + 1000);
}

static void runs_again_after_a_rejection(void **state)
{
    struct exec_cache *cache = *state;
    run_well(cache, "a", START, 0);
    int64_t now = START + MINUTE;
    exec_cache_rejected(cache, number_of(cache, now), now, 0);
    assert_int_equal(exec_cache_due(cache), now);
    assert_string_equal(token_at(cache, now), "a");
    run_well(cache, "b", now, 0);
    assert_int_equal(exec_cache_due(cache), EXEC_CACHE_NEVER);
    assert_string_equal(token_at(cache, now), "b");
}

static void waits_longer_for_rejections_in_a_row(void **state)
{
    struct exec_cache *cache = *state;
    static const int64_t least[] = {10, 20, 40, 80, 150, 150};
    int64_t now = START;
    run_well(cache, "a", now, 0);
    for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
        exec_cache_rejected(cache, number_of(cache, now), now, 0);
        assert_int_equal(exec_cache_due(cache), now + least[i] * SECOND);
        now = exec_cache_due(cache);
        run_well(cache, "a", now, 0);
    }
    now += 6 * MINUTE; /* it was good for that long */
    exec_cache_rejected(cache, number_of(cache, now), now, 0);
    run_well(cache, "a", now, 0);
    exec_cache_rejected(cache, number_of(cache, now), now, 0);
    assert_int_equal(exec_cache_due(cache), now + 20 * SECOND);
}

static void hears_one_rejection_of_each_credential(void **state)
{
    struct exec_cache *cache = *state;
    run_well(cache, "a", START, 0);
    uint64_t first = number_of(cache, START);
    run_well(cache, "b", START + MINUTE, 0);
    exec_cache_rejected(cache, first, START + MINUTE, 0); /* sent before */
    assert_int_equal(exec_cache_due(cache), EXEC_CACHE_NEVER);
    for (int i = 0; i < 32; i++) /* all that were under way */
        exec_cache_rejected(cache, number_of(cache, START), START + MINUTE, 0);
    assert_int_equal(exec_cache_due(cache), START + MINUTE + 10 * SECOND);
}

static void waits_after_a_rejection_and_a_failure(void **state)
{
    struct exec_cache *cache = *state;
    run_well(cache, "a", START, 0);
    int64_t now = START + MINUTE;
    exec_cache_rejected(cache, number_of(cache, now), now, 0);
    run_badly(cache, now, 0);
    assert_int_equal(exec_cache_due(cache), now + 10 * SECOND);
    assert_string_equal(token_at(cache, now), "a");
}

static void a_rejection_never_delays(void **state)
{
    struct exec_cache *cache = *state;
    run_well(cache, "a", START, 30 * SECOND);
    assert_int_equal(exec_cache_due(cache), START + 15 * SECOND);
    exec_cache_rejected(cache, number_of(cache, START), START, 10000);
    assert_int_equal(exec_cache_due(cache), START + 10 * SECOND);
    run_well(cache, "b", START, 30 * SECOND);
    exec_cache_rejected(cache, number_of(cache, START), START, 10000); /* 30 s */
    assert_int_equal(exec_cache_due(cache), START + 15 * SECOND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_cache, end_cache)
    const struct CMUnitTest tests[] = {
        TEST(runs_at_once),
        TEST(runs_ahead_of_the_end),
        TEST(uses_it_until_it_expires),
        TEST(keeps_one_without_an_end),
        TEST(refuses_one_that_has_expired),
        TEST(backs_off_after_failures),
        TEST(runs_again_after_a_rejection),
        TEST(waits_longer_for_rejections_in_a_row),
        TEST(hears_one_rejection_of_each_credential),
        TEST(waits_after_a_rejection_and_a_failure),
        TEST(a_rejection_never_delays),
    };
    return cmocka_run_group_tests_name("exec_cache", tests, NULL, NULL);
}
