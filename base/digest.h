/* SPDX-License-Identifier: Apache-2.0 */
/* digest - SHA-256 and HMAC-SHA-256 (libcrypto), hex and base64. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE 65

void digest_sha256(const void *bytes, size_t length, uint8_t ret_digest[DIGEST_SIZE]);
void digest_hmac(const void *key, size_t key_length, const void *bytes, size_t length,
                 uint8_t ret_digest[DIGEST_SIZE]);
/* Lower-case hex with a NUL. ret_hex holds 2 * length + 1 bytes. */
void digest_hex(const uint8_t *bytes, size_t length, char *ret_hex);

/* Standard or URL alphabet, with or without padding; white space is skipped.
 * Returns 0, or -1 when the text is not base64. Appends to ret_bytes. */
int digest_base64_decode(const char *text, size_t length, struct strbuf *ret_bytes);
/* Standard alphabet with padding. */
void digest_base64_encode(const void *bytes, size_t length, struct strbuf *ret_text);
