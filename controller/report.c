/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/least.h"
#include "base/mem.h"

#define UNREADY_PATIENCE_MS 1000
#define SERIES_MS (6 * 60 * 1000) /* as client-go folds */

/* ---- what is remembered ---- */

static size_t position(const struct reports *reports, const char *uid)
{
    size_t low = 0, high = reports->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(reports->items[middle].uid, uid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct report_memory *find(const struct reports *reports, const char *uid)
{
    size_t index = position(reports, uid);

    return index < reports->count && strcmp(reports->items[index].uid, uid) == 0
               ? &reports->items[index]
               : NULL;
}

static struct report_memory *remember(struct reports *reports, const char *uid, int64_t now)
{
    size_t index = position(reports, uid);
    struct report_memory *memory = find(reports, uid);

    if (memory)
        return memory;
    MEM_GROW(reports->items, reports->count, reports->capacity);
    memmove(reports->items + index + 1, reports->items + index,
            (reports->count - index) * sizeof *reports->items);
    reports->count++;
    reports->items[index] = (struct report_memory){
        .uid = mem_strdup(uid), .reason = "", .since = now, .unready_since = now};
    return &reports->items[index];
}

static void forget(struct reports *reports, const char *uid)
{
    size_t index = position(reports, uid);

    if (!find(reports, uid))
        return;
    mem_free(reports->items[index].uid);
    reports->count--;
    memmove(reports->items + index, reports->items + index + 1,
            (reports->count - index) * sizeof *reports->items);
}

void reports_begin(struct reports *reports)
{
    report_notices_release(&reports->notices);
    for (size_t i = 0; i < reports->count; i++)
        reports->items[i].seen = false;
}

void reports_look(struct reports *reports, const char *uid)
{
    struct report_memory *memory = find(reports, uid);

    if (memory)
        memory->seen = true;
}

void reports_end(struct reports *reports)
{
    size_t kept = 0;

    for (size_t i = 0; i < reports->count; i++) {
        if (reports->items[i].seen)
            reports->items[kept++] = reports->items[i];
        else
            mem_free(reports->items[i].uid);
    }
    reports->count = kept;
}

static void event_release(struct report_event *event)
{
    mem_free(event->uid);
    mem_free(event->reason);
    mem_free(event->name);
}

void reports_release(struct reports *reports)
{
    for (size_t i = 0; i < reports->count; i++)
        mem_free(reports->items[i].uid);
    mem_free(reports->items);
    for (size_t i = 0; i < REPORT_EVENTS; i++)
        event_release(&reports->events[i]);
    report_notices_release(&reports->notices);
    *reports = (struct reports){0};
}

/* ---- the verdict ---- */

static bool says_ready(const struct binding *binding)
{
    return binding->status.conditions[CONDITION_READY] == CONDITION_TRUE &&
           binding->status.observed_generation == binding->generation;
}

static const char *irsa_account(const struct claim *claim)
{
    for (size_t i = 0; i < claim->want_count; i++)
        if (claim->wants[i].irsa && claim->wants[i].verdict == WANT_HELD)
            return claim->wants[i].key.service_account;
    return NULL;
}

/* Before this process began, if status says that it was stalled; 0 when it does not. */
static int64_t stalled_before(const struct binding *binding)
{
    return binding->status.conditions[CONDITION_STALLED] == CONDITION_TRUE ? 1 : 0;
}

static void judge_unready(struct reports *reports, const struct claim *claim, int64_t since,
                          int64_t now, struct report *report)
{
    struct report_memory *memory = remember(reports, claim->binding->uid, now);

    if (strcmp(memory->reason, report->outcome.reason) != 0) {
        memory->reason = report->outcome.reason;
        memory->since = since > 0 ? since : now;
    }
    report->due = report->outcome.due;
    if (report->verdict == REPORT_WRITE && now < memory->unready_since + UNREADY_PATIENCE_MS) {
        report->verdict = REPORT_LATER;
        report->due = least(report->due, memory->unready_since + UNREADY_PATIENCE_MS);
    }
}

/* While nothing is known of the role, what was said of it before this process began stands. */
static bool differs(const struct binding *binding, const struct binding_status *status)
{
    const struct binding_condition *trust = &status->conditions[CONDITION_ROLE_TRUSTED];
    bool unread = trust->status == CONDITION_UNKNOWN && strcmp(trust->reason, ROLE_CHECKING) == 0;

    return binding_status_hash(status) != binding->status.hash ||
           (!unread && binding_trust_hash(status) != binding->status.trust_hash);
}

static bool is_distrusted(const struct binding *binding, const struct outcome *outcome)
{
    const struct binding_condition *trust = &outcome->status.conditions[CONDITION_ROLE_TRUSTED];

    return trust->status == CONDITION_FALSE &&
           binding->status.conditions[CONDITION_ROLE_TRUSTED] != CONDITION_FALSE &&
           strcmp(trust->reason, outcome->reason) != 0;
}

static void wait_for_role(struct report *report, int64_t role_wait, int64_t now)
{
    if (report->verdict == REPORT_NOTHING || now >= role_wait)
        return;
    report->awaits_role = true;
    report->due =
        report->verdict == REPORT_LATER && report->due > role_wait ? report->due : role_wait;
    report->verdict = REPORT_LATER;
}

/* That a binding is Ready from the first is no news: it costs no Event. */
static bool is_news(const char *stored_reason, const struct outcome *outcome)
{
    if (stored_reason[0] == '\0')
        return !outcome->ready;
    return strcmp(stored_reason, outcome->reason) != 0;
}

void report_make(struct reports *reports, const struct claim *claim,
                 struct outcome_context *context, int64_t role_wait, struct report *ret_report)
{
    const struct binding *binding = claim->binding;
    const struct report_memory *memory = find(reports, binding->uid);
    const char *reason = memory ? memory->reason : binding->status.ready_reason;
    bool blind = context->blind_reason[0] != '\0';

    *ret_report = (struct report){.due = INT64_MAX};
    if (blind && says_ready(binding))
        return; /* not being able to look is no news of the binding */
    context->reason_since = memory ? memory->since : stalled_before(binding);
    outcome_make(claim, context, &ret_report->outcome);
    if (context->reason_since > 0 && strcmp(reason, ret_report->outcome.reason) != 0) {
        outcome_release(&ret_report->outcome); /* another reason: its time starts now */
        context->reason_since = 0;
        outcome_make(claim, context, &ret_report->outcome);
    }
    if (ret_report->outcome.unread && says_ready(binding))
        return; /* nor is it that it is to be read again */
    if (differs(binding, &ret_report->outcome.status))
        ret_report->verdict = REPORT_WRITE;
    ret_report->event = is_news(binding->status.ready_reason, &ret_report->outcome);
    ret_report->distrust = is_distrusted(binding, &ret_report->outcome);
    if (ret_report->outcome.ready) {
        forget(reports, binding->uid);
        ret_report->irsa = irsa_account(claim);
    } else {
        judge_unready(reports, claim, context->reason_since, context->now, ret_report);
    }
    wait_for_role(ret_report, role_wait, context->now);
}

void report_release(struct report *report)
{
    outcome_release(&report->outcome);
}

/* ---- Events ---- */

static struct report_event *find_event(struct reports *reports, const char *uid, const char *reason,
                                       int64_t now)
{
    for (size_t i = 0; i < REPORT_EVENTS; i++) {
        struct report_event *event = &reports->events[i];

        if (event->uid && strcmp(event->uid, uid) == 0 && strcmp(event->reason, reason) == 0 &&
            now < event->at + SERIES_MS)
            return event;
    }
    return NULL;
}

static struct report_event *new_event(struct reports *reports, const struct binding *binding,
                                      const char *reason, uint64_t random)
{
    struct report_event *event = &reports->events[reports->next_event];
    char suffix[32];
    int prefix = (int)strnlen(binding->name, 200);
    size_t size = (size_t)prefix + sizeof suffix;

    while (prefix > 0 && strchr(".-", binding->name[prefix - 1])) /* no label may end so */
        prefix--;
    reports->next_event = (reports->next_event + 1) % REPORT_EVENTS;
    event_release(event);
    snprintf(suffix, sizeof suffix, ".%016" PRIx64, random);
    *event = (struct report_event){.uid = mem_strdup(binding->uid), .reason = mem_strdup(reason)};
    event->name = mem_alloc(size);
    snprintf(event->name, size, "%.*s%s", prefix, binding->name, suffix);
    return event;
}

void report_event(struct reports *reports, const struct binding *binding, const char *reason,
                  bool warning, const char *note, int64_t now, uint64_t random,
                  struct event_in *ret_event)
{
    struct report_event *event = find_event(reports, binding->uid, reason, now);

    if (!event)
        event = new_event(reports, binding, reason, random);
    event->count++;
    event->at = now;
    *ret_event = (struct event_in){
        .namespace = binding->namespace,
        .binding = binding->name,
        .uid = binding->uid,
        .name = event->name,
        .series_count = event->count > 1 ? event->count : 0,
        .warning = warning,
        .reason = reason,
        .action = "Reconcile",
        .note = note,
    };
}

void report_event_lost(struct reports *reports, const char *uid, const char *reason, int64_t now)
{
    struct report_event *event = find_event(reports, uid, reason, now);

    if (!event)
        return;
    event_release(event);
    *event = (struct report_event){0};
}
