/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/throttle.h"

#define FORGET_MS 60000
#define REST_MS 500    /* after a loss from which no rate can be told */
#define SLACK_S 0.1    /* of calls that leave late because the process was busy */
#define LEAST_RATE 0.5 /* calls a second */
#define LEAST_GUESS 2.0
#define MOST_RATE 2000 /* so much is no limit */
#define DECREASE 0.85  /* of the ceiling */
#define WRONG 3.0      /* so far above the ceiling that it was none */
#define LITTLE_LESS 0.7
#define TRUSTED 0.75 /* of what is seen of the bucket's size */
#define OPEN_FIRST 4 /* calls under way at first */
#define OPEN_EVERY 8 /* one more after so many have passed */
#define OPEN_MOST 1000
#define SPARED 4.0 /* calls left over while the rate rises to the ceiling */
#define RISE_LEAST_S 2.0
#define RISE_MOST_S 20.0
#define RISE_ROUGH_S 0.5

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

static void wake(struct throttle *throttle, int64_t now)
{
    size_t under_way = throttle->under_way;
    uint64_t epoch = throttle->epoch;
    bool forget =
        under_way == 0 && now - throttle->used_at >= FORGET_MS && now >= throttle->held_until;

    if (throttle->used_at && !forget)
        return;
    *throttle = (struct throttle){
        .under_way = under_way, .epoch = epoch, .empty_at = now, .filled_at = now, .used_at = now};
}

/* What is not used stays in AWS's bucket. Its size shows in what went through before the first loss,
 * less what was filled in meanwhile. */
static double most_tokens(const struct throttle *throttle)
{
    double seen = throttle->first_passed - throttle->first_seconds * throttle->ceiling;

    return most(throttle->ceiling > 0 ? TRUSTED * seen : 0, 1 + SLACK_S * throttle->rate);
}

static void fill(struct throttle *throttle, int64_t now)
{
    double seconds = (double)(now - throttle->filled_at) / 1e3;
    double tokens = throttle->tokens + seconds * throttle->rate;

    throttle->tokens = least(tokens, most_tokens(throttle));
    if (throttle->ceiling > 0) /* in a trial they were not offered */
        throttle->unused += tokens - throttle->tokens;
    throttle->filled_at = now;
}

size_t throttle_window(const struct throttle *throttle)
{
    if (throttle->rate > 0)
        return throttle->rate < 2 ? 2 : (size_t)throttle->rate;
    return throttle->passed < OPEN_MOST ? OPEN_FIRST + throttle->passed / OPEN_EVERY : OPEN_MOST;
}

bool throttle_limits(const struct throttle *throttle, int64_t now)
{
    return throttle->rate > 0 || throttle->held_until > now;
}

int64_t throttle_due(struct throttle *throttle, int64_t now)
{
    wake(throttle, now);
    if (throttle->held_until > now)
        return throttle->held_until;
    if (throttle->under_way >= throttle_window(throttle))
        return INT64_MAX;
    if (throttle->rate <= 0)
        return now;
    fill(throttle, now);
    if (throttle->tokens >= 1)
        return now;
    return now + 1 + (int64_t)((1 - throttle->tokens) / throttle->rate * 1e3);
}

uint64_t throttle_start(struct throttle *throttle, int64_t now)
{
    wake(throttle, now);
    fill(throttle, now);
    throttle->tokens = most(throttle->tokens - 1, -1);
    throttle->under_way++;
    throttle->used_at = now;
    return throttle->epoch;
}

/* From 85 % of the ceiling to all of it. */
static double rise_seconds(const struct throttle *throttle)
{
    double seconds = SPARED / ((1 - DECREASE) / 2 * throttle->ceiling);

    return throttle->rough ? RISE_ROUGH_S : most(RISE_LEAST_S, least(seconds, RISE_MOST_S));
}

static void grow(struct throttle *throttle, int64_t now)
{
    double seconds = least((double)(now - throttle->grown_at) / 1e3, 1),
           ceiling = throttle->ceiling;
    bool rough = throttle->rough;

    throttle->grown_at = now;
    if (throttle->rate <= 0)
        return;
    fill(throttle, now);
    if (ceiling <= 0)
        throttle->rate += throttle->rate * seconds;
    else if (throttle->rate < ceiling * (2 - DECREASE))
        throttle->rate += (1 - DECREASE) * ceiling * seconds / rise_seconds(throttle);
    else
        throttle->rate += throttle->rate * seconds * (rough ? 1 : 1.0 / 3);
    if (throttle->rate > MOST_RATE)
        throttle->rate = throttle->ceiling = 0;
}

/* Nothing is known but that it was too much. */
static void begin_trial(struct throttle *throttle, double guess, int64_t now)
{
    throttle->rate = guess;
    throttle->ceiling = 0;
    throttle->held_until = (int64_t)most((double)throttle->held_until, (double)(now + REST_MS));
}

/* The ceiling was wrong: the bucket may have been full for long, and what passed is no measure. */
static bool is_lost(const struct throttle *throttle)
{
    return throttle->ceiling > 0 && !throttle->rough && throttle->rate > WRONG * throttle->ceiling;
}

/* A little less than before may be chance: a 429 that no bucket sent. */
static double new_ceiling(const struct throttle *throttle, double measured)
{
    double before = throttle->ceiling;

    return measured < before && measured > LITTLE_LESS * before ? (measured + before) / 2
                                                                : measured;
}

static void lose(struct throttle *throttle, int64_t now)
{
    int64_t span = now - throttle->empty_at;
    double turns = (double)throttle->passed + throttle->unused;
    double measured = turns * 1e3 / (double)(span > 0 ? span : 1);

    if (throttle->rate <= 0) {
        throttle->first_passed = (double)throttle->passed;
        throttle->first_seconds = (double)span / 1e3;
        begin_trial(throttle, most(least(measured, (double)throttle->passed) / 2, LEAST_GUESS),
                    now);
    } else if (span <= REST_MS || is_lost(throttle)) {
        begin_trial(throttle, throttle->rate / 2, now);
    } else {
        throttle->rough = throttle->ceiling <= 0;
        throttle->ceiling = new_ceiling(throttle, least(measured, throttle->rate));
        throttle->rate = DECREASE * throttle->ceiling;
    }
    throttle->rate = most(throttle->rate, LEAST_RATE);
    throttle->tokens = throttle->unused = 0;
    throttle->filled_at = throttle->grown_at = throttle->empty_at = now;
    throttle->passed = 0;
    throttle->epoch++;
}

void throttle_done(struct throttle *throttle, uint64_t epoch, int64_t now,
                   enum throttle_answer answer, int64_t retry_after_ms)
{
    int64_t hold =
        now + (retry_after_ms < THROTTLE_HOLD_MOST_MS ? retry_after_ms : THROTTLE_HOLD_MOST_MS);

    throttle->under_way--;
    throttle->used_at = now;
    if (answer == THROTTLE_PASSED) {
        throttle->passed++;
        grow(throttle, now);
    } else if (answer == THROTTLE_LOST && epoch == throttle->epoch) {
        lose(throttle, now);
    }
    if (retry_after_ms > 0 && throttle->held_until < hold)
        throttle->held_until = hold;
}
