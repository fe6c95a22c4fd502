/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "controller/steps.h"
#include "crds/pairs.h"

#define SLICE_MS 1000      /* longest time without a look at what the watches brought */
#define URGENT_MS 100      /* a pass under way makes room for a person's change after this long */
#define LEASE_RETRY_MS 200 /* a renewal may be on its way */
#define KUBE_FAILURES 8    /* so many in one pass: the API server has a trouble of its own */

struct job {
    struct claim *claim;
    struct plan_step **steps; /* those of the claim */
    size_t step_count;
    size_t open; /* tasks queued or under way */
    bool fresh;  /* a person has just changed it */
    bool has_finalizer;
    bool reported; /* its status was looked at in this pass */
    char *version; /* resourceVersion after our own write; NULL: as in the store */
};

enum task_kind { TASK_FINALIZER_ADD, TASK_STEP, TASK_FINALIZER_DROP, TASK_STATUS, TASK_EVENT };

/* One call to be made. */
struct task {
    enum task_kind kind;
    struct job *job;
    struct plan_step *step; /* TASK_STEP */
    enum step_call call;
    bool irsa; /* TASK_EVENT: IRSAFallback instead of the change of reason */
};

struct queue {
    struct task *items;
    size_t first, count, capacity; /* items[first .. count) wait */
};

enum lane { LANE_EKS, LANE_KUBE, LANE_STATUS, LANE_COUNT };

/* A call under way and all it points to. */
struct flight {
    struct flight *next, **link; /* in the list of those under way */
    struct call call;
    struct task task;
    struct step_memory memory;
    struct strbuf finalizers;
    struct strbuf note;
    struct report report;
};

struct run {
    const struct apply *apply;
    const struct ports *ports;
    struct apply_result *result;
    struct job *jobs;                   /* one a claim, in their order */
    struct queue queues[LANE_COUNT][2]; /* fresh ones, others */
    struct flight *flights;             /* under way */
    size_t eks_under_way, kube_under_way;
    size_t kube_failures;
    size_t report_cursor;
    int64_t started;
    bool stop; /* start no more */
};

/* ---- queues -------------------------------------------------------------------------------------
 */

static enum lane lane_of(const struct task *task)
{
    switch (task->kind) {
    case TASK_STEP:
        return task->call == STEP_EVIDENCE ? LANE_KUBE : LANE_EKS;
    case TASK_FINALIZER_ADD:
    case TASK_FINALIZER_DROP:
        return LANE_KUBE;
    case TASK_STATUS:
    case TASK_EVENT:
        break;
    }
    return LANE_STATUS;
}

static void push(struct run *run, struct task task)
{
    struct queue *queue = &run->queues[lane_of(&task)][task.job->fresh ? 0 : 1];

    MEM_GROW(queue->items, queue->count, queue->capacity);
    queue->items[queue->count++] = task;
    task.job->open++;
}

static bool pop(struct run *run, enum lane lane, struct task *ret_task)
{
    for (int i = 0; i < 2; i++) {
        struct queue *queue = &run->queues[lane][i];

        if (queue->first < queue->count) {
            *ret_task = queue->items[queue->first++];
            return true;
        }
    }
    return false;
}

static bool is_waiting(const struct run *run)
{
    for (int lane = 0; lane < LANE_COUNT; lane++)
        for (int i = 0; i < 2; i++)
            if (run->queues[lane][i].first < run->queues[lane][i].count)
                return true;
    return false;
}

/* ---- jobs ---------------------------------------------------------------------------------------
 */

static void note_due(struct run *run, int64_t due)
{
    if (due < run->result->due)
        run->result->due = due;
}

static void push_steps(struct run *run, struct job *job)
{
    for (size_t i = 0; i < job->step_count; i++)
        if (plan_may_act(job->steps[i], run->apply->context))
            push(run, (struct task){.kind = TASK_STEP,
                                    .job = job,
                                    .step = job->steps[i],
                                    .call = step_first(run->apply->observe, job->steps[i])});
}

static bool has_work(const struct run *run, const struct job *job)
{
    for (size_t i = 0; i < job->step_count; i++)
        if (plan_may_act(job->steps[i], run->apply->context))
            return true;
    return false;
}

/* Will something of ours stand under a key of it? Then the finalizer comes first. */
static bool needs_finalizer(const struct run *run, const struct job *job)
{
    for (size_t i = 0; i < job->step_count; i++)
        if (plan_may_act(job->steps[i], run->apply->context) &&
            (job->steps[i]->verb == PLAN_CREATE || job->steps[i]->verb == PLAN_CHANGE))
            return !job->has_finalizer;
    return false;
}

static bool still_stands(const struct plan_step *step, int64_t now)
{
    const struct mirror_entry *entry = step->entry;

    if (step->evidence != EVIDENCE_BINDING_DELETED || !entry->association)
        return false;
    return !entry->deleted_at || now < entry->deleted_at + MIRROR_SETTLE_MS;
}

/* What stands under the key is not of this binding (its own was looked at before), or nothing is.
 */
static bool key_is_clear(const struct mirror *mirror, const char *namespace, const char *account)
{
    const struct association_key key = {namespace, account};
    const struct mirror_entry *entry = mirror_find(mirror, &key);

    return (entry && entry->association) || mirror_surely_absent(mirror, &key);
}

static bool keys_are_clear(const struct run *run, const struct binding *binding)
{
    const struct mirror *mirror = &run->apply->observe->mirror;
    struct pair_view row;

    for (const char *cursor = binding->status.associations; pairs_next(&cursor, &row);) {
        CLEANUP_FREE char *account = mem_strndup(row.key, row.key_length);

        if (!key_is_clear(mirror, binding->namespace, account))
            return false;
    }
    if (binding->selector_count > 0)
        return mirror->listed_at >= mirror->epoch + MIRROR_SETTLE_MS;
    return key_is_clear(mirror, binding->namespace, binding->service_account);
}

/* The finalizer goes when nothing of ours can be left behind: what we deleted is gone (or has
 * lingered for a minute), and no Create can have had effect unseen. */
static bool may_let_go(struct run *run, const struct job *job)
{
    const struct mirror *mirror = &run->apply->observe->mirror;
    const struct binding *binding = job->claim->binding;
    int64_t now = run->ports->now(run->ports->world);

    for (size_t i = 0; i < job->step_count; i++)
        if (still_stands(job->steps[i], now))
            return false;
    if (plan_has_unknown(run->apply->plan, binding->namespace))
        return false;
    if (keys_are_clear(run, binding))
        return true;
    run->apply->observe->list_wanted_at = mirror->epoch + MIRROR_SETTLE_MS;
    return false;
}

static void close_job(struct run *run, struct job *job)
{
    const struct binding *binding = job->claim->binding;

    if (!binding->deleting) {
        push(run, (struct task){.kind = TASK_STATUS, .job = job});
        return;
    }
    if (job->has_finalizer && run->apply->context->mode != PLAN_OBSERVE && may_let_go(run, job))
        push(run, (struct task){.kind = TASK_FINALIZER_DROP, .job = job});
}

static void begin_job(struct run *run, struct job *job)
{
    const struct binding *binding = job->claim->binding;

    for (size_t i = 0; i < job->step_count; i++)
        if (!job->claim->held && plan_due(job->steps[i], run->apply->context) > run->started)
            note_due(run, plan_due(job->steps[i], run->apply->context));
    if (job->claim->held)
        return;
    if (needs_finalizer(run, job))
        push(run, (struct task){.kind = TASK_FINALIZER_ADD, .job = job});
    else if (has_work(run, job))
        push_steps(run, job);
    else if (binding->deleting && binding->has_finalizer)
        close_job(run, job);
}

static void make_jobs(struct run *run)
{
    const struct desired *desired = run->apply->desired;
    const struct plan *plan = run->apply->plan;

    run->jobs = mem_array(desired->claim_count, sizeof *run->jobs);
    for (size_t i = 0; i < desired->claim_count; i++) {
        const struct binding *binding = desired->claims[i].binding;
        struct job *job = &run->jobs[i];

        *job = (struct job){.claim = &desired->claims[i], .has_finalizer = binding->has_finalizer};
        job->fresh = fresh_find(run->apply->fresh, binding->namespace, binding->name) != NULL;
        if (!plan)
            continue;
        job->steps = plan->by_claim + plan->claim_first[i];
        job->step_count = plan->claim_first[i + 1] - plan->claim_first[i];
        begin_job(run, job);
    }
}

/* ---- calls: what goes out -----------------------------------------------------------------------
 */

static const char *version_of(const struct job *job)
{
    return job->version ? job->version : job->claim->binding->resource_version;
}

static void list_finalizers(const struct binding *binding, bool with_ours, struct strbuf *ret_list)
{
    for (const char *line = binding->finalizers; *line != '\0';) {
        size_t length = strcspn(line, "\n");

        if (length != strlen(BINDING_FINALIZER) || strncmp(line, BINDING_FINALIZER, length) != 0)
            strbuf_format(ret_list, "%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    if (with_ours)
        strbuf_str(ret_list, BINDING_FINALIZER "\n");
}

static struct object_in object_of(const struct job *job)
{
    const struct binding *binding = job->claim->binding;

    return (struct object_in){.namespace = binding->namespace,
                              .name = binding->name,
                              .resource_version = version_of(job)};
}

static void make_report(struct run *run, struct job *job, struct report *ret_report)
{
    struct outcome_context context = *run->apply->outcome;

    context.now = run->ports->now(run->ports->world);
    context.wall_us = run->ports->wall(run->ports->world);
    job->reported = true;
    report_make(run->apply->reports, job->claim, &context, ret_report);
    note_due(run, ret_report->due);
}

static void prepare_finalizers(struct flight *flight, bool with_ours)
{
    flight->call.verb = CALL_PATCH_FINALIZERS;
    flight->call.in.object = object_of(flight->task.job);
    list_finalizers(flight->task.job->claim->binding, with_ours, &flight->finalizers);
    flight->call.in.object.finalizers = strbuf_text(&flight->finalizers);
}

static bool prepare_status(struct run *run, struct flight *flight)
{
    make_report(run, flight->task.job, &flight->report);
    flight->call.verb = CALL_PATCH_STATUS;
    flight->call.in.object = object_of(flight->task.job);
    flight->call.in.object.status = &flight->report.outcome.status;
    return flight->report.verdict == REPORT_WRITE;
}

static void prepare_event(struct run *run, struct flight *flight)
{
    const struct binding *binding = flight->task.job->claim->binding;
    bool irsa = flight->task.irsa;

    make_report(run, flight->task.job, &flight->report);
    if (irsa)
        strbuf_format(
            &flight->note,
            "service account '%.253s' still carries eks.amazonaws.com/role-arn: a pod that "
            "misses Pod Identity falls back to that role",
            flight->report.irsa ? flight->report.irsa : "");
    else
        strbuf_str(&flight->note, strbuf_text(&flight->report.outcome.ready_message));
    flight->call.verb = CALL_WRITE_EVENT;
    report_event(run->apply->reports, binding,
                 irsa ? "IRSAFallback" : flight->report.outcome.reason,
                 irsa || !flight->report.outcome.ready, strbuf_text(&flight->note),
                 run->ports->now(run->ports->world), run->ports->random(run->ports->world),
                 &flight->call.in.event);
}

/* Returns false when the task turned out to have nothing to do. */
static bool prepare(struct run *run, struct flight *flight)
{
    switch (flight->task.kind) {
    case TASK_FINALIZER_ADD:
        prepare_finalizers(flight, true);
        return true;
    case TASK_FINALIZER_DROP:
        prepare_finalizers(flight, false);
        return true;
    case TASK_STATUS:
        return prepare_status(run, flight);
    case TASK_EVENT:
        prepare_event(run, flight);
        return true;
    case TASK_STEP:
        break;
    }
    if (flight->task.call == STEP_NONE)
        return false;
    step_prepare(run->apply->observe, flight->task.step, flight->task.call, &flight->memory,
                 &flight->call);
    return true;
}

static void flight_free(struct flight *flight)
{
    call_release(&flight->call);
    step_memory_release(&flight->memory);
    strbuf_release(&flight->finalizers);
    strbuf_release(&flight->note);
    report_release(&flight->report);
    mem_free(flight);
}

/* ---- calls: what comes back ---------------------------------------------------------------------
 */

static void note_written(struct run *run, struct job *job, struct call *call)
{
    const struct binding *binding = job->claim->binding;

    if (strcmp(call->out.resource_version, binding->resource_version) == 0)
        return; /* it said so already: no event will come */
    mem_free(job->version);
    job->version = call->out.resource_version;
    call->out.resource_version = NULL;
    writes_note(&run->apply->intake->writes, binding->namespace, binding->name, job->version,
                run->ports->now(run->ports->world));
}

/* A conflict or a missing object is news that the watch is about to bring. */
static void note_kube_failure(struct run *run, const struct call *call)
{
    if (call->error.kind == ERROR_CONFLICT || call->error.kind == ERROR_NOT_FOUND)
        return;
    if (run->result->kube_error.kind == ERROR_NONE)
        run->result->kube_error = call->error;
    if (++run->kube_failures >= KUBE_FAILURES)
        run->stop = true;
}

static void finalizer_done(struct run *run, struct flight *flight)
{
    struct job *job = flight->task.job;

    if (flight->call.error.kind != ERROR_NONE) {
        note_kube_failure(run, &flight->call);
        return;
    }
    note_written(run, job, &flight->call);
    if (flight->task.kind == TASK_FINALIZER_ADD) {
        job->has_finalizer = true;
        if (!run->stop)
            push_steps(run, job);
    }
}

static void status_done(struct run *run, struct flight *flight)
{
    struct job *job = flight->task.job;

    if (flight->call.error.kind != ERROR_NONE) {
        note_kube_failure(run, &flight->call);
        return;
    }
    note_written(run, job, &flight->call);
    if (flight->report.event)
        push(run, (struct task){.kind = TASK_EVENT, .job = job});
    if (flight->report.irsa)
        push(run, (struct task){.kind = TASK_EVENT, .job = job, .irsa = true});
}

static void step_came_back(struct run *run, struct flight *flight)
{
    struct task *task = &flight->task;
    enum step_call next = step_done(run->apply->observe, task->step, task->call, &flight->call);

    if (call_writes(flight->call.verb))
        run->result->wrote = true;
    if (task->step->entry->trouble)
        note_due(run, task->step->entry->trouble->retry_at);
    if (next != STEP_NONE && !run->stop)
        push(run,
             (struct task){.kind = TASK_STEP, .job = task->job, .step = task->step, .call = next});
}

/* The task is over: frees it, and after the last step of a job looks what that makes of it. */
static void land(struct run *run, struct flight *flight)
{
    struct job *job = flight->task.job;

    job->open--;
    if (job->open == 0 && flight->task.kind == TASK_STEP && !run->stop &&
        !job->claim->binding->deleting)
        close_job(run, job);
    flight_free(flight);
}

static void finish(struct run *run, struct flight *flight)
{
    switch (flight->task.kind) {
    case TASK_FINALIZER_ADD:
    case TASK_FINALIZER_DROP:
        finalizer_done(run, flight);
        break;
    case TASK_STEP:
        step_came_back(run, flight);
        break;
    case TASK_STATUS:
        status_done(run, flight);
        break;
    case TASK_EVENT:
        break;
    }
    land(run, flight);
}

/* ---- the window ---------------------------------------------------------------------------------
 */

/* W3 and W1, asked as each call leaves. */
static bool may_start(struct run *run, const struct call *call)
{
    if (call_writes(call->verb) && !ports_may_write(run->ports))
        return false;
    return !call_is_eks(call->verb) || !call_writes(call->verb) ||
           run->apply->observe->cluster.verdict == CLUSTER_VERIFIED;
}

static void track(struct run *run, struct flight *flight)
{
    flight->call.owner = flight;
    flight->link = &run->flights;
    flight->next = run->flights;
    if (flight->next)
        flight->next->link = &flight->next;
    run->flights = flight;
}

static void untrack(struct flight *flight)
{
    *flight->link = flight->next;
    if (flight->next)
        flight->next->link = flight->link;
}

static void launch(struct run *run, const struct task *task)
{
    struct flight *flight = mem_alloc(sizeof *flight);

    flight->task = *task;
    flight->finalizers.cap = (size_t)64 << 10;
    flight->note.cap = 1024;
    if (!prepare(run, flight)) {
        land(run, flight);
        return;
    }
    if (!may_start(run, &flight->call)) {
        run->stop = true;
        note_due(run, run->ports->now(run->ports->world) + LEASE_RETRY_MS);
        land(run, flight);
        return;
    }
    track(run, flight);
    run->result->writes += call_writes(flight->call.verb);
    if (call_is_eks(flight->call.verb))
        run->eks_under_way++;
    else
        run->kube_under_way++;
    run->ports->start(run->ports->world, &flight->call);
}

/* When all else is on its way: the next binding whose status was not looked at yet. */
static bool next_report(struct run *run, struct task *ret_task)
{
    while (run->report_cursor < run->apply->desired->claim_count) {
        struct job *job = &run->jobs[run->report_cursor++];

        if (job->reported || job->open > 0 || job->claim->held || job->claim->binding->deleting)
            continue;
        job->open++;
        *ret_task = (struct task){.kind = TASK_STATUS, .job = job};
        return true;
    }
    return false;
}

static bool next_kube_task(struct run *run, struct task *ret_task)
{
    if (pop(run, LANE_KUBE, ret_task) || pop(run, LANE_STATUS, ret_task))
        return true;
    return !is_waiting(run) && next_report(run, ret_task);
}

static void fill(struct run *run)
{
    struct task task;

    while (!run->stop && run->eks_under_way < run->apply->window && pop(run, LANE_EKS, &task))
        launch(run, &task);
    while (!run->stop && run->kube_under_way < run->apply->window && next_kube_task(run, &task))
        launch(run, &task);
}

static bool should_cut(const struct run *run)
{
    const struct intake *intake = run->apply->intake;
    int64_t spent = run->ports->now(run->ports->world) - run->started;

    return (intake->urgent && spent >= URGENT_MS) ||
           (intake->pending.count > 0 && spent >= SLICE_MS);
}

static void come_back(struct run *run, struct flight *flight)
{
    if (call_is_eks(flight->call.verb))
        run->eks_under_way--;
    else
        run->kube_under_way--;
    untrack(flight);
    finish(run, flight);
}

static int keep_going(struct run *run, struct error *err)
{
    struct call *call = NULL;

    for (;;) {
        fill(run);
        if (run->eks_under_way + run->kube_under_way == 0)
            return 0;
        switch (intake_next(run->apply->intake, INT64_MAX, &call)) {
        case INTAKE_CALL:
            come_back(run, call->owner);
            break;
        case INTAKE_GONE:
            return error_set(err, ERROR_GONE, "podbind is ending");
        case INTAKE_NEWS:
        case INTAKE_TIMEOUT:
            break;
        }
        if (!run->stop && should_cut(run))
            run->stop = run->result->cut = true;
    }
}

static void run_release(struct run *run)
{
    while (run->flights) { /* the world is gone: these never come back */
        struct flight *flight = run->flights;

        untrack(flight);
        flight_free(flight);
    }
    for (size_t i = 0; i < run->apply->desired->claim_count; i++)
        mem_free(run->jobs[i].version);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        for (int i = 0; i < 2; i++)
            mem_free(run->queues[lane][i].items);
    mem_free(run->jobs);
}

int apply_plan(const struct apply *apply, struct apply_result *ret_result, struct error *err)
{
    struct run run = {.apply = apply, .ports = apply->intake->ports, .result = ret_result};
    int result;

    *ret_result = (struct apply_result){.due = INT64_MAX};
    run.started = run.ports->now(run.ports->world);
    reports_begin(apply->reports);
    make_jobs(&run);
    result = keep_going(&run, err);
    if (result == 0 && !ret_result->cut)
        reports_end(apply->reports);
    run_release(&run);
    return result;
}
