/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "controller/apply_run.h"

#define KUBE_FAILURES 8 /* so many in one pass: the API server has a trouble of its own */

/* ---- calls: what goes out ---- */

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
    struct roles *roles = run->apply->roles;
    int64_t role_wait = job->role ? roles_wait_until(roles, job->role) : 0;

    context.now = run->ports->now(run->ports->world);
    context.wall_us = run->ports->wall(run->ports->world);
    context.stuck = job_stuck(run, job);
    context.lingering = job_lingering(job);
    context.role = job->role ? &job->role->role : NULL;
    if (!context.lingering)
        context.hold = "";
    job->reported = true;
    report_make(run->apply->reports, job->claim, &context, role_wait, ret_report);
    run_note_due(run, ret_report->due);
    if (ret_report->outcome.status.conditions[CONDITION_ROLE_TRUSTED].status == CONDITION_FALSE)
        roles_refuse(roles, job->role);
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
    if (flight->report.awaits_role)
        run_await_role(run, flight->task.job, flight->report.due);
    flight->call.verb = CALL_PATCH_STATUS;
    flight->call.in.object = object_of(flight->task.job);
    flight->call.in.object.status = &flight->report.outcome.status;
    return flight->report.verdict == REPORT_WRITE;
}

static const char *say_event(struct run *run, struct flight *flight, bool *ret_warning)
{
    struct report *report = &flight->report;

    if (flight->task.event == EVENT_FAREWELL) {
        *ret_warning = flight->task.job->farewell == FAREWELL_UNCONFIRMED;
        return job_say_farewell(flight->task.job, &flight->note);
    }
    make_report(run, flight->task.job, report);
    *ret_warning = flight->task.event != EVENT_REASON || !report->outcome.ready;
    if (flight->task.event == EVENT_REASON) {
        strbuf_str(&flight->note, strbuf_text(&report->outcome.ready_message));
        return report->outcome.reason;
    }
    if (flight->task.event == EVENT_TRUST) {
        const struct binding_condition *trust =
            &report->outcome.status.conditions[CONDITION_ROLE_TRUSTED];

        strbuf_str(&flight->note, trust->message);
        return trust->reason;
    }
    strbuf_format(&flight->note,
                  "service account '%.253s' still carries eks.amazonaws.com/role-arn: a pod that "
                  "misses Pod Identity falls back to that role",
                  report->irsa ? report->irsa : "");
    return "IRSAFallback";
}

static void prepare_event(struct run *run, struct flight *flight)
{
    bool warning;
    const char *reason = say_event(run, flight, &warning);

    flight->call.verb = CALL_WRITE_EVENT;
    report_event(run->apply->reports, flight->task.job->claim->binding, reason, warning,
                 strbuf_text(&flight->note), run->ports->now(run->ports->world),
                 run->ports->random(run->ports->world), &flight->call.in.event);
}

static bool is_refused(const struct run *run, const struct job *job)
{
    return refusals_until(run->apply->refusals, job->claim->binding) >
           run->ports->now(run->ports->world);
}

/* Returns false when the task turned out to have nothing to do. */
bool flight_prepare(struct run *run, struct flight *flight)
{
    const struct job *job = flight->task.job;

    switch (flight->task.kind) {
    case TASK_FINALIZER_ADD:
    case TASK_FINALIZER_DROP:
        prepare_finalizers(flight, flight->task.kind == TASK_FINALIZER_ADD);
        return !is_refused(run, job);
    case TASK_STATUS:
        return prepare_status(run, flight) && !is_refused(run, job);
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

void flight_free(struct flight *flight)
{
    call_release(&flight->call);
    step_memory_release(&flight->memory);
    strbuf_release(&flight->finalizers);
    strbuf_release(&flight->note);
    report_release(&flight->report);
    mem_free(flight);
}

/* ---- calls: what comes back ---- */

static void note_written(struct run *run, struct job *job, struct call *call)
{
    const struct binding *binding = job->claim->binding;

    run->result->kube_took = true;
    if (strcmp(call->out.resource_version, binding->resource_version) == 0)
        return; /* it said so already: no event will come */
    refusals_forget(run->apply->refusals, binding->uid);
    mem_free(job->version);
    job->version = call->out.resource_version;
    call->out.resource_version = NULL;
    writes_note(&run->apply->intake->writes, binding->namespace, binding->name, job->version,
                run->ports->now(run->ports->world));
}

/* The object went with its last finalizer. The answer has its old version, which the store shows
 * already: without this the next pass would patch it again. */
static void note_removed(struct run *run, const struct flight *flight)
{
    const struct binding *binding = flight->task.job->claim->binding;

    if (strbuf_text(&flight->finalizers)[0] == '\0')
        writes_note_removed(&run->apply->intake->writes, binding->namespace, binding->name,
                            binding->resource_version, run->ports->now(run->ports->world));
}

/* A conflict or a missing object is news that the watch is about to bring. */
static bool is_conflict(const struct error *error)
{
    return error->kind == ERROR_CONFLICT || error->kind == ERROR_NOT_FOUND;
}

static void put_off(struct run *run, const struct flight *flight)
{
    const struct ports *ports = run->ports;
    struct refusals *refusals = run->apply->refusals;
    const struct binding *binding = flight->task.job->claim->binding;
    bool conflict = is_conflict(&flight->call.error);

    refusals_note(refusals, binding, conflict, ports->now(ports->world),
                  ports->random(ports->world));
    run_note_due(run, refusals_until(refusals, binding));
    if (!conflict && run->result->refusal.kind == ERROR_NONE)
        run->result->refusal = flight->call.error;
}

/* Because of the object, or of the rights in its namespace; 401 is about ourselves. */
static bool is_refusal(const struct error *error)
{
    return error->kind == ERROR_INVALID || (error->kind == ERROR_DENIED && error->status == 403);
}

/* It may be a trouble of one namespace: the next pass begins behind it. */
static void pass_the_turn(struct run *run, const struct job *job)
{
    const struct desired *desired = run->apply->desired;
    const char *namespace = job->claim->binding->namespace;
    size_t next = (size_t)(job - run->jobs);

    while (next < desired->claim_count &&
           strcmp(desired->claims[next].binding->namespace, namespace) == 0)
        next++;
    run->apply->refusals->turn = next;
}

static void note_kube_failure(struct run *run, const struct flight *flight)
{
    const struct call *call = &flight->call;

    if (is_conflict(&call->error) || is_refusal(&call->error)) {
        put_off(run, flight);
        return;
    }
    if (run->result->kube_error.kind == ERROR_NONE)
        run->result->kube_error = call->error;
    if (++run->kube_failures < KUBE_FAILURES)
        return;
    run->stop = true;
    pass_the_turn(run, flight->task.job);
}

static void finalizer_done(struct run *run, struct flight *flight)
{
    struct job *job = flight->task.job;

    if (flight->call.error.kind != ERROR_NONE) {
        note_kube_failure(run, flight);
        return;
    }
    note_written(run, job, &flight->call);
    if (flight->task.kind == TASK_FINALIZER_DROP) {
        note_removed(run, flight);
        mirror_forget_newcomer(&run->apply->observe->mirror, job->claim->binding->uid);
        if (job->farewell != FAREWELL_NONE)
            run_push(run, (struct task){.kind = TASK_EVENT, .job = job, .event = EVENT_FAREWELL});
    }
    if (flight->task.kind == TASK_FINALIZER_ADD) {
        mirror_note_newcomer(&run->apply->observe->mirror, job->claim->binding->uid);
        if (!run->stop)
            run_push_steps(run, job);
    }
}

static void status_done(struct run *run, struct flight *flight)
{
    struct job *job = flight->task.job;

    if (flight->call.error.kind != ERROR_NONE) {
        note_kube_failure(run, flight);
        return;
    }
    note_written(run, job, &flight->call);
    if (flight->report.event) {
        report_notice(&run->apply->reports->notices, job->claim->binding, &flight->report.outcome);
        run_push(run, (struct task){.kind = TASK_EVENT, .job = job});
    }
    if (flight->report.distrust)
        run_push(run, (struct task){.kind = TASK_EVENT, .job = job, .event = EVENT_TRUST});
    if (flight->report.irsa)
        run_push(run, (struct task){.kind = TASK_EVENT, .job = job, .event = EVENT_IRSA});
}

static void event_done(struct run *run, const struct flight *flight)
{
    if (flight->call.error.kind != ERROR_NONE)
        report_event_lost(run->apply->reports, flight->task.job->claim->binding->uid,
                          flight->call.in.event.reason, run->ports->now(run->ports->world));
}

/* The server did not take it, in its own words or before it got there. */
static bool had_no_effect(enum error_kind kind)
{
    return kind == ERROR_TRANSIENT || kind == ERROR_THROTTLED || kind == ERROR_DENIED ||
           kind == ERROR_INVALID;
}

/* Too many requests: controller/pace knows when the next may leave. */
static bool is_tried_again(const struct run *run, const struct flight *flight)
{
    return flight->call.error.kind == ERROR_THROTTLED && flight->task.tries + 1 < PACE_TRIES &&
           !run->stop;
}

void run_try_again(struct run *run, struct flight *flight)
{
    struct task task = flight->task;

    if (task.step->verb == PLAN_DELETE)
        task.call = step_first(run->apply->observe, task.step);
    run_push(run, task);
}

static void step_came_back(struct run *run, struct flight *flight)
{
    bool in_vain = flight->task.call == STEP_DELETE && had_no_effect(flight->call.error.kind);
    struct task *task = &flight->task;
    enum step_call next;

    run_doubt_role(run, task->job, &flight->call);
    if (in_vain)
        budget_give_back(run->apply->budget);
    if (is_tried_again(run, flight)) {
        task->tries++;
        run_try_again(run, flight);
        return;
    }
    next = step_done(run->apply->observe, task->step, task->call, &flight->call);
    if (call_writes(flight->call.verb))
        run->result->wrote = true;
    if (task->step->entry->trouble)
        run_note_due(run, task->step->entry->trouble->retry_at);
    if (next != STEP_NONE && !run->stop)
        run_follow(run, flight,
                   (struct task){.kind = TASK_STEP,
                                 .job = task->job,
                                 .step = task->step,
                                 .call = next,
                                 .tries = task->tries,
                                 .since = task->since});
}

/* The task is over: frees it, and after the last step of a job looks what that makes of it. */
void flight_land(struct run *run, struct flight *flight)
{
    const struct task *task = &flight->task;
    struct job *job = task->job;

    if (task->kind == TASK_STEP && task->step->verb == PLAN_DELETE && !flight->goes_on)
        run->leaving--;
    job->open--;
    if (job->open == 0 && flight->task.kind == TASK_STEP && !run->stop &&
        (!job->claim->binding->deleting || job_stuck(run, job)))
        run_close_job(run, job);
    flight_free(flight);
}

void flight_finish(struct run *run, struct flight *flight)
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
        event_done(run, flight);
        break;
    }
    flight_land(run, flight);
}
