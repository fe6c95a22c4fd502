/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_request - requests to the API server as struct http_request. Sends nothing itself: base/http
 * does, driven by the layer above.
 *
 * A struct kube_client belongs to one thread. It says who we are (User-Agent, client certificate,
 * bearer token) to one API server. A token file is read again when 60 s old and at once after a
 * 401. With a credential plugin, token and certificate are those that its exec_source has now.
 *
 * What reaches a URL has been checked: groups, namespaces, names and resources are DNS-1123
 * subdomains, the query is made by kube_query_add(). A path that is not well-formed is
 * ERROR_INVALID and no request.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/http.h"
#include "base/strbuf.h"
#include "kube/kube_name.h"
#include "kube/kubeconfig.h"

#define KUBE_TOKEN_MAX_AGE_MS 60000
#define KUBE_JSON "application/json"
#define KUBE_MERGE_PATCH "application/merge-patch+json"
#define KUBE_APPLY_PATCH "application/apply-patch+yaml"

struct exec_source;
struct exec_credential;

struct kube_client {
    const struct kubeconfig *config; /* borrowed for the client's life */
    char *user_agent;
    char *token; /* what the token file said; NULL: not read yet */
    int64_t token_read_ms;
    bool token_stale;                   /* a 401 came: read it again */
    struct exec_source *plugin;         /* borrowed; NULL: none */
    struct exec_credential *credential; /* the plugin's, as last taken; held. NULL: none yet */
    bool certificate_changed;           /* by the plugin, since the peer was made */
};

/* user_agent: "podbind/0.1.0 (linux/amd64)"; curl's own would make the server pretty-print. */
void kube_client_init(struct kube_client *client, const struct kubeconfig *config,
                      const char *user_agent);
void kube_client_release(struct kube_client *client);
/* Where the kubeconfig has a plugin: after init, before the first request. Outlives the client. */
void kube_client_use_plugin(struct kube_client *client, struct exec_source *plugin);
/* What http_peer_new() needs for this server; the texts are borrowed from the client and its
 * config. HTTP/2 on, no proxy but the kubeconfig's, whatever the environment says. */
void kube_client_settings(const struct kube_client *client, struct http_settings *ret_settings);
/* Makes a new peer in place of *peer, the client's only one, where the plugin has given another
 * certificate since. Call it between kube_request_make() and http_start(). */
void kube_client_renew_peer(struct kube_client *client, struct http_peer **peer);
/* The client certificate and its key of now, "" when there is none; borrowed until the next
 * kube_client_token(). */
const char *kube_client_cert_pem(const struct kube_client *client);
const char *kube_client_key_pem(const struct kube_client *client);
/* The bearer token of now, "" when none is used; borrowed until the next call. ERROR_DENIED when
 * the file can't be read and none is known, or it holds no token (expected: one line, 12 KiB at
 * most); an older token is kept while the file can't be read. ERROR_TRANSIENT when the plugin gave
 * nothing, or nothing that is still valid. */
int kube_client_token(struct kube_client *client, int64_t now_ms, const char **ret_token,
                      struct error *err);
/* Say this after any 401: the next request reads the token file again, the plugin is run again.
 * kube_answer_read() says it. */
void kube_client_unauthorized(struct kube_client *client);

/* ---- a request ---- */

/* What a request is about. NULL counts as "". */
struct kube_path {
    const char *group;       /* "": the core group */
    const char *version;     /* "v1" */
    const char *namespace;   /* "": cluster-scoped, or all namespaces */
    const char *resource;    /* plural: "podidentitybindings" */
    const char *name;        /* "": the collection */
    const char *subresource; /* "status" or "" */
};

/* Appends "/apis/<group>/<version>/namespaces/<namespace>/<resource>/<name>/<subresource>". */
int kube_path_write(const struct kube_path *path, struct strbuf *ret_text, struct error *err);
/* Appends "name=value" with & before all but the first, percent-encoded. */
void kube_query_add(struct strbuf *query, const char *name, const char *value);

struct kube_call {
    const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    struct kube_path path;
    const char *raw_path; /* instead of `path`: "/.well-known/openid-configuration"; NULL: none */
    const char *query;    /* "limit=100&continue=..."; NULL or "": none */
    const char *content_type; /* of the body: KUBE_JSON, KUBE_MERGE_PATCH; NULL without body */
    bool metadata_only;       /* is all that is wanted of the object in the answer */
    const char *body;         /* borrowed until the request is started */
    size_t body_length;
};

/* A request that can be started; its texts live as long as it does. Not to be moved in memory. */
struct kube_request {
    struct http_request http; /* context, answer_cap and deadline_ms are the caller's to set */
    struct strbuf url;
    struct strbuf authorization;
    struct strbuf content_type;
    const char *headers[4];
};
int kube_request_make(struct kube_client *client, const struct kube_call *call, int64_t now_ms,
                      struct kube_request *ret_request, struct error *err);
void kube_request_release(struct kube_request *request);
