/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tests/standin/standin_canonical.h"

#define SKEW_MS (5 * 60 * 1000)
#define HEX_SIZE (2 * SHA256_DIGEST_LENGTH + 1)

/* The parts of "AWS4-HMAC-SHA256 Credential=AK/day/region/service/aws4_request, SignedHeaders=...,
 * Signature=...". */
struct authorization {
    char key_id[128], day[9], region[64], service[32];
    char signed_headers[2048];
    char signature[HEX_SIZE];
};

void standin_sigv4_release(struct standin_sigv4 *sigv4)
{
    strbuf_release(&sigv4->message);
}

/* ---- reading the Authorization header ---- */

/* The text after "name=" up to a comma or the end, copied. */
static bool part(const char *text, const char *name, char *ret_value, size_t size)
{
    const char *start = strstr(text, name);
    size_t length = 0;

    if (!start)
        return false;
    start += strlen(name);
    length = strcspn(start, ", ");
    if (length == 0 || length >= size)
        return false;
    memcpy(ret_value, start, length);
    ret_value[length] = '\0';
    return true;
}

/* Cuts the piece after the last slash off the end of `text`. */
static bool cut_last(char *text, char *ret_piece, size_t size)
{
    char *slash = strrchr(text, '/');

    if (!slash || strlen(slash + 1) >= size || !slash[1])
        return false;
    if (ret_piece)
        memcpy(ret_piece, slash + 1, strlen(slash + 1) + 1);
    *slash = '\0';
    return true;
}

static bool authorization_parse(const char *text, struct authorization *ret_authorization)
{
    struct authorization a = {0};
    char credential[512], terminator[16];

    if (strncmp(text, "AWS4-HMAC-SHA256 ", 17) != 0 ||
        !part(text, "Credential=", credential, sizeof credential) ||
        !part(text, "SignedHeaders=", a.signed_headers, sizeof a.signed_headers) ||
        !part(text, "Signature=", a.signature, sizeof a.signature) ||
        !cut_last(credential, terminator, sizeof terminator) ||
        !cut_last(credential, a.service, sizeof a.service) ||
        !cut_last(credential, a.region, sizeof a.region) ||
        !cut_last(credential, a.day, sizeof a.day) || strlen(credential) >= sizeof a.key_id ||
        strcmp(terminator, "aws4_request") != 0)
        return false;
    memcpy(a.key_id, credential, strlen(credential) + 1);
    *ret_authorization = a;
    return true;
}

/* "20150830T123600Z" → epoch ms. */
static bool date_parse(const char *text, int64_t *ret_ms)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &tm);

    if (!end || *end || strlen(text) != 16)
        return false;
    *ret_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

static bool is_signed(const char *signed_headers, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = signed_headers; *at; at += strcspn(at, ";")) {
        at += *at == ';';
        if (strncasecmp(at, name, length) == 0 && (at[length] == ';' || !at[length]))
            return true;
    }
    return false;
}

/* The name of a header that should have been signed, or NULL. */
static const char *unsigned_header(const struct standin_request *request,
                                   const char *signed_headers)
{
    if (!is_signed(signed_headers, "host"))
        return "host";
    if (!is_signed(signed_headers, "x-amz-date"))
        return "x-amz-date";
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;

        if ((strcasecmp(name, "content-type") == 0 || strncasecmp(name, "x-amz-", 6) == 0) &&
            !is_signed(signed_headers, name))
            return name;
    }
    return NULL;
}

/* ---- the signature ---- */

static void hex(const unsigned char digest[SHA256_DIGEST_LENGTH], char ret_hex[HEX_SIZE])
{
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

static void sha256_hex(const char *bytes, size_t length, char ret_hex[HEX_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)bytes, length, digest);
    hex(digest, ret_hex);
}

static void canonical_request(struct strbuf *out, const struct standin_request *request,
                              const struct authorization *authorization, const char *body_hash)
{
    size_t path_length = strcspn(request->target, "?");
    const char *query = request->target + path_length;

    strbuf_format(out, "%s\n", request->method);
    standin_canonical_path(out, request->target, path_length);
    strbuf_char(out, '\n');
    standin_canonical_query(out, query + (*query == '?'));
    strbuf_char(out, '\n');
    standin_canonical_headers(out, request, authorization->signed_headers);
    strbuf_format(out, "\n%s\n%s", authorization->signed_headers, body_hash);
}

static void hmac(unsigned char key[SHA256_DIGEST_LENGTH], const char *text)
{
    unsigned char out[SHA256_DIGEST_LENGTH];
    unsigned length = 0;

    HMAC(EVP_sha256(), key, SHA256_DIGEST_LENGTH, (const unsigned char *)text, strlen(text), out,
         &length);
    memcpy(key, out, sizeof out);
}

static void sign(const struct authorization *authorization, const char *secret,
                 const char *string_to_sign, char ret_signature[HEX_SIZE])
{
    unsigned char key[SHA256_DIGEST_LENGTH];
    unsigned length = 0;
    char start[160];

    snprintf(start, sizeof start, "AWS4%s", secret);
    HMAC(EVP_sha256(), start, (int)strlen(start), (const unsigned char *)authorization->day,
         strlen(authorization->day), key, &length);
    hmac(key, authorization->region);
    hmac(key, authorization->service);
    hmac(key, "aws4_request");
    hmac(key, string_to_sign);
    hex(key, ret_signature);
}

static const struct standin_credential *find(const struct standin_credential *credentials,
                                             size_t count, const char *key_id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(credentials[i].key_id, key_id) == 0)
            return &credentials[i];
    return NULL;
}

static enum standin_sigv4_fault compare(const struct standin_request *request,
                                        const struct authorization *authorization, const char *date,
                                        const char *secret, struct strbuf *message)
{
    struct strbuf canonical = {0}, string_to_sign = {0};
    char body_hash[HEX_SIZE], request_hash[HEX_SIZE], signature[HEX_SIZE];
    bool same = false;

    sha256_hex(request->body, request->body_length, body_hash);
    canonical_request(&canonical, request, authorization, body_hash);
    sha256_hex(strbuf_text(&canonical), canonical.length, request_hash);
    strbuf_format(&string_to_sign, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", date,
                  authorization->day, authorization->region, authorization->service, request_hash);
    sign(authorization, secret, strbuf_text(&string_to_sign), signature);
    same = strlen(authorization->signature) == HEX_SIZE - 1 &&
           CRYPTO_memcmp(signature, authorization->signature, HEX_SIZE) == 0;
    if (!same)
        strbuf_format(message,
                      "The request signature we calculated does not match the signature you "
                      "provided. Check your AWS Secret Access Key and signing method. Consult the "
                      "service documentation for details.\n\nThe Canonical String for this request "
                      "should have been\n'%s'\n\nThe String-to-Sign should have been\n'%s'\n",
                      strbuf_text(&canonical), strbuf_text(&string_to_sign));
    strbuf_release(&canonical);
    strbuf_release(&string_to_sign);
    return same ? STANDIN_SIGV4_FINE : STANDIN_SIGV4_MISMATCH;
}

static enum standin_sigv4_fault malformed(struct strbuf *message, const char *what,
                                          const char *which)
{
    strbuf_format(message, "%s%s", what, which);
    return STANDIN_SIGV4_MALFORMED;
}

static enum standin_sigv4_fault judge(const struct standin_request *request,
                                      const struct authorization *authorization,
                                      const struct standin_credential *credential, int64_t now_ms,
                                      struct strbuf *message)
{
    const char *date = standin_header(request, "x-amz-date");
    const char *token = standin_header(request, "x-amz-security-token");
    const char *payload = standin_header(request, "x-amz-content-sha256");
    const char *missing = unsigned_header(request, authorization->signed_headers);
    char body_hash[HEX_SIZE];
    int64_t signed_ms = 0;

    if (!credential || strcmp(token ? token : "", credential->session_token) != 0) {
        strbuf_str(message, "The security token included in the request is invalid.");
        return STANDIN_SIGV4_UNKNOWN;
    }
    if (missing)
        return malformed(message, "SignedHeaders lacks a header that must be signed: ", missing);
    if (!date || !date_parse(date, &signed_ms) || strncmp(date, authorization->day, 8) != 0)
        return malformed(message, "X-Amz-Date is missing, malformed or not of the scope's day: ",
                         date ? date : "");
    sha256_hex(request->body, request->body_length, body_hash);
    if (payload && strcmp(payload, body_hash) != 0)
        return malformed(message, "x-amz-content-sha256 is not the digest of the body: ", payload);
    if (llabs(now_ms - signed_ms) > SKEW_MS) {
        strbuf_format(message, "Signature %s: %s is more than 5 minutes from now",
                      signed_ms < now_ms ? "expired" : "not yet current", date);
        return STANDIN_SIGV4_SKEWED;
    }
    if (credential->expires_ms && credential->expires_ms <= now_ms) {
        strbuf_str(message, "The security token included in the request is expired");
        return STANDIN_SIGV4_EXPIRED;
    }
    return compare(request, authorization, date, credential->secret, message);
}

enum standin_sigv4_fault standin_sigv4_verify(const struct standin_request *request,
                                              const struct standin_credential *credentials,
                                              size_t credential_count, int64_t now_ms,
                                              struct standin_sigv4 *ret_sigv4)
{
    const char *header = standin_header(request, "authorization");
    const struct standin_credential *credential = NULL;
    struct authorization authorization;

    *ret_sigv4 = (struct standin_sigv4){.message = STRBUF_CAPPED(64 * 1024)};
    if (!header) {
        strbuf_str(&ret_sigv4->message, "Missing Authentication Token");
        return STANDIN_SIGV4_MISSING;
    }
    if (!authorization_parse(header, &authorization))
        return malformed(&ret_sigv4->message,
                         "Authorization header requires 'AWS4-HMAC-SHA256' with 'Credential', "
                         "'SignedHeaders' and 'Signature'.",
                         "");
    if (strcspn(request->target, "?") >= STANDIN_PATH_MAX)
        return malformed(&ret_sigv4->message, "The path is too long.", "");
    memcpy(ret_sigv4->key_id, authorization.key_id, sizeof ret_sigv4->key_id);
    memcpy(ret_sigv4->region, authorization.region, sizeof ret_sigv4->region);
    memcpy(ret_sigv4->service, authorization.service, sizeof ret_sigv4->service);
    credential = find(credentials, credential_count, authorization.key_id);
    if (credential)
        memcpy(ret_sigv4->caller_arn, credential->caller_arn, sizeof ret_sigv4->caller_arn);
    return judge(request, &authorization, credential, now_ms, &ret_sigv4->message);
}
