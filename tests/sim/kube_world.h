/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_world - the API server of a history: bindings and service accounts, and every state they
 * ever had, in order of resourceVersion; and one Lease.
 *
 * As in Kubernetes: a change that changes nothing keeps the version and makes no event; a change of
 * spec raises the generation, one of status or metadata does not; an object with finalizers stays,
 * with a deletionTimestamp, until the last one is taken away; a patch that names a resourceVersion
 * is refused with 409 when the object has moved on, and nobody adds finalizers to what is being
 * deleted. Errors are made by the table of kube/kube_status.
 *
 * In a namespace that is being deleted nothing is created; it is gone with its last binding. The
 * definition of bindings, when deleted, takes all of them with it: it terminates until the last one
 * is gone, then nothing serves them until somebody installs it again, with nothing in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "controller/ports.h"
#include "crds/binding.h"
#include "kube/lease.h"

/* One state of one object, or its end (then `record` is its last state, with the version of the
 * deletion). */
struct kube_event {
    uint64_t version;
    uint64_t superseded; /* version of the object's next state; UINT64_MAX: it is the newest */
    int64_t at;
    enum resource resource;
    bool deleted;
    void *record; /* owned: struct binding or struct service_account */
};

/* What the last status write said, beyond what a record keeps. */
struct kube_said {
    char *access, *bound;
    int64_t at;
};

enum definition {
    DEFINITION_INSTALLED,
    DEFINITION_TERMINATING, /* all bindings are being deleted */
    DEFINITION_GONE,        /* lists, watches and single reads of bindings answer 404 */
};

#define KUBE_NAMESPACES_MAX 8

struct kube_world {
    struct kube_event *log;
    size_t log_count, log_capacity;
    uint64_t version;   /* the newest */
    uint64_t compacted; /* states before this one can't be asked for any more */
    const char *prefix; /* of every version as text, so that they are longer than any integer */
    int64_t now;        /* kept by the world */
    int64_t wall_us;

    const struct binding *
        *bindings;          /* living, sorted by namespace and name; borrowed from the log */
    struct kube_said *said; /* beside each */
    size_t binding_count, binding_capacity, said_capacity;
    const struct service_account **accounts;
    size_t account_count, account_capacity;
    uint64_t uids;

    struct {
        bool there;
        uint64_t version;
        struct lease_record record; /* without its version */
        char *deletions, *release;  /* annotations; owned, NULL: none */
    } lease;
    enum definition definition; /* of bindings */
    bool bare;                  /* while it is gone the 404 has no Status */
    int64_t ending_at, gone_at; /* when it began to terminate, and when it was gone */
    uint64_t reborn; /* version as of which it was installed again; older watches are 410 */
    const char *terminating[KUBE_NAMESPACES_MAX]; /* namespaces that are being deleted */
    size_t terminating_count;
};

void kube_init(struct kube_world *kube, uint64_t first_version, const char *prefix);
void kube_release(struct kube_world *kube);

/* NULL when there is none. Borrowed for as long as the world. */
const struct binding *kube_binding(const struct kube_world *kube, const char *namespace,
                                   const char *name);
const struct binding *kube_binding_by_uid(const struct kube_world *kube, const char *uid,
                                          size_t length);
const struct service_account *kube_account(const struct kube_world *kube, const char *namespace,
                                           const char *name);
/* The record of an object as it was at that time; NULL when it was not there. */
const void *kube_record_at(const struct kube_world *kube, enum resource resource,
                           const char *namespace, const char *name, int64_t at);
const struct kube_said *kube_said(const struct kube_world *kube, const struct binding *binding);

/* Version as text; returns its argument. */
#define KUBE_VERSION_SIZE 64
const char *kube_version_text(const struct kube_world *kube, uint64_t version,
                              char ret_text[KUBE_VERSION_SIZE]);
/* The reverse. */
uint64_t kube_version_number(const struct kube_world *kube, const char *text);

/* ---- what people do ---- */

/* Is this namespace there, as far as creating goes? For a binding: and its definition? */
bool kube_may_create(const struct kube_world *kube, const char *namespace);
bool kube_may_create_binding(const struct kube_world *kube, const char *namespace);
/* Metadata that the server decides is filled in: uid, version, generation, creationTimestamp. */
void kube_create_binding(struct kube_world *kube, const struct binding *wanted);
/* `changed` is the present record with other values in it. */
void kube_update_binding(struct kube_world *kube, const struct binding *changed, bool spec);
void kube_delete_binding(struct kube_world *kube, const struct binding *binding);
/* It is no more, whatever its finalizers: as when a server's storage is replaced. */
void kube_drop_binding(struct kube_world *kube, const struct binding *binding);
/* Creates it, or replaces labels and the like. */
void kube_put_account(struct kube_world *kube, const struct service_account *wanted);
void kube_delete_account(struct kube_world *kube, const struct service_account *account);
/* With all that is in it (kube_scope.c). `namespace` outlives the world. */
void kube_delete_namespace(struct kube_world *kube, const char *namespace);
void kube_delete_definition(struct kube_world *kube, bool bare);
void kube_install_definition(struct kube_world *kube);
/* For kube_world.c: a binding is no more. */
void kube_binding_gone(struct kube_world *kube);

/* As by kubectl annotate lease. */
void kube_release_deletions(struct kube_world *kube, const char *number);

/* ---- what the operator does: 0, or -1 with the error as kube/ would tell it ---- */

/* A copy of a status that is on its way. Zeroed is empty. */
struct kube_status_write {
    struct binding_stored_status stored; /* its texts are those below */
    char *ready_reason, *associations, *access, *bound;
};
void kube_status_write_make(const struct binding_status *status,
                            struct kube_status_write *ret_write);
void kube_status_write_release(struct kube_status_write *write);

int kube_patch_lease(struct kube_world *kube, const struct lease_in *in, struct error *err);
int kube_patch_finalizers(struct kube_world *kube, const struct object_in *in, char **ret_version,
                          struct error *err);
int kube_patch_status(struct kube_world *kube, const struct object_in *in,
                      const struct kube_status_write *write, char **ret_version, struct error *err);

/* The Lease: ret_record is what stands there now. */
int kube_get_lease(const struct kube_world *kube, struct lease_record *ret_record,
                   struct error *err);
int kube_create_lease(struct kube_world *kube, const struct lease_record *record,
                      struct lease_record *ret_record, struct error *err);
int kube_update_lease(struct kube_world *kube, const struct lease_record *record,
                      struct lease_record *ret_record, struct error *err);

/* Fills err as kube/ does for an answer of this HTTP status; `reason` "NotFound" with `denied` is
 * the server's word about exactly this object. Returns -1. */
int kube_refuse(struct error *err, int status, const char *reason, bool denied, bool write);
/* The same for a binding that is not there. */
int kube_refuse_missing(const struct kube_world *kube, bool write, struct error *err);
