/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/role.h"

#include <string.h>

#include "base/bug.h"
#include "base/mem.h"
#include "reconcile/trust.h"

#define PREFIX "role/"

const char *role_name(const char *arn)
{
    const char *slash = strrchr(arn, '/');

    return slash ? slash + 1 : arn;
}

const char *role_elsewhere(const struct role *role, const char *wanted_arn)
{
    const char *path;

    if (!role || role->knowledge != ROLE_READ || strcmp(role->arn, wanted_arn) == 0)
        return NULL;
    path = strstr(role->arn, ":" PREFIX);
    CANNOT_HAPPEN(!path, "what was read of a role is the ARN of a role");
    return path + strlen(":" PREFIX);
}

void role_say_elsewhere(const struct role *role, const struct claim *claim,
                        struct strbuf *ret_message)
{
    const char *elsewhere = role_elsewhere(role, claim->access.role_arn);

    if (!elsewhere)
        return;
    if (claim->binding->role_name[0] != '\0')
        strbuf_format(ret_message, "; IAM has it as %.600s: write \"%.600s\"", role->arn,
                      elsewhere);
    else
        strbuf_format(ret_message, "; IAM has it as %.600s: write this ARN", role->arn);
}

bool role_matters(const struct claim *claim)
{
    for (size_t i = 0; i < claim->want_count; i++)
        if (claim->wants[i].verdict == WANT_HELD)
            return true;
    return false;
}

/* ---- what was read ---- */

struct trust_tally {
    size_t refused, unknown;
    const struct want *refused_want, *unknown_want;
};

static enum trust_verdict judge_want(const struct role *role, const struct want *want,
                                     const struct cluster *cluster, const char *cluster_arn,
                                     struct strbuf *ret_sentence)
{
    const struct trust_subject subject = {.cluster_arn = cluster_arn,
                                          .cluster_name = cluster->name,
                                          .account = cluster->account,
                                          .namespace = want->key.namespace,
                                          .service_account = want->key.service_account,
                                          .session_tags = want->claim->access.session_tags};

    return trust_judge(role->policy, &subject, ret_sentence);
}

static void say_want(const struct role *role, const struct want *want, size_t others,
                     const struct cluster *cluster, const char *cluster_arn, struct strbuf *message)
{
    strbuf_format(message, "service account '%s': ", want->key.service_account);
    judge_want(role, want, cluster, cluster_arn, message);
    if (others > 0)
        strbuf_format(message, " (and %zu more)", others);
}

static struct trust_tally count_wants(const struct role *role, const struct claim *claim,
                                      const struct cluster *cluster, const char *cluster_arn)
{
    struct trust_tally tally = {0};

    for (size_t i = 0; i < claim->want_count; i++) {
        CLEANUP(strbuf_release) struct strbuf ignored = STRBUF_CAPPED(1024);
        const struct want *want = &claim->wants[i];
        enum trust_verdict verdict;

        if (want->verdict != WANT_HELD)
            continue;
        verdict = judge_want(role, want, cluster, cluster_arn, &ignored);
        tally.refused += verdict == TRUST_REFUSED;
        tally.unknown += verdict == TRUST_UNKNOWN;
        if (verdict == TRUST_REFUSED && !tally.refused_want)
            tally.refused_want = want;
        if (verdict == TRUST_UNKNOWN && !tally.unknown_want)
            tally.unknown_want = want;
    }
    return tally;
}

static struct role_verdict judge_policy(const struct role *role, const struct claim *claim,
                                        const struct cluster *cluster, struct strbuf *message)
{
    CLEANUP(strbuf_release) struct strbuf arn = {0};
    struct trust_tally tally;

    cluster_own_arn(cluster, &arn);
    tally = count_wants(role, claim, cluster, strbuf_text(&arn));
    if (tally.refused_want) {
        say_want(role, tally.refused_want, tally.refused - 1, cluster, strbuf_text(&arn), message);
        return (struct role_verdict){CONDITION_FALSE, "RoleNotTrusted"};
    }
    if (tally.unknown_want) {
        say_want(role, tally.unknown_want, tally.unknown - 1, cluster, strbuf_text(&arn), message);
        return (struct role_verdict){CONDITION_UNKNOWN, "CannotTell"};
    }
    strbuf_str(message, "the role's trust policy lets EKS Pod Identity assume it here");
    return (struct role_verdict){CONDITION_TRUE, "RoleTrusted"};
}

/* ---- the whole ---- */

static struct role_verdict judge_known(const struct role *role, const struct claim *claim,
                                       const struct cluster *cluster, struct strbuf *ret_message)
{
    const char *name = role_name(claim->access.role_arn);

    switch (role ? role->knowledge : ROLE_UNREAD) {
    case ROLE_READ:
        if (!role_elsewhere(role, claim->access.role_arn))
            return judge_policy(role, claim, cluster, ret_message);
        strbuf_format(ret_message, "there is no role %.600s", claim->access.role_arn);
        role_say_elsewhere(role, claim, ret_message);
        return (struct role_verdict){CONDITION_FALSE, "RoleNotFound"};
    case ROLE_NOT_YET:
        strbuf_format(ret_message, "IAM has no role named '%.64s' yet", name);
        return (struct role_verdict){CONDITION_UNKNOWN, "RoleNotFound"};
    case ROLE_ABSENT:
        strbuf_format(ret_message, "IAM has no role named '%.64s'", name);
        return (struct role_verdict){CONDITION_FALSE, "RoleNotFound"};
    case ROLE_DENIED:
        strbuf_format(ret_message,
                      "podbind may not read the role '%.64s': allow iam:GetRole to podbind to see "
                      "this",
                      name);
        return (struct role_verdict){CONDITION_UNKNOWN, "AccessDenied"};
    case ROLE_UNREACHED:
        strbuf_str(ret_message, "IAM does not answer, as in a VPC without a way to it: the role's "
                                "trust policy can't be read. Nothing else depends on it");
        return (struct role_verdict){CONDITION_UNKNOWN, "IAMUnavailable"};
    case ROLE_UNREADABLE:
        strbuf_str(ret_message, "what IAM answered about the role is not understood");
        return (struct role_verdict){CONDITION_UNKNOWN, "CannotTell"};
    case ROLE_UNREAD:
        break;
    }
    strbuf_str(ret_message, "IAM has not been asked for the role's trust policy yet");
    return (struct role_verdict){CONDITION_UNKNOWN, ROLE_CHECKING};
}

struct role_verdict role_judge(const struct role *role, const struct claim *claim,
                               const struct cluster *cluster, struct strbuf *ret_message)
{
    if (cluster_reason(cluster)[0] != '\0') {
        strbuf_str(ret_message, cluster->why);
        return (struct role_verdict){CONDITION_UNKNOWN, cluster_reason(cluster)};
    }
    if (claim->reason[0] == '\0' && claim->want_count == 0) {
        strbuf_str(ret_message, "no service account matches the selector");
        return (struct role_verdict){CONDITION_UNKNOWN, "NothingSelected"};
    }
    if (!role_matters(claim)) {
        strbuf_str(ret_message, "IAM is not asked for the role of a binding that is not accepted");
        return (struct role_verdict){CONDITION_UNKNOWN, "NotAccepted"};
    }
    return judge_known(role, claim, cluster, ret_message);
}
