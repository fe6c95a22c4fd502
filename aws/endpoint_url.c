/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint_url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int refuse(struct error *err, const char *expected)
{
    return error_set(err, ERROR_INVALID, "malformed URL: expected %s", expected);
}

/* Skips the scheme. */
static const char *read_scheme(const char *text, bool *ret_https)
{
    if (strncasecmp(text, "https://", 8) == 0) {
        *ret_https = true;
        return text + 8;
    }
    *ret_https = false;
    return strncasecmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

static bool is_clean(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c >= 0x7F || strchr("\"<>\\^`{|}#", *c))
            return false;
    return true;
}

static bool copy_host(const char *start, size_t length, char ret_host[ENDPOINT_URL_HOST_SIZE])
{
    if (length == 0 || length >= ENDPOINT_URL_HOST_SIZE)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = start[i];

        ret_host[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    ret_host[length] = '\0';
    return true;
}

static bool is_name(const char *host)
{
    return strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") == strlen(host) &&
           host[0] != '.' && !strstr(host, "..");
}

/* "host", "[address]", each with ":port" behind it at will. Returns where the port would begin. */
static const char *read_host(const char *start, const char *end, struct endpoint_url *url)
{
    struct in6_addr address;

    if (*start != '[') {
        const char *colon = memchr(start, ':', (size_t)(end - start));
        const char *stop = colon ? colon : end;

        return copy_host(start, (size_t)(stop - start), url->host) && is_name(url->host) ? stop
                                                                                         : NULL;
    }
    const char *close = memchr(start, ']', (size_t)(end - start));

    url->ipv6 = true;
    if (!close || !copy_host(start + 1, (size_t)(close - start - 1), url->host) ||
        inet_pton(AF_INET6, url->host, &address) != 1)
        return NULL;
    return close + 1;
}

static bool read_port(const char *start, const char *end, unsigned *ret_port)
{
    unsigned port = 0;

    if (start == end)
        return true;
    if (*start != ':' || end - start < 2 || end - start > 6)
        return false;
    for (const char *c = start + 1; c < end; c++) {
        if (*c < '0' || *c > '9')
            return false;
        port = port * 10 + (unsigned)(*c - '0');
    }
    *ret_port = port;
    return port >= 1 && port <= 65535;
}

int endpoint_url_parse(const char *text, struct endpoint_url *ret_url, struct error *err)
{
    struct endpoint_url url = {.port = 0};
    const char *start = read_scheme(text, &url.https);

    if (!start)
        return refuse(err, "http:// or https:// at its start");
    if (!is_clean(start))
        return refuse(err, "printable characters, without spaces, quotes, backslashes and #");
    const char *end = start + strcspn(start, "/?");
    if (memchr(start, '@', (size_t)(end - start)))
        return refuse(err, "no user name before the host");
    const char *port = read_host(start, end, &url);
    if (!port)
        return refuse(err, "a host name, an IPv4 address or an IPv6 address in brackets");
    if (!read_port(port, end, &url.port))
        return refuse(err, "a port from 1 to 65535 after the colon");
    if (strlen(end) >= sizeof url.path || *end == '?')
        return refuse(err, "a path that begins with / and has at most 511 characters");
    memcpy(url.path, end, strlen(end) + 1);
    *ret_url = url;
    return 0;
}
