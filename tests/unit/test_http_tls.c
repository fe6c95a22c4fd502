/* SPDX-License-Identifier: Apache-2.0 */
/* What base/http trusts, whom it says it is, and what it offers: against a TLS server made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http.h"
#include "base/mem.h"

#define SERVER_NAME "kubernetes.test"

/* ---- certificates ---- */

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char *cert_pem, *key_pem;
};

static struct identity authority, stranger, named, numbered, client;

static char *bio_text(BIO *bio)
{
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);
    char *text = mem_strndup(bytes, (size_t)length);

    BIO_free(bio);
    return text;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Signed by `issuer`, or by itself. */
static struct identity make_identity(const char *name, const char *alternative,
                                     const struct identity *issuer)
{
    static long serial = 1;
    struct identity made = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509_NAME *subject = X509_get_subject_name(made.certificate);
    BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());

    issuer = issuer ? issuer : &made;
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer->certificate));
    X509_set_pubkey(made.certificate, made.key);
    add_extension(made.certificate, NID_basic_constraints,
                  issuer == &made ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (alternative)
        add_extension(made.certificate, NID_subject_alt_name, alternative);
    assert_true(X509_sign(made.certificate, issuer->key, EVP_sha256()) > 0);
    PEM_write_bio_X509(cert, made.certificate);
    PEM_write_bio_PrivateKey(key, made.key, NULL, NULL, 0, NULL, NULL);
    made.cert_pem = bio_text(cert);
    made.key_pem = bio_text(key);
    return made;
}

static void free_identity(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    mem_free(identity->cert_pem);
    mem_free(identity->key_pem);
}

/* ---- a server for one connection ---- */

static struct {
    int listener, port;
    pthread_t thread;
    SSL_CTX *context;
    char seen[512]; /* "sni=… alpn=… client=… host=…" of the last request */
    char alpn[64];
} server;

static int on_alpn(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_length,
                   const unsigned char *offered, unsigned length, void *unused)
{
    (void)ssl, (void)unused;
    for (unsigned i = 0; i < length; i += offered[i] + 1u) {
        size_t used = strlen(server.alpn);

        snprintf(server.alpn + used, sizeof server.alpn - used, "%s%.*s", used ? "," : "",
                 offered[i], (const char *)offered + i + 1);
    }
    *ret_chosen = (const unsigned char *)"http/1.1";
    *ret_length = 8;
    return SSL_TLSEXT_ERR_OK;
}

static void note_request(SSL *ssl, const char *request)
{
    const char *host = strstr(request, "\r\nHost: "), *sni;
    X509 *shown = SSL_get0_peer_certificate(ssl);
    char name[64] = "";

    if (shown)
        X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
    sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    snprintf(server.seen, sizeof server.seen, "sni=%s alpn=%s client=%s host=%.*s", sni ? sni : "",
             server.alpn, name, host ? (int)strcspn(host + 8, "\r") : 0, host ? host + 8 : "");
}

static void *serve_one(void *unused)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    int socket = accept(server.listener, NULL, NULL);
    SSL *ssl = SSL_new(server.context);
    char request[2048];

    SSL_set_fd(ssl, socket);
    if (SSL_accept(ssl) == 1) {
        int length = SSL_read(ssl, request, sizeof request - 1);

        if (length > 0) {
            request[length] = '\0';
            note_request(ssl, request);
            SSL_write(ssl, answer, sizeof answer - 1);
            SSL_shutdown(ssl);
        }
    }
    SSL_free(ssl);
    close(socket);
    return unused;
}

static void serve_as(const struct identity *identity, bool ask_client, int newest)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    server.seen[0] = server.alpn[0] = '\0';
    server.context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_max_proto_version(server.context, newest);
    if (newest && newest < TLS1_2_VERSION)
        SSL_CTX_set_min_proto_version(server.context, newest),
            SSL_CTX_set_cipher_list(server.context, "ALL:@SECLEVEL=0");
    SSL_CTX_use_certificate(server.context, identity->certificate);
    SSL_CTX_use_PrivateKey(server.context, identity->key);
    SSL_CTX_set_alpn_select_cb(server.context, on_alpn, NULL);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(server.context), authority.certificate);
    if (ask_client)
        SSL_CTX_set_verify(server.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server.listener, 8), 0);
    getsockname(server.listener, (struct sockaddr *)&address, &length);
    server.port = ntohs(address.sin_port);
    pthread_create(&server.thread, NULL, serve_one, NULL);
}

/* One request to 127.0.0.1; the server is gone afterwards. */
static struct http_answer ask(struct http_settings settings)
{
    struct http *http = http_new();
    struct http_answer answer;
    char url[64];

    settings.proxy = "";
    struct http_peer *peer = http_peer_new(&settings);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/a//b", server.port);
    http_exchange(http, peer, &(struct http_request){.method = "GET", .url = url}, &answer);
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    SSL_CTX_free(server.context);
    http_free(http);
    http_peer_free(peer);
    http_answer_release(&answer);
    return answer;
}

static void assert_trusted(struct http_settings settings)
{
    struct http_answer answer = ask(settings);

    if (answer.error.kind != ERROR_NONE)
        fail_msg("%s", answer.error.text);
    assert_int_equal(answer.status, 200);
}

/* The request never left, so it may be tried again. */
static void assert_refused(struct http_settings settings, const char *says)
{
    struct http_answer answer = ask(settings);

    assert_int_equal(answer.error.kind, ERROR_TRANSIENT);
    if (!strcasestr(answer.error.text, says))
        fail_msg("'%s' does not say '%s'", answer.error.text, says);
    assert_string_equal(server.seen, "");
}

/* ---- the tests ---- */

static void trusts_the_given_ca_only(void **state)
{
    (void)state;
    serve_as(&numbered, false, 0);
    assert_trusted((struct http_settings){.ca_pem = authority.cert_pem});
    serve_as(&numbered, false, 0);
    assert_refused((struct http_settings){.ca_pem = stranger.cert_pem}, "certificate");
    serve_as(&numbered, false, 0);
    assert_refused((struct http_settings){0}, "certificate");
    serve_as(&numbered, false, 0);
    assert_refused((struct http_settings){.ca_pem = "no PEM"}, "certificate");
}

static void takes_the_ca_from_a_file(void **state)
{
    char path[] = "/tmp/podbind-ca-XXXXXX";
    int file = mkstemp(path);

    (void)state;
    assert_true(write(file, authority.cert_pem, strlen(authority.cert_pem)) > 0);
    close(file);
    serve_as(&numbered, false, 0);
    assert_trusted((struct http_settings){.ca_file = path});
    unlink(path);
    serve_as(&numbered, false, 0);
    assert_refused((struct http_settings){.ca_file = path}, "certificate");
}

static void certificate_must_name_the_host(void **state)
{
    char seen[128];

    (void)state;
    serve_as(&named, false, 0);
    assert_refused((struct http_settings){.ca_pem = authority.cert_pem}, "127.0.0.1");
    serve_as(&named, false, 0);
    assert_trusted(
        (struct http_settings){.ca_pem = authority.cert_pem, .server_name = SERVER_NAME});
    snprintf(seen, sizeof seen, "sni=" SERVER_NAME " alpn=http/1.1 client= host=127.0.0.1:%d",
             server.port);
    assert_string_equal(server.seen, seen); /* the Host header stays the URL's */
    serve_as(&named, false, 0);
    assert_refused(
        (struct http_settings){.ca_pem = authority.cert_pem, .server_name = "other.test"},
        "other.test");
}

static void shows_its_certificate_when_asked(void **state)
{
    (void)state;
    serve_as(&numbered, true, 0);
    assert_trusted((struct http_settings){
        .ca_pem = authority.cert_pem, .cert_pem = client.cert_pem, .key_pem = client.key_pem});
    assert_non_null(strstr(server.seen, "client=podbind "));
    serve_as(&numbered, true, 0);
    struct http_answer answer = ask((struct http_settings){.ca_pem = authority.cert_pem});
    assert_int_not_equal(answer.error.kind, ERROR_NONE);
    assert_string_equal(server.seen, "");
}

static void offers_http2_where_told(void **state)
{
    (void)state;
    serve_as(&numbered, false, 0);
    assert_trusted((struct http_settings){.ca_pem = authority.cert_pem});
    assert_non_null(strstr(server.seen, "alpn=http/1.1 "));
    serve_as(&numbered, false, 0);
    assert_trusted((struct http_settings){.ca_pem = authority.cert_pem, .http2 = true});
    assert_non_null(strstr(server.seen, "alpn=h2,http/1.1 "));
}

static void refuses_old_tls(void **state)
{
    (void)state;
    serve_as(&numbered, false, TLS1_2_VERSION);
    assert_trusted((struct http_settings){.ca_pem = authority.cert_pem});
    serve_as(&numbered, false, TLS1_1_VERSION);
    assert_refused((struct http_settings){.ca_pem = authority.cert_pem}, "protocol version");
}

static int make_identities(void **state)
{
    (void)state;
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    mem_adopt_libraries();
    authority = make_identity("authority", NULL, NULL);
    stranger = make_identity("stranger", NULL, NULL);
    named = make_identity("server", "DNS:" SERVER_NAME, &authority);
    numbered = make_identity("server", "IP:127.0.0.1", &authority);
    client = make_identity("podbind", NULL, &authority);
    return 0;
}

static int free_identities(void **state)
{
    (void)state;
    free_identity(&authority);
    free_identity(&stranger);
    free_identity(&named);
    free_identity(&numbered);
    free_identity(&client);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trusts_the_given_ca_only),
        cmocka_unit_test(takes_the_ca_from_a_file),
        cmocka_unit_test(certificate_must_name_the_host),
        cmocka_unit_test(shows_its_certificate_when_asked),
        cmocka_unit_test(offers_http2_where_told),
        cmocka_unit_test(refuses_old_tls),
    };

    return cmocka_run_group_tests_name("http_tls", tests, make_identities, free_identities);
}
