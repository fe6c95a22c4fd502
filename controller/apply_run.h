/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply_run - one run of apply_plan(), shared by its parts and nobody else:
 *
 *     apply.c       the window: what may start, how much is under way, when to stop
 *     apply_job.c   jobs and the queues of tasks: what comes next for a binding
 *     apply_leave.c whether a binding that is being deleted may go
 *     apply_farewell.c  whether it goes whatever is left, and what is told then
 *     apply_role.c  what waits for IAM, and what makes podbind ask it again
 *     apply_call.c  flights: a task as a call, and what its answer means
 */
#pragma once

#include "controller/apply.h"
#include "controller/steps.h"

/* Why a finalizer goes though something may be left in EKS: worth an Event. */
enum farewell {
    FAREWELL_NONE,
    FAREWELL_ABANDONED,   /* a person said so, by annotation */
    FAREWELL_CLUSTER,     /* the cluster is being deleted, and all it holds */
    FAREWELL_UNCONFIRMED, /* EKS did not say within a minute that what we deleted is gone */
};

struct job {
    struct claim *claim;
    struct plan_step **steps; /* those of the claim */
    struct roles_entry *role; /* NULL: there is none to be asked for */
    char *version;            /* resourceVersion after our own write; NULL: as in the store */
    unsigned step_count;
    unsigned open; /* tasks queued or under way */
    enum farewell farewell;
    bool fresh;    /* a person has just changed it */
    bool reported; /* its status was looked at in this pass */
    bool waits;    /* ... and is looked at again when IAM has told more of roles */
};

enum task_kind { TASK_FINALIZER_ADD, TASK_STEP, TASK_FINALIZER_DROP, TASK_STATUS, TASK_EVENT };

/* What an Event tells. */
enum event_kind {
    EVENT_REASON, /* Ready's new reason */
    EVENT_IRSA,   /* IRSAFallback */
    EVENT_TRUST,  /* RoleTrusted turned False */
    EVENT_FAREWELL,
};

/* One call to be made. */
struct task {
    enum task_kind kind;
    struct job *job;
    struct plan_step *step; /* TASK_STEP */
    enum step_call call;
    unsigned tries;        /* that EKS refused because there were too many */
    int64_t since;         /* of a Delete: when its evidence was asked for, ms since boot; later by
                              the time that calls took, as each has its own bound */
    enum event_kind event; /* TASK_EVENT */
};

/* Some tasks in their order; freed once they are taken, so that as one lane runs dry while the next
 * fills, both take no more room than one. */
struct queue_block {
    struct queue_block *next;
    size_t taken, count; /* tasks[taken .. count) wait, one at least */
    struct task tasks[31];
};

struct queue {
    struct queue_block *first, *last; /* NULL when nothing waits */
};

/* Those of EKS first. */
enum lane {
    LANE_WRITE,    /* Create, Update, tags, Delete */
    LANE_READ,     /* the Describe before a Delete */
    LANE_EVIDENCE, /* what a Delete begins with */
    LANE_KUBE,
    LANE_STATUS,
    LANE_EVENT, /* of what was written: no later pass would tell it */
    LANE_COUNT
};

/* A call under way and all it points to. */
struct flight {
    struct flight *next, **link; /* in the list of those under way */
    struct call call;
    struct task task;
    int64_t left_at; /* ms since boot */
    struct step_memory memory;
    struct strbuf finalizers;
    struct strbuf note;
    struct report report;
    bool goes_on; /* its job has got a task that follows from it */
};

/* A key that another binding takes over, or that is about to be free, and for whom it was made. */
struct handover {
    char uid[64];
    const char *namespace;
};

struct run {
    const struct apply *apply;
    const struct ports *ports;
    struct apply_result *result;
    struct job *jobs;                   /* one a claim, in their order */
    size_t turn;                        /* the first to be looked at; the others in a ring */
    struct queue queues[LANE_COUNT][2]; /* fresh ones, others */
    struct flight *flights;             /* under way */
    size_t eks_under_way, kube_under_way;
    size_t leaving; /* Deletes from their evidence to their answer */
    int64_t paced;  /* when what waits for its turn with EKS may leave; INT64_MAX: nothing does */
    size_t kube_failures;
    size_t report_cursor;
    size_t waiting;             /* jobs whose status waits for a role */
    uint64_t answers;           /* of IAM, when it began to */
    int64_t patient_until;      /* ... and until when one of them does */
    struct handover *handovers; /* by UID; found when the first binding goes */
    size_t handover_count;
    bool handovers_found;
    const char *settle_namespace; /* the last one that a binding goes from, and what was found */
    bool settled;
    const char *unread_namespace; /* the same for what can't be read */
    const struct mirror_entry *unreadable;
    int64_t started;
    int64_t closes_at; /* the pass is cut: only writes to EKS start, until then; or 0 */
    bool stop;         /* start no more, but Events */
};

/* ---- apply_job.c ---- */

/* There is something to do by time alone. */
void run_note_due(struct run *run, int64_t due);
void run_push(struct run *run, struct task task);
/* The same for one that follows from a flight. */
void run_follow(struct run *run, struct flight *flight, struct task task);
/* The next task of a lane, fresh ones first; false when there is none. */
bool run_pop(struct run *run, enum lane lane, struct task *ret_task);
bool run_has(const struct run *run, enum lane lane);
void run_drop_queues(struct run *run);
/* Makes the jobs and queues their first tasks. */
void run_make_jobs(struct run *run);
/* The jobs as they are looked at, from 0 on. */
struct job *run_job(const struct run *run, size_t number);
/* Queues the steps of a job that may act now. */
void run_push_steps(struct run *run, struct job *job);
/* All steps of a job are over: queues its status, or lets go of its finalizer. */
void run_close_job(struct run *run, struct job *job);

/* ---- apply_leave.c ---- */

/* May the finalizer of a binding that is being deleted go? When nothing of ours can be left behind:
 * what we deleted is gone (or has lingered for a minute), what others take over is theirs, and no
 * Create can have had effect unseen. Asks for a Describe of what must be known for that. Only while
 * jobs are made: it goes by the plan, not by what calls change since. */
bool run_may_let_go(struct run *run, const struct job *job);

/* Is the tag that keeps what this binding leaves behind still to be written, and will it be? */
bool run_awaits_tag(const struct run *run, const struct plan_step *step);

/* What of a namespace can't be read, and a person has to mend it: as long as that is so, no binding
 * goes from there. NULL without any. */
const struct mirror_entry *run_unreadable(struct run *run, const char *namespace);

/* Of a binding that is being deleted: what a Delete failed for, or must not be made for by --mode or
 * the deletion budget; what could not be tagged as retained; else what can't be read and may be its
 * own. NULL without any. */
const struct mirror_entry *job_stuck(struct run *run, const struct job *job);
/* Of one that stays: what a Delete is for that the deletion budget does not allow, or that a person
 * has to make possible; NULL without one. */
const struct mirror_entry *job_lingering(const struct job *job);

/* ---- apply_farewell.c ---- */

/* Is a binding let go of whatever EKS holds? A person's annotation counts in every --mode, and
 * whatever is known of EKS; that the cluster is being deleted counts where it is surely ours. */
enum farewell run_releases(const struct run *run, const struct job *job);
/* FAREWELL_UNCONFIRMED when EKS still shows what we deleted. */
enum farewell job_lingers(const struct job *job);
/* The Event: its reason, and its note, which names what is left. */
const char *job_say_farewell(const struct job *job, struct strbuf *ret_note);

/* ---- apply_role.c ---- */

/* Finds the job's role, if IAM can be asked for one. */
void job_find_role(struct run *run, struct job *job);
/* IAM is being asked for the role: the job's status waits. */
void run_await_role(struct run *run, struct job *job, int64_t until);
/* Queues the statuses that have waited: IAM has answered about their role, or their time is up. */
void run_look_at_roles(struct run *run);
/* What EKS said of a Create or Update may be news of its role. */
void run_doubt_role(struct run *run, struct job *job, const struct call *call);

/* ---- apply_call.c ---- */

/* Fills in the call. Returns false when the task turned out to have nothing to do. */
bool flight_prepare(struct run *run, struct flight *flight);
/* The call is back: takes the answer in, queues what follows, frees the flight. */
void flight_finish(struct run *run, struct flight *flight);
/* The task is over without a call: frees the flight, and after the last step of a job looks what
 * that makes of it. */
void flight_land(struct run *run, struct flight *flight);
/* Queues its task once more; a Delete begins with its evidence. */
void run_try_again(struct run *run, struct flight *flight);
void flight_free(struct flight *flight);
