/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint - where a service is spoken to, and as which region its requests are signed. Pure.
 *
 * Order of overrides, as in the SDKs: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's
 * `services` section, the profile's endpoint_url, and then the address that follows from the region
 * (aws/endpoint_table). AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true switches the first four off. FIPS
 * and dual-stack names are asked for by AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, and
 * cannot be had of an address that somebody gave: that is an error, as in the SDKs.
 *
 * An override keeps the signing region of the service. (botocore signs IAM for the client's own
 * region then, which IAM itself refuses behind a private address.)
 */
#pragma once

#include <stdbool.h>

#include "aws/arn.h"
#include "aws/endpoint_url.h"
#include "base/error.h"

enum endpoint_service { ENDPOINT_EKS, ENDPOINT_IAM, ENDPOINT_STS, ENDPOINT_SERVICE_COUNT };

/* What can be said about addresses. The first ones are in the order of enum endpoint_service. */
enum endpoint_setting {
    ENDPOINT_SETTING_URL_EKS,
    ENDPOINT_SETTING_URL_IAM,
    ENDPOINT_SETTING_URL_STS,
    ENDPOINT_SETTING_URL,
    ENDPOINT_SETTING_IGNORE_URLS,  /* true, false */
    ENDPOINT_SETTING_FIPS,         /* true, false */
    ENDPOINT_SETTING_DUAL_STACK,   /* true, false */
    ENDPOINT_SETTING_STS_REGIONAL, /* regional, legacy */
    ENDPOINT_SETTING_COUNT
};

/* Where it was said; NULL or "" when it was not. Borrowed for the call. */
struct endpoint_settings {
    const char *environment[ENDPOINT_SETTING_COUNT];
    const char *profile[ENDPOINT_SETTING_COUNT];
};

/* "AWS_USE_FIPS_ENDPOINT" */
const char *endpoint_setting_variable(enum endpoint_setting setting);
/* "use_fips_endpoint": the key in a profile. Of the services' URLs it is the key in the profile's
 * `services` section, below "eks", "iam" or "sts". */
const char *endpoint_setting_key(enum endpoint_setting setting);

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

/* Fails with ERROR_INVALID, naming the setting, when an override is not an http or https URL with
 * a host, or carries a user name, a query or a fragment; when a switch is neither true nor false;
 * and when FIPS or dual-stack is asked for together with an override. */
int endpoint_resolve(enum endpoint_service service, const struct arn_region *region,
                     const struct endpoint_settings *settings, struct endpoint *ret_endpoint,
                     struct error *err);
