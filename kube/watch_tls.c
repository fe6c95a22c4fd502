/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_tls.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static void free_bio(BIO **bio)
{
    BIO_free(*bio);
}

static void free_certificate(X509 **certificate)
{
    X509_free(*certificate);
}

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static int refuse(struct error *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    error_set(err, ERROR_INVALID, "%s: %s", what, reason != NULL ? reason : "cannot be used");
    ERR_clear_error();
    return -1;
}

static bool is_given(const char *text)
{
    return text != NULL && *text != '\0';
}

static BIO *open_text(const char *text)
{
    size_t length = strlen(text);
    return BIO_new_mem_buf(text, length > INT_MAX ? INT_MAX : (int)length);
}

/* A key that asks for a password is an error, and nobody is asked for one. */
static int no_password(char *text, int size, int writing, void *unused)
{
    (void)text, (void)size, (void)writing, (void)unused;
    return -1;
}

/* True when the reader stopped because there is no further PEM block, not at a broken one. */
static bool at_the_end(void)
{
    unsigned long error = ERR_peek_last_error();
    bool end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (end)
        ERR_clear_error();
    return end;
}

/* Hands each certificate of the text to `use`, which returns 1 when it could use it. */
static int each_certificate(SSL_CTX *context, const char *pem,
                            int (*use)(SSL_CTX *context, X509 *certificate, int index))
{
    CLEANUP(free_bio) BIO *bio = open_text(pem);
    for (int index = 0;; index++) {
        CLEANUP(free_certificate)
        X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        if (certificate == NULL)
            return index > 0 && at_the_end() ? 0 : -1;
        if (use(context, certificate, index) != 1)
            return -1;
    }
}

static int trust(SSL_CTX *context, X509 *certificate, int index)
{
    (void)index;
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
}

static int present(SSL_CTX *context, X509 *certificate, int index)
{
    if (index == 0)
        return SSL_CTX_use_certificate(context, certificate);
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static int use_ca(SSL_CTX *context, const char *ca_pem, struct error *err)
{
    if (!is_given(ca_pem))
        return SSL_CTX_set_default_verify_paths(context) == 1
                   ? 0
                   : refuse(err, "the system's certificate authorities");
    return each_certificate(context, ca_pem, trust) == 0
               ? 0
               : refuse(err, "the certificate authority is not PEM with certificates");
}

static int use_identity(SSL_CTX *context, const struct watch_tls_settings *settings,
                        struct error *err)
{
    if (!is_given(settings->cert_pem))
        return 0;
    if (each_certificate(context, settings->cert_pem, present) < 0)
        return refuse(err, "the client certificate is not PEM with certificates");
    CLEANUP(free_bio) BIO *bio = open_text(is_given(settings->key_pem) ? settings->key_pem : "");
    CLEANUP(free_key) EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    if (key == NULL)
        return refuse(err, "the client key is no PEM private key without a password");
    if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
        return refuse(err, "the client key does not belong to the client certificate");
    return 0;
}

static int expect_name(SSL_CTX *context, const char *name, struct error *err)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);
    unsigned char address[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool numeric =
        inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    int set = numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, name)
                      : X509_VERIFY_PARAM_set1_host(param, name, strlen(name));
    return set == 1 ? 0 : refuse(err, "the server's name");
}

static int verify(X509_STORE_CTX *store, void *argument)
{
    struct watch_tls *tls = argument;
    int good = X509_verify_cert(store);
    tls->refusal[0] = '\0';
    if (good <= 0)
        snprintf(tls->refusal, sizeof tls->refusal, "%s",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    return good;
}

int watch_tls_init(struct watch_tls *tls, const struct watch_tls_settings *settings,
                   struct error *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        return refuse(err, "TLS");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify, tls);
    if (expect_name(context, settings->name, err) < 0 ||
        use_ca(context, settings->ca_pem, err) < 0 || use_identity(context, settings, err) < 0) {
        SSL_CTX_free(context);
        return -1;
    }
    tls->context = context;
    return 0;
}

void watch_tls_release(struct watch_tls *tls)
{
    SSL_CTX_free(tls->context);
    *tls = (struct watch_tls){0};
}
