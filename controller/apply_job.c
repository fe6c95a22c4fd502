/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "controller/apply_run.h"

/* ---- queues ---- */

static enum lane lane_of(const struct task *task)
{
    switch (task->kind) {
    case TASK_STEP:
        return task->call == STEP_EVIDENCE   ? LANE_EVIDENCE
               : task->call == STEP_ACCOUNT  ? LANE_KUBE
               : task->call == STEP_DESCRIBE ? LANE_READ
                                             : LANE_WRITE;
    case TASK_FINALIZER_ADD:
    case TASK_FINALIZER_DROP:
        return LANE_KUBE;
    case TASK_STATUS:
        return LANE_STATUS;
    case TASK_EVENT:
        break;
    }
    return LANE_EVENT;
}

static void queue_add(struct queue *queue, const struct task *task)
{
    struct queue_block *block = queue->last;

    if (!block || block->count == sizeof block->tasks / sizeof *block->tasks) {
        block = mem_alloc(sizeof *block);
        *(queue->last ? &queue->last->next : &queue->first) = block;
        queue->last = block;
    }
    block->tasks[block->count++] = *task;
}

static bool queue_take(struct queue *queue, struct task *ret_task)
{
    struct queue_block *block = queue->first;

    if (!block)
        return false;
    *ret_task = block->tasks[block->taken++];
    if (block->taken < block->count)
        return true;
    queue->first = block->next;
    if (!queue->first)
        queue->last = NULL;
    mem_free(block);
    return true;
}

/* The evidence for a Delete is not to grow old. */
static bool is_urgent(const struct task *task)
{
    return task->job->fresh ||
           (task->kind == TASK_STEP && (task->call == STEP_ACCOUNT || task->call == STEP_DELETE));
}

void run_push(struct run *run, struct task task)
{
    struct queue *queue = &run->queues[lane_of(&task)][is_urgent(&task) ? 0 : 1];

    queue_add(queue, &task);
    task.job->open++;
}

bool run_pop(struct run *run, enum lane lane, struct task *ret_task)
{
    return queue_take(&run->queues[lane][0], ret_task) ||
           queue_take(&run->queues[lane][1], ret_task);
}

void run_follow(struct run *run, struct flight *flight, struct task task)
{
    flight->goes_on = true;
    run_push(run, task);
}

bool run_has(const struct run *run, enum lane lane)
{
    return run->queues[lane][0].first || run->queues[lane][1].first;
}

void run_drop_queues(struct run *run)
{
    struct task task;

    for (int lane = 0; lane < LANE_COUNT; lane++)
        while (run_pop(run, (enum lane)lane, &task))
            continue;
}

/* ---- jobs ---- */

void run_note_due(struct run *run, int64_t due)
{
    if (due < run->result->due)
        run->result->due = due;
}

void run_push_steps(struct run *run, struct job *job)
{
    for (size_t i = 0; i < job->step_count; i++)
        if (plan_may_act(job->steps[i], run->apply->context))
            run_push(run, (struct task){.kind = TASK_STEP,
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
            return !job->claim->binding->has_finalizer;
    return false;
}

const struct mirror_entry *job_stuck(struct run *run, const struct job *job)
{
    const struct binding *binding = job->claim->binding;
    bool forbidden = run->apply->context->mode != PLAN_SYNC;

    if (run_releases(run, job) != FAREWELL_NONE)
        return NULL;
    for (size_t i = 0; i < job->step_count; i++) {
        const struct plan_step *step = job->steps[i];

        if (step->evidence == EVIDENCE_BINDING_DELETED && step->entry->association &&
            (step->entry->trouble || forbidden || step->held))
            return step->entry;
        if (step->entry && step->entry->trouble && run_awaits_tag(run, step))
            return step->entry;
    }
    return binding->deleting && binding->has_finalizer ? run_unreadable(run, binding->namespace)
                                                       : NULL;
}

static bool lingers(const struct plan_step *step)
{
    return step->held || (step->verb == PLAN_DELETE && step->entry->trouble &&
                          outcome_trouble_lasts(step->entry->trouble->kind));
}

const struct mirror_entry *job_lingering(const struct job *job)
{
    for (size_t i = 0; i < job->step_count; i++)
        if (lingers(job->steps[i]))
            return job->steps[i]->entry;
    return NULL;
}

void run_close_job(struct run *run, struct job *job)
{
    const struct binding *binding = job->claim->binding;

    if (!binding->deleting || job_stuck(run, job)) {
        run_push(run, (struct task){.kind = TASK_STATUS, .job = job});
        return;
    }
    job->farewell = run_releases(run, job);
    if (job->farewell == FAREWELL_NONE &&
        !(binding->has_finalizer && run->apply->context->mode != PLAN_OBSERVE &&
          run_may_let_go(run, job)))
        return;
    if (job->farewell == FAREWELL_NONE)
        job->farewell = job_lingers(job);
    run_push(run, (struct task){.kind = TASK_FINALIZER_DROP, .job = job});
}

static void begin_job(struct run *run, struct job *job)
{
    const struct binding *binding = job->claim->binding;

    if (job->claim->held)
        return;
    for (size_t i = 0; i < job->step_count; i++)
        if (plan_due(job->steps[i], run->apply->context) > run->started)
            run_note_due(run, plan_due(job->steps[i], run->apply->context));
    if (needs_finalizer(run, job))
        run_push(run, (struct task){.kind = TASK_FINALIZER_ADD, .job = job});
    else if (has_work(run, job))
        run_push_steps(run, job);
    else if (binding->deleting && binding->has_finalizer)
        run_close_job(run, job);
}

static void look_at_refusal(struct run *run, const struct binding *binding)
{
    int64_t until = refusals_until(run->apply->refusals, binding);

    refusals_look(run->apply->refusals, binding->uid);
    if (until > run->started)
        run_note_due(run, until);
}

struct job *run_job(const struct run *run, size_t number)
{
    return &run->jobs[(run->turn + number) % run->apply->desired->claim_count];
}

static void make_job(struct run *run, size_t claim)
{
    const struct plan *plan = run->apply->plan;
    const struct binding *binding = run->apply->desired->claims[claim].binding;
    struct job *job = &run->jobs[claim];

    *job = (struct job){.claim = &run->apply->desired->claims[claim]};
    job->fresh = fresh_find(run->apply->fresh, binding->namespace, binding->name) != NULL;
    look_at_refusal(run, binding);
    reports_look(run->apply->reports, binding->uid);
    job_find_role(run, job);
    if (plan) {
        job->steps = plan->by_claim + plan->claim_first[claim];
        job->step_count = (unsigned)(plan->claim_first[claim + 1] - plan->claim_first[claim]);
    }
}

void run_make_jobs(struct run *run)
{
    const struct desired *desired = run->apply->desired;
    const struct plan *plan = run->apply->plan;

    run->jobs = mem_array(desired->claim_count, sizeof *run->jobs);
    refusals_begin(run->apply->refusals);
    reports_begin(run->apply->reports);
    if (plan)
        roles_begin(run->apply->roles);
    for (size_t i = 0; i < desired->claim_count; i++)
        make_job(run, i);
    refusals_end(run->apply->refusals);
    reports_end(run->apply->reports);
    if (plan)
        roles_end(run->apply->roles);
    run->turn = run->apply->refusals->turn;
    run->apply->refusals->turn = 0;
    for (size_t i = 0; i < desired->claim_count; i++)
        if (plan || run_releases(run, run_job(run, i)) != FAREWELL_NONE)
            begin_job(run, run_job(run, i));
}
