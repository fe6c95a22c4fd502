/* SPDX-License-Identifier: Apache-2.0 */
/* hash - FNV-1a with 64 bits (Fowler, Noll, Vo), of texts one after the other. Whoever wants two
 * texts to collide can make them so: where that matters, base/digest. */
#pragma once

#include <stdint.h>

#define HASH_BEGINNING UINT64_C(14695981039346656037)

/* The text's NUL is not part of it. */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}
