/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigv4 - AWS Signature Version 4 for every service but S3. Pure: no clock, no I/O.
 *
 * Signed are all headers given and x-amz-date and x-amz-security-token, which are added here.
 * aws/sigv4_canonical says how path, query and headers are to be given.
 *
 * Source: AWS documentation "Create a signed AWS API request"; vectors in tests/cases/sigv4.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "aws/sigv4_canonical.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/strbuf.h"

struct sigv4_credentials {
    const char *access_key_id;
    const char *secret_key;
    const char *session_token; /* "" when there is none */
};

/* For whom and when a signature counts. */
struct sigv4_scope {
    const char *region;
    const char *service; /* signing name: "eks", "iam", "sts" */
    int64_t wall_us;     /* microseconds since 1970 */
};

/* The signing key of the last call: spares four HMACs per request while the day, the scope and the
 * secret stay the same. Zeroed is empty. Secret: clear it with sigv4_key_clear(). */
struct sigv4_key {
    char date[9];
    char region[32];
    char service[32];
    uint8_t secret_digest[DIGEST_SIZE];
    uint8_t key[DIGEST_SIZE];
};
void sigv4_key_clear(struct sigv4_key *key);
/* Makes `key` the signing key for that day ("20150830"), scope and secret. Fails with ERROR_INVALID
 * when region or service is longer than its field. */
int sigv4_key_derive(struct sigv4_key *key, const char *secret_key, const char date[9],
                     const char *region, const char *service, struct error *err);

#define SIGV4_TIME_SIZE 17
#define SIGV4_SIGNATURE_SIZE DIGEST_HEX_SIZE

struct sigv4_signed {
    char date[SIGV4_TIME_SIZE];           /* value of x-amz-date: "20150830T123600Z" */
    char signature[SIGV4_SIGNATURE_SIZE]; /* lower-case hex */
    char *authorization;                  /* value of Authorization; owned */
};
void sigv4_signed_release(struct sigv4_signed *ret_signed);

/* Signs a request. Send `authorization` as Authorization, `date` as x-amz-date and, when there is
 * one, the session token as x-amz-security-token, and exactly the headers given. `key` is the
 * caller's cache. Fails with ERROR_INVALID: no host header, too many headers or parameters, a line
 * break in a header, a part that is too long, a time before 1970 or after 9999. */
int sigv4_sign(const struct sigv4_request *request, const struct sigv4_credentials *credentials,
               const struct sigv4_scope *scope, struct sigv4_key *key,
               struct sigv4_signed *ret_signed, struct error *err);

/* The step between the canonical request and the signature; appends. `date` is the value of
 * x-amz-date. */
void sigv4_string_to_sign(const char *canonical_request, const char *date, const char *region,
                          const char *service, struct strbuf *ret_text);
