/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_kube - the port's Kubernetes calls as requests to the API server, and its answers as the
 * calls' outputs. No I/O.
 */
#pragma once

#include "controller/options.h"
#include "controller/ports.h"
#include "kube/kube_request.h"

/* What is on its way for one call; lives as long as the request. Zeroed is empty. */
struct wire_kube {
    const struct options_names *namespaces;   /* objects elsewhere count as not there */
    const char *lease_namespace, *lease_name; /* of our Lease */
    int stage;                                /* CALL_READ_IDENTITY asks twice */
    struct kube_call request;
    struct strbuf body, query;
};
void wire_kube_release(struct wire_kube *wire);

/* Describes the request of a call at its stage. `identity` is our own, for Events. */
void wire_kube_write(const struct call *call, struct wire_kube *wire, const char *identity,
                     int64_t wall_us);
/* Takes the answer into the call. Returns true when another request is to be made for it. */
bool wire_kube_read(struct kube_client *client, struct wire_kube *wire,
                    const struct http_answer *answer, struct call *call);
