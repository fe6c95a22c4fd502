/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/vitals.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "controller/metrics.h"
#include "controller/options.h"

#define SAY_MS 60000
#define ROLE_SAY_MS (10 * SAY_MS)
#define PATIENCE_MS 3000 /* what passes sooner is no trouble worth a line */

void vitals_init(struct vitals *vitals)
{
    *vitals = (struct vitals){0};
    pthread_mutex_init(&vitals->lock, NULL);
}

void vitals_release(struct vitals *vitals)
{
    pthread_mutex_destroy(&vitals->lock);
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static const char *trouble_of(const struct sync *sync)
{
    const struct error *trouble = &sync->facts.trouble;

    if (!intake_synced(&sync->intake) || !sync->leading || trouble->kind == ERROR_NONE)
        trouble = &sync->intake.last_error;
    return trouble->kind != ERROR_NONE ? trouble->text : "";
}

static void publish(struct vitals *vitals, const struct sync *sync)
{
    pthread_mutex_lock(&vitals->lock);
    vitals->synced = intake_synced(&sync->intake);
    vitals->leading = sync->leading;
    vitals->wrong = sync->observe.cluster.verdict == CLUSTER_WRONG;
    copy_text(vitals->why, sizeof vitals->why, trouble_of(sync));
    pthread_mutex_unlock(&vitals->lock);
}

/* Once a minute while it lasts, whatever it is by then, and once when it is over. */
static void say_trouble(struct vitals *vitals, const char *trouble)
{
    int64_t now = clock_boot_ms();

    if (trouble[0] == '\0') {
        if (vitals->said[0] != '\0')
            log_line(LOG_INFO, "working again", NULL);
        vitals->said[0] = '\0';
        vitals->trouble_since = 0;
        return;
    }
    if (vitals->trouble_since == 0)
        vitals->trouble_since = now;
    if (now < vitals->trouble_since + PATIENCE_MS)
        return;
    if (vitals->said[0] != '\0' && now < vitals->said_at + SAY_MS)
        return;
    copy_text(vitals->said, sizeof vitals->said, trouble);
    vitals->said_at = now;
    log_line(LOG_WARN, "not working", "error", trouble, NULL);
}

/* Many roles may be refused at once: one is said. */
static void say_role_trouble(struct vitals *vitals, const struct error *trouble)
{
    int64_t now = clock_boot_ms();

    if (trouble->kind == ERROR_NONE ||
        (vitals->role_said_at && now < vitals->role_said_at + ROLE_SAY_MS))
        return;
    vitals->role_said_at = now;
    log_line(LOG_WARN, "IAM does not tell of a role, so RoleTrusted is not known", "error",
             trouble->text, NULL);
}

/* The user of the binding can't read it in its status. */
static void say_refusal(struct vitals *vitals, const struct error *refusal)
{
    int64_t now = clock_boot_ms();

    if (refusal->kind == ERROR_NONE ||
        (vitals->refusal_said_at && now < vitals->refusal_said_at + SAY_MS))
        return;
    vitals->refusal_said_at = now;
    log_line(LOG_WARN, "the API server refuses to store a binding", "error", refusal->text, NULL);
}

/* What the bindings of the last pass were told that somebody has to mend. */
static void say_notices(const struct report_notices *notices)
{
    char more[24];

    for (size_t i = 0; i < notices->count; i++)
        log_line(LOG_WARN, "binding not ready", "namespace", notices->items[i].namespace, "name",
                 notices->items[i].name, "reason", notices->items[i].reason, "message",
                 notices->items[i].message, NULL);
    if (notices->more == 0)
        return;
    snprintf(more, sizeof more, "%zu", notices->more);
    log_line(LOG_WARN, "more bindings not ready", "count", more, NULL);
}

static void say_orphans(struct vitals *vitals, const struct sync_facts *facts)
{
    char count[24];

    if (facts->orphans == vitals->orphans)
        return;
    vitals->orphans = facts->orphans;
    snprintf(count, sizeof count, "%zu", facts->orphans);
    if (facts->orphans == 0)
        log_line(LOG_INFO, "no orphans any more", NULL);
    else
        log_line(LOG_WARN, "associations that no binding wants are left alone", "count", count,
                 "first", facts->orphan_ids, NULL);
}

static void say_changes(struct vitals *vitals, const struct sync *sync)
{
    const struct cluster *cluster = &sync->observe.cluster;

    if (intake_synced(&sync->intake) && !vitals->was_synced)
        log_line(LOG_INFO, "bindings and service accounts are known", NULL);
    vitals->was_synced = intake_synced(&sync->intake);
    if (cluster->verdict == vitals->verdict)
        return;
    vitals->verdict = cluster->verdict;
    if (cluster->verdict == CLUSTER_VERIFIED)
        log_line(LOG_INFO, "cluster verified", "cluster", cluster->name, "region", cluster->region,
                 "account", cluster->account, "owner", cluster->owner, NULL);
    else
        log_line(LOG_ERROR, cluster_reason(cluster), "cluster",
                 cluster->name[0] ? cluster->name : OPTIONS_CLUSTER_AUTO, "why", cluster->why,
                 NULL);
}

static void say_held(struct vitals *vitals, const struct budget *budget)
{
    char held[24];
    bool holds = budget->held > 0;

    if (holds == vitals->was_held)
        return;
    vitals->was_held = holds;
    snprintf(held, sizeof held, "%zu", budget->held);
    if (holds)
        log_line(LOG_WARN, "deletions are held", "deletions", held, "why", budget->why, NULL);
    else
        log_line(LOG_INFO, "no deletion is held any more", NULL);
}

/* ---- metrics ---- */

#define REASONS 32

struct reasons {
    struct metrics_row rows[REASONS];
    size_t count;
};

static void count_reason(struct reasons *reasons, const char *reason)
{
    size_t row = 0;

    while (row < reasons->count && strcmp(reasons->rows[row].label, reason) != 0)
        row++;
    if (row == reasons->count && reasons->count < REASONS)
        reasons->rows[reasons->count++] = (struct metrics_row){reason, 0};
    if (row < reasons->count)
        reasons->rows[row].value++;
}

/* Bindings by the reason of Ready, as the store shows them; those that are not Ready once more. */
static void count_bindings(const struct sync *sync)
{
    const struct store *store = &sync->intake.informers[RESOURCE_BINDINGS].store;
    struct reasons all = {0}, unready = {0};

    for (size_t i = 0; i < store->count; i++) {
        const struct binding *binding = store->records[i];
        const char *reason =
            binding->status.ready_reason[0] ? binding->status.ready_reason : "None";

        count_reason(&all, reason);
        if (binding->status.conditions[CONDITION_READY] != CONDITION_TRUE)
            count_reason(&unready, reason);
    }
    metrics_replace(METRIC_BINDINGS, all.rows, all.count);
    metrics_replace(METRIC_BINDINGS_NOT_READY, unready.rows, unready.count);
}

static void add_up(enum metric metric, uint64_t now, uint64_t *told, const char *resource)
{
    if (now > *told)
        metrics_add(metric, (double)(now - *told), resource, NULL);
    *told = now;
}

static void count_watches(struct vitals *vitals, const struct intake *intake)
{
    static const char *const names[RESOURCE_COUNT] = {"podidentitybindings", "serviceaccounts"};

    for (int resource = 0; resource < RESOURCE_COUNT; resource++) {
        struct vitals_counted_so_far *told = &vitals->counted[resource];
        const char *name = names[resource];

        add_up(METRIC_WATCH_CONNECTS, intake->opened[resource], &told->opened, name);
        add_up(METRIC_RELISTS, intake->informers[resource].relists, &told->relists, name);
        add_up(METRIC_UNREADABLE_OBJECTS, intake->unreadable[resource], &told->unreadable, name);
        for (int kind = 0; kind <= ERROR_BUG; kind++) {
            uint64_t ended = intake->ended[resource][kind];

            if (ended > told->ended[kind])
                metrics_add(METRIC_WATCH_ENDS, (double)(ended - told->ended[kind]), name,
                            error_kind_name((enum error_kind)kind), NULL);
            told->ended[kind] = ended;
        }
    }
}

static void count_pass(const struct sync *sync)
{
    const struct sync_facts *facts = &sync->facts;
    bool well = facts->trouble.kind == ERROR_NONE;
    const struct metrics_row associations[] = {{"wanted", (double)facts->wanted},
                                               {"in_place", (double)facts->in_place}};

    metrics_add(METRIC_RECONCILES, 1, "podidentitybinding", well ? "success" : "error", NULL);
    metrics_observe(METRIC_RECONCILE_SECONDS, (double)facts->pass_ms / 1000, "podidentitybinding",
                    NULL);
    metrics_replace(METRIC_ASSOCIATIONS, associations, 2);
    metrics_set(METRIC_ORPHANS, (double)facts->orphans, NULL);
    metrics_set(METRIC_REFUSED_BINDINGS, (double)facts->refused, NULL);
    metrics_set(METRIC_HELD_DELETIONS, (double)sync->budget.held, NULL);
    metrics_set(METRIC_DELETION_BUDGET, (double)sync->budget.left, NULL);
    if (well && !sync->again)
        metrics_set(METRIC_LAST_PASS, (double)clock_wall_us() / 1e6, NULL);
}

static void say_pass(const struct sync_facts *facts)
{
    char pass[24], writes[24], wanted[24], in_place[24], took[24];

    if (facts->writes == 0 || !log_enabled(LOG_INFO))
        return;
    snprintf(pass, sizeof pass, "%llu", (unsigned long long)facts->passes);
    snprintf(writes, sizeof writes, "%zu", facts->writes);
    snprintf(wanted, sizeof wanted, "%zu", facts->wanted);
    snprintf(in_place, sizeof in_place, "%zu", facts->in_place);
    snprintf(took, sizeof took, "%lld", (long long)facts->pass_ms);
    log_line(LOG_INFO, "pass", "pass", pass, "writes", writes, "wanted", wanted, "in_place_before",
             in_place, "ms", took, NULL);
}

void vitals_passed(struct vitals *vitals, const struct sync *sync)
{
    publish(vitals, sync);
    say_changes(vitals, sync);
    say_pass(&sync->facts);
    say_trouble(vitals, trouble_of(sync));
    say_refusal(vitals, &sync->facts.refusal);
    say_role_trouble(vitals, &sync->roles.trouble);
    say_notices(&sync->reports.notices);
    say_orphans(vitals, &sync->facts);
    say_held(vitals, &sync->budget);
    count_pass(sync);
    count_bindings(sync);
    count_watches(vitals, &sync->intake);
}

void vitals_waiting(struct vitals *vitals, const struct sync *sync)
{
    publish(vitals, sync);
    count_watches(vitals, &sync->intake);
    say_changes(vitals, sync);
    say_trouble(vitals, trouble_of(sync));
}

static const char *method_of(enum call_verb verb)
{
    switch (verb) {
    case CALL_PATCH_FINALIZERS:
    case CALL_PATCH_STATUS:
    case CALL_PATCH_LEASE:
        return "PATCH";
    case CALL_WRITE_EVENT:
        return "POST";
    default:
        return "GET";
    }
}

void vitals_counted(const struct call *call)
{
    bool ok = call->error.kind == ERROR_NONE;
    const char *outcome = ok ? "ok" : error_kind_name(call->error.kind);
    char code[16];

    snprintf(code, sizeof code, "%d", ok ? 200 : call->error.status);
    if (call_is_eks(call->verb))
        metrics_add(METRIC_EKS_CALLS, 1, call_name(call->verb), outcome, NULL);
    else if (call->verb == CALL_READ_ROLE)
        metrics_add(METRIC_IAM_CALLS, 1, call_name(call->verb), outcome, NULL);
    else
        metrics_add(METRIC_REST_CALLS, 1, code[0] == '0' ? "<error>" : code, method_of(call->verb),
                    "kubernetes", NULL);
}

bool vitals_ready(struct vitals *vitals, char *ret_why, size_t size)
{
    bool ready = false;

    pthread_mutex_lock(&vitals->lock);
    if (!vitals->synced)
        snprintf(ret_why, size, "bindings and service accounts are not known yet: %s", vitals->why);
    else if (vitals->leading && vitals->wrong)
        snprintf(ret_why, size, "this is the wrong cluster: %s", vitals->why);
    else
        ready = true;
    pthread_mutex_unlock(&vitals->lock);
    return ready;
}

void vitals_clock_off(int64_t offset_us)
{
    int64_t seconds = (offset_us < 0 ? -offset_us : offset_us) / 1000000;
    char off[64];

    if (offset_us == 0) {
        log_line(LOG_INFO, "this machine's clock agrees with that of AWS again", NULL);
        return;
    }
    snprintf(off, sizeof off, "%lldm%llds %s", (long long)(seconds / 60), (long long)(seconds % 60),
             offset_us > 0 ? "behind" : "ahead");
    log_line(LOG_WARN, "this machine's clock is wrong: requests are signed with the time of AWS",
             "clock", off, NULL);
}
