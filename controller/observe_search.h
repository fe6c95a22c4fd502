/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe_search - finds the EKS cluster that this API server belongs to (--cluster-name=auto): all
 * clusters of the region and account, page by page, described one after the other until one is ours.
 *
 * A cluster that can't be described is passed over, as IAM may allow some only. When EKS has had
 * enough of us the search stops, and the next one goes on there; when a List fails it begins anew.
 * At most OBSERVE_SEARCH_CAP clusters are looked at.
 */
#pragma once

#include "controller/ports.h"
#include "reconcile/cluster.h"

struct observe;

#define OBSERVE_SEARCH_CAP 1000

/* How far a search has come. Zeroed: it has not begun. */
struct observe_search {
    bool begun;
    struct clusters_page page; /* the one being looked through */
    size_t next;               /* in it */
    size_t pages;
    struct cluster_search_met met;
};
void observe_search_release(struct observe_search *search);

/* Our side's evidence (identity), and EKS's of one cluster; `facts` may be NULL. */
struct cluster_evidence observe_evidence(const struct kube_identity *identity,
                                         const struct cluster_facts *facts);

/* Returns 0 when the search came to an end: observe->cluster is verified, and has its name, or says
 * why none is; ret_looked is how many were looked at. Returns -1 when it was cut, cluster as it was:
 * ERROR_GONE, or what EKS answered. */
int observe_search(struct observe *observe, const struct kube_identity *identity,
                   size_t *ret_looked, struct error *err);
