/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster - is the EKS cluster we are told to write to the one we run in (rule W1), and what its
 * ARN tells.
 *
 * The same Helm values on blue and green must not let green rewrite blue. So before any write the
 * issuer of this API server must equal the issuer that EKS reports for --cluster-name; where no
 * issuer can be read, one certificate of our CA bundle must equal the cluster's. With
 * --cluster-name=auto the caller judges one cluster of the region after the other. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

enum cluster_verdict {
    CLUSTER_UNVERIFIED, /* nothing readable to compare: no write */
    CLUSTER_VERIFIED,
    CLUSTER_WRONG, /* they differ, or EKS knows no such cluster: no write */
};

#define CLUSTER_PART_SIZE 64

/* What the pass needs to know of the cluster. Zeroed: not verified. */
struct cluster {
    enum cluster_verdict verdict;
    char name[128];
    char partition[CLUSTER_PART_SIZE]; /* aws, aws-cn, ... */
    char region[CLUSTER_PART_SIZE];
    char account[CLUSTER_PART_SIZE]; /* 12 digits */
    char owner[256];                 /* our owner tag: <UID of kube-system>/<instance> */
    bool deleting;                   /* EKS reports DELETING */
    char why[512];                   /* a sentence when the verdict is not VERIFIED */
};

/* What both sides say; "" for what could not be read. */
struct cluster_evidence {
    const char *arn;    /* of the EKS cluster */
    const char *status; /* ACTIVE, ... */
    const char *eks_issuer;
    const char *eks_ca_pem;
    const char *kube_issuer; /* of this API server */
    const char *kube_ca_pem; /* the bundle we trust for it */
    const char *kube_system_uid;
};

/* Fills everything but `name`, which must be set. Fails (ERROR_INVALID, nothing changed) when the
 * ARN is not arn:<partition>:eks:<region>:<12 digits>:cluster/<name>, or a UID is missing. */
int cluster_judge(struct cluster *cluster, const struct cluster_evidence *evidence,
                  const char *instance, struct error *err);

/* What a search for our cluster has met, none of it ours. Zeroed: nothing yet. */
struct cluster_search_met {
    size_t compared;                 /* clusters that are known to be others */
    size_t unreadable;               /* that could not be described, or told nothing to compare */
    bool more;                       /* EKS lists more than may be looked at */
    char account[CLUSTER_PART_SIZE]; /* "" while none could be read */
    char first[128];                 /* of those that are unreadable: its name, and why */
    char first_why[256];
};
/* Notes one that is not ours: as judged, or with why it could not be. */
void cluster_search_compared(struct cluster_search_met *met, const struct cluster *judged);
void cluster_search_unreadable(struct cluster_search_met *met, const char *name, const char *why);

/* The verdict of a search that has come to its end without finding our cluster. It is WRONG when
 * all there is was compared, UNVERIFIED when ours may be one that could not be read. `own` is our
 * side of the evidence; the name is emptied, what was known of account and owner stays. */
void cluster_judge_none(struct cluster *cluster, const struct cluster_search_met *met,
                        const char *region, const struct cluster_evidence *own);

/* The ARN of the cluster itself; only after cluster_judge(). */
void cluster_own_arn(const struct cluster *cluster, struct strbuf *ret_arn);
/* The ARN of an association of this cluster; only after cluster_judge(). Not kept with each: it is
 * longer than most of what is. */
void cluster_association_arn(const struct cluster *cluster, const char *id, struct strbuf *ret_arn);

/* "WrongCluster", "ClusterUnverified": the reason shown; "" when verified. */
const char *cluster_reason(const struct cluster *cluster);
