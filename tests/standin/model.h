/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model - EKS pod identity associations, IAM roles and the caller's identity, as AWS answers for
 * them: what the stand-in serves over HTTP and the simulator calls in-process.
 *
 * No sockets, threads, JSON, clock or globals. One `struct model` is one AWS: any number of
 * clusters, their associations, roles, faults and counters. Time (milliseconds; epoch for the
 * server, anything that never runs backwards for the simulator) and randomness come with each
 * request. A model is not thread-safe: the caller holds a lock or has one thread. Making and
 * freeing one costs a few allocations.
 *
 * One request goes through three steps, so that its host may let time pass between them:
 *
 *     model_judge(model, &request, &verdict);            at arrival: rate limit, fault, latency
 *     model_perform(model, &request, &verdict, &answer); the effect, if the verdict has one
 *     ... deliver `answer` as verdict.fate says          answered, hung, reset, garbage, cut
 *
 * model_call() is all three without latency. Whatever a model hands out (associations, names, the
 * parts of an answer) is borrowed and good until the next call with that model, reading calls too;
 * model_association_copy() keeps one longer.
 *
 * Eventual consistency: a write takes effect at once for later writes (a second create is a 409, a
 * second delete a 404) and becomes visible to reads (Describe, List, ListTagsForResource)
 * `propagation_ms` later; until then they see the state before it. A deleted association is a ghost
 * for as long: reads show it, and a create of its key gets the 409 with the old id.
 *
 * Messages, statuses and limits follow reference facts gathered from public sources; where AWS's
 * own answer is not known, README.md beside this file lists what was chosen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model;

enum model_operation {
    MODEL_ANY = 0, /* in a fault or a count: every operation */
    MODEL_CREATE,
    MODEL_DESCRIBE,
    MODEL_UPDATE,
    MODEL_DELETE,
    MODEL_LIST,
    MODEL_TAG,
    MODEL_UNTAG,
    MODEL_LIST_TAGS,
    MODEL_DESCRIBE_CLUSTER,
    MODEL_LIST_CLUSTERS,
    MODEL_GET_CALLER_IDENTITY,
    MODEL_GET_ROLE,
    MODEL_ASSUME_ROLE,
    MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY,
    MODEL_OPERATIONS, /* how many values there are */
};

/* AWS's name ("CreatePodIdentityAssociation"); "*" for MODEL_ANY. */
const char *model_operation_name(enum model_operation operation);
/* The reverse; MODEL_OPERATIONS when there is no such operation. */
enum model_operation model_operation_named(const char *name);
/* Create, Update, Delete, Tag, Untag: what the mutation bucket limits. */
bool model_operation_mutates(enum model_operation operation);

#define MODEL_ACCOUNT_SIZE 13
#define MODEL_REGION_SIZE 32
#define MODEL_PARTITION_SIZE 16
#define MODEL_CODE_SIZE 64
#define MODEL_MESSAGE_SIZE 512
#define MODEL_NAME_SIZE 128 /* a cluster name in an error, with its NUL; longer ones are cut */
#define MODEL_TOKEN_SIZE 64 /* a nextToken with its NUL */
#define MODEL_ID_SIZE 20    /* "a-" + 17 + NUL */
#define MODEL_POLICY_MAX 2048
#define MODEL_PAGE_MAX 100

/* May be changed at any time through model_settings(). A rate of 0 is no limit; a burst of 0 is
 * the rate; every bucket holds at least 1. */
struct model_settings {
    char account[MODEL_ACCOUNT_SIZE];     /* of the caller; "111122223333" */
    char region[MODEL_REGION_SIZE];       /* of clusters that name none; "us-west-2" */
    char partition[MODEL_PARTITION_SIZE]; /* "aws" */
    int64_t propagation_ms;               /* from write to visible; 0 */
    int64_t latency_ms;                   /* put into every verdict; 0 */
    double rate, burst;                   /* EKS mutations per second, bucket size; 0: unlimited */
    double read_rate, read_burst;         /* EKS reads */
    size_t quota;                         /* associations a cluster may hold; 5,000 */
    size_t page;                          /* a page holds no more, whatever was asked for; 100 */
    bool any_role;                        /* roles not put by hand exist and may be passed; true */
    bool no_ghost_conflict;               /* create of a ghost's key succeeds; false */
};

/* An error as AWS words it. `status` 0 is no error. */
struct model_error {
    int status;                 /* HTTP */
    char code[MODEL_CODE_SIZE]; /* "ResourceInUseException" */
    char message[MODEL_MESSAGE_SIZE];
    char cluster_name[MODEL_NAME_SIZE]; /* member clusterName; "" is null */
    int64_t retry_after_ms;             /* x-amz-retry-after; 0: not sent */
};

struct model_tag {
    const char *key;
    const char *value;
};

/* One state of one association. Text members are never NULL in what the model hands out; "" is
 * unset. */
struct model_association {
    const char *cluster;
    const char *namespace;
    const char *service_account;
    const char *id;
    const char *arn;
    const char *role_arn;
    const char *target_role_arn;
    const char *policy;
    const char *owner_arn;   /* the EKS add-on that owns it */
    const char *external_id; /* <region>/<account>/<cluster>/<namespace>/<serviceAccount> */
    bool disable_session_tags;
    const struct model_tag *tags; /* sorted by key */
    size_t tag_count;
    int64_t created_ms;
    int64_t modified_ms;
};

/* One block of memory, NULL members made "": free with mem_free. */
struct model_association *model_association_copy(const struct model_association *association);

/* Members that are NULL when putting take the default in brackets. */
struct model_cluster {
    const char *name;     /* required */
    const char *account;  /* [settings.account] */
    const char *region;   /* [settings.region] */
    const char *issuer;   /* identity.oidc.issuer, a URL [made from region and name] */
    const char *ca_data;  /* certificateAuthority.data, base64 [""] */
    const char *endpoint; /* [made from region and name] */
    const char *status;   /* CREATING ACTIVE DELETING FAILED UPDATING PENDING [ACTIVE] */
    const char *version;  /* ["1.34"] */
    const char *arn;      /* computed; ignored when putting */
    const struct model_tag *tags;
    size_t tag_count;
    int64_t created_ms;
};

struct model_role {
    const char *name;       /* without path; required */
    const char *path;       /* begins and ends with "/" ["/"] */
    const char *account;    /* [settings.account] */
    const char *trust;      /* the trust document's JSON [one that lets EKS pods assume it] */
    const char *arn;        /* computed; ignored when putting */
    const char *role_id;    /* computed; ignored when putting */
    bool missing;           /* it does not exist, whatever any_role says */
    bool trust_invalid;     /* EKS finds its trust policy invalid */
    bool pass_denied;       /* the caller may not pass it */
    bool get_denied;        /* the caller may not read it: GetRole is AccessDenied */
    bool assume_denied;     /* nobody may assume it: AssumeRole... is AccessDenied */
    int64_t exists_from_ms; /* IAM propagation: until then Create and Update do not find it */
    int64_t created_ms;
};

/* A request. Text members that are NULL are absent; an empty text was sent empty. */
struct model_request {
    enum model_operation operation;
    int64_t now_ms;
    uint64_t random;        /* any value, 0 too: ids stay unique. 0 never meets a probability < 1 */
    const char *caller_arn; /* NULL: the operator's assumed role */
    const char *region;     /* clusters of other regions are not found; NULL: all are */

    const char *cluster;      /* all of an association, DescribeCluster */
    const char *id;           /* Describe, Update, Delete */
    const char *resource_arn; /* Tag, Untag, ListTags */
    const char *role_name;    /* GetRole */

    const char *namespace;            /* Create; List: exact match */
    const char *service_account;      /* Create; List: exact match */
    const char *role_arn;             /* Create, Update, AssumeRole... */
    const char *target_role_arn;      /* Create, Update: "" clears */
    const char *policy;               /* Create, Update: "" clears */
    bool policy_malformed;            /* the host found that `policy` is no JSON object */
    const bool *disable_session_tags; /* Create, Update; NULL: absent */
    const struct model_tag *tags;     /* Create, Tag: NULL is absent. Keys are unique */
    size_t tag_count;
    const char *const *tag_keys; /* Untag */
    size_t tag_key_count;
    const char *client_token; /* Create, Update: clientRequestToken */

    const char *session_name; /* AssumeRole... */
    const char *web_token;    /* AssumeRoleWithWebIdentity; only its length is looked at */
    const char *duration_s;   /* AssumeRole...; NULL: an hour */

    int max_results;        /* List, ListClusters; 0: absent (100), outside 1..100: refused */
    const char *next_token; /* List, ListClusters */
};

/* Which members are filled follows from the operation; on an error only `error` is. */
struct model_answer {
    struct model_error error;
    const struct model_association *association;         /* Create, Describe, Update, Delete */
    const struct model_association *const *associations; /* List */
    size_t association_count;
    const struct model_tag *tags; /* ListTags */
    size_t tag_count;
    const struct model_cluster *cluster; /* DescribeCluster */
    const char *const *cluster_names;    /* ListClusters */
    size_t cluster_count;
    char next_token[MODEL_TOKEN_SIZE];          /* List, ListClusters; "": that was the last page */
    const struct model_role *role;              /* GetRole */
    const char *account, *caller_arn, *user_id; /* GetCallerIdentity; of whom AssumeRole... makes */
    int64_t duration_ms;                        /* AssumeRole...: of the session */
};

/* What becomes of the reply. */
enum model_fate {
    MODEL_ANSWER,  /* it arrives */
    MODEL_HANG,    /* it never comes, the connection stays open */
    MODEL_RESET,   /* the connection breaks instead */
    MODEL_GARBAGE, /* 200 or error.status with a body that is no answer */
    MODEL_CUT,     /* status and half the body, then the connection ends */
    MODEL_EMPTY,   /* 200 or error.status without a body */
};

/* "answer", "hang", "reset", "garbage", "cut", "empty". */
const char *model_fate_name(enum model_fate fate);
/* Returns false when there is no such fate. */
bool model_fate_named(const char *name, enum model_fate *ret_fate);

struct model_verdict {
    enum model_fate fate;
    bool effect;              /* the operation is carried out, whatever the client learns of it */
    int64_t latency_ms;       /* from arrival to delivery */
    struct model_error error; /* status set: delivered in place of the operation's own answer */
};

/*
 * A fault hits requests of `operation` (and `cluster`, if named). Those are numbered from 1 since
 * the fault was put; it hits number `nth` and the `count` - 1 after it, each with `probability`.
 * The first fault in order that hits decides; the rate limit comes before them.
 *
 *     fate ANSWER, no error.status   only latency_ms is added
 *     fate ANSWER, error.status      this error
 *     other fates                    as enum model_fate
 *     after_effect                   all of these: the operation is done and the reply lost
 */
struct model_fault {
    enum model_operation operation;
    char cluster[MODEL_NAME_SIZE]; /* "": any */
    uint64_t nth;                  /* 0 is 1 */
    uint64_t count;                /* 0: for ever */
    double probability;            /* 0 is 1 */
    enum model_fate fate;
    bool after_effect;
    int64_t latency_ms;
    struct model_error error; /* an empty message becomes a fitting one */
    uint64_t seen;            /* requests numbered so far; kept by the model */
};

struct model_counter {
    enum model_operation operation;
    char outcome[MODEL_CODE_SIZE]; /* "ok", an error's code, "hang", "reset-after-effect", ... */
    uint64_t count;
};

/* One association by hand of an observer: what is true and what reads show. */
struct model_view {
    const struct model_association *truth; /* NULL: deleted */
    const struct model_association *shown; /* NULL: reads do not show it yet */
    bool settled;                          /* both are the same state */
};

/* An empty AWS with default settings. */
struct model *model_new(void);
void model_free(struct model *model);
struct model_settings *model_settings(struct model *model);

/* ---- requests ---- */

/* Decides what becomes of a request: takes from its bucket, numbers it for the faults. Call it
 * once a request, in order of arrival. */
void model_judge(struct model *model, const struct model_request *request,
                 struct model_verdict *ret_verdict);
/* Carries a request out (unless the verdict has no effect) and counts its outcome. `verdict` NULL:
 * an undisturbed one. ret_answer is filled whatever the fate. */
void model_perform(struct model *model, const struct model_request *request,
                   const struct model_verdict *verdict, struct model_answer *ret_answer);
/* Judge and perform; returns the fate. */
enum model_fate model_call(struct model *model, const struct model_request *request,
                           struct model_answer *ret_answer);

/* ---- the world, by hand: at once visible, no checks but the ones named ---- */

/* Adds a cluster, or changes the one of that name; its associations stay. Copies. */
void model_put_cluster(struct model *model, const struct model_cluster *cluster);
/* With its associations. Returns false when there is none. */
bool model_remove_cluster(struct model *model, const char *name);
/* NULL when there is none. */
const struct model_cluster *model_cluster(struct model *model, const char *name);
/* The i-th in order of name; NULL past the end. */
const struct model_cluster *model_cluster_at(struct model *model, size_t index);

/* Adds or replaces the role of that name and account. Copies. */
void model_put_role(struct model *model, const struct model_role *role);
/* NULL when it was neither put nor ever asked for. `account` NULL: the caller's. */
const struct model_role *model_role(struct model *model, const char *account, const char *name);
/* Forgets what was put: any_role decides again. Returns false when there is none. */
bool model_remove_role(struct model *model, const char *account, const char *name);

/* Adds an association (id "" or NULL: a new id), or replaces the one with that id whole. Without
 * created_ms and modified_ms they are now; arn and external_id are computed. `wanted` may borrow
 * from the association it replaces. Fails when the cluster is missing, when
 * namespace or service account is empty, when another id holds the key, or when the id's key
 * would change. */
int model_put_association(struct model *model, const struct model_association *wanted,
                          int64_t now_ms, uint64_t random,
                          const struct model_association **ret_association,
                          struct model_error *err);
/* No ghost stays. Returns false when there is none. */
bool model_remove_association(struct model *model, const char *cluster, const char *id);

/* The i-th association of a cluster in order of creation, not yet shown ones and ghosts too.
 * Returns false past the end. */
bool model_association_at(struct model *model, const char *cluster, size_t index, int64_t now_ms,
                          struct model_view *ret_view);
/* The one with that id, or with that key. Returns false when there is none. */
bool model_association_by_id(struct model *model, const char *cluster, const char *id,
                             int64_t now_ms, struct model_view *ret_view);
bool model_association_by_key(struct model *model, const char *cluster, const char *namespace,
                              const char *service_account, int64_t now_ms,
                              struct model_view *ret_view);

/* ---- faults and counters ---- */

/* Appends a fault; copies. At most MODEL_FAULT_MAX, more are dropped: returns false. */
#define MODEL_FAULT_MAX 256
bool model_put_fault(struct model *model, const struct model_fault *fault);
const struct model_fault *model_faults(const struct model *model, size_t *ret_count);
void model_clear_faults(struct model *model);

/* model_perform() counts by itself; this is for what a host refused on its own (a signature). */
void model_count(struct model *model, enum model_operation operation, const char *outcome);
const struct model_counter *model_counters(const struct model *model, size_t *ret_count);
/* The sum over an operation (or MODEL_ANY) and an outcome (or NULL: all). */
uint64_t model_counted(const struct model *model, enum model_operation operation,
                       const char *outcome);
void model_reset_counters(struct model *model);
