/* SPDX-License-Identifier: Apache-2.0 */
/* aws/throttle against simulated token buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/throttle.h"

#define START_MS 100000
#define WINDOW 32 /* --max-in-flight's default */

struct bucket {
    double rate, burst, tokens;
};

/* One call on its way: at the server at `arrives`, back at `returns`. */
struct trip {
    bool used, served, lost;
    uint64_t epoch;
    int64_t arrives, returns;
};

struct model {
    struct throttle throttle;
    struct bucket bucket;
    double latency_ms; /* of a call, half to one and a half of it */
    double others;     /* calls a second that another client gets through */
    double other_part;
    uint64_t random;
    struct trip trips[WINDOW];
    int64_t now;
    size_t todo, done, lost, under_way, most_under_way;
};

static double draw(struct model *model)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return (double)(model->random >> 11) * 0x1p-53;
}

static struct model model_of(double rate, double burst, double latency_ms, size_t todo)
{
    return (struct model){.bucket = {rate, burst, burst},
                          .latency_ms = latency_ms,
                          .random = 88172645463325252u,
                          .now = START_MS,
                          .todo = todo};
}

static bool take(struct bucket *bucket)
{
    if (bucket->tokens < 1)
        return false;
    bucket->tokens -= 1;
    return true;
}

static void fill(struct model *model)
{
    struct bucket *bucket = &model->bucket;

    bucket->tokens += bucket->rate / 1e3;
    if (bucket->tokens > bucket->burst)
        bucket->tokens = bucket->burst;
    model->other_part += model->others / 1e3;
    if (model->other_part >= 1 && take(bucket))
        model->other_part -= 1;
}

static void come_back(struct model *model, struct trip *trip)
{
    trip->used = false;
    model->under_way--;
    throttle_done(&model->throttle, trip->epoch, model->now,
                  trip->lost ? THROTTLE_LOST : THROTTLE_PASSED, 0);
    if (trip->lost) {
        model->lost++;
        model->todo++;
    } else {
        model->done++;
    }
}

static void leave(struct model *model)
{
    struct trip *trip = model->trips;
    double latency = model->latency_ms * (0.5 + draw(model));

    while (trip->used)
        trip++;
    *trip = (struct trip){.used = true,
                          .epoch = throttle_start(&model->throttle, model->now),
                          .arrives = model->now + (int64_t)(latency / 2),
                          .returns = model->now + (int64_t)latency + 1};
    model->todo--;
    model->under_way++;
    if (model->under_way > model->most_under_way)
        model->most_under_way = model->under_way;
}

static void tick(struct model *model)
{
    model->now++;
    fill(model);
    for (size_t i = 0; i < WINDOW; i++) {
        struct trip *trip = &model->trips[i];

        if (trip->used && !trip->served && model->now >= trip->arrives) {
            trip->lost = !take(&model->bucket);
            trip->served = true;
        }
        if (trip->used && model->now >= trip->returns)
            come_back(model, trip);
    }
    while (model->todo > 0 && model->under_way < WINDOW &&
           throttle_due(&model->throttle, model->now) <= model->now)
        leave(model);
}

static void run_for(struct model *model, int64_t ms)
{
    for (int64_t end = model->now + ms; model->now < end;)
        tick(model);
}

/* Until all is done, but ten minutes at most; seconds. */
static double finish(struct model *model)
{
    int64_t start = model->now;

    while ((model->todo > 0 || model->under_way > 0) && model->now < start + 600000)
        tick(model);
    return (double)(model->now - start) / 1e3;
}

static double share_lost(const struct model *model)
{
    return (double)model->lost / (double)(model->lost + model->done);
}

static void check(bool holds, const struct model *model, double seconds, double bound)
{
    if (!holds)
        fail_msg("rate %g, burst %g, latency %g: %.1f %% throttled, %.2f s, bound %.2f s",
                 model->bucket.rate, model->bucket.burst, model->latency_ms,
                 100 * share_lost(model), seconds, bound);
}

/* ---- many calls ---- */

static void three_hundred_calls_are_done_near_the_bound(void **state)
{
    static const struct {
        double rate, burst, latency_ms, most_lost, most_time;
    } cases[] = {
        {10, 20, 20, 0.05, 1.05},   {10, 20, 100, 0.05, 1.05},  {10, 20, 300, 0.09, 1.10},
        {10, 5, 20, 0.05, 1.10},    {10, 5, 300, 0.10, 1.10},   {10, 100, 20, 0.08, 1.05},
        {10, 100, 100, 0.09, 1.05}, {2, 5, 20, 0.05, 1.05},     {2, 20, 100, 0.06, 1.10},
        {2, 100, 300, 0.10, 1.05},  {50, 20, 20, 0.05, 1.20},   {50, 20, 100, 0.08, 1.20},
        {50, 100, 20, 0.08, 1.10},  {50, 100, 100, 0.10, 1.20},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double bound = (300 - cases[i].burst) / cases[i].rate, seconds;
        struct model model = model_of(cases[i].rate, cases[i].burst, cases[i].latency_ms, 300);

        seconds = finish(&model);
        check(model.done == 300 && seconds <= bound * cases[i].most_time &&
                  share_lost(&model) <= cases[i].most_lost,
              &model, seconds, bound);
    }
}

static void nobody_waits_where_nobody_throttles(void **state)
{
    struct model model = model_of(1e6, 1e6, 50, 5000);
    double seconds = finish(&model), full_window = 5000 * 0.05 / WINDOW;

    (void)state;
    assert_int_equal(model.lost, 0);
    assert_int_equal(model.most_under_way, WINDOW);
    check(seconds < full_window + 1, &model, seconds, full_window);
}

static void a_rate_that_falls_is_followed(void **state)
{
    struct model model = model_of(50, 20, 100, 100000);
    size_t lost;

    (void)state;
    run_for(&model, 20000);
    model.bucket.rate = 2;
    lost = model.lost;
    run_for(&model, 30000);
    assert_in_range(model.lost - lost, 1, 25);
    assert_true(model.throttle.rate < 3);
}

static void a_rate_that_rises_is_found_again(void **state)
{
    struct model model = model_of(2, 20, 100, 100000);
    size_t done;

    (void)state;
    run_for(&model, 60000);
    model.bucket.rate = 50;
    run_for(&model, 50000);
    done = model.done;
    run_for(&model, 20000);
    assert_in_range(model.done - done, 20 * 50 * 9 / 10, 20 * 50 * 11 / 10);
}

static void what_another_client_takes_is_not_ours(void **state)
{
    struct model model = model_of(10, 20, 50, 100000);
    size_t done, lost;

    (void)state;
    model.others = 6;
    run_for(&model, 20000);
    done = model.done;
    lost = model.lost;
    run_for(&model, 100000);
    assert_in_range(model.done - done, 360, 440); /* 4 a second */
    assert_true((double)(model.lost - lost) < 0.06 * (double)(model.done - done));
}

static void silence_is_forgotten_and_a_full_bucket_used(void **state)
{
    struct model model = model_of(10, 100, 50, 300);
    double seconds;

    (void)state;
    finish(&model);
    assert_true(throttle_limits(&model.throttle, model.now));
    run_for(&model, 61000);
    model.todo = 100;
    seconds = finish(&model);
    check(seconds < 2, &model, seconds, 0); /* and not ten, one by one */
}

static void what_was_saved_up_is_used(void **state)
{
    struct model model = model_of(10, 20, 50, 300);
    double seconds;

    (void)state;
    finish(&model);
    run_for(&model, 5000);
    model.todo = 300;
    model.lost = model.done = 0;
    seconds = finish(&model);
    check(seconds < 28 * 1.03 && share_lost(&model) < 0.05, &model, seconds, 28);
}

static void to_have_been_idle_is_no_reason_to_be_slow(void **state)
{
    struct model model = model_of(10, 20, 50, 300);
    size_t done;

    (void)state;
    finish(&model);
    run_for(&model, 30000);
    model.bucket.tokens = 0; /* somebody else has used it up */
    model.todo = 1000;
    run_for(&model, 5000);
    done = model.done;
    run_for(&model, 20000);
    assert_true(model.done - done >= 190);
}

static void a_throttled_server_gets_few_calls_and_is_found_mended(void **state)
{
    struct model model = model_of(0, 1, 50, 10000);
    size_t lost;

    (void)state;
    model.bucket.tokens = 0;
    run_for(&model, 60000);
    lost = model.lost;
    run_for(&model, 60000);
    assert_in_range(model.lost - lost, 5, 40);
    model.bucket.rate = model.bucket.burst = 20;
    run_for(&model, 20000);
    assert_true(model.throttle.rate > 10);
}

/* ---- single calls ---- */

static void what_was_under_way_at_a_loss_is_the_same_loss(void **state)
{
    struct throttle throttle = {0};
    uint64_t epochs[4];
    double rate;

    (void)state;
    for (int i = 0; i < 100; i++)
        throttle_done(&throttle, throttle_start(&throttle, START_MS), START_MS + 2000,
                      THROTTLE_PASSED, 0);
    for (int i = 0; i < 4; i++)
        epochs[i] = throttle_start(&throttle, START_MS + 2000);
    throttle_done(&throttle, epochs[0], START_MS + 2050, THROTTLE_LOST, 0);
    rate = throttle.rate;
    assert_true(rate > 10);
    for (int i = 1; i < 4; i++)
        throttle_done(&throttle, epochs[i], START_MS + 2051, THROTTLE_LOST, 0);
    assert_true(throttle.rate >= rate);
    assert_int_equal(throttle.under_way, 0);
}

static void nothing_leaves_before_the_time_that_aws_asks_for(void **state)
{
    struct throttle throttle = {0};
    uint64_t first = throttle_start(&throttle, START_MS),
             second = throttle_start(&throttle, START_MS);

    (void)state;
    throttle_done(&throttle, first, START_MS + 10, THROTTLE_LOST, 4000);
    throttle_done(&throttle, second, START_MS + 20, THROTTLE_LOST, 1500);
    assert_int_equal(throttle_due(&throttle, START_MS + 20), START_MS + 4010);
    assert_true(throttle_due(&throttle, START_MS + 4009) > START_MS + 4009);
    assert_true(throttle_limits(&throttle, START_MS + 4009));
    assert_true(throttle_due(&throttle, START_MS + 8000) <= START_MS + 8000);
}

static void a_busy_server_may_ask_to_wait_too(void **state)
{
    struct throttle throttle = {0};

    (void)state;
    throttle_done(&throttle, throttle_start(&throttle, START_MS), START_MS + 10, THROTTLE_SILENT,
                  2000);
    assert_int_equal(throttle_due(&throttle, START_MS + 11), START_MS + 2010);
    assert_int_equal(throttle_due(&throttle, START_MS + 2010), START_MS + 2010);
    assert_false(throttle_limits(&throttle, START_MS + 2010));
}

static void nobody_makes_us_wait_for_an_hour(void **state)
{
    struct throttle throttle = {0};

    (void)state;
    throttle_done(&throttle, throttle_start(&throttle, START_MS), START_MS, THROTTLE_LOST, 3600000);
    assert_int_equal(throttle_due(&throttle, START_MS), START_MS + THROTTLE_HOLD_MOST_MS);
}

static void a_call_without_answer_frees_its_place(void **state)
{
    struct throttle throttle = {0};
    uint64_t epoch = 0;

    (void)state;
    while (throttle_due(&throttle, START_MS) <= START_MS)
        epoch = throttle_start(&throttle, START_MS);
    assert_int_equal(throttle.under_way, throttle_window(&throttle));
    assert_int_equal(throttle_due(&throttle, START_MS), INT64_MAX);
    throttle_done(&throttle, epoch, START_MS + 4000, THROTTLE_SILENT, 0);
    assert_int_equal(throttle_due(&throttle, START_MS + 4000), START_MS + 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_hundred_calls_are_done_near_the_bound),
        cmocka_unit_test(nobody_waits_where_nobody_throttles),
        cmocka_unit_test(a_rate_that_falls_is_followed),
        cmocka_unit_test(a_rate_that_rises_is_found_again),
        cmocka_unit_test(what_another_client_takes_is_not_ours),
        cmocka_unit_test(silence_is_forgotten_and_a_full_bucket_used),
        cmocka_unit_test(what_was_saved_up_is_used),
        cmocka_unit_test(to_have_been_idle_is_no_reason_to_be_slow),
        cmocka_unit_test(a_throttled_server_gets_few_calls_and_is_found_mended),
        cmocka_unit_test(what_was_under_way_at_a_loss_is_the_same_loss),
        cmocka_unit_test(nothing_leaves_before_the_time_that_aws_asks_for),
        cmocka_unit_test(a_busy_server_may_ask_to_wait_too),
        cmocka_unit_test(nobody_makes_us_wait_for_an_hour),
        cmocka_unit_test(a_call_without_answer_frees_its_place),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
