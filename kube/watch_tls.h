/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_tls - the TLS side of a watch: an OpenSSL context from PEM texts.
 *
 * libwebsockets 4.1.6 would make one itself, but takes only the first certificate of a CA bundle,
 * no chain with the client certificate, and checks no IPv6 address. Here every certificate of the
 * bundle is trusted, the chain is verified always, and the expected name (or IP address) is part of
 * the context: no connection made with it can skip the check. TLS 1.2 at least.
 */
#pragma once

#include "base/error.h"

struct ssl_ctx_st;

#define WATCH_TLS_REASON_SIZE 128

struct watch_tls {
    struct ssl_ctx_st *context; /* owned */
    /* Why the last certificate was refused, "" when none was. Written by handshakes. */
    char refusal[WATCH_TLS_REASON_SIZE];
};

struct watch_tls_settings {
    const char *name;     /* host name or IP address that the certificate must be for */
    const char *ca_pem;   /* "" or NULL: the system's bundle */
    const char *cert_pem; /* "" or NULL: no client certificate */
    const char *key_pem;
};

/* Fills a zeroed struct, which must not move afterwards. ERROR_INVALID says which PEM is wrong. */
int watch_tls_init(struct watch_tls *tls, const struct watch_tls_settings *settings,
                   struct error *err);
void watch_tls_release(struct watch_tls *tls);
