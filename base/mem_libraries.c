/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from base/mem.c, so that the pure core does not pull in four libraries. */
#include <curl/curl.h>
#include <jansson.h>
#include <libwebsockets.h>
#include <malloc.h>
#include <openssl/crypto.h>

#include "base/mem.h"

static void *plain_alloc(size_t size)
{
    return mem_resize(NULL, size);
}

static void *crypto_alloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return size > 0 ? mem_resize(NULL, size) : NULL;
}

static void crypto_free(void *owned, const char *file, int line)
{
    (void)file, (void)line;
    mem_free(owned);
}

static void *crypto_resize(void *owned, size_t size, const char *file, int line)
{
    if (size > 0)
        return mem_resize(owned, size);
    crypto_free(owned, file, line);
    return NULL;
}

static void *lws_resize(void *owned, size_t size, const char *reason)
{
    (void)reason;
    if (size > 0)
        return mem_resize(owned, size);
    mem_free(owned);
    return NULL;
}

/* A block of this size or more is a mapping of its own, which goes back to the system when it is
 * freed. Left alone malloc raises the size to that of the largest block freed so far, up to 32 MiB:
 * then the arrays of each pass would lie in its heaps. */
#define MAPPED_BLOCK (128 << 10)

/* Freed blocks of these sizes are kept apart, unmerged, until a larger block is asked for: then all
 * are gone through, which with libraries that ask for 16 KiB at each request is all the time. The
 * few that each thread keeps for itself remain. */
#define FAST_BLOCK 0

/* OpenSSL first: it refuses once it has allocated, and curl's start has it allocate. */
void mem_adopt_libraries(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_BLOCK);
    mallopt(M_MXFAST, FAST_BLOCK);
    CRYPTO_set_mem_functions(crypto_alloc, crypto_resize, crypto_free);
    json_set_alloc_funcs(plain_alloc, mem_free);
    lws_set_allocator(lws_resize);
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, plain_alloc, mem_free, mem_resize, mem_strdup,
                         mem_array);
}
