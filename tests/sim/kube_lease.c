/* SPDX-License-Identifier: Apache-2.0 */
/* The Lease, as the API server keeps it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/kube_world.h"

static void tell(const struct kube_world *kube, struct lease_record *ret_record)
{
    _Static_assert(LEASE_VERSION_SIZE >= KUBE_VERSION_SIZE, "a version fits into a Lease's");
    *ret_record = kube->lease.record;
    kube_version_text(kube, kube->lease.version, ret_record->version);
}

int kube_get_lease(const struct kube_world *kube, struct lease_record *ret_record,
                   struct error *err)
{
    if (!kube->lease.there)
        return kube_refuse(err, 404, "NotFound", true, false);
    tell(kube, ret_record);
    return 0;
}

int kube_create_lease(struct kube_world *kube, const struct lease_record *record,
                      struct lease_record *ret_record, struct error *err)
{
    if (kube->lease.there)
        return kube_refuse(err, 409, "AlreadyExists", false, true);
    kube->lease.there = true;
    kube->lease.version = ++kube->version;
    kube->lease.record = *record;
    tell(kube, ret_record);
    return 0;
}

int kube_update_lease(struct kube_world *kube, const struct lease_record *record,
                      struct lease_record *ret_record, struct error *err)
{
    if (!kube->lease.there)
        return kube_refuse(err, 404, "NotFound", true, true);
    if (kube_version_number(kube, record->version) != kube->lease.version)
        return kube_refuse(err, 409, "Conflict", false, true);
    kube->lease.version = ++kube->version;
    kube->lease.record = *record;
    tell(kube, ret_record);
    return 0;
}
