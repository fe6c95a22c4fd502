/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/lease.h"

#include <string.h>

#define RETRY_MIN_MS 100
#define CALL_MIN_MS 1000
#define RECORD_DURATION_MAX_S 86400
#define RELEASED_DURATION_S 1

int lease_init(struct lease *lease, const struct lease_settings *settings, struct error *err)
{
    size_t length = strnlen(settings->identity, LEASE_IDENTITY_SIZE);
    if (length == 0 || length >= LEASE_IDENTITY_SIZE)
        return error_set(err, ERROR_INVALID, "the lease identity has %zu bytes, expected 1 to %d",
                         length, LEASE_IDENTITY_SIZE - 1);
    if (settings->retry_ms < RETRY_MIN_MS ||
        settings->renew_deadline_ms * 5 <= settings->retry_ms * 6 ||
        settings->duration_ms <= settings->renew_deadline_ms)
        return error_set(
            err, ERROR_INVALID,
            "lease times of %lld, %lld and %lld ms: the duration must be longer than the "
            "renew deadline, that longer than 1.2 times the retry period, and that at "
            "least %d ms",
            (long long)settings->duration_ms, (long long)settings->renew_deadline_ms,
            (long long)settings->retry_ms, RETRY_MIN_MS);
    *lease = (struct lease){
        .duration_ms = settings->duration_ms,
        .renew_deadline_ms = settings->renew_deadline_ms,
        .retry_ms = settings->retry_ms,
    };
    memcpy(lease->identity, settings->identity, length);
    return 0;
}

/* ---- what is seen ---- */

static bool is_ours(const struct lease *lease, const struct lease_record *record)
{
    return strcmp(record->holder, lease->identity) == 0;
}

static bool is_nobodys(const struct lease_record *record)
{
    return record->holder[0] == '\0';
}

/* Renewed, taken or released; an annotation alone changes the version, not the content. */
static bool same_content(const struct lease_record *a, const struct lease_record *b)
{
    return strcmp(a->holder, b->holder) == 0 && a->duration_s == b->duration_s &&
           a->acquire_us == b->acquire_us && a->renew_us == b->renew_us &&
           a->transitions == b->transitions;
}

static void see(struct lease *lease, int64_t now_ms, const struct lease_record *record)
{
    if (!lease->known || !same_content(&lease->seen, record))
        lease->seen_ms = now_ms;
    lease->seen = *record;
    lease->known = true;
    lease->missing = false;
}

/* When another's record, unchanged until then, has expired. */
static int64_t expires_ms(const struct lease *lease)
{
    int64_t duration_s = lease->seen.duration_s;
    if (duration_s <= 0)
        return lease->seen_ms + lease->duration_ms;
    if (duration_s > RECORD_DURATION_MAX_S)
        duration_s = RECORD_DURATION_MAX_S;
    return lease->seen_ms + duration_s * 1000;
}

static void lose(struct lease *lease)
{
    lease->state = LEASE_LOST;
    lease->held_until_ms = 0;
}

/* ---- what to do next ---- */

static struct lease_action wait_until(const struct lease *lease, int64_t until_ms)
{
    if (lease->state == LEASE_LEADING && lease->lost_at_ms < until_ms)
        until_ms = lease->lost_at_ms;
    return (struct lease_action){.move = LEASE_WAIT, .until_ms = until_ms};
}

static struct lease_action call(struct lease *lease, enum lease_move move, int64_t now_ms)
{
    int64_t longest = lease->renew_deadline_ms / 3;
    lease->sent = move;
    lease->sent_ms = now_ms;
    lease->sent_release = false;
    return (struct lease_action){
        .move = move,
        .until_ms = now_ms + (longest > CALL_MIN_MS ? longest : CALL_MIN_MS),
    };
}

/* Others see a renewal only as a change, so renewTime never stays the same. */
static int64_t renew_time(const struct lease *lease, int64_t wall_us)
{
    return lease->known && lease->seen.renew_us == wall_us ? wall_us + 1 : wall_us;
}

static struct lease_record record_of_ours(const struct lease *lease, int64_t wall_us)
{
    struct lease_record record = {
        .duration_s = (lease->duration_ms + 999) / 1000,
        .acquire_us = wall_us,
        .renew_us = renew_time(lease, wall_us),
    };
    memcpy(record.holder, lease->identity, sizeof record.holder);
    if (!lease->known)
        return record;
    memcpy(record.version, lease->seen.version, sizeof record.version);
    if (is_ours(lease, &lease->seen)) {
        record.acquire_us = lease->seen.acquire_us;
        record.transitions = lease->seen.transitions;
    } else if (lease->seen.transitions >= 0 && lease->seen.transitions < INT32_MAX) {
        record.transitions = lease->seen.transitions + 1;
    }
    return record;
}

static struct lease_action hold(struct lease *lease, int64_t now_ms, int64_t wall_us)
{
    struct lease_action action = call(lease, lease->missing ? LEASE_CREATE : LEASE_UPDATE, now_ms);
    action.record = record_of_ours(lease, wall_us);
    return action;
}

static struct lease_action give_up(struct lease *lease, int64_t now_ms, int64_t wall_us)
{
    struct lease_action action = call(lease, LEASE_UPDATE, now_ms);
    action.record = lease->seen;
    action.record.holder[0] = '\0';
    action.record.duration_s = RELEASED_DURATION_S;
    action.record.renew_us = renew_time(lease, wall_us);
    lease->sent_release = true;
    return action;
}

static struct lease_action release_step(struct lease *lease, int64_t now_ms, int64_t wall_us)
{
    bool over = lease->fresh && (lease->missing || !is_ours(lease, &lease->seen));
    if (over || lease->release_calls == LEASE_RELEASE_CALLS) {
        lease->state = LEASE_RELEASED;
        return (struct lease_action){.move = LEASE_DONE};
    }
    if (now_ms < lease->wait_until_ms)
        return (struct lease_action){.move = LEASE_WAIT, .until_ms = lease->wait_until_ms};
    lease->release_calls++;
    return lease->fresh ? give_up(lease, now_ms, wall_us) : call(lease, LEASE_GET, now_ms);
}

struct lease_action lease_step(struct lease *lease, int64_t now_ms, int64_t wall_us)
{
    if (lease->sent != LEASE_WAIT)
        return wait_until(lease, now_ms + lease->retry_ms);
    if (lease->state == LEASE_LEADING && !lease->releasing && now_ms >= lease->lost_at_ms)
        lose(lease);
    if (lease->state == LEASE_LOST || lease->state == LEASE_RELEASED)
        return (struct lease_action){.move = LEASE_DONE};
    if (lease->releasing)
        return release_step(lease, now_ms, wall_us);
    if (now_ms < lease->wait_until_ms)
        return wait_until(lease, lease->wait_until_ms);
    return lease->fresh ? hold(lease, now_ms, wall_us) : call(lease, LEASE_GET, now_ms);
}

/* ---- what became of it ---- */

static void failed(struct lease *lease, int64_t now_ms, int64_t wait_ms, int64_t retry_after_ms)
{
    int64_t most = lease->state == LEASE_LEADING ? lease->retry_ms : 2 * lease->duration_ms;
    if (retry_after_ms > most)
        retry_after_ms = most;
    lease->failures++;
    lease->wait_until_ms = now_ms + (retry_after_ms > wait_ms ? retry_after_ms : wait_ms);
}

/* The Lease is not as we thought: look at once, but not over and over without a pause. */
static void look_again(struct lease *lease, int64_t now_ms)
{
    int64_t wait_ms = lease->failures == 0 ? 0 : lease->retry_ms / 4;
    lease->fresh = false;
    failed(lease, now_ms, wait_ms, 0);
}

/* Somebody deleted it. Who held it may go on until the record that we saw last has expired. */
static bool another_may_hold(const struct lease *lease, int64_t now_ms)
{
    return lease->state == LEASE_FOLLOWING && !lease->releasing && lease->known &&
           !is_ours(lease, &lease->seen) && !is_nobodys(&lease->seen) && now_ms < expires_ms(lease);
}

static void got_nothing(struct lease *lease, int64_t now_ms)
{
    if (another_may_hold(lease, now_ms)) {
        int64_t expires = expires_ms(lease), next = now_ms + lease->retry_ms;

        lease->fresh = false;
        lease->wait_until_ms = expires < next ? expires : next;
        return;
    }
    lease->known = false;
    lease->missing = true;
    lease->fresh = true;
    lease->unsure = false;
    lease->held_until_ms = 0;
}

static void got(struct lease *lease, int64_t now_ms, const struct lease_record *record)
{
    see(lease, now_ms, record);
    lease->fresh = true;
    lease->unsure = false;
    if (is_ours(lease, record))
        return;
    lease->held_until_ms = 0;
    if (is_nobodys(record) || lease->releasing)
        return;
    if (lease->state == LEASE_LEADING) {
        lose(lease);
        return;
    }
    int64_t expires = expires_ms(lease), next = now_ms + lease->retry_ms;
    if (now_ms < expires) {
        lease->fresh = false;
        lease->wait_until_ms = expires < next ? expires : next;
    }
}

static void wrote(struct lease *lease, int64_t now_ms, const struct lease_record *record)
{
    see(lease, now_ms, record);
    lease->failures = 0;
    if (lease->sent_release) {
        lease->state = LEASE_RELEASED;
        return;
    }
    if (lease->releasing)
        return;
    lease->state = LEASE_LEADING;
    lease->held_until_ms = lease->sent_ms + lease->renew_deadline_ms;
    lease->lost_at_ms = lease->held_until_ms;
    lease->wait_until_ms = lease->sent_ms + lease->retry_ms;
}

static void write_failed(struct lease *lease, int64_t now_ms, enum error_kind kind,
                         int64_t retry_after_ms)
{
    switch (kind) {
    case ERROR_NOT_FOUND:
        lease->held_until_ms = 0;
        look_again(lease, now_ms);
        return;
    case ERROR_CONFLICT:
        look_again(lease, now_ms);
        return;
    case ERROR_UNKNOWN:
        lease->unsure = true;
        lease->fresh = false;
        failed(lease, now_ms, lease->retry_ms / 4, retry_after_ms);
        return;
    default:
        failed(lease, now_ms, lease->retry_ms / 2, retry_after_ms);
        return;
    }
}

void lease_answer(struct lease *lease, int64_t now_ms, enum error_kind kind,
                  const struct lease_record *record, int64_t retry_after_ms)
{
    enum lease_move move = lease->sent;
    lease->sent = LEASE_WAIT;
    if (kind == ERROR_NONE && record == NULL)
        kind = ERROR_UNKNOWN;
    if (kind == ERROR_NONE && move != LEASE_GET && !lease->sent_release && !is_ours(lease, record))
        kind = ERROR_UNKNOWN;
    if (move == LEASE_GET && kind == ERROR_NONE)
        got(lease, now_ms, record);
    else if (move == LEASE_GET && kind == ERROR_NOT_FOUND)
        got_nothing(lease, now_ms);
    else if (move == LEASE_GET)
        failed(lease, now_ms, lease->retry_ms / 2, retry_after_ms);
    else if (kind == ERROR_NONE)
        wrote(lease, now_ms, record);
    else
        write_failed(lease, now_ms, kind, retry_after_ms);
}

/* A hint older than what a GET has shown since says nothing. */
static void another_holds(struct lease *lease, int64_t at_ms, const struct lease_record *record)
{
    int64_t next = at_ms + LEASE_SILENCE_RETRIES * lease->retry_ms;

    if (lease->state != LEASE_FOLLOWING || at_ms < lease->seen_ms)
        return;
    see(lease, at_ms, record);
    lease->fresh = false;
    if (expires_ms(lease) < next)
        next = expires_ms(lease);
    if (lease->wait_until_ms < next)
        lease->wait_until_ms = next;
}

void lease_observe(struct lease *lease, int64_t at_ms, const struct lease_record *record)
{
    bool vacant = record == NULL || is_nobodys(record);
    bool others = !vacant && !is_ours(lease, record);

    if (lease->sent != LEASE_WAIT)
        return;
    if (vacant || (others && lease->state == LEASE_LEADING)) {
        lease->fresh = false;
        if (lease->wait_until_ms > at_ms)
            lease->wait_until_ms = at_ms;
    } else if (others) {
        another_holds(lease, at_ms, record);
    }
}

void lease_release(struct lease *lease, int64_t now_ms)
{
    lease->releasing = true;
    lease->held_until_ms = 0;
    lease->wait_until_ms = now_ms;
    if (lease->state == LEASE_FOLLOWING && !lease->unsure && lease->sent == LEASE_WAIT)
        lease->state = LEASE_RELEASED;
}

int64_t lease_until(const struct lease *lease)
{
    return lease->state == LEASE_LEADING && !lease->releasing ? lease->held_until_ms : 0;
}

const char *lease_holder(const struct lease *lease)
{
    return lease->known ? lease->seen.holder : "";
}
