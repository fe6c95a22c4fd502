/* SPDX-License-Identifier: Apache-2.0 */
/* Rule W1: is the EKS cluster we are told to write to the one we run in? */
#include <string.h>

#include "base/mem.h"
#include "controller/gather.h"
#include "controller/observe.h"

#define VERIFY_INTERVAL_MS (10 * 60 * 1000)

static int64_t now_of(const struct observe *observe)
{
    const struct ports *ports = observe->intake->ports;

    return ports->now(ports->world);
}

static int64_t wait_of(struct observe *observe)
{
    const struct ports *ports = observe->intake->ports;

    return backoff_next(&observe->verify_backoff, ports->random(ports->world));
}

void observe_doubt_cluster(struct observe *observe)
{
    observe->cluster.verdict = CLUSTER_UNVERIFIED;
    memcpy(observe->cluster.why, "EKS says that the cluster does not exist",
           sizeof "EKS says that the cluster does not exist");
    observe->verify_due = 0;
}

static int fail_verification(struct observe *observe, const struct error *error, struct error *err)
{
    observe->trouble = *err = *error;
    observe->verify_due = now_of(observe) + wait_of(observe);
    return -1;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int judge(struct observe *observe, const struct call *identity, const struct call *cluster,
                 struct error *err)
{
    struct cluster_evidence evidence = {
        .arn = or_empty(cluster->out.cluster.arn),
        .status = or_empty(cluster->out.cluster.status),
        .eks_issuer = or_empty(cluster->out.cluster.issuer),
        .eks_ca_pem = or_empty(cluster->out.cluster.ca_pem),
        .kube_issuer = or_empty(identity->out.identity.issuer),
        .kube_ca_pem = or_empty(identity->out.identity.ca_pem),
        .kube_system_uid = or_empty(identity->out.identity.kube_system_uid),
    };
    struct error error = {0};

    if (cluster_judge(&observe->cluster, &evidence, observe->settings->instance, &error) < 0)
        return fail_verification(observe, &error, err);
    error_clear(&observe->trouble);
    if (observe->cluster.verdict == CLUSTER_VERIFIED)
        backoff_reset(&observe->verify_backoff);
    /* A mismatch is mended by a person: look again soon. */
    observe->verify_due =
        now_of(observe) +
        (observe->cluster.verdict == CLUSTER_VERIFIED ? VERIFY_INTERVAL_MS : wait_of(observe));
    return 0;
}

static void blame_missing_cluster(struct observe *observe)
{
    static const char why[] = "EKS knows no cluster of this name in this account and region: set "
                              "--cluster-name and --aws-region to the cluster podbind runs in";

    observe->cluster.verdict = CLUSTER_WRONG;
    memcpy(observe->cluster.why, why, sizeof why);
}

static int verify(struct observe *observe, struct call *identity, struct call *cluster,
                  struct error *err)
{
    identity->verb = CALL_READ_IDENTITY;
    cluster->verb = CALL_DESCRIBE_CLUSTER;
    cluster->cluster = observe->cluster.name;
    if (gather_call(observe->intake, identity, err) < 0 ||
        gather_call(observe->intake, cluster, err) < 0)
        return -1;
    observe->answered |= cluster->error.status > 0;
    if (identity->error.kind != ERROR_NONE)
        return fail_verification(observe, &identity->error, err);
    if (cluster->detail == DETAIL_CLUSTER_MISSING)
        blame_missing_cluster(observe);
    if (cluster->error.kind != ERROR_NONE)
        return fail_verification(observe, &cluster->error, err);
    observe->answered = true;
    return judge(observe, identity, cluster, err);
}

int observe_cluster(struct observe *observe, struct error *err)
{
    CLEANUP(call_release) struct call identity = {0};
    CLEANUP(call_release) struct call cluster = {0};
    int64_t now = now_of(observe);
    bool due = now >= observe->verify_due;

    if (due && verify(observe, &identity, &cluster, err) < 0 &&
        (err->kind == ERROR_GONE || observe->cluster.verdict != CLUSTER_VERIFIED))
        return -1;
    if (observe->cluster.verdict == CLUSTER_VERIFIED)
        return 0;
    if (observe->cluster.why[0] == '\0') { /* not known yet, and not to be asked again so soon */
        *err = observe->trouble;
        return -1;
    }
    return error_set(err, ERROR_INVALID, "%s", observe->cluster.why);
}
