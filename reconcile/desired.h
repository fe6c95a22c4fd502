/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desired - bindings × service accounts → the set of keys that are wanted, and by whom.
 *
 * A *claim* is one binding with what it asks for; a *want* is one key of one claim. Refusals and
 * conflicts are decided per key, so the other keys of a binding go on:
 *
 *     the binding is malformed or not allowed        no wants at all, claim.reason says why
 *     the service account is always refused          WANT_REFUSED
 *     an older accepted binding wants the same key   WANT_CONFLICT
 *     otherwise                                      WANT_HELD
 *
 * The older one is that of the earlier creationTimestamp, then of the smaller name.
 * A binding that is being deleted wants nothing. Pure; borrows the records it is built from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "crds/binding.h"
#include "reconcile/association.h"
#include "reconcile/cluster.h"

enum want_verdict { WANT_HELD, WANT_REFUSED, WANT_CONFLICT };

struct want {
    struct association_key key; /* borrowed from the binding or the service account */
    struct claim *claim;
    struct claim *rival; /* Conflict: who holds the key. Held: a loser, NULL without one */
    enum want_verdict verdict;
    bool irsa; /* the service account still carries an IRSA role */
};

struct claim {
    const struct binding *binding;
    struct access access; /* what every key of it is to give */
    const char *reason;   /* "" or why nothing of it is accepted: Refused, InvalidSpec, ... */
    char *owned_message;  /* the sentence to it */
    struct want *wants;   /* in key order, within desired.wants */
    unsigned want_count;
    bool held; /* set by the pass: our own write is not in the store yet, so no step for it now (W4)
                */
};

struct desired {
    struct claim *claims; /* one a binding, in the order of the bindings */
    size_t claim_count;
    char *role_arns;    /* those that were computed, one after the other */
    struct want *wants; /* all of them, claim by claim */
    size_t want_count;
    struct want **held; /* those with WANT_HELD, in key order: at most one a key */
    size_t held_count;
};

struct desired_input {
    const struct binding *const *bindings; /* sorted by namespace, name */
    size_t binding_count;
    const struct service_account *const *accounts; /* sorted by namespace, name */
    size_t account_count;
    const struct cluster *cluster; /* partition and account are used */
    const char *own_namespace;     /* podbind's own: its service accounts are always refused */
};

void desired_build(const struct desired_input *input, struct desired *ret_desired);
void desired_release(struct desired *desired);

/* The role's path and name, for people. */
const char *claim_role_short(const struct claim *claim);
/* The held want of a key, or NULL. */
struct want *desired_find(const struct desired *desired, const struct association_key *key);
/* The tags that the association of this claim carries: the user's and ours. */
void desired_tags(const struct claim *claim, const char *owner, struct strbuf *ret_tags);
