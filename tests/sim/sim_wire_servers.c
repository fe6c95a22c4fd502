/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in's own handler as the EKS of a history. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "tests/sim/api_request.h"
#include "tests/sim/sim_wire_private.h"

#define SECOND_US 1000000

static int64_t now_ms(void *context)
{
    const struct world *world = context;

    return world->now;
}

static uint64_t draw(void *context)
{
    struct world *world = context;

    return tape_bits(&world->tape, "of EKS");
}

/* DescribeCluster shows the certificates as base64. */
static void encode_certificates(struct model *model)
{
    for (size_t i = 0; model_cluster_at(model, i); i++) {
        CLEANUP(strbuf_release) struct strbuf data = {0};
        struct model_cluster cluster = *model_cluster_at(model, i);

        digest_base64_encode(cluster.ca_data, strlen(cluster.ca_data), &data);
        cluster.ca_data = strbuf_text(&data);
        model_put_cluster(model, &cluster);
    }
}

void sim_wire_prepare_eks(struct sim_wire *wire, uint64_t seed)
{
    struct world *world = wire->world;
    const struct standin_world given = {.model = world->model,
                                        .now_ms = now_ms,
                                        .random = draw,
                                        .epoch_ms = world_wall_us(world) / 1000 - world->now,
                                        .context = world};

    standin_init_in(&wire->standin, &given, seed);
    standin_add_key(&wire->standin, SIM_KEY_ID, SIM_SECRET, SIM_SESSION);
    encode_certificates(world->model);
    model_settings(world->model)->page = (size_t)world->weather.eks_page;
}

static void take_reply(struct sim_wire *wire, struct standin_reply *reply,
                       struct http_answer *ret_answer)
{
    *ret_answer = (struct http_answer){
        .status = reply->status,
        .body = reply->body,
        .retry_after_ms = reply->retry_after_ms,
        .date_us = world_wall_us(wire->world) / SECOND_US * SECOND_US,
    };
    reply->body = (struct strbuf){0};
    snprintf(ret_answer->content_type, sizeof ret_answer->content_type, "%s", reply->content_type);
    snprintf(ret_answer->error_type, sizeof ret_answer->error_type, "%s", reply->error_type);
}

/* Refusals that no request of the operator should meet, whatever the weather. */
static void check_reply(struct sim_wire *wire, const struct api_request *request,
                        const struct standin_reply *reply)
{
    static const char *const broken[] = {
        "MissingAuthenticationToken", "IncompleteSignature", "UnrecognizedClient", "ExpiredToken",
        "SerializationException",     "BadRequestException", "UnknownOperation"};
    const char *text = strbuf_text(&reply->body);

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        if (strncmp(reply->error_type, broken[i], strlen(broken[i])) == 0)
            world_fail(wire->world, "wire", "EKS can't read %s %s: %s", request->method,
                       request->target, text);
    if (strncmp(reply->error_type, "InvalidSignature", 16) != 0)
        return;
    if (!strstr(text, "expired") && !strstr(text, "not yet current"))
        world_fail(wire->world, "wire", "a signature is wrong: %s", text);
    wire->world->tally->garbles.skewed++;
}

void sim_wire_serve_eks(struct sim_wire *wire, const struct http_request *http,
                        struct http_answer *ret_answer)
{
    CLEANUP(api_request_release) struct api_request request = {0};
    struct standin_header headers[API_HEADERS_MAX + 1];
    struct standin_request asked = {.headers = headers};
    struct standin_reply reply;

    if (!api_request_read(http, &request))
        world_fail(wire->world, "wire", "a malformed request to EKS: %s", http->url);
    asked.method = request.method;
    asked.target = request.target;
    asked.body = request.body;
    asked.body_length = request.body_length;
    headers[asked.header_count++] = (struct standin_header){"Host", request.host};
    for (size_t i = 0; i < request.header_count; i++)
        headers[asked.header_count++] =
            (struct standin_header){request.headers[i].name, request.headers[i].value};
    standin_serve(&wire->standin, &asked, &reply);
    check_reply(wire, &request, &reply);
    take_reply(wire, &reply, ret_answer);
    standin_delivered(&wire->standin, &reply);
    standin_reply_release(&reply);
}
