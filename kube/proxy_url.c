/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/proxy_url.h"

#include <string.h>

#include "base/mem.h"
#include "kube/kube_endpoint.h"

static const struct {
    const char *prefix, *scheme;
    int port;
} schemes[] = {
    {"http://", "http", 80},
    {"https://", "https", 443},
    {"socks5://", "socks5h", 1080},
    {"socks5h://", "socks5h", 1080},
};

static int refuse(struct error *err)
{
    return error_set(err, ERROR_INVALID,
                     "the proxy-url is none, expected http://host:port, https://host:port or "
                     "socks5://host:port");
}

/* Moves *url behind the scheme. */
static bool read_scheme(const char **url, struct proxy_url *proxy)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t length = strlen(schemes[i].prefix);
        if (strncmp(*url, schemes[i].prefix, length) != 0)
            continue;
        proxy->scheme = schemes[i].scheme;
        proxy->port = schemes[i].port;
        *url += length;
        return true;
    }
    return false;
}

/* Moves *url behind the @. */
static bool read_user(const char **url, struct proxy_url *proxy)
{
    const char *at = memrchr(*url, '@', strcspn(*url, "/?#"));
    if (at == NULL)
        return true;
    size_t length = (size_t)(at + 1 - *url);
    if (length >= sizeof proxy->user)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((*url)[i] <= ' ' || (*url)[i] > '~')
            return false;
    memcpy(proxy->user, *url, length);
    *url = at + 1;
    return true;
}

static bool read_host(const char *text, struct proxy_url *proxy)
{
    CLEANUP(strbuf_release) struct strbuf url = {0};
    struct kube_endpoint endpoint;
    struct error ignored;
    strbuf_format(&url, "https://%s", text);
    if (kube_endpoint_parse(strbuf_text(&url), &endpoint, &ignored) < 0 || *endpoint.prefix != '\0')
        return false;
    const char *bracket = strchr(text, ']');
    if (strchr(bracket != NULL ? bracket : text, ':') != NULL)
        proxy->port = endpoint.port;
    memcpy(proxy->host, endpoint.host, sizeof proxy->host);
    return true;
}

int proxy_url_parse(const char *url, struct proxy_url *ret_proxy, struct error *err)
{
    struct proxy_url proxy = {0};
    if (!read_scheme(&url, &proxy) || !read_user(&url, &proxy) || !read_host(url, &proxy))
        return refuse(err);
    proxy.carries_websockets = strcmp(proxy.scheme, "http") == 0 && strchr(proxy.user, '%') == NULL;
    *ret_proxy = proxy;
    return 0;
}

void proxy_url_write(const struct proxy_url *proxy, struct strbuf *ret_text)
{
    bool ipv6 = strchr(proxy->host, ':') != NULL;
    strbuf_format(ret_text, "%s://%s%s%s%s:%d", proxy->scheme, proxy->user, ipv6 ? "[" : "",
                  proxy->host, ipv6 ? "]" : "", proxy->port);
}
