/* SPDX-License-Identifier: Apache-2.0 */
/* watch_toy_pki - certificates for a test, made on the spot. */
#pragma once

#include <openssl/ssl.h>

struct watch_toy_pair {
    X509 *certificate;
    EVP_PKEY *key;
};

/* A CA when `issuer` is NULL; otherwise a certificate of that CA, for `name` ("IP:..." or
 * "DNS:...", NULL: none). */
struct watch_toy_pair watch_toy_pair_make(const char *subject, const struct watch_toy_pair *issuer,
                                          const char *name);
void watch_toy_pair_release(struct watch_toy_pair *pair);
/* PEM texts; free with mem_free(). */
char *watch_toy_pem_of(X509 *certificate);
char *watch_toy_pem_of_key(EVP_PKEY *key);
