/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aws_client - one account's AWS in one region: endpoints, credentials, signing keys, and how far
 * AWS's clock is from ours. Turns a struct aws_request into a signed HTTP request. No I/O.
 *
 * One thread. A signed request is good for about five minutes: sign when you send, and sign again
 * when you repeat.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aws/aws_request.h"
#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/sigv4.h"
#include "base/error.h"
#include "base/http.h"

struct aws_client {
    struct arn_region region;
    struct endpoint endpoints[ENDPOINT_SERVICE_COUNT];
    struct sigv4_key keys[ENDPOINT_SERVICE_COUNT];
    struct credentials *credentials; /* borrowed */
    int64_t clock_offset_us;         /* AWS's clock minus ours, as learned; 0: not needed so far */
};

/* Resolves all endpoints. Fails as endpoint_resolve() does. */
int aws_client_init(struct aws_client *client, const struct arn_region *region,
                    const struct endpoint_settings *settings, struct credentials *credentials,
                    struct error *err);
void aws_client_release(struct aws_client *client);

/* A request ready for http_start(), and what it points to. May be moved. */
struct aws_client_call {
    struct http_request http;
    char *owned_url;
    char **owned_headers; /* ended by NULL */
};
void aws_client_call_release(struct aws_client_call *call);

/* Signs `request` for the moment wall_us. `ret_call->http.body` is borrowed from the request; its
 * context, caps and deadline are the caller's to set (0: the engine's defaults). Fails as
 * credentials_current() does, and with ERROR_INVALID for a request that outgrew its caps. */
int aws_client_sign(struct aws_client *client, const struct aws_request *request, int64_t wall_us,
                    struct aws_client_call *ret_call, struct error *err);

/* To be called with each answer that became an error, before it is acted on. Where the answer says
 * that the signature's time or the session token was at fault and that can be mended, the client
 * mends it (takes the offset from the Date header, drops the token) and the kind becomes
 * ERROR_TRANSIENT: sign again. A clock more than 15 minutes off is not followed; the text then says
 * how far it is off. Cannot go round in circles: an offset is learned only when it moves by more
 * than a minute. */
void aws_client_learn(struct aws_client *client, const struct http_answer *answer, int64_t wall_us,
                      struct error *err);
