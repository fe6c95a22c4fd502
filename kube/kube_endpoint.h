/* SPDX-License-Identifier: Apache-2.0 */
/* kube_endpoint - the parts of an API server's URL, as a connection needs them. Pure. */
#pragma once

#include "base/error.h"

struct kube_endpoint {
    char host[256];   /* without brackets */
    int port;         /* 443 when the URL has none */
    char prefix[256]; /* path before /api, "" mostly; no slash at the end */
};

/* Takes "https://host[:port][/prefix]" only. Another scheme, user info, a query, a fragment or a
 * byte that no host or path has is ERROR_INVALID. */
int kube_endpoint_parse(const char *server, struct kube_endpoint *ret_endpoint, struct error *err);
