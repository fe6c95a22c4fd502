/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aws_client - one account's AWS in one region: endpoints, credentials, signing keys, and how far
 * each service's clock is from ours. Turns a struct aws_request into a signed HTTP request. No I/O.
 *
 * A wrong clock on this machine must not stop podbind: when a service refuses a signature, and its
 * Date header shows a time that is not ours, the difference is kept and signed with from then on.
 * When the clock is mended, the next refusal shows that too.
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
    /* The service's clock minus ours, as learned; 0: not needed so far. */
    int64_t clock_offset_us[ENDPOINT_SERVICE_COUNT];
};

/* Resolves all endpoints. Fails as endpoint_resolve() does. */
int aws_client_init(struct aws_client *client, const struct arn_region *region,
                    const struct endpoint_settings *settings, struct credentials *credentials,
                    struct error *err);
void aws_client_release(struct aws_client *client);

/* A request ready for http_start(), and what it points to. May be moved. */
struct aws_client_call {
    struct http_request http;
    int64_t signed_us; /* the time of the signature, which aws_client_learn() asks for */
    char *owned_url;
    char **owned_headers; /* ended by NULL */
};
void aws_client_call_release(struct aws_client_call *call);

/* Signs `request` for the moment wall_us. `ret_call->http.body` is borrowed from the request; its
 * context, caps and deadline are the caller's to set (0: the engine's defaults). Fails as
 * credentials_current() does, and with ERROR_INVALID for a request that outgrew its caps. */
int aws_client_sign(struct aws_client *client, const struct aws_request *request, int64_t wall_us,
                    struct aws_client_call *ret_call, struct error *err);

/* What time it is at the service, as far as is known: for the life of credentials too, which AWS
 * tells by its own clock. */
int64_t aws_client_time(const struct aws_client *client, enum endpoint_service service,
                        int64_t wall_us);

/* Longest difference that is followed. A machine that is farther off has no clock to speak of, and
 * the dates in certificates mean nothing to it either. */
#define AWS_CLIENT_SKEW_FOLLOWED_US (24 * 60 * 60 * 1000000LL)

/* To be called with each answer that became an error, before it is acted on. Where the answer says
 * that the signature's time or the keys were at fault and that can be mended, the client mends it
 * (takes the offset from the Date header, drops the keys), the kind becomes
 * ERROR_TRANSIENT, and true is returned: the call had no effect; sign again. A clock that is more
 * than AWS_CLIENT_SKEW_FOLLOWED_US off is not followed; the text then says how far it is off.
 * Cannot go round in circles: the time is at fault only where `signed_us`, with which this very
 * call was signed, is more than a minute from the Date. (Of many calls under way at once the first
 * one to come back teaches the offset, and the others are to be signed again all the same.) */
bool aws_client_learn(struct aws_client *client, enum endpoint_service service,
                      const struct http_answer *answer, int64_t signed_us, int64_t wall_us,
                      struct error *err);
