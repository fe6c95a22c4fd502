/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/contest.h"

#include <stdio.h>

#define SECOND_US 1000000
#define DAY_S 86400

int64_t contest_ends(const struct contest *contest)
{
    if (contest->count == 0)
        return 0;
    return contest->retry_at
               ? contest->retry_at + CONTEST_RETRY_MS
               : contest->at[(contest->count - 1) % CONTEST_REVERTS] + CONTEST_WINDOW_MS;
}

void contest_count(struct contest *contest, enum contest_kind kind, int64_t now)
{
    if (now > contest_ends(contest))
        *contest = (struct contest){.since = now, .wish = contest->wish};
    contest->kind = kind;
    contest->at[contest->count++ % CONTEST_REVERTS] = now;
    if (contest->retry_at ||
        (contest->count >= CONTEST_REVERTS &&
         now - contest->at[contest->count % CONTEST_REVERTS] <= CONTEST_WINDOW_MS))
        contest->retry_at = now + CONTEST_RETRY_MS;
}

bool contest_is_of(struct contest *contest, const char *uid, int64_t generation)
{
    uint64_t wish = 14695981039346656037u ^ (uint64_t)generation;

    for (const char *c = uid; *c != '\0'; c++)
        wish = (wish ^ (unsigned char)*c) * 1099511628211u;
    if (contest->wish == 0)
        contest->wish = wish;
    return contest->wish == wish;
}

void contest_tell(struct contest *contest, int64_t now, int64_t wall_us)
{
    if (contest->told_for == contest->retry_at)
        return;
    contest->told_for = contest->retry_at;
    contest->since_us = wall_us - (now - contest->since) * 1000;
    contest->retry_us = wall_us + (contest->retry_at - now) * 1000;
}

static int64_t days_of_year(int64_t year)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return leap ? 366 : 365;
}

static int64_t days_of_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month] + (month == 1 && days_of_year(year) == 366);
}

void contest_time(int64_t us, char ret_text[CONTEST_TIME_SIZE])
{
    int64_t seconds = us > 0 ? us / SECOND_US : 0, days = seconds / DAY_S, year = 1970;
    int month = 0;

    for (; year < 9999 && days >= days_of_year(year); year++)
        days -= days_of_year(year);
    for (; month < 11 && days >= days_of_month(year, month); month++)
        days -= days_of_month(year, month);
    snprintf(ret_text, CONTEST_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)(year % 10000),
             month + 1, (int)(days % 31) + 1, (int)(seconds % DAY_S / 3600),
             (int)(seconds % 3600 / 60), (int)(seconds % 60));
}
