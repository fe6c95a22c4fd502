/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/aws_client.h"

#include <stdio.h>
#include <string.h>

#include "aws/aws_error.h"
#include "base/mem.h"

#define ANSWER_CAP ((size_t)1 << 20)
#define MINUTE_US (60 * 1000000LL)
#define SKEW_NOTICED_US MINUTE_US
#define HOUR_US (60 * MINUTE_US)

int aws_client_init(struct aws_client *client, const struct arn_region *region,
                    const struct endpoint_settings *settings, struct credentials *credentials,
                    struct error *err)
{
    struct aws_client made = {.region = *region, .credentials = credentials};

    for (enum endpoint_service i = 0; i < ENDPOINT_SERVICE_COUNT; i++)
        if (endpoint_resolve(i, region, settings, &made.endpoints[i], err) < 0)
            return -1;
    *client = made;
    return 0;
}

void aws_client_release(struct aws_client *client)
{
    for (enum endpoint_service i = 0; i < ENDPOINT_SERVICE_COUNT; i++)
        sigv4_key_clear(&client->keys[i]);
}

/* ---- signing ---- */

/* Allocated once, so that no copy of a secret stays behind. */
static char *join(const char *a, const char *b, const char *c, const char *d)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
    char *text = mem_alloc(size);

    snprintf(text, size, "%s%s%s%s", a, b, c, d);
    return text;
}

enum { HEADER_AUTHORIZATION, HEADER_DATE, HEADER_CONTENT_TYPE, HEADER_TOKEN, HEADER_COUNT };

static void fill_call(const struct endpoint *endpoint, const struct aws_request *request,
                      const char *path, const struct sigv4_credentials *credentials,
                      const struct sigv4_signed *signature, struct aws_client_call *call)
{
    const char *query = strbuf_text(&request->query);
    char **headers = mem_array(HEADER_COUNT + 1, sizeof *headers);
    size_t count = 0;

    headers[count++] = join("Authorization: ", signature->authorization, "", "");
    headers[count++] = join("X-Amz-Date: ", signature->date, "", "");
    if (request->content_type)
        headers[count++] = join("Content-Type: ", request->content_type, "", "");
    if (*credentials->session_token)
        headers[count++] = join("X-Amz-Security-Token: ", credentials->session_token, "", "");

    *call = (struct aws_client_call){
        .owned_url = join(endpoint->origin, path, *query ? "?" : "", query),
        .owned_headers = headers,
    };
    call->http = (struct http_request){
        .method = request->method,
        .url = call->owned_url,
        .headers = (const char *const *)headers,
        .body = request->body.text,
        .body_length = request->body.length,
        .answer_cap = ANSWER_CAP,
    };
}

int64_t aws_client_time(const struct aws_client *client, enum endpoint_service service,
                        int64_t wall_us)
{
    return wall_us + client->clock_offset_us[service];
}

int aws_client_sign(struct aws_client *client, const struct aws_request *request, int64_t wall_us,
                    struct aws_client_call *ret_call, struct error *err)
{
    const struct endpoint *endpoint = &client->endpoints[request->service];
    int64_t aws_us = aws_client_time(client, request->service, wall_us);
    const struct sigv4_credentials *credentials =
        credentials_current(client->credentials, aws_us, err);
    CLEANUP_FREE char *path = join(endpoint->path, strbuf_text(&request->path), "", "");
    CLEANUP(sigv4_signed_release) struct sigv4_signed signature = {.date = ""};
    struct sigv4_header headers[] = {{"host", endpoint->host},
                                     {"content-type", request->content_type}};
    struct sigv4_request plain = {
        .method = request->method,
        .path = path,
        .query = strbuf_text(&request->query),
        .headers = headers,
        .header_count = request->content_type ? 2 : 1,
        .body = request->body.text,
        .body_length = request->body.length,
    };
    struct sigv4_scope scope = {
        .region = endpoint->signing_region.text,
        .service = endpoint_service_name(request->service),
        .wall_us = aws_us,
    };

    if (!credentials)
        return -1;
    if (!aws_request_ok(request))
        return error_set(err, ERROR_INVALID, "request to AWS is longer than it may be");
    if (sigv4_sign(&plain, credentials, &scope, &client->keys[request->service], &signature, err) <
        0)
        return error_wrap(err, "signing a request");
    fill_call(endpoint, request, path, credentials, &signature, ret_call);
    ret_call->signed_us = aws_us;
    return 0;
}

void aws_client_call_release(struct aws_client_call *call)
{
    for (char **header = call->owned_headers; header && *header; header++) {
        explicit_bzero(*header, strlen(*header));
        mem_free(*header);
    }
    mem_free(call->owned_headers);
    mem_free(call->owned_url);
    *call = (struct aws_client_call){.owned_url = NULL};
}

/* ---- learning ---- */

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static bool learn_clock(int64_t *known_us, int64_t aws_us, int64_t signed_us, int64_t wall_us,
                        struct error *err)
{
    int64_t offset_us = aws_us - wall_us;

    if (distance(aws_us, signed_us) <= SKEW_NOTICED_US)
        return false; /* the signature was of the right time: it is wrong for another reason */
    if (distance(offset_us, 0) > AWS_CLIENT_SKEW_FOLLOWED_US) {
        error_wrap(err, "this machine's clock is %lld hours %s AWS's, set it",
                   (long long)(distance(offset_us, 0) / HOUR_US),
                   offset_us > 0 ? "behind" : "ahead of");
        return false;
    }
    if (distance(offset_us, *known_us) > SKEW_NOTICED_US)
        *known_us = distance(offset_us, 0) > SKEW_NOTICED_US ? offset_us : 0;
    err->kind = ERROR_TRANSIENT;
    return true;
}

/* Other keys may do. A wrong signature at the right time may come of a secret that was mistyped; one
 * that was fetched is right. What IAM alone takes for wrong keeps nothing from EKS. */
static bool blames_keys(const struct aws_client *client, enum endpoint_service service,
                        const struct error *err)
{
    return aws_error_is_token_expired(err) ||
           (service == ENDPOINT_EKS && aws_error_is_signature(err) &&
            credentials_are_written(client->credentials));
}

bool aws_client_learn(struct aws_client *client, enum endpoint_service service,
                      const struct http_answer *answer, int64_t signed_us, int64_t wall_us,
                      struct error *err)
{
    int64_t *known_us = &client->clock_offset_us[service];

    if (aws_error_is_signature(err) && answer->date_us > 0 &&
        learn_clock(known_us, answer->date_us, signed_us, wall_us, err))
        return true;
    if (!blames_keys(client, service, err) ||
        !credentials_reject(client->credentials, wall_us + *known_us, err))
        return false;
    err->kind = ERROR_TRANSIENT;
    return true;
}
