/* SPDX-License-Identifier: Apache-2.0 */
/* Rule W1: is the EKS cluster we are told to write to the one we run in? */
#include <string.h>

#include "base/mem.h"
#include "controller/gather.h"
#include "controller/observe.h"

#define VERIFY_INTERVAL_MS (10 * 60 * 1000)
#define PACE_MS 200 /* of searches: a whole account shares the rate of its Describes */

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
    int64_t wait = wait_of(observe);

    observe->trouble = *err = *error;
    if (wait < error->retry_after_ms)
        wait = error->retry_after_ms;
    observe->verify_due = now_of(observe) + wait;
    return -1;
}

/* There is a verdict. */
static int conclude(struct observe *observe)
{
    bool verified = observe->cluster.verdict == CLUSTER_VERIFIED;

    error_clear(&observe->trouble);
    if (verified)
        backoff_reset(&observe->verify_backoff);
    /* A mismatch is mended by a person: look again soon. */
    observe->verify_due = now_of(observe) + (verified ? VERIFY_INTERVAL_MS : wait_of(observe));
    return 0;
}

static int search(struct observe *observe, const struct call *identity, struct error *err)
{
    struct error error = {0};
    size_t looked = 0;

    if (observe_search(observe, &identity->out.identity, &looked, &error) == 0) {
        conclude(observe);
        if (observe->verify_due < now_of(observe) + (int64_t)looked * PACE_MS)
            observe->verify_due = now_of(observe) + (int64_t)looked * PACE_MS;
        return 0;
    }
    if (error.kind != ERROR_GONE)
        return fail_verification(observe, &error, err);
    *err = error;
    return -1;
}

/* The cluster of the name that was found is gone, or is not ours any more. */
static int search_anew(struct observe *observe, const struct call *identity, struct error *err)
{
    observe->cluster.verdict = CLUSTER_UNVERIFIED;
    observe->cluster.name[0] = observe->cluster.why[0] = '\0';
    return search(observe, identity, err);
}

static void blame_missing_cluster(struct observe *observe)
{
    static const char why[] = "EKS knows no cluster of this name in this account and region: set "
                              "--cluster-name and --aws-region to the cluster podbind runs in";

    observe->cluster.verdict = CLUSTER_WRONG;
    memcpy(observe->cluster.why, why, sizeof why);
}

static int judge(struct observe *observe, const struct call *identity, const struct call *cluster,
                 struct error *err)
{
    const struct cluster_evidence evidence =
        observe_evidence(&identity->out.identity, &cluster->out.cluster);
    struct error error = {0};

    if (cluster_judge(&observe->cluster, &evidence, observe->settings->instance, &error) < 0)
        return fail_verification(observe, &error, err);
    if (observe->searches && observe->cluster.verdict != CLUSTER_VERIFIED)
        return search_anew(observe, identity, err);
    return conclude(observe);
}

static int check_named(struct observe *observe, const struct call *identity, struct error *err)
{
    CLEANUP(call_release)
    struct call cluster = {.verb = CALL_DESCRIBE_CLUSTER, .cluster = observe->cluster.name};

    if (gather_call(observe->intake, &observe->pace, &cluster, err) < 0)
        return -1;
    if (identity->error.kind != ERROR_NONE)
        return fail_verification(observe, &identity->error, err);
    if (cluster.detail == DETAIL_CLUSTER_MISSING && observe->searches)
        return search_anew(observe, identity, err);
    if (cluster.detail == DETAIL_CLUSTER_MISSING)
        blame_missing_cluster(observe);
    if (cluster.error.kind != ERROR_NONE)
        return fail_verification(observe, &cluster.error, err);
    return judge(observe, identity, &cluster, err);
}

static int verify(struct observe *observe, struct error *err)
{
    CLEANUP(call_release) struct call identity = {.verb = CALL_READ_IDENTITY};

    if (gather_call(observe->intake, NULL, &identity, err) < 0)
        return -1;
    if (observe->cluster.name[0] != '\0')
        return check_named(observe, &identity, err);
    if (identity.error.kind != ERROR_NONE)
        return fail_verification(observe, &identity.error, err);
    return search(observe, &identity, err);
}

int observe_cluster(struct observe *observe, struct error *err)
{
    bool due = now_of(observe) >= observe->verify_due;

    if (due && verify(observe, err) < 0 &&
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
