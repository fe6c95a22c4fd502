/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_sigv4 - verifies the AWS Signature Version 4 of a request in the Authorization header.
 *
 * Written from the rules of the service side, apart from the operator's signer, so that one mistake
 * does not hide in both. Pure: bytes, credentials and the time come in. The path is taken as it
 * was sent and encoded once more (every service but S3 signs the double encoding); dot segments
 * and empty segments fall out first. A query value is decoded and encoded anew, so lower-case hex
 * in it is fine, and names and values are sorted whatever the order sent.
 *
 * Must be signed: host, x-amz-date, and content-type and every x-amz-* header where present. A
 * request's x-amz-content-sha256 must be the digest of its body.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "tests/standin/standin_request.h"

enum standin_sigv4_fault {
    STANDIN_SIGV4_FINE,
    STANDIN_SIGV4_MISSING,   /* no Authorization header */
    STANDIN_SIGV4_MALFORMED, /* an incomplete or contradictory one */
    STANDIN_SIGV4_UNKNOWN,   /* key id or session token not known */
    STANDIN_SIGV4_EXPIRED,   /* a session that has ended */
    STANDIN_SIGV4_SKEWED,    /* signed more than 5 minutes from now */
    STANDIN_SIGV4_MISMATCH,
};

struct standin_credential {
    char key_id[128];
    char secret[128];
    char session_token[512]; /* "": none may be sent */
    int64_t expires_ms;      /* epoch; 0: never */
    char caller_arn[256];    /* whose it is; "": the operator's */
};

struct standin_sigv4 {
    char key_id[128];
    char region[64];
    char service[32];
    char caller_arn[256];  /* of the credential; "": the operator, or nobody known */
    struct strbuf message; /* what was wrong, as AWS words it */
};

/* Checks the request against those credentials. On a mismatch the message holds the canonical
 * request and the string to sign that were expected. ret_sigv4 is always filled and must be
 * released. */
enum standin_sigv4_fault standin_sigv4_verify(const struct standin_request *request,
                                              const struct standin_credential *credentials,
                                              size_t credential_count, int64_t now_ms,
                                              struct standin_sigv4 *ret_sigv4);
void standin_sigv4_release(struct standin_sigv4 *sigv4);
