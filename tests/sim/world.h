/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world - one history: an API server, an EKS, people, weather, and replicas of the operator that
 * live, die and are started again. Virtual time, one thread.
 *
 * The world keeps what is under way with the time when it is due; world_run() goes from one due
 * thing to the next. A replica is a fiber (tests/sim/replica) that gives way inside next().
 *
 *     busy       people change things, calls fail, watches end, replicas crash
 *     settling   all of that has stopped; until everything has come right, within 25 minutes
 *     quiet      at rest: nothing is written any more
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconcile/plan.h"
#include "tests/sim/expect.h"
#include "tests/sim/fiber.h"
#include "tests/sim/kube_world.h"
#include "tests/sim/tally.h"
#include "tests/sim/tape.h"
#include "tests/sim/trace.h"
#include "tests/standin/model.h"

#define NEVER INT64_MAX
#define CLUSTER_NAME "blue"
#define OWN_NAMESPACE "podbind-system"
#define OWNER "kube-system-uid-1/podbind"
#define DELETION_FLOOR 3       /* small, so that small worlds meet it */
#define ABSENCE_GRACE_MS 40000 /* short, so that what ends it comes while people are busy */
#define EXISTENCE_INTERVAL_MS (2 * 60 * 1000) /* shorter than the default: rest is three passes */
#define DESCRIBE_INTERVAL_MS (60 * 1000)

/* What lies between the operator and the servers: see tests/sim/sim_wire. */
enum world_way { WORLD_PLAIN, WORLD_FAITHFUL, WORLD_ROUGH };

/* Of IAM, which podbind must be able to do without. */
enum iam { IAM_ANSWERS, IAM_SILENT, IAM_DENIES };

enum phase { PHASE_BUSY, PHASE_SETTLING, PHASE_QUIET, PHASE_OVER };

/* How rough a history is. Chances are per mille, times the longest in ms. */
struct weather {
    uint32_t eks_faults, kube_faults, watch_faults; /* of calls; of watches opened */
    uint32_t drift;                                 /* of what people do */
    int64_t eks_latency, kube_latency, watch_delay;
    bool no_streams;       /* the API server does not know sendInitialEvents */
    uint32_t kube_page;    /* objects on a page */
    int eks_page;          /* associations on a page */
    uint32_t crashes;      /* still to come */
    uint32_t lease_faults; /* of lives: something befalls the process */
    enum iam iam;          /* as it is all the time, people or not */
    enum plan_mode mode;
};

enum identity { IDENTITY_ISSUER, IDENTITY_CERTIFICATE, IDENTITY_WRONG, IDENTITY_UNREADABLE };

struct errand;
struct replica;
struct sim_wire;

/* When the last few calls of a kind started. */
#define RECENT_MAX 512
struct recent {
    int64_t at[RECENT_MAX];
    size_t next;
};

/* Something remembered of a key, or of an id. */
struct mark {
    char key[128]; /* "namespace/account", or an id */
    int64_t at;
};
struct marks {
    struct mark *items;
    size_t count, capacity;
};

/* The watch cache of one replica of the API server. (kube_cache.h) */
#define CACHE_COUNT 3
struct kube_cache {
    int64_t *has_at; /* owned: when it learns of each event of the log */
    size_t drawn, capacity;
    size_t count; /* events that it has by now */
};

/* The lease thread of a replica. (candidate.h) */
struct candidate {
    struct place *place;
    struct lease lease;
    bool runs;
    bool leads;              /* as its worker was told */
    int64_t due;             /* its next step; NEVER: a call is under way */
    struct lease_call *call; /* NULL: none */
    bool watches;            /* it has a watch of the Lease while it stands by */
    int64_t hint_at;         /* when that brings something; NEVER: nothing is on its way */
    bool hinted;             /* it has brought something, at hint_clock */
    int64_t hint_clock;
    bool hint_missing;
    struct lease_record hint;
};

/* Where one replica after the other lives. (place.h) Times are the world's. */
#define PLACE_COUNT 2
struct place {
    struct world *world;
    const char *name;        /* "A", "B": in traces */
    struct fiber *fiber;     /* borrowed */
    struct replica *replica; /* NULL: none */
    struct candidate candidate;
    int64_t start_at; /* when the next one starts; NEVER: not now */
    bool leaving;     /* told to end: gives the lease up, until leave_by at most */
    int64_t leave_by;

    char identity[32]; /* of the pod that lives here */
    unsigned incarnation;
    int64_t boot_offset; /* ms that its node had been up for when the world began */
    int64_t wall_skew_us;

    /* What is going to happen to this life; times NEVER, or numbers 0: it is not. */
    uint32_t crash_in; /* it dies at its n-th call ... */
    bool crash_after;
    int64_t crash_at; /* ... or at this time */
    int64_t leave_at, jump_at;
    int64_t deaf_from, deaf_until;   /* its calls to the Lease fail */
    int64_t pause_from, pause_until; /* all of it stands still */
    uint32_t stop_in;                /* so it does at its n-th write, between gate and sending */
    int64_t stop_ms;

    struct recent lists, checks, mutations; /* whole Lists, DescribeClusters, EKS writes */
    struct recent roles;                    /* GetRoles */
};

/* When Deletes were sent, or let through. */
#define BUDGET_LOG 64
struct budget_log {
    int64_t at[BUDGET_LOG];
    size_t next;
};

/* A binding that is going to be there again. */
struct comeback {
    const struct binding *like; /* borrowed from the API server's log */
    int64_t at;
    bool waited; /* the name was not free */
};
struct comebacks {
    struct comeback *items;
    size_t count, capacity;
};

/* Somebody else who keeps his hand on one key. */
enum actor_kind {
    ACTOR_REVERTER, /* puts its role back */
    ACTOR_ADD_ON,   /* an EKS add-on */
    ACTOR_RIVAL,    /* another instance of podbind */
    ACTOR_DELETER,  /* deletes what we made */
};
struct actor {
    enum actor_kind kind;
    const char *namespace, *account;
    int64_t pace, at; /* between two looks; the next one */
    bool makes;       /* ACTOR_REVERTER: where there is none, too */
    uint32_t undone;  /* how often it has undone what we had written */
};
#define ACTORS_MAX 2

/* Patches that the API server refuses for a while. */
struct admission {
    int64_t until;
    int status;            /* 422 or 403 */
    const char *namespace; /* of which bindings */
    const char *name;      /* NULL: all of them */
    bool finalizers, statuses;
};

struct world {
    struct tape tape;
    struct trace *trace; /* NULL: nobody reads it */
    struct tally *tally;

    enum world_way way;
    struct sim_wire *wire; /* NULL: calls are carried out as they stand */

    int64_t now; /* ms since boot */
    enum phase phase;
    int64_t phase_until, people_at;
    struct weather weather;

    struct kube_world kube;
    struct kube_cache caches[CACHE_COUNT];
    struct model *model;
    enum identity identity;
    bool finds_cluster; /* the operator is not told its name */
    bool drifted;       /* somebody changed what an association holds */
    int64_t came_at;    /* somebody else made or deleted an association last */
    bool cluster_deleting;
    int64_t deny_eks_until, deny_kube_until;

    struct place places[PLACE_COUNT];
    size_t place_count; /* how many are in use */
    uint64_t lives;     /* replicas that were ever started */
    struct errand *errands;
    struct lease_call *lease_calls;

    struct comebacks comebacks;
    struct actor actors[ACTORS_MAX];
    size_t actor_count;
    struct admission admission;
    int64_t install_after; /* so long the definition stays gone */

    struct marks lost;      /* uids of bindings that went without their finalizers */
    struct marks contested; /* keys in which somebody undid our write three times or more */
    bool rests_contested;   /* at rest a binding says so: it may be written again within the hour */
    struct marks told_conflict; /* uids of bindings whose status has said Conflict */
    struct marks touched;       /* keys in which somebody else had a hand, or a late call */
    struct marks owner_lost;    /* ids that lost their owner tag */
    struct marks deleted;       /* "life/id", and "life/binding uid/id", whose Delete took effect */
    struct marks retained;      /* uids of bindings that went and left something */
    struct fight {              /* somebody keeps undoing what stands under a key; zeroed: nobody */
        char namespace[64], account[64];
        bool deletes; /* the association; else its role is another's */
        int64_t act_at, until;
        struct recent mutations; /* the operator's, since it is calm */
    } fight;
    unsigned retries_awaited; /* how often rest was put off for a contested key */

    struct marks left; /* uids of bindings that were let go of whatever was left */

    struct budget_log deletions, let_through;

    uint32_t port_calls, passes, crashes;
    uint32_t still, looks;    /* port calls, looks at the clock since time last went on */
    uint64_t writes;          /* calls started that change something */
    uint64_t writes_at_quiet; /* of them, when it grew quiet */
    bool awaits_budget;       /* rest comes when no deletion counts any more */
    uint32_t passes_at_quiet;
    uint64_t numbers; /* handed out, for names */
    uint64_t draws;   /* of the operator */

    int64_t mended_at;               /* people have mended all roles, and no answer is wrong */
    int64_t stirred_at, try_rest_at; /* settling: something was written last; next look */
    bool trial, trial_failed;        /* a failure is only noted */
    bool failed, abandoned;          /* abandoned: the operator will never end */
    char invariant[64];
    char why[1024];
};

/* How a history went. */
struct history {
    bool failed;
    char invariant[64]; /* that was broken, and how; "" */
    char why[1024];
};

/* Runs the history that a tape tells, from its first word on; the tape grows as it must. `trace` may
 * be NULL. Returns false when an invariant was broken: then the fiber may
 * still run, and memory of the operator's may be lost. */
bool world_history(struct tape *tape, enum world_way way, struct fiber *fiber, struct tally *tally,
                   struct trace *trace, struct history *ret_history);
/* The same, plain, for whoever has only words and wants only the outcome: a fuzz target. */
bool world_history_from_words(const uint32_t *words, size_t count, struct history *ret_history);

/* The first one counts; the history ends soon. */
void world_fail(struct world *world, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* For a line about one replica begin the format with "%s " and its place's name. */
#define TRACE(world, ...)                                                                          \
    ((world)->trace ? trace_line((world)->trace, (world)->now, __VA_ARGS__) : (void)0)

bool world_is_calm(const struct world *world);
int64_t world_wall_us(const struct world *world);
/* The API server's own view. */
struct view world_view(const struct world *world);

void marks_set(struct marks *marks, int64_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* When it was set, or -1. */
int64_t marks_get(const struct marks *marks, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A key as a mark: somebody else had a hand in it. */
void world_touch(struct world *world, const char *namespace, const char *account);

/* ---- EKS by id and key: the truth, NULL: none ---- */

const struct model_association *world_association(const struct world *world, const char *id);
const struct model_association *world_key(const struct world *world, const char *namespace,
                                          const char *account);
/* The i-th living one, in order of creation. */
const struct model_association *world_association_at(const struct world *world, size_t index);
size_t world_association_count(const struct world *world);

/* When he who keeps undoing something acts next; NEVER: not any more. (fight.c) */
int64_t fight_due(const struct world *world);
void fight_run(struct world *world);
/* Begins with a key that something of ours stands under. */
void fight_begin(struct world *world);
/* Somebody asks for a look at the binding of this key (podbind.dev/reconcile-at). */
void fight_look_asked(struct world *world, const char *namespace, const char *account);
/* A write of the operator to EKS: under his key not more than a dozen an hour, from such a look on. */
void fight_check(struct world *world, const char *namespace, const char *account);

/* ---- births ---- */

/* Draws a world and its weather. (births.c) */
void births_draw(struct world *world);
/* Our cluster in EKS has this status from now on. */
void births_put_cluster(struct world *world, const char *status);
