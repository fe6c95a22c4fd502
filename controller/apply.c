/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply.h"

#include "base/least.h"
#include "base/mem.h"
#include "controller/apply_run.h"

#define SLICE_MS 1000      /* longest time without a look at what the watches brought */
#define PACED_MS 5000      /* ... in a pass that waits for EKS: another would have no more to do */
#define CLOSING_MS 200     /* ... and this much more, for what has its finalizer already */
#define URGENT_MS 100      /* a pass under way makes room for a person's change after this long */
#define LEASE_RETRY_MS 200 /* a renewal may be on its way */
#define EVIDENCE_MS 5000   /* so long a Delete may wait and still go by its evidence */
#define SOON_MS 1000       /* a Delete with its turn this soon may look for its evidence now */

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

/* It had to wait for its turn with EKS. */
static bool has_stale_evidence(const struct run *run, const struct flight *flight)
{
    return run->ports->now(run->ports->world) - flight->task.since > EVIDENCE_MS;
}

static void launch(struct run *run, const struct task *task)
{
    struct flight *flight = mem_alloc(sizeof *flight);

    flight->task = *task;
    if (task->kind == TASK_STEP && task->call == STEP_EVIDENCE) {
        run->leaving++;
        flight->task.since = run->ports->now(run->ports->world);
    }
    flight->finalizers.cap = (size_t)64 << 10;
    flight->note.cap = 1024;
    if (!flight_prepare(run, flight)) {
        flight_land(run, flight);
        return;
    }
    if (flight->call.verb == CALL_DELETE_ASSOCIATION && has_stale_evidence(run, flight)) {
        run_try_again(run, flight);
        flight_land(run, flight);
        return;
    }
    if (flight->call.verb == CALL_DELETE_ASSOCIATION &&
        !budget_take(run->apply->budget, run->ports->now(run->ports->world))) {
        run->result->cut = true; /* the next pass asks the budget again */
        flight_land(run, flight);
        return;
    }
    if (!may_start(run, &flight->call)) {
        run->stop = true;
        run_note_due(run, run->ports->now(run->ports->world) + LEASE_RETRY_MS);
        flight_land(run, flight);
        return;
    }
    track(run, flight);
    flight->left_at = run->ports->now(run->ports->world);
    run->result->writes += call_writes(flight->call.verb);
    if (call_is_eks(flight->call.verb))
        run->eks_under_way++;
    else
        run->kube_under_way++;
    pace_start(&run->apply->observe->pace, &flight->call, run->ports->now(run->ports->world));
    run->ports->start(run->ports->world, &flight->call);
}

/* When all else is on its way: the next binding whose status was not looked at yet. */
static bool next_report(struct run *run, struct task *ret_task)
{
    while (run->report_cursor < run->apply->desired->claim_count) {
        struct job *job = run_job(run, run->report_cursor++);

        if (job->reported || job->open > 0 || job->claim->held ||
            (job->claim->binding->deleting && !job_stuck(run, job)))
            continue;
        job->open++;
        *ret_task = (struct task){.kind = TASK_STATUS, .job = job};
        return true;
    }
    return false;
}

static bool has_eks_tasks(const struct run *run)
{
    return run_has(run, LANE_WRITE) || run_has(run, LANE_READ) || run_has(run, LANE_EVIDENCE);
}

/* Is something to be done before statuses that may wait? What waits for EKS does not count. */
static bool is_busy(const struct run *run)
{
    int64_t now = run->ports->now(run->ports->world);

    return run_has(run, LANE_KUBE) || run_has(run, LANE_STATUS) ||
           (has_eks_tasks(run) &&
            !pace_limits(&run->apply->observe->pace, CALL_CREATE_ASSOCIATION, now));
}

static bool next_kube_task(struct run *run, struct task *ret_task)
{
    if (run_pop(run, LANE_KUBE, ret_task) || run_pop(run, LANE_STATUS, ret_task))
        return true;
    return !is_busy(run) && next_report(run, ret_task);
}

/* May the next call of such a kind leave? Notes when, if it must wait. */
static bool has_turn(struct run *run, enum call_verb verb)
{
    int64_t now = run->ports->now(run->ports->world);
    int64_t due = pace_due(&run->apply->observe->pace, verb, now);

    if (due <= now)
        return true;
    if (due < run->paced)
        run->paced = due;
    return false;
}

/* No more Deletes have their evidence than may leave in two seconds. */
static bool may_look(struct run *run)
{
    const struct ports *ports = run->ports;
    struct pace *pace = &run->apply->observe->pace;
    int64_t due = pace_due(pace, CALL_DELETE_ASSOCIATION, ports->now(ports->world));

    if (due == INT64_MAX || due < ports->now(ports->world) + SOON_MS)
        return run->leaving < 2 * throttle_window(&pace->writes);
    return has_turn(run, CALL_DELETE_ASSOCIATION);
}

static void fill_eks(struct run *run, enum lane lane, enum call_verb verb)
{
    struct task task;

    while (!run->stop && run->eks_under_way < run->apply->window && run_has(run, lane) &&
           has_turn(run, verb) && run_pop(run, lane, &task))
        launch(run, &task);
}

/* Also when no more is to be started. */
static void fill_events(struct run *run)
{
    struct task task;

    while (run->kube_under_way < run->apply->window && run_pop(run, LANE_EVENT, &task))
        launch(run, &task);
}

static void fill(struct run *run)
{
    struct task task;

    run->paced = INT64_MAX;
    fill_events(run);
    if (run->closes_at == 0)
        fill_eks(run, LANE_READ, CALL_DESCRIBE_ASSOCIATION);
    fill_eks(run, LANE_WRITE, CALL_CREATE_ASSOCIATION);
    if (run->closes_at != 0)
        return;
    while (!run->stop && run->kube_under_way < run->apply->window && run_has(run, LANE_EVIDENCE) &&
           may_look(run) && run_pop(run, LANE_EVIDENCE, &task))
        launch(run, &task);
    while (!run->stop && run->kube_under_way < run->apply->window && next_kube_task(run, &task))
        launch(run, &task);
    if (!run->stop && run->apply->plan)
        roles_ask(run->apply->roles); /* after all writes that may go now */
}

static bool waits_for_eks(const struct run *run)
{
    return has_eks_tasks(run) && pace_limits(&run->apply->observe->pace, CALL_CREATE_ASSOCIATION,
                                             run->ports->now(run->ports->world));
}

static bool should_cut(const struct run *run)
{
    const struct intake *intake = run->apply->intake;
    int64_t spent = run->ports->now(run->ports->world) - run->started;

    if (waits_for_eks(run))
        return (intake->urgent && spent >= URGENT_MS) || spent >= PACED_MS;
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
    flight->task.since += run->ports->now(run->ports->world) - flight->left_at;
    pace_done(&run->apply->observe->pace, &flight->call, run->ports->now(run->ports->world));
    flight_finish(run, flight);
}

/* A call is held back until then, or a status that waits for its role is looked at again. */
static int64_t run_patience(const struct run *run)
{
    int64_t until = run->paced;

    if (run->stop)
        return INT64_MAX;
    if (run->closes_at != 0)
        return least(until, run->closes_at);
    return run->waiting > 0 ? least(until, run->patient_until) : until;
}

/* Makes room for a pass that has seen the news. What has got its finalizer in this one goes on for
 * a moment: later ones leave it alone until the store shows the finalizer. */
static void end_in_time(struct run *run)
{
    int64_t now = run->ports->now(run->ports->world);
    bool at_once = run->apply->intake->urgent || waits_for_eks(run);

    if (run->closes_at == 0 && should_cut(run)) {
        run->closes_at = now + CLOSING_MS;
        run->result->cut = true;
    }
    run->stop = run->closes_at != 0 && (at_once || now >= run->closes_at);
}

static int keep_going(struct run *run, struct error *err)
{
    struct call *call = NULL;

    for (;;) {
        run_look_at_roles(run);
        fill(run);
        if (run->eks_under_way + run->kube_under_way == 0 && (run->stop || run->paced == INT64_MAX))
            return 0;
        switch (intake_next(run->apply->intake, run_patience(run), &call)) {
        case INTAKE_CALL:
            come_back(run, call->owner);
            break;
        case INTAKE_GONE:
            return error_set(err, ERROR_GONE, "podbind is ending");
        case INTAKE_NEWS:
        case INTAKE_TIMEOUT:
            break;
        }
        if (!run->stop)
            end_in_time(run);
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
    run_drop_queues(run);
    mem_free(run->handovers);
    mem_free(run->jobs);
}

int apply_plan(const struct apply *apply, struct apply_result *ret_result, struct error *err)
{
    struct run run = {.apply = apply, .ports = apply->intake->ports, .result = ret_result};
    int result;

    *ret_result = (struct apply_result){.due = INT64_MAX};
    run.started = run.ports->now(run.ports->world);
    run_make_jobs(&run);
    result = keep_going(&run, err);
    run_release(&run);
    return result;
}
