/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/exec_credential.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"
#include "kube/kube_token.h"
#include "kube/kubeconfig_exec.h"

#define KIND "ExecCredential"
#define MINUTE_US (60 * (int64_t)1000000)

/* ---- life ---- */

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    mem_free(text);
}

struct exec_credential *exec_credential_hold(struct exec_credential *credential)
{
    __atomic_add_fetch(&credential->references, 1, __ATOMIC_RELAXED);
    return credential;
}

void exec_credential_drop(struct exec_credential *credential)
{
    if (credential == NULL || __atomic_sub_fetch(&credential->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    wipe(credential->token);
    wipe(credential->cert_pem);
    wipe(credential->key_pem);
    mem_free(credential);
}

static void drop_pointer(struct exec_credential **credential)
{
    exec_credential_drop(*credential);
}

/* ---- the answer ---- */

static int check_head(const json_t *document, const char *api_version, struct error *err)
{
    const char *kind = json_text(document, "kind"), *version = json_text(document, "apiVersion");
    if (!json_is_object(document) || strcmp(kind, KIND) != 0)
        return error_set(err, ERROR_INVALID, "the answer is no %s, expected kind: %s", KIND, KIND);
    if (strcmp(version, api_version) != 0)
        return error_set(err, ERROR_INVALID,
                         "the answer has another apiVersion, expected %s as in the kubeconfig",
                         api_version);
    if (!json_is_object(json_at(document, "status", NULL)))
        return error_set(err, ERROR_INVALID, "the answer has no status");
    return 0;
}

/* A text, "" when it is not there. */
static int take_text(const json_t *status, const char *name, const char *mark, char **text,
                     struct error *err)
{
    const json_t *value = json_at(status, name, NULL);
    if (value != NULL && !json_is_null(value) && !json_is_string(value))
        return error_set(err, ERROR_INVALID, "status.%s is no text", name);
    const char *given = json_text(status, name);
    if (*given != '\0' && mark != NULL && strstr(given, mark) == NULL)
        return error_set(err, ERROR_INVALID, "status.%s is not PEM, expected \"%s\" in it", name,
                         mark);
    *text = mem_strdup(given);
    return 0;
}

/* RFC 3339 with any offset; ours reads UTC only. */
static bool read_time(const char *text, int64_t *ret_us)
{
    size_t length = strlen(text);
    CLEANUP_FREE char *utc = mem_strdup(text);
    const char *offset = length > 6 ? text + length - 6 : "";
    int64_t minutes = 0;
    if ((*offset == '+' || *offset == '-') && offset[3] == ':') {
        for (size_t i = 1; i < 6; i++) {
            if (i != 3 && (offset[i] < '0' || offset[i] > '9'))
                return false;
        }
        minutes = ((offset[1] - '0') * 10 + offset[2] - '0') * 60;
        minutes += (offset[4] - '0') * 10 + offset[5] - '0';
        minutes = *offset == '+' ? minutes : -minutes;
        utc[length - 6] = 'Z';
        utc[length - 5] = '\0';
    }
    if (!clock_parse(utc, ret_us))
        return false;
    *ret_us -= minutes * MINUTE_US;
    return true;
}

static int take_expiry(const json_t *status, int64_t *ret_us, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    if (take_text(status, "expirationTimestamp", NULL, &text, err) < 0)
        return -1;
    if (*text == '\0')
        return 0;
    if (!read_time(text, ret_us))
        return error_set(err, ERROR_INVALID,
                         "status.expirationTimestamp is no time, expected 2026-11-22T19:28:09Z");
    return 0;
}

static int check_whole(const struct exec_credential *credential, struct error *err)
{
    bool certificate = *credential->cert_pem != '\0', key = *credential->key_pem != '\0';
    if (*credential->token != '\0' && !kube_token_valid(credential->token))
        return error_set(err, ERROR_INVALID,
                         "status.token is no bearer token, expected at most %zu bytes without "
                         "blanks and control bytes",
                         KUBE_TOKEN_CAP);
    if (certificate != key)
        return error_set(err, ERROR_INVALID, "status has a %s without a %s",
                         certificate ? "clientCertificateData" : "clientKeyData",
                         certificate ? "clientKeyData" : "clientCertificateData");
    if (*credential->token == '\0' && !certificate)
        return error_set(err, ERROR_INVALID,
                         "status is empty, expected token, or clientCertificateData and "
                         "clientKeyData");
    return 0;
}

int exec_credential_read(const char *bytes, size_t length, const char *api_version,
                         struct exec_credential **ret_credential, struct error *err)
{
    if (length > EXEC_CREDENTIAL_CAP)
        return error_set(err, ERROR_INVALID, "the answer is larger than %zu bytes",
                         EXEC_CREDENTIAL_CAP);
    struct error why;
    CLEANUP_JSON json_t *document = json_parse(bytes, length, &why);
    if (document == NULL)
        return error_set(err, ERROR_INVALID, "the answer: %s", why.text);
    if (check_head(document, api_version, err) < 0)
        return -1;
    const json_t *status = json_at(document, "status", NULL);
    CLEANUP(drop_pointer) struct exec_credential *credential = mem_alloc(sizeof *credential);
    credential->references = 1;
    if (take_text(status, "token", NULL, &credential->token, err) < 0 ||
        take_text(status, "clientCertificateData", KUBECONFIG_CERTIFICATE, &credential->cert_pem,
                  err) < 0 ||
        take_text(status, "clientKeyData", KUBECONFIG_KEY, &credential->key_pem, err) < 0 ||
        take_expiry(status, &credential->expires_us, err) < 0 || check_whole(credential, err) < 0)
        return -1;
    *ret_credential = credential;
    credential = NULL;
    return 0;
}

/* ---- the question ---- */

static void add_member(struct strbuf *text, const char *name, const char *value)
{
    if (*value == '\0')
        return;
    strbuf_format(text, ",\"%s\":\"", name);
    strbuf_json(text, value);
    strbuf_char(text, '"');
}

static void add_cluster(const struct kubeconfig *config, struct strbuf *text)
{
    strbuf_str(text, ",\"cluster\":{\"server\":\"");
    strbuf_json(text, config->server);
    strbuf_char(text, '"');
    add_member(text, "tls-server-name", config->tls_server_name);
    if (*config->ca_pem != '\0') {
        strbuf_str(text, ",\"certificate-authority-data\":\"");
        digest_base64_encode(config->ca_pem, strlen(config->ca_pem), text);
        strbuf_char(text, '"');
    }
    add_member(text, "proxy-url", config->proxy_url);
    if (*config->exec->cluster_config != '\0')
        strbuf_format(text, ",\"config\":%s", config->exec->cluster_config);
    strbuf_char(text, '}');
}

void exec_credential_info(const struct kubeconfig *config, struct strbuf *ret_text)
{
    strbuf_format(ret_text, "{\"kind\":\"" KIND "\",\"apiVersion\":\"%s\",\"spec\":{",
                  config->exec->api_version);
    strbuf_str(ret_text, "\"interactive\":false");
    if (config->exec->provide_cluster_info)
        add_cluster(config, ret_text);
    strbuf_str(ret_text, "}}");
}
