/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials_container - the container credential source's parts: its URL, its token, its answer.
 * Used by aws/credentials only; here on their own so that they can be tested byte by byte.
 *
 * Source: AWS SDK reference guide "Container credential provider"; hosts as botocore and the Go SDK
 * allow them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "base/error.h"
#include "base/strbuf.h"

#define CREDENTIALS_CONTAINER_ANSWER_CAP ((size_t)64 * 1024)
#define CREDENTIALS_CONTAINER_TOKEN_CAP ((size_t)16 * 1024)

/* The URL to ask: http://169.254.170.2 and the relative URI when that is set, else the full URI.
 * Plain http is allowed to loopback (127.0.0.0/8, ::1, localhost), 169.254.170.2, 169.254.170.23
 * and fd00:ec2::23 only; https to any host. ret_url is owned by the caller. */
int credentials_container_url(const char *relative_uri, const char *full_uri, char **ret_url,
                              struct error *err);

/* Fills the credentials' url, token_file and token. */
int credentials_container_init(struct credentials *credentials,
                               const struct credentials_environment *from, struct error *err);
/* The GET with the token as it is now. */
int credentials_container_request(struct credentials *credentials, struct credentials_fetch *fetch,
                                  struct error *err);

/* Reads the token file whole. Fails when it can't be read, is no regular file, is empty or over the
 * cap. White space around the token is dropped. Appends; the caller wipes. */
int credentials_container_read_token(const char *file, struct strbuf *ret_token, struct error *err);
/* Fails with ERROR_INVALID unless the token is all printable ASCII, so that no line break reaches
 * the header. */
int credentials_container_check_token(const char *token, struct error *err);

/* Reads {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}. Refuses a missing or malformed
 * member, and an expiration that is not RFC 3339. ret_set is owned by the caller. */
int credentials_container_parse(const char *bytes, size_t length, struct credentials_set *ret_set,
                                struct error *err);
