/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_request.h"

#include <string.h>

#include "base/mem.h"
#include "kube/exec_source.h"
#include "kube/kube_token.h"

#define URL_CAP ((size_t)16 << 10)

void kube_client_init(struct kube_client *client, const struct kubeconfig *config,
                      const char *user_agent)
{
    *client = (struct kube_client){.config = config, .user_agent = mem_strdup(user_agent)};
}

void kube_client_release(struct kube_client *client)
{
    mem_free(client->user_agent);
    mem_free(client->token);
    exec_credential_drop(client->credential);
    *client = (struct kube_client){0};
}

void kube_client_use_plugin(struct kube_client *client, struct exec_source *plugin)
{
    client->plugin = plugin;
}

static const char *or_null(const char *text)
{
    return *text != '\0' ? text : NULL;
}

const char *kube_client_cert_pem(const struct kube_client *client)
{
    return client->credential != NULL ? client->credential->cert_pem : client->config->cert_pem;
}

const char *kube_client_key_pem(const struct kube_client *client)
{
    return client->credential != NULL ? client->credential->key_pem : client->config->key_pem;
}

void kube_client_settings(const struct kube_client *client, struct http_settings *ret_settings)
{
    const struct kubeconfig *config = client->config;
    *ret_settings = (struct http_settings){
        .ca_pem = or_null(config->ca_pem),
        .cert_pem = or_null(kube_client_cert_pem(client)),
        .key_pem = or_null(kube_client_key_pem(client)),
        .proxy = config->proxy_url,
        .user_agent = client->user_agent,
        .server_name = or_null(config->tls_server_name),
        .http2 = true,
    };
}

void kube_client_renew_peer(struct kube_client *client, struct http_peer **peer)
{
    struct http_settings settings;
    if (!client->certificate_changed)
        return;
    client->certificate_changed = false;
    kube_client_settings(client, &settings);
    struct http_peer *renewed = http_peer_new(&settings);
    http_peer_free(*peer);
    *peer = renewed;
}

/* ---- the token ---- */

static int take_credential(struct kube_client *client, int64_t now_ms, const char **ret_token,
                           struct error *err)
{
    struct exec_credential *credential = NULL;
    if (exec_source_take(client->plugin, now_ms, &credential, err) < 0)
        return -1;
    if (strcmp(credential->cert_pem, kube_client_cert_pem(client)) != 0)
        client->certificate_changed = true;
    exec_credential_drop(client->credential);
    client->credential = credential;
    *ret_token = credential->token;
    return 0;
}

static bool token_is_fresh(const struct kube_client *client, int64_t now_ms)
{
    return client->token != NULL && !client->token_stale &&
           now_ms - client->token_read_ms < KUBE_TOKEN_MAX_AGE_MS;
}

int kube_client_token(struct kube_client *client, int64_t now_ms, const char **ret_token,
                      struct error *err)
{
    const struct kubeconfig *config = client->config;
    if (client->plugin != NULL)
        return take_credential(client, now_ms, ret_token, err);
    if (*config->token_file == '\0') {
        if (*config->token != '\0' && !kube_token_valid(config->token))
            return error_set(err, ERROR_DENIED,
                             "the kubeconfig's token holds blanks or control bytes");
        *ret_token = config->token;
        return 0;
    }
    if (!token_is_fresh(client, now_ms)) {
        char *token = NULL;
        if (kube_token_read(config->token_file, &token, err) == 0) {
            mem_free(client->token);
            client->token = token;
            client->token_read_ms = now_ms;
            client->token_stale = false;
        } else if (client->token == NULL) {
            err->kind = ERROR_DENIED;
            return -1;
        }
    }
    *ret_token = client->token;
    return 0;
}

void kube_client_unauthorized(struct kube_client *client)
{
    client->token_stale = true;
    if (client->plugin != NULL && client->credential != NULL)
        exec_source_reject(client->plugin, client->credential->number);
}

/* ---- paths and queries ---- */

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static int check_part(const char *what, const char *part, bool needed, struct error *err)
{
    if ((*part == '\0' && !needed) || kube_name_valid(part))
        return 0;
    return error_set(err, ERROR_INVALID,
                     "\"%.64s\" is no %s, expected a DNS-1123 name (a-z, 0-9, - and .)", part,
                     what);
}

static void add_segment(struct strbuf *text, const char *before, const char *segment)
{
    if (*segment == '\0')
        return;
    strbuf_str(text, before);
    strbuf_str(text, segment);
}

int kube_path_write(const struct kube_path *path, struct strbuf *ret_text, struct error *err)
{
    const char *group = or_empty(path->group), *namespace = or_empty(path->namespace);
    const char *name = or_empty(path->name), *subresource = or_empty(path->subresource);
    if (check_part("API group", group, false, err) < 0 ||
        check_part("API version", or_empty(path->version), true, err) < 0 ||
        check_part("namespace", namespace, false, err) < 0 ||
        check_part("resource", or_empty(path->resource), true, err) < 0 ||
        check_part("name", name, *subresource != '\0', err) < 0 ||
        check_part("subresource", subresource, false, err) < 0)
        return -1;
    strbuf_str(ret_text, *group == '\0' ? "/api" : "/apis");
    add_segment(ret_text, "/", group);
    add_segment(ret_text, "/", path->version);
    add_segment(ret_text, "/namespaces/", namespace);
    add_segment(ret_text, "/", path->resource);
    add_segment(ret_text, "/", name);
    add_segment(ret_text, "/", subresource);
    return 0;
}

void kube_query_add(struct strbuf *query, const char *name, const char *value)
{
    if (query->length > 0)
        strbuf_char(query, '&');
    strbuf_percent(query, name);
    strbuf_char(query, '=');
    strbuf_percent(query, value);
}

/* ---- the request ---- */

static int write_url(const struct kube_client *client, const struct kube_call *call,
                     struct strbuf *url, struct error *err)
{
    strbuf_str(url, client->config->server);
    if (call->raw_path != NULL)
        strbuf_str(url, call->raw_path);
    else if (kube_path_write(&call->path, url, err) < 0)
        return -1;
    add_segment(url, "?", or_empty(call->query));
    if (!strbuf_ok(url))
        return error_set(err, ERROR_INVALID, "the URL is longer than %zu bytes", URL_CAP);
    return 0;
}

/* Half the bytes of a patched binding. A server that can't do that answers with the whole. */
#define ACCEPT_METADATA                                                                            \
    "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json"

int kube_request_make(struct kube_client *client, const struct kube_call *call, int64_t now_ms,
                      struct kube_request *ret_request, struct error *err)
{
    CLEANUP(kube_request_release)
    struct kube_request request = {.url = STRBUF_CAPPED(URL_CAP),
                                   .authorization = STRBUF_CAPPED(KUBE_TOKEN_CAP + 64)};
    const char *token;
    if (write_url(client, call, &request.url, err) < 0 ||
        kube_client_token(client, now_ms, &token, err) < 0)
        return -1;
    size_t count = 0;
    request.headers[count++] = call->metadata_only ? ACCEPT_METADATA : "Accept: application/json";
    if (*token != '\0') {
        strbuf_format(&request.authorization, "Authorization: Bearer %s", token);
        request.headers[count++] = strbuf_text(&request.authorization);
    }
    if (call->body != NULL) {
        strbuf_format(&request.content_type, "Content-Type: %s", call->content_type);
        request.headers[count++] = strbuf_text(&request.content_type);
    }
    request.http = (struct http_request){
        .method = call->method,
        .url = strbuf_text(&request.url),
        .body = call->body,
        .body_length = call->body_length,
    };
    *ret_request = request;
    ret_request->http.headers = ret_request->headers;
    request = (struct kube_request){0};
    return 0;
}

void kube_request_release(struct kube_request *request)
{
    strbuf_release(&request->url);
    strbuf_release(&request->authorization);
    strbuf_release(&request->content_type);
    *request = (struct kube_request){0};
}
