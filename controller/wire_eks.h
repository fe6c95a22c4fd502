/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_eks - the port's EKS calls as AWS requests, and AWS's answers as the calls' outputs. No I/O.
 */
#pragma once

#include "aws/arn.h"
#include "aws/aws_request.h"
#include "base/http.h"
#include "controller/ports.h"

/* Fails (ERROR_INVALID) on a value that must not reach AWS. `cluster` is of no account for a
 * ListClusters. */
int wire_eks_write(const struct call *call, const struct arn_cluster_name *cluster,
                   struct aws_request *ret_request, struct error *err);
/* Takes the answer into the call's outputs, or fills its error (not yet its detail). */
void wire_eks_read(const struct arn_cluster_name *cluster, const struct http_answer *answer,
                   struct call *call);
/* What only the text of an error tells. */
enum call_detail wire_eks_detail(const struct error *error);
