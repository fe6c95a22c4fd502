/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

#define CONNECT_MS 3000
#define DEAD_AFTER_MS 10000 /* unacknowledged data for that long ends a connection */
#define KEEP_ALIVE_S 15
#define CA_CACHE_S 300L /* a CA file replaced on disk counts after that long at the latest */

static char *copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

struct http_peer *http_peer_new(const struct http_settings *settings)
{
    struct http_peer *peer = mem_alloc(sizeof *peer);
    int64_t connect_ms = settings->connect_ms > 0 ? settings->connect_ms : CONNECT_MS;

    atomic_init(&peer->references, 1);
    peer->ca_file = copy(settings->ca_file);
    peer->ca_pem = copy(settings->ca_pem);
    peer->cert_pem = copy(settings->cert_pem);
    peer->key_pem = copy(settings->key_pem);
    peer->proxy = copy(settings->proxy);
    peer->user_agent =
        mem_strdup(settings->user_agent ? settings->user_agent : "podbind/" PODBIND_VERSION);
    peer->server_name = copy(settings->server_name);
    peer->http2 = settings->http2;
    peer->keep_alive_s = settings->keep_alive_s > 0 ? settings->keep_alive_s : KEEP_ALIVE_S;
    peer->connect_ms = connect_ms < INT32_MAX ? (long)connect_ms : INT32_MAX;
    return peer;
}

struct http_peer *http_peer_hold(struct http_peer *peer)
{
    atomic_fetch_add(&peer->references, 1);
    return peer;
}

void http_peer_drop(struct http_peer *peer)
{
    if (atomic_fetch_sub(&peer->references, 1) > 1)
        return;
    if (peer->key_pem)
        explicit_bzero(peer->key_pem, strlen(peer->key_pem));
    mem_free(peer->ca_file);
    mem_free(peer->ca_pem);
    mem_free(peer->cert_pem);
    mem_free(peer->key_pem);
    mem_free(peer->proxy);
    mem_free(peer->user_agent);
    mem_free(peer->server_name);
    mem_free(peer);
}

void http_peer_free(struct http_peer *peer)
{
    if (!peer)
        return;
    atomic_store(&peer->freed, true);
    http_peer_drop(peer);
}

static int set_dead_after(void *unused, curl_socket_t socket, curlsocktype purpose)
{
    unsigned dead_after_ms = DEAD_AFTER_MS;

    (void)unused, (void)purpose;
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_after_ms, sizeof dead_after_ms);
    return CURL_SOCKOPT_OK;
}

static void set_blob(CURL *easy, CURLoption option, char *pem)
{
    struct curl_blob blob = {.data = pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};

    curl_easy_setopt(easy, option, &blob);
}

/* Only the CA that was named: Debian's libcurl also looks into the system's CApath. Without a
 * CApath it keeps the parsed CA file, which is worth 10 ms at each new connection. */
static void configure_trust(const struct http_peer *peer, CURL *easy)
{
    const char *system_file = NULL;

    if (peer->ca_pem)
        set_blob(easy, CURLOPT_CAINFO_BLOB, peer->ca_pem);
    else if (peer->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, peer->ca_file);
    curl_easy_getinfo(easy, CURLINFO_CAINFO, &system_file);
    if (peer->ca_pem || peer->ca_file || system_file)
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void configure_identity(const struct http_peer *peer, CURL *easy)
{
    if (!peer->cert_pem || !peer->key_pem)
        return;
    set_blob(easy, CURLOPT_SSLCERT_BLOB, peer->cert_pem);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, peer->key_pem);
    curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
    curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
}

/* A proxy that was named is used for every host: NO_PROXY belongs to HTTPS_PROXY. One that speaks
 * TLS is verified by the CA that was named with it. */
static void configure_proxy(const struct http_peer *peer, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (!peer->proxy)
        return;
    curl_easy_setopt(easy, CURLOPT_PROXY, peer->proxy);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    if (!*peer->proxy || !peer->ca_pem)
        return;
    set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, peer->ca_pem);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void configure_connection(const struct http_peer *peer, CURL *easy)
{
    long version = peer->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;

    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)peer->http2);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, peer->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, peer->keep_alive_s);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, peer->keep_alive_s);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_dead_after);
    /* Else giving up a request whose name is still being resolved waits for the resolver. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

void http_peer_configure(const struct http_peer *peer, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, NULL);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, peer->user_agent);
    configure_connection(peer, easy);
    configure_trust(peer, easy);
    configure_identity(peer, easy);
    configure_proxy(peer, easy);
}
