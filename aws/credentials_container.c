/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_container.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/endpoint_url.h"
#include "base/clock.h"
#include "base/json.h"
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

int credentials_container_init(struct credentials *credentials,
                               const struct credentials_environment *from, struct error *err)
{
    if (credentials_container_url(from->container_relative_uri, from->container_full_uri,
                                  &credentials->url, err) < 0)
        return -1;
    if (is_set(from->container_token_file))
        credentials->token_file = mem_strdup(from->container_token_file);
    else if (is_set(from->container_token))
        credentials->token = mem_strdup(from->container_token);
    return 0;
}

/* ---- the token ---- */

/* Its errno stays for the message. */
static bool read_whole(int fd, struct strbuf *text)
{
    char bytes[4096];
    ssize_t got;

    while ((got = read(fd, bytes, sizeof bytes)) != 0) {
        if (got > 0)
            strbuf_add(text, bytes, (size_t)got);
        else if (errno != EINTR)
            break;
        if (!strbuf_ok(text))
            break;
    }
    explicit_bzero(bytes, sizeof bytes);
    return got == 0;
}

static void token_release(struct strbuf *token)
{
    if (token->text)
        explicit_bzero(token->text, token->capacity);
    strbuf_release(token);
}

static void close_file(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

int credentials_container_read_token(const char *file, struct strbuf *ret_token, struct error *err)
{
    CLEANUP(token_release) struct strbuf text = STRBUF_CAPPED(CREDENTIALS_CONTAINER_TOKEN_CAP);
    CLEANUP(close_file) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;

    if (fd < 0 || fstat(fd, &about) < 0)
        return error_set(err, ERROR_INVALID, "token file %s: %s", file, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return error_set(err, ERROR_INVALID, "token file %s: expected a regular file", file);
    if (about.st_size > (off_t)CREDENTIALS_CONTAINER_TOKEN_CAP)
        return error_set(err, ERROR_INVALID, "token file %s: expected at most %zu bytes", file,
                         CREDENTIALS_CONTAINER_TOKEN_CAP);
    if (!read_whole(fd, &text))
        return error_set(err, ERROR_INVALID, "token file %s: %s", file,
                         strbuf_ok(&text) ? strerror(errno) : "it grew while it was read");
    const char *start = strbuf_text(&text) + strspn(strbuf_text(&text), " \t\r\n");
    const char *end = strbuf_text(&text) + text.length;
    while (end > start && strchr(" \t\r\n", end[-1]))
        end--;
    if (start >= end)
        return error_set(err, ERROR_INVALID, "token file %s: it is empty", file);
    strbuf_add(ret_token, start, (size_t)(end - start));
    return 0;
}

int credentials_container_check_token(const char *token, struct error *err)
{
    for (const char *c = token; *c; c++)
        if (*c <= ' ' || *c >= 0x7F)
            return error_set(err, ERROR_INVALID,
                             "authorization token: expected printable characters without spaces "
                             "and line breaks");
    return *token ? 0 : error_set(err, ERROR_INVALID, "authorization token: it is empty");
}

int credentials_container_request(struct credentials *credentials, struct credentials_fetch *fetch,
                                  struct error *err)
{
    CLEANUP(token_release) struct strbuf header = {0};
    static const char name[] = "Authorization: ";

    strbuf_str(&header, name);
    if (credentials->token_file &&
        credentials_container_read_token(credentials->token_file, &header, err) < 0)
        return -1;
    if (credentials->token)
        strbuf_str(&header, credentials->token);
    bool has_token = credentials->token_file || credentials->token;
    if (strlen(header.text) != header.length)
        return error_set(err, ERROR_INVALID, "authorization token: expected text");
    if (has_token && credentials_container_check_token(header.text + strlen(name), err) < 0)
        return -1;
    fetch->http = (struct http_request){
        .method = "GET",
        .url = credentials->url,
        .answer_cap = CREDENTIALS_CONTAINER_ANSWER_CAP,
        .deadline_ms = DEADLINE_MS,
    };
    fetch->owned_headers[0] = mem_strdup("Accept: application/json");
    if (has_token)
        fetch->owned_headers[1] = strbuf_take(&header);
    return 0;
}

/* ---- the answer ---- */

static void wiped_release(json_t **owned)
{
    const char *name;
    json_t *value;

    json_object_foreach(*owned, name, value)
    {
        if (json_is_string(value))
            explicit_bzero((char *)json_string_value(value), json_string_length(value));
    }
    json_release(owned);
}

int credentials_container_parse(const char *bytes, size_t length, struct credentials_set *ret_set,
                                struct error *err)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "Token"};
    CLEANUP(wiped_release) json_t *body = json_parse(bytes, length, err);

    if (!json_is_object(body))
        return error_set(err, ERROR_INVALID,
                         "expected a JSON object with AccessKeyId, SecretAccessKey, Token and "
                         "Expiration");
    CLEANUP(credentials_set_release)
    struct credentials_set set = {
        .access_key_id = mem_strdup(json_text(body, names[0])),
        .secret_key = mem_strdup(json_text(body, names[1])),
        .session_token = mem_strdup(json_text(body, names[2])),
    };
    if (credentials_set_check(&set, names, err) < 0)
        return -1;
    if (!*set.session_token)
        return error_set(err, ERROR_INVALID, "Token is missing or empty");
    if (!clock_parse(json_text(body, "Expiration"), &set.expires_us) || set.expires_us <= 0)
        return error_set(err, ERROR_INVALID,
                         "Expiration: expected a time such as 2026-11-22T19:28:09Z");
    *ret_set = set;
    set = (struct credentials_set){.expires_us = 0};
    return 0;
}
