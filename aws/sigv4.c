/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sigv4.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define LAST_WALL_US 253402300799999999 /* 9999-12-31T23:59:59.999999Z */

/* A canonical request holds the session token. */
static void wiped_release(struct strbuf *buf)
{
    if (buf->text)
        explicit_bzero(buf->text, buf->capacity);
    strbuf_release(buf);
}

static void add_scope(struct strbuf *buf, const char *date, const char *region, const char *service)
{
    strbuf_format(buf, "%.8s/%s/%s/aws4_request", date, region, service);
}

void sigv4_string_to_sign(const char *canonical_request, const char *date, const char *region,
                          const char *service, struct strbuf *ret_text)
{
    uint8_t digest[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];

    strbuf_format(ret_text, ALGORITHM "\n%s\n", date);
    add_scope(ret_text, date, region, service);
    strbuf_char(ret_text, '\n');
    digest_sha256(canonical_request, strlen(canonical_request), digest);
    digest_hex(digest, sizeof digest, hex);
    strbuf_str(ret_text, hex);
}

void sigv4_key_clear(struct sigv4_key *key)
{
    explicit_bzero(key, sizeof *key);
}

static bool key_fits(const struct sigv4_key *key, const struct sigv4_key *wanted)
{
    return strcmp(key->date, wanted->date) == 0 && strcmp(key->region, wanted->region) == 0 &&
           strcmp(key->service, wanted->service) == 0 &&
           memcmp(key->secret_digest, wanted->secret_digest, DIGEST_SIZE) == 0;
}

static void derive(struct sigv4_key *key, const char *secret_key)
{
    CLEANUP(wiped_release) struct strbuf secret = {0};
    const char *parts[] = {key->date, key->region, key->service, "aws4_request"};

    strbuf_format(&secret, "AWS4%s", secret_key);
    digest_hmac(secret.text, secret.length, parts[0], strlen(parts[0]), key->key);
    for (size_t i = 1; i < sizeof parts / sizeof *parts; i++) {
        uint8_t next[DIGEST_SIZE];

        digest_hmac(key->key, DIGEST_SIZE, parts[i], strlen(parts[i]), next);
        memcpy(key->key, next, DIGEST_SIZE);
        explicit_bzero(next, sizeof next);
    }
}

int sigv4_key_derive(struct sigv4_key *key, const char *secret_key, const char date[9],
                     const char *region, const char *service, struct error *err)
{
    struct sigv4_key wanted = {.date = ""};

    if (strlen(region) >= sizeof wanted.region || strlen(service) >= sizeof wanted.service)
        return error_set(err, ERROR_INVALID, "region or service name is too long to sign for");
    snprintf(wanted.date, sizeof wanted.date, "%.8s", date);
    snprintf(wanted.region, sizeof wanted.region, "%s", region);
    snprintf(wanted.service, sizeof wanted.service, "%s", service);
    digest_sha256(secret_key, strlen(secret_key), wanted.secret_digest);
    if (!key_fits(key, &wanted)) {
        derive(&wanted, secret_key);
        *key = wanted;
    }
    sigv4_key_clear(&wanted);
    return 0;
}

/* "2015-08-30T12:36:00Z" without its punctuation. */
static int format_date(int64_t wall_us, char ret_date[SIGV4_TIME_SIZE], struct error *err)
{
    char text[CLOCK_TEXT_SIZE];
    size_t length = 0;

    if (wall_us < 0 || wall_us > LAST_WALL_US)
        return error_set(err, ERROR_INVALID, "the clock is outside the years 1970 to 9999");
    clock_format_s(wall_us, text);
    for (const char *c = text; *c && length < SIGV4_TIME_SIZE - 1; c++)
        if (*c != '-' && *c != ':')
            ret_date[length++] = *c;
    ret_date[length] = '\0';
    return 0;
}

static void finish(const struct sigv4_credentials *credentials, const struct sigv4_scope *scope,
                   const struct sigv4_key *key, const char *string_to_sign, const char *names,
                   struct sigv4_signed *signature)
{
    struct strbuf authorization = {0};
    uint8_t digest[DIGEST_SIZE];

    digest_hmac(key->key, DIGEST_SIZE, string_to_sign, strlen(string_to_sign), digest);
    digest_hex(digest, sizeof digest, signature->signature);
    strbuf_format(&authorization, ALGORITHM " Credential=%s/", credentials->access_key_id);
    add_scope(&authorization, signature->date, scope->region, scope->service);
    strbuf_format(&authorization, ", SignedHeaders=%s, Signature=%s", names, signature->signature);
    signature->authorization = strbuf_take(&authorization);
}

int sigv4_sign(const struct sigv4_request *request, const struct sigv4_credentials *credentials,
               const struct sigv4_scope *scope, struct sigv4_key *key,
               struct sigv4_signed *ret_signed, struct error *err)
{
    CLEANUP(wiped_release) struct strbuf canonical = {0};
    CLEANUP(strbuf_release) struct strbuf names = {0};
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct sigv4_signed made = {.date = ""};

    if (format_date(scope->wall_us, made.date, err) < 0 ||
        sigv4_canonical_request(request, made.date, credentials->session_token, &canonical, &names,
                                err) < 0 ||
        sigv4_key_derive(key, credentials->secret_key, made.date, scope->region, scope->service,
                         err) < 0)
        return -1;
    sigv4_string_to_sign(strbuf_text(&canonical), made.date, scope->region, scope->service, &text);
    finish(credentials, scope, key, strbuf_text(&text), strbuf_text(&names), &made);
    *ret_signed = made;
    return 0;
}

void sigv4_signed_release(struct sigv4_signed *ret_signed)
{
    mem_free(ret_signed->authorization);
    *ret_signed = (struct sigv4_signed){.date = ""};
}
