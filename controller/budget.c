/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "controller/gather.h"

#define TRIES 4      /* a renewal of the Lease may come between reading and writing it */
#define LOOK_MS 5000 /* a person who lets deletions through waits this long */
#define SECOND_US 1000000

void budget_init(struct budget *budget, const struct budget_settings *settings)
{
    *budget = (struct budget){.settings = settings,
                              .due = INT64_MAX,
                              .left = settings->floor,
                              .backoff = {.base_ms = 1000, .cap_ms = 15000}};
}

static void forget_texts(struct budget *budget)
{
    mem_free(budget->written);
    mem_free(budget->release);
    budget->written = budget->release = NULL;
}

void budget_release(struct budget *budget)
{
    guard_release(&budget->guard);
    forget_texts(budget);
}

void budget_restart(struct budget *budget)
{
    const struct budget_settings *settings = budget->settings;

    budget_release(budget);
    budget_init(budget, settings);
}

/* ---- one asking ---- */

struct asking {
    struct budget *budget;
    struct intake *intake;
    int64_t now;
    size_t acting; /* Deletes that could be sent in this pass */
    struct guard_wish wish;
    struct guard_verdict verdict;
    struct call lease; /* as read */
    unsigned tries;
    bool overtaken; /* somebody else wrote the Lease since it was read */
};

static void asking_release(struct asking *asking)
{
    call_release(&asking->lease);
}

static bool is_same(const char *known, const char *text)
{
    return known && strcmp(known, text) == 0;
}

/* Holds all, with the reason why it can't be told. */
static void hold(struct asking *asking, const char *what, const char *detail)
{
    struct budget *budget = asking->budget;
    uint64_t random = asking->intake->ports->random(asking->intake->ports->world);

    asking->verdict = (struct guard_verdict){.held = asking->wish.wanted > 0};
    snprintf(budget->why, sizeof budget->why, "no deletion is made: %s: %s", what, detail);
    budget->look_at = asking->now + backoff_next(&budget->backoff, random);
    budget->known = false;
}

static void keep_texts(struct budget *budget, const char *deletions, const char *release)
{
    char *old_written = budget->written, *old_release = budget->release;

    budget->written = mem_strdup(deletions);
    budget->release = mem_strdup(release);
    mem_free(old_written);
    mem_free(old_release);
}

/* Some of what was allowed was not sent. */
static void take_back_unsent(struct asking *asking)
{
    struct budget *budget = asking->budget;
    const struct lease_facts *lease = &asking->lease.out.lease;

    if (budget->by_person) {
        asking->wish.released += is_same(budget->release, lease->release) ? budget->unsent : 0;
        return;
    }
    if (is_same(budget->written, lease->deletions))
        guard_give_back(&budget->guard, budget->unsent);
    budget->unsent = 0;
}

/* What the Lease says. What we wrote or read ourselves is known better here: how old it is, and
 * what of it was not sent. */
static int take_annotations(struct asking *asking)
{
    struct budget *budget = asking->budget;
    const struct lease_facts *lease = &asking->lease.out.lease;
    struct error err = {0};

    if (!is_same(budget->written, lease->deletions) &&
        guard_read(&budget->guard, lease->deletions, asking->now, &err) < 0) {
        hold(asking, "the annotation " LEASE_DELETIONS " of the Lease", err.text);
        return -1;
    }
    if (guard_read_release(lease->release, &asking->wish.released, &err) < 0) {
        hold(asking, "the annotation " LEASE_RELEASE " of the Lease", err.text);
        return -1;
    }
    take_back_unsent(asking);
    guard_expire(&budget->guard, asking->now);
    keep_texts(budget, lease->deletions, lease->release);
    budget->known = true;
    return 0;
}

static int read_lease(struct asking *asking, struct error *err)
{
    asking->lease.verb = CALL_READ_LEASE;
    if (gather_call(asking->intake, NULL, &asking->lease, err) < 0)
        return -1;
    if (asking->lease.error.kind != ERROR_NONE)
        hold(asking, "the Lease can't be read", asking->lease.error.text);
    return 0;
}

/* With the definition every binding goes: that is nobody's wish for its associations to go. Gone is
 * gone. */
static int read_definition(struct asking *asking, struct error *err)
{
    CLEANUP(call_release) struct call call = {.verb = CALL_READ_DEFINITION};

    if (gather_call(asking->intake, NULL, &call, err) < 0)
        return -1;
    asking->wish.stop = asking->budget->stopped =
        call.error.kind == ERROR_NOT_FOUND || call.out.definition_going;
    if (call.error.kind != ERROR_NONE && call.error.kind != ERROR_NOT_FOUND)
        hold(asking, "the CustomResourceDefinition can't be read", call.error.text);
    return 0;
}

/* ---- writing ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What goes into the Lease, for so many Deletes that are about to be sent. */
static void spend(struct asking *asking, size_t count, struct strbuf *ret_text,
                  struct strbuf *ret_release)
{
    struct budget *budget = asking->budget;
    const struct ports *ports = asking->intake->ports;
    size_t released = asking->wish.released;

    if (asking->verdict.released > 0)
        released -= count;
    else if (count > 0)
        guard_spend(&budget->guard, count, asking->wish.ours, asking->now,
                    ports->wall(ports->world) / SECOND_US);
    guard_write(&budget->guard, ret_text);
    if (released > 0)
        strbuf_format(ret_release, "%zu", released);
}

static int patch_lease(struct asking *asking, const struct strbuf *text,
                       const struct strbuf *release, struct error *err)
{
    CLEANUP(call_release) struct call call = {.verb = CALL_PATCH_LEASE};

    call.in.lease = (struct lease_in){.resource_version = asking->lease.out.lease.resource_version,
                                      .deletions = strbuf_text(text),
                                      .release = strbuf_text(release)};
    if (!ports_may_write(asking->intake->ports)) {
        hold(asking, "the Lease can't be written", "it has to be renewed first");
        return 0;
    }
    if (gather_call(asking->intake, NULL, &call, err) < 0)
        return -1;
    asking->overtaken = call.error.kind == ERROR_CONFLICT && ++asking->tries < TRIES;
    if (call.error.kind != ERROR_NONE)
        hold(asking, "the Lease can't be written", call.error.text);
    else
        keep_texts(asking->budget, strbuf_text(text), strbuf_text(release));
    return 0;
}

/* Writes what is about to be spent, and what no longer counts, where that is any change. */
static int put_down(struct asking *asking, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(GUARD_TEXT_CAP);
    CLEANUP(strbuf_release) struct strbuf release = STRBUF_CAPPED(32);
    const struct lease_facts *lease = &asking->lease.out.lease;
    struct budget *budget = asking->budget;
    size_t count = least(asking->acting, asking->verdict.budgeted + asking->verdict.released);
    bool by_person = asking->verdict.released > 0;

    spend(asking, count, &text, &release);
    if ((strcmp(strbuf_text(&text), lease->deletions) != 0 ||
         strcmp(strbuf_text(&release), lease->release) != 0) &&
        patch_lease(asking, &text, &release, err) < 0)
        return -1;
    if (!budget->known) {
        if (!by_person)
            guard_give_back(&budget->guard, count);
        return 0;
    }
    budget->by_person = by_person;
    budget->released = asking->wish.released - (by_person ? count : 0);
    budget->unsent = 0;
    budget->allowed = count;
    budget->allowed_until = asking->now + GUARD_USE_MS;
    return 0;
}

/* ---- deciding ---- */

static void say_held(const struct asking *asking)
{
    struct budget *budget = asking->budget;
    const struct budget_settings *settings = budget->settings;
    char cause[160];

    if (asking->wish.stop)
        snprintf(cause, sizeof cause,
                 "the CustomResourceDefinition of bindings is being deleted, and all bindings "
                 "with it");
    else
        snprintf(cause, sizeof cause,
                 "%zu deletions are wanted at once, and of %zu in ten minutes %zu are left",
                 asking->wish.wanted,
                 guard_limit(&budget->guard, asking->wish.ours, settings->floor), budget->left);
    snprintf(
        budget->why, sizeof budget->why,
        "%s: none is made. If they are meant: kubectl annotate lease %s -n %s --overwrite " LEASE_RELEASE
        "=%zu",
        cause, settings->lease_name, settings->lease_namespace, asking->wish.wanted);
}

static int ask_once(struct asking *asking, struct error *err)
{
    struct budget *budget = asking->budget;

    asking->overtaken = false;
    call_release(&asking->lease);
    budget->look_at = asking->now + LOOK_MS;
    budget->why[0] = '\0';
    budget->stopped = false;
    if (read_lease(asking, err) < 0)
        return -1;
    if (asking->lease.error.kind != ERROR_NONE || take_annotations(asking) < 0)
        return 0;
    asking->verdict = guard_judge(&budget->guard, &asking->wish);
    if (asking->verdict.budgeted > 0) {
        if (read_definition(asking, err) < 0)
            return -1;
        if (budget->known)
            asking->verdict = guard_judge(&budget->guard, &asking->wish);
    }
    if (budget->known && put_down(asking, err) < 0)
        return -1;
    if (!budget->known)
        return 0;
    backoff_reset(&budget->backoff);
    budget->left = guard_left(&budget->guard, asking->wish.ours, budget->settings->floor);
    if (asking->verdict.held)
        say_held(asking);
    return 0;
}

static int ask(struct asking *asking, struct error *err)
{
    do
        if (ask_once(asking, err) < 0)
            return -1;
    while (asking->overtaken);
    return 0;
}

/* Is there a reason to look at the Lease? */
static bool must_ask(const struct asking *asking)
{
    const struct budget *budget = asking->budget;
    struct guard_wish wish = asking->wish;
    struct guard_verdict verdict;

    if (asking->acting == 0)
        return asking->now >= budget->look_at &&
               (!budget->known || guard_due(&budget->guard) <= asking->now);
    if (asking->now >= budget->look_at)
        return true;
    wish.released = budget->released;
    wish.stop = budget->stopped;
    verdict = guard_judge(&budget->guard, &wish);
    return budget->known && verdict.budgeted + verdict.released > 0;
}

static void count(struct asking *asking, const struct plan *plan,
                  const struct plan_context *context)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];

        if (step->entry && step->entry->association && !step->entry->deleted_at)
            asking->wish.ours += association_is_ours(step->entry->association, context->owner);
        asking->wish.wanted += plan_deletes(step, context);
        asking->acting += plan_deletes(step, context) && plan_may_act(step, context);
    }
}

/* The first ones go, in key order. */
static void mark(struct budget *budget, struct plan *plan, const struct plan_context *context)
{
    size_t allowed = budget->allowed;

    budget->held = 0;
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_step *step = &plan->steps[i];

        if (!plan_deletes(step, context) || !plan_may_act(step, context))
            continue;
        step->held = allowed == 0;
        budget->held += step->held;
        allowed -= !step->held;
    }
}

/* Some are held: a person may let them go. Otherwise when what was spent no longer counts. */
static int64_t due(const struct budget *budget)
{
    int64_t ends = guard_due(&budget->guard);

    return budget->held > 0 || !budget->known || ends < budget->look_at ? budget->look_at : ends;
}

int budget_decide(struct budget *budget, struct intake *intake, struct plan *plan,
                  const struct plan_context *context, struct error *err)
{
    CLEANUP(asking_release)
    struct asking asking = {.budget = budget,
                            .intake = intake,
                            .now = context->now,
                            .wish.floor = budget->settings->floor};

    if (context->mode != PLAN_SYNC)
        return 0;
    budget->unsent += budget->allowed;
    budget->allowed = 0;
    count(&asking, plan, context);
    budget->wanted = asking.wish.wanted;
    if (must_ask(&asking) && ask(&asking, err) < 0)
        return -1;
    mark(budget, plan, context);
    asking.wish.stop = budget->stopped;
    if (budget->held == 0)
        budget->why[0] = '\0';
    else if (budget->why[0] == '\0') /* all that is left was spent a moment ago */
        say_held(&asking);
    budget->due = due(budget);
    return 0;
}

bool budget_take(struct budget *budget, int64_t now)
{
    if (budget->allowed == 0 || now > budget->allowed_until)
        return false;
    budget->allowed--;
    return true;
}

void budget_give_back(struct budget *budget)
{
    if (budget->by_person)
        budget->unsent++;
    else
        guard_give_back(&budget->guard, 1);
}
