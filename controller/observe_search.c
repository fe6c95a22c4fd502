/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/observe_search.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "controller/gather.h"
#include "controller/observe.h"

void observe_search_release(struct observe_search *search)
{
    struct call call = {.out.clusters = search->page};

    call_release(&call);
    *search = (struct observe_search){0};
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

struct cluster_evidence observe_evidence(const struct kube_identity *identity,
                                         const struct cluster_facts *facts)
{
    static const struct cluster_facts none = {0};

    facts = facts ? facts : &none;
    return (struct cluster_evidence){
        .arn = or_empty(facts->arn),
        .status = or_empty(facts->status),
        .eks_issuer = or_empty(facts->issuer),
        .eks_ca_pem = or_empty(facts->ca_pem),
        .kube_issuer = or_empty(identity->issuer),
        .kube_ca_pem = or_empty(identity->ca_pem),
        .kube_system_uid = or_empty(identity->kube_system_uid),
    };
}

static size_t looked_at(const struct observe_search *search)
{
    return search->met.compared + search->met.unreadable;
}

static bool has_more_pages(const struct observe_search *search)
{
    return !search->begun || or_empty(search->page.next_token)[0] != '\0';
}

static int next_page(struct observe *observe, struct error *err)
{
    struct observe_search *search = &observe->search;
    CLEANUP(call_release) struct call call = {.verb = CALL_LIST_CLUSTERS};
    struct clusters_page before = search->page;

    call.in.clusters.next_token = or_empty(before.next_token);
    if (gather_call(observe->intake, &observe->pace, &call, err) < 0)
        return -1;
    if (call.error.kind != ERROR_NONE) {
        observe_search_release(search);
        *err = call.error;
        return error_wrap(err, "--cluster-name=auto needs eks:ListClusters");
    }
    search->begun = true;
    search->pages++;
    search->next = 0;
    search->page = call.out.clusters;
    call.out.clusters = before;
    return 0;
}

/* Judges the next cluster; ours, if it is, is in ret_found. */
static int look_at_one(struct observe *observe, const struct kube_identity *identity,
                       struct cluster *ret_found, struct error *err)
{
    struct observe_search *search = &observe->search;
    const char *name = search->page.names[search->next];
    CLEANUP(call_release) struct call call = {.verb = CALL_DESCRIBE_CLUSTER, .cluster = name};
    struct cluster_evidence evidence;
    struct cluster judged = {0};
    struct error why = {0};

    if (gather_call(observe->intake, &observe->pace, &call, err) < 0)
        return -1;
    if (call.error.kind == ERROR_THROTTLED) {
        *err = call.error;
        return -1;
    }
    search->next++;
    evidence = observe_evidence(identity, &call.out.cluster);
    snprintf(judged.name, sizeof judged.name, "%s", name);
    if (call.error.kind != ERROR_NONE)
        cluster_search_unreadable(&search->met, name, call.error.text);
    else if (cluster_judge(&judged, &evidence, observe->settings->instance, &why) < 0)
        cluster_search_unreadable(&search->met, name, why.text);
    else if (judged.verdict == CLUSTER_VERIFIED)
        *ret_found = judged;
    else
        cluster_search_compared(&search->met, &judged);
    return 0;
}

static void end(struct observe *observe, const struct cluster *found,
                const struct cluster_evidence *own)
{
    struct observe_search *search = &observe->search;

    if (found->verdict == CLUSTER_VERIFIED) {
        observe_take_cluster(observe, found);
    } else {
        search->met.more = search->next < search->page.count || has_more_pages(search);
        cluster_judge_none(&observe->cluster, &search->met, observe->settings->region, own);
    }
    observe_search_release(search);
}

int observe_search(struct observe *observe, const struct kube_identity *identity,
                   size_t *ret_looked, struct error *err)
{
    struct observe_search *search = &observe->search;
    const struct cluster_evidence own = observe_evidence(identity, NULL);
    bool blind = own.kube_issuer[0] == '\0' && own.kube_ca_pem[0] == '\0';
    struct cluster found = {0};

    while (!blind && found.verdict != CLUSTER_VERIFIED && looked_at(search) < OBSERVE_SEARCH_CAP &&
           search->pages <= OBSERVE_SEARCH_CAP) {
        if (search->next < search->page.count) {
            if (look_at_one(observe, identity, &found, err) < 0)
                return -1;
        } else if (!has_more_pages(search)) {
            break;
        } else if (next_page(observe, err) < 0) {
            return -1;
        }
    }
    *ret_looked = looked_at(search);
    end(observe, &found, &own);
    return 0;
}
