/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/watch_toy_pki.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#include "base/mem.h"

#define DAY 86400

static void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    assert(extension != NULL);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static void add_extensions(X509 *certificate, X509 *issuer, const char *name)
{
    bool ca = certificate == issuer;
    add_extension(certificate, issuer, NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (ca)
        add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign");
    if (name != NULL)
        add_extension(certificate, issuer, NID_subject_alt_name, name);
}

struct watch_toy_pair watch_toy_pair_make(const char *subject, const struct watch_toy_pair *issuer,
                                          const char *name)
{
    static long serial;
    struct watch_toy_pair pair = {.certificate = X509_new(), .key = EVP_EC_gen("P-256")};
    X509 *signer = issuer != NULL ? issuer->certificate : pair.certificate;
    X509_set_version(pair.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(pair.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(pair.certificate), -DAY);
    X509_gmtime_adj(X509_getm_notAfter(pair.certificate), DAY);
    X509_set_pubkey(pair.certificate, pair.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(pair.certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)subject, -1, -1, 0);
    X509_set_issuer_name(pair.certificate, X509_get_subject_name(signer));
    add_extensions(pair.certificate, signer, name);
    X509_sign(pair.certificate, issuer != NULL ? issuer->key : pair.key, EVP_sha256());
    return pair;
}

void watch_toy_pair_release(struct watch_toy_pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
    *pair = (struct watch_toy_pair){0};
}

static char *text_of(BIO *bio)
{
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);
    char *text = mem_strndup(bytes, (size_t)length);
    BIO_free(bio);
    return text;
}

char *watch_toy_pem_of(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    return text_of(bio);
}

char *watch_toy_pem_of_key(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    return text_of(bio);
}
