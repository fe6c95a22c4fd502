/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials_container - the container credential source's URL, on its own so that it can be
 * tested. Used by aws/credentials_chain only.
 *
 * Source: AWS SDK reference guide "Container credential provider"; hosts as botocore and the Go SDK
 * allow them.
 */
#pragma once

#include <stddef.h>

#include "aws/credentials.h"
#include "base/error.h"

#define CREDENTIALS_CONTAINER_ANSWER_CAP ((size_t)64 * 1024)
#define CREDENTIALS_CONTAINER_TOKEN_CAP ((size_t)16 * 1024)

/* The URL to ask: http://169.254.170.2 and the relative URI when that is set, else the full URI.
 * Plain http is allowed to loopback (127.0.0.0/8, ::1, localhost), 169.254.170.2, 169.254.170.23
 * and fd00:ec2::23 only; https to any host. ret_url is owned by the caller. */
int credentials_container_url(const char *relative_uri, const char *full_uri, char **ret_url,
                              struct error *err);
/* Reads {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}. Refuses a missing or malformed
 * member, and an expiration that is not RFC 3339. ret_set is owned by the caller. */
int credentials_container_parse(const char *bytes, size_t length, struct credentials_set *ret_set,
                                struct error *err);
