/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/ports.h"

#include "aws/policy.h"
#include "base/mem.h"

static const struct {
    const char *name;
    bool writes;
    bool eks;
} verbs[CALL_VERB_COUNT] = {
    [CALL_LIST_ASSOCIATIONS] = {"ListPodIdentityAssociations", false, true},
    [CALL_DESCRIBE_ASSOCIATION] = {"DescribePodIdentityAssociation", false, true},
    [CALL_CREATE_ASSOCIATION] = {"CreatePodIdentityAssociation", true, true},
    [CALL_UPDATE_ASSOCIATION] = {"UpdatePodIdentityAssociation", true, true},
    [CALL_DELETE_ASSOCIATION] = {"DeletePodIdentityAssociation", true, true},
    [CALL_TAG_ASSOCIATION] = {"TagResource", true, true},
    [CALL_UNTAG_ASSOCIATION] = {"UntagResource", true, true},
    [CALL_DESCRIBE_CLUSTER] = {"DescribeCluster", false, true},
    [CALL_LIST_CLUSTERS] = {"ListClusters", false, true},
    [CALL_LIST_OBJECTS] = {"list", false, false},
    [CALL_GET_BINDING] = {"get podidentitybindings", false, false},
    [CALL_GET_SERVICE_ACCOUNT] = {"get serviceaccounts", false, false},
    [CALL_PATCH_FINALIZERS] = {"patch podidentitybindings", true, false},
    [CALL_PATCH_STATUS] = {"patch podidentitybindings/status", true, false},
    [CALL_WRITE_EVENT] = {"write events", true, false},
    [CALL_READ_IDENTITY] = {"read the cluster's identity", false, false},
    [CALL_READ_LEASE] = {"get leases", false, false},
    [CALL_PATCH_LEASE] = {"patch leases", true, false},
    [CALL_READ_DEFINITION] = {"get customresourcedefinitions", false, false},
    [CALL_READ_ROLE] = {"GetRole", false, false},
};

const char *call_name(enum call_verb verb)
{
    return verbs[verb].name;
}

bool call_writes(enum call_verb verb)
{
    return verbs[verb].writes;
}

bool call_is_eks(enum call_verb verb)
{
    return verbs[verb].eks;
}

bool call_is_aside(enum call_verb verb)
{
    return verb == CALL_READ_ROLE;
}

static void associations_page_release(struct associations_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        mem_free(page->items[i]);
    mem_free(page->items);
    mem_free(page->next_token);
}

static void clusters_page_release(struct clusters_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        mem_free(page->names[i]);
    mem_free(page->names);
    mem_free(page->next_token);
}

static void objects_page_release(struct objects_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        mem_free(page->items[i]);
    mem_free(page->items);
    mem_free(page->resource_version);
    mem_free(page->continue_token);
}

void role_facts_release(struct role_facts *facts)
{
    if (facts->policy)
        policy_release(facts->policy);
    mem_free(facts->policy);
    mem_free(facts->arn);
    *facts = (struct role_facts){0};
}

void call_release(struct call *call)
{
    const struct call empty = {0};

    mem_free(call->out.association);
    associations_page_release(&call->out.page);
    objects_page_release(&call->out.objects);
    mem_free(call->out.cluster.arn);
    mem_free(call->out.cluster.status);
    mem_free(call->out.cluster.issuer);
    mem_free(call->out.cluster.ca_pem);
    clusters_page_release(&call->out.clusters);
    mem_free(call->out.identity.kube_system_uid);
    mem_free(call->out.identity.issuer);
    mem_free(call->out.identity.ca_pem);
    mem_free(call->out.lease.resource_version);
    mem_free(call->out.lease.deletions);
    mem_free(call->out.lease.release);
    role_facts_release(&call->out.role);
    mem_free(call->out.binding);
    mem_free(call->out.service_account);
    mem_free(call->out.resource_version);
    call->out = empty.out;
    call->detail = DETAIL_NONE;
    error_clear(&call->error);
}

void change_release(struct change *change)
{
    mem_free(change->record);
    mem_free(change->resource_version);
    mem_free(change->error);
    *change = (struct change){0};
}

void changes_release(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        change_release(&changes->items[i]);
    mem_free(changes->items);
    *changes = (struct changes){0};
}

bool ports_may_write(const struct ports *ports)
{
    return ports->now(ports->world) + PORT_CALL_TIMEOUT_MS < ports->lease_until(ports->world);
}
