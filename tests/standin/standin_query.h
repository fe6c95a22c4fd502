/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_query - IAM and STS: forms in, XML out (botocore's models of iam 2010-05-08 and sts
 * 2011-06-15). The trust document travels percent-encoded inside the XML, as IAM sends it.
 */
#pragma once

#include "base/strbuf.h"
#include "tests/standin/model.h"
#include "tests/standin/standin_sigv4.h"
#include "tests/standin/standin_url.h"

/* The operation that Action and Version name; MODEL_OPERATIONS when there is none. */
enum model_operation standin_query_route(const struct standin_url *form);
/* Fills the request; it borrows from `form`. */
void standin_query_parse(enum model_operation operation, const struct standin_url *form,
                         struct model_request *ret_request);
/* What is wrong with the web identity of the request, if anything: `wanted` NULL is content. */
int standin_query_identity(const struct model_request *request, const char *wanted,
                           struct model_error *err);
/* "iam" or "sts". */
const char *standin_query_service(enum model_operation operation);

/* `key`: the session's, for AssumeRole... */
void standin_query_answer(enum model_operation operation, const struct model_answer *answer,
                          const struct standin_credential *key, const char *request_id,
                          struct strbuf *out);
void standin_query_error(enum model_operation operation, const struct model_error *error,
                         const char *request_id, struct strbuf *out);
