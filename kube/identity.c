/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/identity.h"

#include <stdbool.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"

#define ISSUER_MAX 512
#define PAYLOAD_CAP ((size_t)16 << 10)
#define UID_MAX 64

static bool issuer_valid(const char *issuer)
{
    size_t length = strnlen(issuer, ISSUER_MAX + 1);
    if (length > ISSUER_MAX || strncmp(issuer, "https://", 8) != 0 || length == 8)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (issuer[i] <= ' ' || issuer[i] > '~')
            return false;
    }
    return true;
}

static int take_issuer(const char *issuer, const char *where, char **ret_issuer, struct error *err)
{
    if (!issuer_valid(issuer))
        return error_set(err, ERROR_INVALID, "%s \"%.128s\" is no issuer, expected an https URL",
                         where, issuer);
    *ret_issuer = mem_strdup(issuer);
    return 0;
}

/* The second of three parts between dots. */
static int decode_payload(const char *token, struct strbuf *payload)
{
    size_t header = strcspn(token, ".");
    if (token[header] != '.')
        return -1;
    const char *body = token + header + 1;
    size_t length = strcspn(body, ".");
    if (length == 0 || body[length] != '.')
        return -1;
    if (digest_base64_decode(body, length, payload) < 0 || !strbuf_ok(payload))
        return -1;
    return 0;
}

int identity_issuer_from_token(const char *token, char **ret_issuer, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf payload = STRBUF_CAPPED(PAYLOAD_CAP);
    if (decode_payload(token, &payload) < 0)
        return error_set(err, ERROR_INVALID, "the token is no JWT, expected three parts with dots");
    struct error why;
    CLEANUP_JSON json_t *claims = json_parse(strbuf_text(&payload), payload.length, &why);
    if (claims == NULL)
        return error_set(err, ERROR_INVALID, "the token is no JWT: its claims are not JSON");
    return take_issuer(json_text(claims, "iss"), "the token's iss", ret_issuer, err);
}

int identity_issuer_from_discovery(const json_t *document, char **ret_issuer, struct error *err)
{
    return take_issuer(json_text(document, "issuer"), IDENTITY_DISCOVERY_PATH ": issuer",
                       ret_issuer, err);
}

static bool uid_valid(const char *uid)
{
    size_t length = strspn(uid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length <= UID_MAX && uid[length] == '\0';
}

int identity_kube_system_uid(const json_t *object, char **ret_uid, struct error *err)
{
    const json_t *metadata = json_at(object, "metadata", NULL);
    const char *kind = json_text(object, "kind"), *name = json_text(metadata, "name");
    const char *uid = json_text(metadata, "uid");
    if (strcmp(kind, "Namespace") != 0 || strcmp(name, "kube-system") != 0)
        return error_set(err, ERROR_TRANSIENT,
                         "the answer is %.64s \"%.64s\", expected Namespace \"kube-system\"", kind,
                         name);
    if (!uid_valid(uid))
        return error_set(err, ERROR_TRANSIENT, "the namespace kube-system has no readable uid");
    *ret_uid = mem_strdup(uid);
    return 0;
}
