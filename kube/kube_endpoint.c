/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_endpoint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "https://"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define DEFAULT_PORT 443

/* A password may stand before an @: that is not repeated. */
static int refuse(struct error *err, const char *server)
{
    if (strchr(server, '@') != NULL)
        return error_set(err, ERROR_INVALID,
                         "a server URL with a user in it, expected https://host[:port][/prefix]");
    return error_set(err, ERROR_INVALID,
                     "\"%.200s\" is no server URL, expected https://host[:port][/prefix]", server);
}

/* Copies the first `length` bytes if they are all of `allowed`. */
static bool copy_part(const char *text, size_t length, const char *allowed, char *part, size_t size)
{
    if (length >= size || strspn(text, allowed) < length)
        return false;
    memcpy(part, text, length);
    part[length] = '\0';
    return true;
}

/* Moves *cursor behind the host. */
static bool read_host(const char **cursor, struct kube_endpoint *endpoint)
{
    bool ipv6 = **cursor == '[';
    const char *start = *cursor + ipv6;
    size_t length = ipv6 ? strcspn(start, "]") : strcspn(start, ":/");
    const char *allowed = ipv6 ? "0123456789abcdefABCDEF:." : LETTERS "-._";
    if (length == 0 || !copy_part(start, length, allowed, endpoint->host, sizeof endpoint->host))
        return false;
    *cursor = start + length;
    if (ipv6 && *(*cursor)++ != ']')
        return false;
    return true;
}

static bool read_port(const char **cursor, struct kube_endpoint *endpoint)
{
    endpoint->port = DEFAULT_PORT;
    if (**cursor != ':')
        return true;
    const char *start = *cursor + 1;
    size_t digits = strspn(start, "0123456789");
    if (digits == 0 || digits > 5)
        return false;
    long port = strtol(start, NULL, 10);
    endpoint->port = (int)port;
    *cursor = start + digits;
    return port >= 1 && port <= 65535;
}

static bool read_prefix(const char *cursor, struct kube_endpoint *endpoint)
{
    size_t length = strlen(cursor);
    if (length > 0 && *cursor != '/')
        return false;
    while (length > 0 && cursor[length - 1] == '/')
        length--;
    return copy_part(cursor, length, LETTERS "-._~/:@!$&'()*+,;=%", endpoint->prefix,
                     sizeof endpoint->prefix);
}

int kube_endpoint_parse(const char *server, struct kube_endpoint *ret_endpoint, struct error *err)
{
    struct kube_endpoint endpoint;
    if (strncmp(server, SCHEME, strlen(SCHEME)) != 0)
        return refuse(err, server);
    const char *cursor = server + strlen(SCHEME);
    if (!read_host(&cursor, &endpoint) || !read_port(&cursor, &endpoint) ||
        !read_prefix(cursor, &endpoint))
        return refuse(err, server);
    *ret_endpoint = endpoint;
    return 0;
}
