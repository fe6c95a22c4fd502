/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api - kube_world behind HTTP, in memory: requests of the operator in, answers of an API server
 * out. Routing, tokens, paging, merge patches, Status objects, and the JSON of every object.
 *
 * It keeps what kube_world's records do not: the statuses, as the JSON that they are. Each status
 * write is read a second time, and must hash as the operator's own struct did; where it does not,
 * or where a request makes no sense to an API server, the history fails under "wire".
 *
 * What it answers depends on the world and the request alone; how it writes that down, within what
 * an API server may, is drawn from dice of its own, so that the world's tape is left alone.
 */
#pragma once

#include "base/http.h"
#include "tests/sim/api_object.h"
#include "tests/sim/kube_world.h"
#include "tests/sim/tape.h"

struct errand;
struct world;

/* A binding's status from a version on. */
struct api_kept_status {
    char *uid, *json;
    uint64_t version;
};

struct api {
    struct world *world; /* borrowed */
    struct tape dice;
    const char *token; /* the bearer token it knows; borrowed */
    struct api_kept_status *statuses;
    size_t status_count, status_capacity;
};

void api_init(struct api *api, struct world *world, const char *token, uint64_t seed);
void api_release(struct api *api);

/* Carries the request out. `errand` is the call it came from: what it means to write. */
void api_serve(struct api *api, const struct http_request *http, const struct errand *errand,
               struct http_answer *ret_answer);

/* The object of a state, as it is written this time; `item` of a list. */
void api_write_event(struct api *api, const struct kube_event *event, bool item,
                     struct strbuf *out);

#define API_BINDINGS "apis/podbind.dev/v1alpha1/podidentitybindings"
#define API_ONE_BINDING "apis/podbind.dev/v1alpha1/namespaces/*/podidentitybindings/*"
#define API_LEASE "apis/coordination.k8s.io/v1/namespaces/" OWN_NAMESPACE "/leases/" LEASE_NAME
#define API_DEFINITION                                                                             \
    "apis/apiextensions.k8s.io/v1/customresourcedefinitions/podidentitybindings.podbind.dev"
#define API_ACCOUNTS "api/v1/serviceaccounts"
