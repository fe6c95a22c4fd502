/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_eks - the EKS REST interface: raw requests to model requests, model answers to JSON.
 * Shapes: botocore's model of eks 2017-11-01; pretty-printing, nulls and exponent times as the
 * service sends them.
 */
#pragma once

#include "base/json.h"
#include "base/strbuf.h"
#include "tests/standin/model.h"
#include "tests/standin/standin_request.h"
#include "tests/standin/standin_url.h"
#include "tests/standin/standin_writer.h"

/* A model request with what it borrows from. */
struct standin_call {
    struct model_request request;
    json_t *owned_body;
    struct model_tag *owned_tags;
    const char **owned_keys;
    bool disable_session_tags;
};

/* The operation that method and path name; MODEL_OPERATIONS when there is none. */
enum model_operation standin_eks_route(const char *method, const struct standin_url *url);
/* Fills the call from path, query and body; `url` must live as long. Fails with the error EKS gives
 * to a body it cannot read. The call must be released either way. */
int standin_eks_parse(enum model_operation operation, const struct standin_request *request,
                      const struct standin_url *url, struct standin_call *ret_call,
                      struct model_error *err);
void standin_call_release(struct standin_call *call);

void standin_eks_answer(enum model_operation operation, const struct model_answer *answer,
                        struct strbuf *out);
/* The members of an association and of a cluster, inside an open object. */
void standin_eks_association(struct standin_writer *writer,
                             const struct model_association *association);
void standin_eks_cluster(struct standin_writer *writer, const struct model_cluster *cluster);
/* The body of an error, with the members that its name has. */
void standin_eks_error(const struct model_error *error, struct strbuf *out);
