/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>

/* libcrypto without SHA-256 is no libcrypto: going on would sign with garbage. */
static void must(bool ok)
{
    if (!ok)
        abort();
}

static EVP_MD *fetched;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    fetched = EVP_MD_fetch(NULL, "SHA256", NULL); /* kept for as long as the process lives */
    must(fetched != NULL);
}

/* EVP_sha256() would be looked up by name at each use, which takes longer than a short digest. */
static const EVP_MD *sha256(void)
{
    must(pthread_once(&fetch_once, fetch) == 0);
    return fetched;
}

void digest_sha256(const void *bytes, size_t length, uint8_t ret_digest[DIGEST_SIZE])
{
    must(EVP_Digest(bytes, length, ret_digest, NULL, sha256(), NULL) == 1);
}

void digest_hmac(const void *key, size_t key_length, const void *bytes, size_t length,
                 uint8_t ret_digest[DIGEST_SIZE])
{
    must(key_length <= INT_MAX &&
         HMAC(sha256(), key_length ? key : "", (int)key_length, bytes, length, ret_digest, NULL));
}

void digest_hex(const uint8_t *bytes, size_t length, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[2 * length] = '\0';
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Decodes up to the padding. Returns the number of sextets read, or -1. */
static long decode_sextets(const char *text, size_t length, size_t *ret_end, struct strbuf *bytes)
{
    uint32_t bits = 0;
    long count = 0;
    size_t i = 0;

    for (; i < length && text[i] != '='; i++) {
        int value = sextet(text[i]);

        if (is_space(text[i]))
            continue;
        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
        if (++count % 4 != 1)
            strbuf_char(bytes, (char)(bits >> (6 - (count - 1) % 4 * 2) & 0xFF));
    }
    *ret_end = i;
    return count;
}

/* "" or "=" or "==", with white space, as the number of sextets demands. */
static bool padding_fits(const char *text, size_t length, long sextets)
{
    long padding = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] != '=' && !is_space(text[i]))
            return false;
        padding += text[i] == '=';
    }
    return sextets % 4 != 1 && (padding == 0 || (padding <= 2 && (sextets + padding) % 4 == 0));
}

int digest_base64_decode(const char *text, size_t length, struct strbuf *ret_bytes)
{
    size_t start = ret_bytes->length, end = 0;
    long sextets = decode_sextets(text, length, &end, ret_bytes);

    if (sextets >= 0 && padding_fits(text + end, length - end, sextets))
        return 0;
    if (ret_bytes->text) {
        ret_bytes->length = start;
        ret_bytes->text[start] = '\0';
    }
    return -1;
}

void digest_base64_encode(const void *bytes, size_t length, struct strbuf *ret_text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = bytes;

    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t bits = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                        (left > 2 ? in[i + 2] : 0);
        char quad[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63], alphabet[bits >> 6 & 63],
                        alphabet[bits & 63]};

        if (left < 2)
            quad[2] = '=';
        if (left < 3)
            quad[3] = '=';
        strbuf_add(ret_text, quad, sizeof quad);
    }
}
