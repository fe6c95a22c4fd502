/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_container.h"

#include <arpa/inet.h>
#include <string.h>

#include "aws/credentials_chain.h"
#include "aws/endpoint_url.h"
#include "aws/secret_file.h"
#include "base/mem.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define DEADLINE_MS 2000

/* ---- where ---- */

/* Hosts that may be asked without TLS: this machine, and the agents of ECS and EKS on it. */
static bool is_local(const struct endpoint_url *url)
{
    static const char *const allowed6[] = {"::1", "fd00:ec2::23"};
    struct in_addr v4;
    struct in6_addr v6, allowed;

    if (strcmp(url->host, "localhost") == 0)
        return true;
    if (!url->ipv6)
        return inet_pton(AF_INET, url->host, &v4) == 1 &&
               (ntohl(v4.s_addr) >> 24 == 127 || strcmp(url->host, "169.254.170.2") == 0 ||
                strcmp(url->host, "169.254.170.23") == 0);
    for (size_t i = 0; i < sizeof allowed6 / sizeof *allowed6; i++)
        if (inet_pton(AF_INET6, url->host, &v6) == 1 &&
            inet_pton(AF_INET6, allowed6[i], &allowed) == 1 &&
            memcmp(&v6, &allowed, sizeof v6) == 0)
            return true;
    return false;
}

static bool is_set(const char *text)
{
    return text && *text;
}

int credentials_container_url(const char *relative_uri, const char *full_uri, char **ret_url,
                              struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    bool relative = is_set(relative_uri);
    struct endpoint_url url;

    if (relative)
        strbuf_str(&text, CONTAINER_HOST);
    if (relative && *relative_uri != '/')
        return error_set(err, ERROR_INVALID,
                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: expected a path that begins "
                         "with /");
    strbuf_str(&text, relative ? relative_uri : full_uri);
    if (endpoint_url_parse(strbuf_text(&text), &url, err) < 0)
        return error_wrap(err, "AWS_CONTAINER_CREDENTIALS_%s_URI", relative ? "RELATIVE" : "FULL");
    if (!url.https && !is_local(&url))
        return error_set(err, ERROR_INVALID,
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI: expected https, or http to a "
                         "loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
    *ret_url = strbuf_take(&text);
    return 0;
}

int credentials_container_plan(const struct credentials_environment *from,
                               struct credentials_chain *chain, struct error *err)
{
    CLEANUP_FREE char *url = NULL;

    if (!is_set(from->container_relative_uri) && !is_set(from->container_full_uri))
        return 1;
    if (credentials_container_url(from->container_relative_uri, from->container_full_uri, &url,
                                  err) < 0)
        return -1;
    struct credentials_stage *stage = credentials_stage_add(chain, &credentials_container, err);
    if (!stage)
        return -1;
    stage->url = mem_strdup(url);
    if (is_set(from->container_token_file))
        stage->token_file = mem_strdup(from->container_token_file);
    else if (is_set(from->container_token))
        stage->token = mem_strdup(from->container_token);
    return 0;
}

/* ---- the request ---- */

static int add_token(const struct credentials_stage *stage, struct strbuf *header,
                     struct error *err)
{
    if (stage->token_file)
        return secret_file_token(stage->token_file, CREDENTIALS_CONTAINER_TOKEN_CAP, header, err);
    if (secret_file_check_token(stage->token, strlen(stage->token), err) < 0)
        return error_wrap(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    strbuf_str(header, stage->token);
    return 0;
}

static int request(struct credentials_stage *stage, const struct credentials_moment *moment,
                   struct credentials_fetch *fetch, struct error *err)
{
    CLEANUP(secret_file_release) struct strbuf header = {0};

    (void)moment;
    if (stage->token_file || stage->token) {
        strbuf_str(&header, "Authorization: ");
        if (add_token(stage, &header, err) < 0)
            return -1;
        fetch->owned_headers[1] = strbuf_take(&header);
    }
    fetch->owned_headers[0] = mem_strdup("Accept: application/json");
    fetch->what = CREDENTIALS_LOCAL;
    fetch->http = (struct http_request){
        .method = "GET",
        .url = stage->url,
        .answer_cap = CREDENTIALS_CONTAINER_ANSWER_CAP,
        .deadline_ms = DEADLINE_MS,
    };
    return 0;
}

/* ---- the answer ---- */

int credentials_container_parse(const char *bytes, size_t length, struct credentials_set *ret_set,
                                struct error *err)
{
    const struct credentials_json form = {.token = "Token"};

    return credentials_json_read(bytes, length, &form, ret_set, err);
}

static int answer(struct credentials_stage *stage, const struct http_answer *got,
                  struct credentials_set *ret_set, struct error *err)
{
    (void)stage;
    if (credentials_stage_ok(got,
                             "; is there a Pod Identity association for podbind's own "
                             "ServiceAccount?",
                             err) < 0)
        return -1;
    return credentials_container_parse(strbuf_text(&got->body), got->body.length, ret_set, err);
}

const struct credentials_method credentials_container = {"container endpoint", request, answer};
