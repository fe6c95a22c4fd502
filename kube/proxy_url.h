/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_url - the proxy-url of a kubeconfig, as kubectl takes it. Pure.
 *
 * http:// and https:// (a proxy that is spoken to over TLS) get a CONNECT, socks5:// and socks5h://
 * both leave the server's name to the proxy to resolve. Without a port it is 80, 443 or 1080.
 *
 * Source: k8s.io/client-go tools/clientcmd (parseProxyURL); Go's net/http Transport.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strbuf.h"

struct proxy_url {
    const char *scheme; /* "http", "https" or "socks5h"; static */
    char user[256];     /* "user:password@" as it was written, or "" */
    char host[256];     /* without brackets */
    int port;
    bool carries_websockets; /* kube/watch knows how: http, and nothing percent-encoded in `user` */
};

/* ERROR_INVALID for another scheme, a path, or what is no host or port. The text of the error never
 * repeats the URL, for a password may stand in it. */
int proxy_url_parse(const char *url, struct proxy_url *ret_proxy, struct error *err);
/* The URL in full, for libcurl and for kube/watch_server. */
void proxy_url_write(const struct proxy_url *proxy, struct strbuf *ret_text);
