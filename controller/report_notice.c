/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/report_notice.h"

#include "base/mem.h"

void report_notices_release(struct report_notices *notices)
{
    for (size_t i = 0; i < notices->count; i++) {
        mem_free(notices->items[i].namespace);
        mem_free(notices->items[i].name);
        mem_free(notices->items[i].message);
    }
    *notices = (struct report_notices){0};
}

void report_notice(struct report_notices *notices, const struct binding *binding,
                   const struct outcome *outcome)
{
    if (outcome->ready || !outcome_needs_a_person(outcome->reason))
        return;
    if (notices->count == REPORT_NOTICES) {
        notices->more++;
        return;
    }
    notices->items[notices->count++] = (struct report_notice){
        .namespace = mem_strdup(binding->namespace),
        .name = mem_strdup(binding->name),
        .message = mem_strdup(outcome->status.conditions[CONDITION_READY].message),
        .reason = outcome->reason};
}
