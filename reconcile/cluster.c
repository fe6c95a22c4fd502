/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/cluster.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

/* Copies the part of an ARN up to the next ':' and steps over it. */
static bool take_part(const char **cursor, char ret_part[CLUSTER_PART_SIZE])
{
    size_t length = strcspn(*cursor, ":");

    if ((*cursor)[length] != ':' || length >= CLUSTER_PART_SIZE)
        return false;
    memcpy(ret_part, *cursor, length);
    ret_part[length] = '\0';
    *cursor += length + 1;
    return true;
}

static bool parse_arn(struct cluster *cluster, const char *arn)
{
    char prefix[CLUSTER_PART_SIZE], service[CLUSTER_PART_SIZE];
    const char *cursor = arn;

    return take_part(&cursor, prefix) && strcmp(prefix, "arn") == 0 &&
           take_part(&cursor, cluster->partition) && cluster->partition[0] != '\0' &&
           take_part(&cursor, service) && strcmp(service, "eks") == 0 &&
           take_part(&cursor, cluster->region) && take_part(&cursor, cluster->account) &&
           strlen(cluster->account) == 12 && strspn(cluster->account, "0123456789") == 12 &&
           strncmp(cursor, "cluster/", 8) == 0 && strcmp(cursor + 8, cluster->name) == 0;
}

/* Issuers are compared as URLs are written by both sides; only a trailing slash is forgiven. */
static bool same_issuer(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b);

    while (length_a > 0 && a[length_a - 1] == '/')
        length_a--;
    while (length_b > 0 && b[length_b - 1] == '/')
        length_b--;
    return length_a == length_b && memcmp(a, b, length_a) == 0;
}

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

static char next_base64(const char **cursor, const char *end)
{
    while (*cursor < end && strchr(" \t\r\n", **cursor))
        (*cursor)++;
    return *cursor < end ? *(*cursor)++ : '\0';
}

/* Compares two base64 bodies, line breaks aside. Two empty ones say nothing. */
static bool same_body(const char *a, const char *a_end, const char *b, const char *b_end)
{
    for (size_t length = 0;; length++) {
        char left = next_base64(&a, a_end), right = next_base64(&b, b_end);

        if (left != right)
            return false;
        if (left == '\0')
            return length > 0;
    }
}

/* The next certificate's base64 body; steps over it. */
static bool next_certificate(const char **cursor, const char **ret_start, const char **ret_end)
{
    const char *start = strstr(*cursor, PEM_BEGIN), *end;

    if (!start)
        return false;
    start += strlen(PEM_BEGIN);
    end = strstr(start, PEM_END);
    if (!end)
        return false;
    *ret_start = start;
    *ret_end = end;
    *cursor = end + strlen(PEM_END);
    return true;
}

static bool share_certificate(const char *bundle, const char *other)
{
    const char *outer = bundle, *a, *a_end, *b, *b_end;

    while (next_certificate(&outer, &a, &a_end)) {
        const char *inner = other;

        while (next_certificate(&inner, &b, &b_end))
            if (same_body(a, a_end, b, b_end))
                return true;
    }
    return false;
}

static void compare(struct cluster *cluster, const struct cluster_evidence *evidence)
{
    bool issuers = evidence->kube_issuer[0] != '\0' && evidence->eks_issuer[0] != '\0';
    bool bundles = evidence->kube_ca_pem[0] != '\0' && evidence->eks_ca_pem[0] != '\0';
    CLEANUP(strbuf_release) struct strbuf why = STRBUF_CAPPED(sizeof cluster->why - 1);

    cluster->why[0] = '\0';
    if (issuers ? same_issuer(evidence->kube_issuer, evidence->eks_issuer)
                : bundles && share_certificate(evidence->kube_ca_pem, evidence->eks_ca_pem)) {
        cluster->verdict = CLUSTER_VERIFIED;
        return;
    }
    cluster->verdict = issuers || bundles ? CLUSTER_WRONG : CLUSTER_UNVERIFIED;
    if (issuers)
        strbuf_format(
            &why,
            "EKS cluster '%s' has the OIDC issuer %.130s, but this API server's is %.130s: "
            "set --cluster-name to the cluster podbind runs in",
            cluster->name, evidence->eks_issuer, evidence->kube_issuer);
    else if (bundles)
        strbuf_format(
            &why,
            "the certificate authority of EKS cluster '%s' is not in the CA bundle of this "
            "API server: set --cluster-name to the cluster podbind runs in",
            cluster->name);
    else
        strbuf_format(&why,
                      "neither the OIDC issuer nor the certificate authority of this API server "
                      "could be read, so it can't be compared with EKS cluster '%s'",
                      cluster->name);
    memcpy(cluster->why, strbuf_text(&why), why.length + 1);
}

int cluster_judge(struct cluster *cluster, const struct cluster_evidence *evidence,
                  const char *instance, struct error *err)
{
    struct cluster judged = *cluster;
    int length;

    if (!parse_arn(&judged, evidence->arn))
        return error_set(err, ERROR_INVALID,
                         "EKS gave '%.200s' as the ARN of cluster '%s', expected "
                         "arn:<partition>:eks:<region>:<account>:cluster/%s",
                         evidence->arn, cluster->name, cluster->name);
    length =
        snprintf(judged.owner, sizeof judged.owner, "%s/%s", evidence->kube_system_uid, instance);
    if (evidence->kube_system_uid[0] == '\0' || (size_t)length >= sizeof judged.owner)
        return error_set(err, ERROR_INVALID, "namespace kube-system has no usable UID");
    judged.deleting = strcmp(evidence->status, "DELETING") == 0;
    compare(&judged, evidence);
    *cluster = judged;
    return 0;
}

/* ---- none of all ---- */

void cluster_search_compared(struct cluster_search_met *met, const struct cluster *judged)
{
    if (judged->verdict == CLUSTER_WRONG)
        met->compared++;
    else
        cluster_search_unreadable(met, judged->name, judged->why);
    memcpy(met->account, judged->account, sizeof met->account);
}

void cluster_search_unreadable(struct cluster_search_met *met, const char *name, const char *why)
{
    if (met->unreadable++ > 0)
        return;
    snprintf(met->first, sizeof met->first, "%s", name);
    snprintf(met->first_why, sizeof met->first_why, "%s", why);
}

static void say_where(struct strbuf *why, const struct cluster_search_met *met, const char *region)
{
    strbuf_format(why, " in %.32s", region);
    if (met->account[0] != '\0')
        strbuf_format(why, ", account %s,", met->account);
}

/* What ours would have to have. */
static void say_ours(struct strbuf *why, const struct cluster_evidence *own)
{
    if (own->kube_issuer[0] != '\0')
        strbuf_format(why, " has this API server's OIDC issuer %.85s", own->kube_issuer);
    else
        strbuf_str(why, " has a certificate authority of this API server's CA bundle");
}

static void say_none(struct strbuf *why, const struct cluster_search_met *met, const char *region,
                     const struct cluster_evidence *own)
{
    size_t looked = met->compared + met->unreadable;

    if (looked == 0) {
        strbuf_str(why, "EKS lists no cluster");
        say_where(why, met, region);
        strbuf_str(why, " that could be this one: set --aws-region, and the account by the "
                        "credentials, to those of the cluster podbind runs in");
        return;
    }
    strbuf_format(why, "%zu EKS cluster%s looked at", looked, looked == 1 ? " was" : "s were");
    say_where(why, met, region);
    strbuf_str(why, " and none");
    say_ours(why, own);
    if (met->unreadable > 0)
        strbuf_format(why,
                      "; %zu could not be read, the first of them '%.100s' (%.75s): allow "
                      "eks:DescribeCluster on all, or give --cluster-name",
                      met->unreadable, met->first, met->first_why);
    else if (met->more)
        strbuf_str(why, "; there are more: give --cluster-name");
    else
        strbuf_str(why, ": set --aws-region, and the account by the credentials, to those of the "
                        "cluster podbind runs in");
}

void cluster_judge_none(struct cluster *cluster, const struct cluster_search_met *met,
                        const char *region, const struct cluster_evidence *own)
{
    CLEANUP(strbuf_release) struct strbuf why = STRBUF_CAPPED(sizeof cluster->why - 1);

    bool blind = own->kube_issuer[0] == '\0' && own->kube_ca_pem[0] == '\0';

    if (blind)
        strbuf_str(&why, "neither the OIDC issuer nor the certificate authority of this API server "
                         "could be read, so it can't be told which EKS cluster it is");
    else
        say_none(&why, met, region, own);
    cluster->verdict =
        met->unreadable > 0 || met->more || blind ? CLUSTER_UNVERIFIED : CLUSTER_WRONG;
    cluster->name[0] = '\0';
    memcpy(cluster->why, strbuf_text(&why), why.length + 1);
}

void cluster_own_arn(const struct cluster *cluster, struct strbuf *ret_arn)
{
    strbuf_format(ret_arn, "arn:%s:eks:%s:%s:cluster/%s", cluster->partition, cluster->region,
                  cluster->account, cluster->name);
}

void cluster_association_arn(const struct cluster *cluster, const char *id, struct strbuf *ret_arn)
{
    strbuf_format(ret_arn, "arn:%s:eks:%s:%s:podidentityassociation/%s/%s", cluster->partition,
                  cluster->region, cluster->account, cluster->name, id);
}

const char *cluster_reason(const struct cluster *cluster)
{
    switch (cluster->verdict) {
    case CLUSTER_VERIFIED:
        return "";
    case CLUSTER_WRONG:
        return "WrongCluster";
    case CLUSTER_UNVERIFIED:
        break;
    }
    return "ClusterUnverified";
}
