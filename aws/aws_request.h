/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aws_request - one call to AWS, before it has an address, a time and a signature.
 *
 * Path and query are kept percent-encoded, each label and value encoded whole ("/" in an ARN is
 * "%2F"). Zeroed is empty. Strings are capped; aws_request_ok() tells whether one was cut.
 */
#pragma once

#include <stdbool.h>

#include "aws/endpoint.h"
#include "base/strbuf.h"

struct aws_request {
    enum endpoint_service service;
    const char *method; /* static */
    bool writes;        /* changes something: an unknown outcome must be looked at */
    struct strbuf path;
    struct strbuf query; /* without "?" */
    struct strbuf body;
    const char *content_type; /* static; NULL without a body */
};

void aws_request_release(struct aws_request *request);

/* Adds "/<text>" as it stands. */
void aws_request_segment(struct aws_request *request, const char *text);
/* Adds "/<label>", percent-encoded. */
void aws_request_label(struct aws_request *request, const char *label);
/* Adds name=value to the query, value percent-encoded. Nothing when value is "". */
void aws_request_query(struct aws_request *request, const char *name, const char *value);
/* False when path, query or body outgrew its cap. */
bool aws_request_ok(const struct aws_request *request);
