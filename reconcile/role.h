/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role - what IAM says of a role, and what that makes of a binding: the condition RoleTrusted.
 *
 *     True     the trust policy lets EKS Pod Identity assume the role, for each key of the binding
 *     False    it does not, or IAM has no such role
 *     Unknown  IAM was not asked, does not tell, or the policy can't be judged
 *
 * It is told and nothing more: no write waits for it, and Ready is without it. The sentences hold
 * nothing that differs from one answer to the next, such as a request's id: an unchanged state is
 * to make an unchanged status. Pure.
 */
#pragma once

#include "base/strbuf.h"
#include "crds/binding.h"
#include "reconcile/cluster.h"
#include "reconcile/desired.h"

struct trust_policy;

enum role_knowledge {
    ROLE_UNREAD,
    ROLE_READ,       /* arn and policy are there */
    ROLE_NOT_YET,    /* IAM has none of this name; it may be about to */
    ROLE_ABSENT,     /* ... and has had none for two minutes */
    ROLE_DENIED,     /* podbind may not read it */
    ROLE_UNREACHED,  /* IAM does not answer */
    ROLE_UNREADABLE, /* what IAM answered is not understood, or it refuses to be asked */
};

struct role {
    enum role_knowledge knowledge;
    const char *arn; /* with the path that it has in IAM */
    const struct trust_policy *policy;
};

/* The part of a role's ARN by which IAM is asked; borrowed from it. */
const char *role_name(const char *arn);
/* Path and name of a role that IAM has under this name, but on another path than `wanted_arn` says;
 * NULL when it is not so, or not known. Borrowed. */
const char *role_elsewhere(const struct role *role, const char *wanted_arn);
/* "; IAM has it as ...: write ..." where that is so; else nothing. */
void role_say_elsewhere(const struct role *role, const struct claim *claim,
                        struct strbuf *ret_message);

/* Is there a key of the binding for which its role counts? Else IAM need not be asked. */
bool role_matters(const struct claim *claim);

/* The reason while IAM has not been asked yet. */
#define ROLE_CHECKING "Checking"

struct role_verdict {
    enum condition_status status;
    const char *reason; /* static */
};
/* `role` NULL: unread. Not for a binding that is being deleted. */
struct role_verdict role_judge(const struct role *role, const struct claim *claim,
                               const struct cluster *cluster, struct strbuf *ret_message);
