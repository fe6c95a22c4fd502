/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports - the world as the controller sees it. Everything outside is reached through this table:
 * in production controller/wire fills it from kube/ and aws/, in tests/sim a simulated world does.
 *
 * Calls go out with start() and come back, in any order, from next(). The caller owns the struct
 * call and all it points to, and leaves it alone until next() hands it back; the outputs are then
 * the caller's, freed by call_release(). One thread uses a table: no locks here.
 *
 * PORT_GONE means: this process is to end (SIGTERM, lease lost) or, in the simulator, is dead. From
 * then on every start() does nothing and next() keeps answering PORT_GONE; calls under way never
 * come back. Code above unwinds through its ordinary error paths.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crds/binding.h"
#include "reconcile/association.h"

/* Longest time one call may take, from its start; every world keeps to it. */
#define PORT_CALL_TIMEOUT_MS 4000
/* ... and one to IAM, which often has no endpoint where podbind runs. */
#define PORT_ROLE_TIMEOUT_MS 2000

enum resource { RESOURCE_BINDINGS, RESOURCE_SERVICE_ACCOUNTS, RESOURCE_COUNT };

enum call_verb {
    CALL_LIST_ASSOCIATIONS, /* one page */
    CALL_DESCRIBE_ASSOCIATION,
    CALL_CREATE_ASSOCIATION,
    CALL_UPDATE_ASSOCIATION,
    CALL_DELETE_ASSOCIATION,
    CALL_TAG_ASSOCIATION,
    CALL_UNTAG_ASSOCIATION,
    CALL_DESCRIBE_CLUSTER,
    CALL_LIST_CLUSTERS, /* one page */
    CALL_LIST_OBJECTS,  /* one page of a resource */
    CALL_GET_BINDING,
    CALL_GET_SERVICE_ACCOUNT,
    CALL_PATCH_FINALIZERS,
    CALL_PATCH_STATUS,
    CALL_WRITE_EVENT,
    CALL_READ_IDENTITY,
    CALL_READ_LEASE,      /* our Lease's annotations */
    CALL_PATCH_LEASE,     /* the same */
    CALL_READ_DEFINITION, /* of our own resource: is it being deleted? */
    CALL_READ_ROLE,       /* of IAM: who may assume it? */
    CALL_VERB_COUNT,
};

/* ---- what goes in: all borrowed until the call is back ---- */

struct list_associations_in {
    struct association_key key; /* both "": all of the cluster */
    const char *next_token;     /* "" for the first page */
};
struct association_in { /* Describe, Update, Delete, Tag, Untag */
    const char *id;
    const char *arn;
    struct access access;
    unsigned fields;   /* Update: the enum access_field that are sent */
    const char *tags;  /* Tag: pairs to set. Untag: pairs whose keys go */
    const char *token; /* Update: clientRequestToken */
};
struct create_in {
    struct association_key key;
    struct access access;
    const char *tags;
    const char *token; /* clientRequestToken, kept over retries of one logical create */
};
struct role_in {
    const char *name; /* without its path */
};
struct object_in { /* Get, PatchFinalizers, PatchStatus */
    const char *namespace;
    const char *name;
    const char *resource_version; /* patches: refused with ERROR_CONFLICT when it has moved on */
    const char *finalizers;       /* the new list, a line each */
    const struct binding_status *status; /* the new status */
};
struct list_clusters_in {
    const char *next_token; /* "" for the first page */
};
struct list_objects_in {
    enum resource resource;
    const char *continue_token; /* "" for the first page */
};
#define LEASE_DELETIONS "podbind.dev/deletions"       /* see reconcile/guard */
#define LEASE_RELEASE "podbind.dev/release-deletions" /* a person's: so many may go */

struct lease_in {                 /* PatchLease */
    const char *resource_version; /* refused with ERROR_CONFLICT when it has moved on */
    const char *deletions; /* the annotations' new values; "" takes one away, NULL leaves it */
    const char *release;
};
struct event_in {
    const char *namespace; /* of the binding */
    const char *binding;   /* its name */
    const char *uid;
    const char *name; /* of the Event object */
    int series_count; /* 0: create it; n: it happened n times by now, patch the series */
    bool warning;
    const char *reason; /* CamelCase */
    const char *action; /* CamelCase verb: what was tried */
    const char *note;
};

/* ---- what comes out: owned by the call ---- */

struct associations_page {
    struct association **items; /* described only for Create, Update, Describe */
    size_t count;
    char *next_token; /* NULL or "" on the last page */
};
struct objects_page {
    void **items; /* struct binding * or struct service_account *, by resource */
    size_t count;
    size_t skipped; /* objects that could not be read as records */
    char *resource_version;
    char *continue_token; /* NULL or "" on the last page */
};
struct cluster_facts {
    char *arn;
    char *status; /* ACTIVE, DELETING, ... */
    char *issuer; /* identity.oidc.issuer, "" when absent */
    char *ca_pem; /* certificateAuthority, decoded, "" when absent */
};
struct clusters_page {
    char **names;
    size_t count;
    char *next_token; /* NULL or "" on the last page */
};
struct kube_identity {
    char *kube_system_uid;
    char *issuer; /* "" when it can't be read */
    char *ca_pem; /* bundle that we trust for this API server, "" when none */
};

struct lease_facts {
    char *resource_version;
    char *deletions; /* podbind.dev/deletions, "" when absent */
    char *release;   /* podbind.dev/release-deletions, "" when absent */
};

struct trust_policy;

struct role_facts {
    char *arn;                   /* with the path that it has */
    struct trust_policy *policy; /* who may assume it; a block of its own */
    uint64_t digest;             /* of both: equal ones are the same answer */
};

/* What only the text of an EKS error tells; decides the reason that people see. */
enum call_detail {
    DETAIL_NONE,
    DETAIL_ROLE_MISSING,    /* the role does not exist, or not yet (IAM propagation) */
    DETAIL_TRUST_INVALID,   /* the role's trust policy does not let EKS assume it */
    DETAIL_PASS_ROLE,       /* we may not pass the role */
    DETAIL_QUOTA,           /* the cluster holds all the associations it may */
    DETAIL_CLUSTER_MISSING, /* EKS knows no cluster of our name */
};

struct call {
    enum call_verb verb;
    void *owner;         /* the caller's, untouched */
    uint64_t epoch;      /* controller/pace's, untouched */
    const char *cluster; /* EKS but ListClusters: the cluster's name, borrowed as `in` is */
    union {
        struct list_associations_in list;
        struct list_clusters_in clusters;
        struct association_in association;
        struct create_in create;
        struct object_in object;
        struct list_objects_in objects;
        struct event_in event;
        struct lease_in lease;
        struct role_in role;
    } in;

    struct error error; /* kind ERROR_NONE: done, and the outputs are there */
    enum call_detail detail;
    struct {
        struct association *association; /* Describe, Create, Update */
        struct associations_page page;
        struct objects_page objects;
        struct cluster_facts cluster;
        struct clusters_page clusters;
        struct kube_identity identity;
        struct lease_facts lease;
        struct role_facts role;
        bool definition_going; /* it has a deletionTimestamp */
        struct binding *binding;
        struct service_account *service_account;
        char *
            resource_version; /* PatchFinalizers, PatchStatus, PatchLease: of the object as written */
    } out;
};

void role_facts_release(struct role_facts *facts);
/* Frees the outputs and clears the error; the call may be started again. */
void call_release(struct call *call);
/* "CreatePodIdentityAssociation", "PATCH podidentitybindings/status": for logs and metrics. */
const char *call_name(enum call_verb verb);
/* True for calls that change something: these need the lease. */
bool call_writes(enum call_verb verb);
/* True for calls that go to EKS. */
bool call_is_eks(enum call_verb verb);
/* True for calls that run beside the passes, for nobody waits for them. */
bool call_is_aside(enum call_verb verb);

/* ---- watches ---- */

enum change_kind {
    CHANGE_OPENED,     /* the watch stands */
    CHANGE_PUT,        /* added or modified: `record` */
    CHANGE_DELETED,    /* `record` is the object's last state */
    CHANGE_BOOKMARK,   /* nothing happened up to `resource_version` */
    CHANGE_SYNCED,     /* the first state has been sent whole, as of `resource_version` */
    CHANGE_UNREADABLE, /* an object came that is no record; `error` says why */
    CHANGE_CLOSED,     /* the watch has ended: `error` (kind ERROR_NONE: in good order) */
};

struct change {
    enum resource resource;
    enum change_kind kind;
    uint64_t watch;         /* number of the watch it came from, as given to open_watch */
    void *record;           /* struct binding * or struct service_account *, owned */
    char *resource_version; /* owned; of BOOKMARK and SYNCED */
    struct error *error;    /* owned; NULL: none */
};

struct changes {
    struct change *items;
    size_t count;
    size_t capacity;
};
void change_release(struct change *change);
void changes_release(struct changes *changes);

struct watch_request {
    enum resource resource;
    uint64_t watch;               /* its number; later ones are larger */
    const char *resource_version; /* resume after this; "" with `initial` */
    bool initial;                 /* send the state first, then CHANGE_SYNCED (sendInitialEvents) */
};

enum port_event {
    PORT_CALL,    /* a call is back */
    PORT_CHANGES, /* watches brought something */
    PORT_WOKEN,   /* look around: the lease changed hands */
    PORT_TIMEOUT, /* the deadline is there */
    PORT_GONE,    /* see above */
};

struct ports {
    void *world;
    /* Milliseconds since boot. */
    int64_t (*now)(void *world);
    /* Microseconds since 1970. */
    int64_t (*wall)(void *world);
    uint64_t (*random)(void *world);
    /* A write may be under way until this moment (ms since boot); 0 while we do not hold the lease.
     */
    int64_t (*lease_until)(void *world);
    void (*start)(void *world, struct call *call);
    enum port_event (*next)(void *world, int64_t deadline, struct call **ret_call,
                            struct changes *ret_changes);
    /* Opens a watch of a resource, in place of its earlier one. What it brings comes from next().
     */
    void (*open_watch)(void *world, const struct watch_request *request);
};

/* True while a write started now would be over before the lease could be lost (rule W3). */
bool ports_may_write(const struct ports *ports);
