/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/lease_steps.h"

static const struct lease_settings times = {
    .identity = "a", .duration_ms = 15000, .renew_deadline_ms = 10000, .retry_ms = 2000};

struct lease lease_steps_new(const char *identity)
{
    struct lease_settings settings = times;
    struct lease lease;
    struct error err;
    settings.identity = identity;
    assert_int_equal(lease_init(&lease, &settings, &err), 0);
    return lease;
}

struct lease_record lease_steps_record(const char *holder, int64_t renew_us, const char *version)
{
    struct lease_record record = {
        .duration_s = 15, .acquire_us = LEASE_STEPS_WALL, .renew_us = renew_us, .transitions = 3};
    snprintf(record.holder, sizeof record.holder, "%s", holder);
    snprintf(record.version, sizeof record.version, "%s", version);
    return record;
}

struct lease_action lease_steps_next(struct lease *lease, int64_t now_ms, enum lease_move expected)
{
    struct lease_action action = lease_step(lease, now_ms, LEASE_STEPS_WALL + now_ms * 1000);
    assert_int_equal(action.move, expected);
    return action;
}

/* GET at `now_ms`, answered with this record (NULL: not found). */
void lease_steps_look(struct lease *lease, int64_t now_ms, const struct lease_record *record)
{
    lease_steps_next(lease, now_ms, LEASE_GET);
    lease_answer(lease, now_ms, record != NULL ? ERROR_NONE : ERROR_NOT_FOUND, record, 0);
}

/* The write of that step succeeds `later_ms` later. */
struct lease_record lease_steps_write(struct lease *lease, int64_t now_ms, enum lease_move move,
                                      int64_t later_ms)
{
    struct lease_action action = lease_steps_next(lease, now_ms, move);
    snprintf(action.record.version, sizeof action.record.version, "%lld", (long long)now_ms + 1);
    lease_answer(lease, now_ms + later_ms, ERROR_NONE, &action.record, 0);
    return action.record;
}

void lease_steps_fail(struct lease *lease, int64_t now_ms, enum error_kind kind)
{
    lease_steps_next(lease, now_ms, LEASE_UPDATE);
    lease_answer(lease, now_ms, kind, NULL, 0);
}

/* A lease that leads since 0, renewed at `now_ms`. */
struct lease lease_steps_leader(int64_t now_ms)
{
    struct lease lease = lease_steps_new("a");
    lease_steps_look(&lease, now_ms, NULL);
    lease_steps_write(&lease, now_ms, LEASE_CREATE, 0);
    assert_int_equal(lease.state, LEASE_LEADING);
    return lease;
}
