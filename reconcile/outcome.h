/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome - what a binding's status should say, from the state of the world as known now.
 *
 * It is derived from the sets and the remembered troubles, never from which calls a pass made: so
 * it is the same whether a pass ran whole, was cut, or found nothing to do. Pure.
 */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"
#include "crds/binding.h"
#include "reconcile/access.h"
#include "reconcile/cluster.h"
#include "reconcile/desired.h"
#include "reconcile/mirror.h"
#include "reconcile/plan.h"
#include "reconcile/role.h"

struct outcome_context {
    const struct cluster *cluster;
    const struct mirror *mirror;
    enum plan_mode mode;
    int64_t now;     /* ms since boot */
    int64_t wall_us; /* microseconds since 1970: for lastTransitionTime */
    /* Why EKS can't be read at all right now; "" when it can. */
    const char *blind_reason;
    const char *blind_message;
    /* A binding that is being deleted: what can't be deleted, or not be tagged as retained, or can't
     * be read and may be its own; NULL: none. */
    const struct mirror_entry *stuck;
    /* A binding that stays: what it no longer asks for, where the Delete is held, or waits for a
     * person to make it possible; NULL: none. */
    const struct mirror_entry *lingering;
    const struct role *role; /* of the binding, as IAM tells; NULL: not asked for */
    const char *hold;        /* why the deletion budget does not allow it; "" when it does */
    /* Since when Ready's reason has been what it is, for bindings that are not Ready (ms since
     * boot). The caller remembers it; 0: it is new. */
    int64_t reason_since;
};

/* Owns what `status` points to, apart from what is the claim's, the cluster's or the mirror's. */
struct outcome {
    struct binding_status status;
    bool ready;
    bool unread;        /* all that is missing is to read what EKS lists, which is under way */
    const char *reason; /* of Ready; static */
    int64_t due;        /* when the status changes by time alone (Stalled); INT64_MAX: never */
    struct binding_row *owned_rows;
    struct strbuf accepted_message, associated_message, trust_message, ready_message;
    char access[ACCESS_TEXT_SIZE];
    char bound[32];
    char service_accounts[32];
};

/* Reads nothing but its arguments; keep claim, cluster and mirror as they are until
 * outcome_release(). */
void outcome_make(const struct claim *claim, const struct outcome_context *context,
                  struct outcome *ret_outcome);
void outcome_release(struct outcome *outcome);

/* How long a reason may stand before it counts as stalled, in ms; 0: it never does, because it
 * passes by itself. Longer for roles: in a chart's install the role may come a moment later. */
int64_t outcome_patience(const char *reason);
/* True for reasons that do not pass by themselves: somebody has to mend something. */
bool outcome_needs_a_person(const char *reason);
/* The reason shown for a trouble: "RoleNotFound", "Throttled", ... */
const char *outcome_trouble_reason(enum trouble kind);
/* True for a trouble that a person has to mend: it may last for ever. */
bool outcome_trouble_lasts(enum trouble kind);
