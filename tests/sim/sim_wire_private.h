/* SPDX-License-Identifier: Apache-2.0 */
/* sim_wire_private - what the parts of the wire share. */
#pragma once

#include "aws/aws_client.h"
#include "controller/wire_kube.h"
#include "tests/sim/api.h"
#include "tests/sim/garble.h"
#include "tests/sim/replica.h"
#include "tests/sim/sim_wire.h"
#include "tests/standin/standin.h"

#define SIM_KEY_ID "ASIASIMULATEDOPERATOR"
#define SIM_SECRET "sim/secret+of/the=operator"
#define SIM_SESSION "sim/session+token=="

struct sim_wire {
    struct world *world;
    bool rough;
    uint32_t garbled; /* of answers and events, per mille */
    struct tape dice;
    struct standin standin;
    struct api api;
    struct kubeconfig config;
    struct kube_client client;
    struct credentials credentials;
};

/* What is on its way for an errand. */
struct wire_errand {
    struct wire_kube kube;
    struct kube_request kube_request;
    struct aws_request aws_request;
    struct arn_cluster_name cluster; /* that it is about */
    struct arn_role_name role;       /* the same, of IAM */
    struct aws_client_call aws_call;
    int64_t signed_us;   /* when, as the signer believed */
    struct error unsent; /* why it could not be written; kind NONE: it was */
    struct http_answer answer;
    bool served; /* the answer is a server's own */
};

/* True when something may go wrong now. */
bool sim_wire_may_garble(struct sim_wire *wire);

/* ---- sim_wire_servers.c ---- */

/* EKS carries a signed request out. */
void sim_wire_serve_eks(struct sim_wire *wire, const struct http_request *http,
                        struct http_answer *ret_answer);
/* Sets the world's model up for what the codecs need. */
void sim_wire_prepare_eks(struct sim_wire *wire, uint64_t seed);
