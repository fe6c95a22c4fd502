/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/imds.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/endpoint_url.h"
#include "aws/secret_file.h"

#define DEFAULT_TIMEOUT_MS 1000
#define MOST_TIMEOUT_S 10

static bool is_set(const char *text)
{
    return text && *text;
}

bool imds_is_disabled(const struct imds_environment *from)
{
    return is_set(from->disabled) && strcasecmp(from->disabled, "true") == 0;
}

static int read_timeout(const char *text, int64_t *ret_ms, struct error *err)
{
    int64_t seconds = 0;
    const char *c = text;

    for (; *c >= '0' && *c <= '9' && seconds <= MOST_TIMEOUT_S; c++)
        seconds = seconds * 10 + (*c - '0');
    if (*c || seconds < 1 || seconds > MOST_TIMEOUT_S)
        return error_set(err, ERROR_INVALID,
                         "AWS_METADATA_SERVICE_TIMEOUT: expected whole seconds from 1 to 10");
    *ret_ms = seconds * 1000;
    return 0;
}

static int pick_origin(const struct imds_environment *from, struct imds *imds, struct error *err)
{
    const char *mode = is_set(from->endpoint_mode) ? from->endpoint_mode : "IPv4";
    struct endpoint_url url;

    if (strcasecmp(mode, "IPv4") != 0 && strcasecmp(mode, "IPv6") != 0)
        return error_set(err, ERROR_INVALID,
                         "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: expected IPv4 or IPv6");
    const char *text =
        strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    if (is_set(from->endpoint)) {
        text = from->endpoint;
        if (endpoint_url_parse(text, &url, err) < 0)
            return error_wrap(err, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
        if (strchr(url.path, '?') || strlen(text) >= sizeof imds->origin)
            return error_set(err, ERROR_INVALID,
                             "AWS_EC2_METADATA_SERVICE_ENDPOINT: expected a short URL, no query");
    }
    snprintf(imds->origin, sizeof imds->origin, "%s", text);
    for (size_t end = strlen(imds->origin); end > 0 && imds->origin[end - 1] == '/';)
        imds->origin[--end] = '\0';
    return 0;
}

int imds_init(struct imds *imds, const struct imds_environment *from, struct error *err)
{
    struct imds made = {.timeout_ms = DEFAULT_TIMEOUT_MS};

    if (pick_origin(from, &made, err) < 0 ||
        (is_set(from->timeout) && read_timeout(from->timeout, &made.timeout_ms, err) < 0))
        return -1;
    *imds = made;
    return 0;
}

/* ---- requests ---- */

static void fill(const struct imds *imds, const char *method, struct imds_request *request)
{
    request->headers[0] = request->token_header;
    request->headers[1] = NULL;
    request->http = (struct http_request){
        .method = method,
        .url = request->url,
        .headers = request->headers,
        .answer_cap = IMDS_ANSWER_CAP,
        .deadline_ms = imds->timeout_ms,
    };
}

void imds_ask_token(const struct imds *imds, struct imds_request *ret_request)
{
    snprintf(ret_request->url, sizeof ret_request->url, "%s/latest/api/token", imds->origin);
    snprintf(ret_request->token_header, sizeof ret_request->token_header,
             "x-aws-ec2-metadata-token-ttl-seconds: 21600");
    fill(imds, "PUT", ret_request);
}

void imds_ask(const struct imds *imds, const char *token, const char *path,
              struct imds_request *ret_request)
{
    snprintf(ret_request->url, sizeof ret_request->url, "%s/latest/meta-data/%.200s", imds->origin,
             path);
    snprintf(ret_request->token_header, sizeof ret_request->token_header,
             "x-aws-ec2-metadata-token: %s", token);
    fill(imds, "GET", ret_request);
}

void imds_request_clear(struct imds_request *request)
{
    explicit_bzero(request, sizeof *request);
}

/* ---- answers ---- */

int imds_read_token(const struct http_answer *answer, char ret_token[IMDS_TOKEN_SIZE],
                    struct error *err)
{
    const char *token = strbuf_text(&answer->body);
    size_t length = answer->body.length;

    if (answer->error.kind != ERROR_NONE) {
        *err = answer->error;
        return error_wrap(err, "no session token (in a pod: the instance's hop limit may be 1)");
    }
    if (answer->status != 200)
        return error_set(err, ERROR_DENIED, "no session token: answered %d, expected 200",
                         answer->status);
    if (length >= IMDS_TOKEN_SIZE || secret_file_check_token(token, length, err) < 0)
        return error_set(err, ERROR_DENIED,
                         "no session token: expected one of at most %d printable characters",
                         IMDS_TOKEN_SIZE - 1);
    memcpy(ret_token, token, length + 1);
    return 0;
}

int imds_read_region(const struct http_answer *answer, struct arn_region *ret_region,
                     struct error *err)
{
    char text[ARN_REGION_SIZE];
    size_t length = answer->body.length;

    if (answer->error.kind != ERROR_NONE) {
        *err = answer->error;
        return -1;
    }
    if (answer->status != 200)
        return error_set(err, ERROR_DENIED, "no region: answered %d, expected 200", answer->status);
    while (length > 0 && strchr("\r\n", answer->body.text[length - 1]))
        length--;
    if (length == 0 || length >= sizeof text)
        return error_set(err, ERROR_INVALID, "no region: expected a name such as us-west-2");
    memcpy(text, answer->body.text, length);
    text[length] = '\0';
    return arn_region_parse(text, ret_region, err);
}
