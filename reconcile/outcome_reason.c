/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "reconcile/outcome.h"

const char *outcome_trouble_reason(enum trouble kind)
{
    switch (kind) {
    case TROUBLE_THROTTLED:
        return "Throttled";
    case TROUBLE_DENIED:
        return "AccessDenied";
    case TROUBLE_PASS_ROLE:
        return "PassRoleDenied";
    case TROUBLE_ROLE_MISSING:
        return "RoleNotFound";
    case TROUBLE_ROLE_WAIT:
    case TROUBLE_GHOST:
        return "WaitingForPropagation";
    case TROUBLE_HIDDEN:
        return "KeyTaken";
    case TROUBLE_TRUST:
        return "RoleNotTrusted";
    case TROUBLE_QUOTA:
        return "QuotaExceeded";
    case TROUBLE_INVALID:
        return "InvalidRequest";
    case TROUBLE_RETRYING:
    case TROUBLE_NONE:
        break;
    }
    return "Retrying";
}

bool outcome_trouble_lasts(enum trouble kind)
{
    return outcome_patience(outcome_trouble_reason(kind)) > 0;
}

int64_t outcome_patience(const char *reason)
{
    static const struct {
        const char *reason;
        int64_t ms;
    } table[] = {
        {"Refused", 60000},          {"Conflict", 60000},        {"KeyTaken", 60000},
        {"AddOnOwned", 60000},       {"InvalidSpec", 60000},     {"InvalidSessionPolicy", 60000},
        {"InvalidRequest", 60000},   {"WrongCluster", 60000},    {"RoleNotFound", 120000},
        {"RoleNotTrusted", 120000},  {"PassRoleDenied", 120000}, {"AccessDenied", 120000},
        {"QuotaExceeded", 120000},   {"DeletionHeld", 60000},    {"Contested", 60000},
        {"DeletionDisabled", 60000},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].reason, reason) == 0)
            return table[i].ms;
    return 0;
}

bool outcome_needs_a_person(const char *reason)
{
    return outcome_patience(reason) > 0 || strcmp(reason, "ClusterUnverified") == 0;
}
