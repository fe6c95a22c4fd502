/* SPDX-License-Identifier: Apache-2.0 */
#include "base/least.h"
#include "controller/apply_run.h"

void job_find_role(struct run *run, struct job *job)
{
    struct roles *roles = run->apply->roles;
    const struct claim *claim = job->claim;
    const struct fresh_binding *fresh =
        fresh_find(run->apply->fresh, claim->binding->namespace, claim->binding->name);

    if (!role_matters(claim))
        return;
    job->role = run->apply->plan ? roles_want(roles, claim->access.role_arn)
                                 : roles_find(roles, claim->access.role_arn);
    if (run->apply->plan && fresh && fresh->recheck)
        roles_recheck(roles, job->role);
}

void run_await_role(struct run *run, struct job *job, int64_t until)
{
    if (run->waiting == 0) {
        run->answers = run->apply->roles->answers;
        run->patient_until = until;
    }
    if (until < run->patient_until)
        run->patient_until = until;
    run->waiting += !job->waits;
    job->waits = true;
}

/* Its role may have been told, or its time is up. */
static void stop_waiting(struct run *run, struct job *job)
{
    job->waits = false;
    run->waiting--;
    if (job->open == 0)
        run_push(run, (struct task){.kind = TASK_STATUS, .job = job});
}

void run_look_at_roles(struct run *run)
{
    const struct roles *roles = run->apply->roles;
    int64_t now = run->ports->now(run->ports->world);

    if (run->waiting == 0 || (run->answers == roles->answers && now < run->patient_until))
        return;
    run->answers = roles->answers;
    run->patient_until = INT64_MAX;
    for (size_t i = 0; run->waiting > 0 && i < run->apply->desired->claim_count; i++) {
        struct job *job = &run->jobs[i];
        int64_t until = job->waits ? roles_wait_until(roles, job->role) : 0;

        if (until > now)
            run->patient_until = least(run->patient_until, until);
        else if (job->waits)
            stop_waiting(run, job);
    }
}

static bool seems_wrong(const struct job *job)
{
    const struct role *role = &job->role->role;

    return job->role->refused || role->knowledge == ROLE_NOT_YET ||
           role->knowledge == ROLE_ABSENT || role_elsewhere(role, job->claim->access.role_arn);
}

/* Of a role that was made or mended just now IAM knows more than it did. */
void run_doubt_role(struct run *run, struct job *job, const struct call *call)
{
    bool sends_role =
        call->verb == CALL_CREATE_ASSOCIATION || call->verb == CALL_UPDATE_ASSOCIATION;
    bool blamed = call->detail == DETAIL_ROLE_MISSING || call->detail == DETAIL_TRUST_INVALID;
    bool taken = call->error.kind == ERROR_NONE;

    if (job->role && sends_role && (blamed || (taken && seems_wrong(job))))
        roles_doubt(run->apply->roles, job->role);
}
