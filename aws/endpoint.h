/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint - where a service is spoken to, and as which region its requests are signed. Pure.
 *
 * Order of overrides, as in the SDKs: AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL, then the
 * address that follows from the region. AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true switches the first
 * two off. An override keeps the signing region of the service. Not here yet: FIPS and dual-stack
 * names (they become more columns of the table in endpoint.c).
 *
 * Source: endpoint rule sets of botocore 1.44.5.
 */
#pragma once

#include <stdbool.h>

#include "aws/arn.h"
#include "aws/endpoint_url.h"
#include "base/error.h"

enum endpoint_service { ENDPOINT_EKS, ENDPOINT_IAM, ENDPOINT_STS, ENDPOINT_SERVICE_COUNT };

/* Values of the environment variables; NULL or "" when unset. Borrowed for the call. */
struct endpoint_overrides {
    const char *eks;        /* AWS_ENDPOINT_URL_EKS */
    const char *iam;        /* AWS_ENDPOINT_URL_IAM */
    const char *sts;        /* AWS_ENDPOINT_URL_STS */
    const char *all;        /* AWS_ENDPOINT_URL */
    const char *ignore_all; /* AWS_IGNORE_CONFIGURED_ENDPOINT_URLS */
};

#define ENDPOINT_HOST_SIZE (ENDPOINT_URL_HOST_SIZE + 16)
#define ENDPOINT_ORIGIN_SIZE (ENDPOINT_HOST_SIZE + 8)

struct endpoint {
    char
        origin[ENDPOINT_ORIGIN_SIZE]; /* "https://eks.us-west-2.amazonaws.com": no path, no slash */
    char host[ENDPOINT_HOST_SIZE];    /* value of the Host header: with the port when not default */
    char path[ENDPOINT_URL_SIZE]; /* base path of an override, without a slash at its end; or "" */
    struct arn_region signing_region;
    bool overridden;
};

/* "eks", "iam", "sts": the signing name. */
const char *endpoint_service_name(enum endpoint_service service);
/* "aws", "aws-cn", "aws-us-gov", ... of a region. */
const char *endpoint_partition(const struct arn_region *region);

/* Fails with ERROR_INVALID, naming the variable, when an override is not an http or https URL with
 * a host, or carries a user name, a query or a fragment. */
int endpoint_resolve(enum endpoint_service service, const struct arn_region *region,
                     const struct endpoint_overrides *overrides, struct endpoint *ret_endpoint,
                     struct error *err);
