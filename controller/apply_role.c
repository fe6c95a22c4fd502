/* SPDX-License-Identifier: Apache-2.0 */
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

void run_look_at_roles(struct run *run)
{
    if (run->waiting == 0 || (run->answers == run->apply->roles->answers &&
                              run->ports->now(run->ports->world) < run->patient_until))
        return;
    for (size_t i = 0; i < run->apply->desired->claim_count; i++) {
        struct job *job = &run->jobs[i];

        if (job->waits && job->open == 0)
            run_push(run, (struct task){.kind = TASK_STATUS, .job = job});
        job->waits = false;
    }
    run->waiting = 0;
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
