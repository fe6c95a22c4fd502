/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/region_source.h"

#include "base/mem.h"

static void free_engine(struct http **engine)
{
    http_free(*engine);
}

static void free_peer(struct http_peer **peer)
{
    http_peer_free(*peer);
}

static int ask_instance(const struct imds *imds, struct arn_region *ret_region, struct error *err)
{
    const struct http_settings settings = {.proxy = "", .connect_ms = imds->timeout_ms};
    CLEANUP(free_engine) struct http *engine = http_new();
    CLEANUP(free_peer) struct http_peer *peer = http_peer_new(&settings);
    CLEANUP(imds_request_clear) struct imds_request request;
    CLEANUP(http_answer_release) struct http_answer first = {0};
    CLEANUP(http_answer_release) struct http_answer second = {0};
    char token[IMDS_TOKEN_SIZE];

    imds_ask_token(imds, &request);
    http_exchange(engine, peer, &request.http, &first);
    if (imds_read_token(&first, token, err) < 0)
        return -1;
    imds_ask(imds, token, "placement/region", &request);
    http_exchange(engine, peer, &request.http, &second);
    return imds_read_region(&second, ret_region, err);
}

int region_source_find(const struct profile_environment *profile,
                       const struct imds_environment *imds, struct arn_region *ret_region,
                       const char **ret_from, struct error *err)
{
    struct arn_region region;
    struct imds made;

    if (profile_region(profile, &region, err) < 0)
        return -1;
    *ret_from = "profile";
    if (!*region.text) {
        *ret_from = "instance metadata";
        if (imds_is_disabled(imds))
            return error_set(err, ERROR_INVALID,
                             "the profile names no region, and "
                             "AWS_EC2_METADATA_DISABLED is true");
        if (imds_init(&made, imds, err) < 0)
            return -1;
        if (ask_instance(&made, &region, err) < 0)
            return error_wrap(err, "the profile names no region; instance metadata");
    }
    *ret_region = region;
    return 0;
}
