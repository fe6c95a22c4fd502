/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static void alloc_is_zeroed_and_size_0_can_be_freed(void **state)
{
    unsigned char *bytes = mem_alloc(4096);
    CLEANUP_FREE void *empty = mem_alloc(0);

    (void)state;
    for (size_t i = 0; i < 4096; i++)
        assert_int_equal(bytes[i], 0);
    mem_free(bytes);
    mem_free(NULL);
    assert_non_null(empty);
}

static void copies_are_copies(void **state)
{
    char text[] = "binding";
    CLEANUP_FREE char *whole = mem_strdup(text);
    CLEANUP_FREE char *part = mem_strndup(text, 4);
    CLEANUP_FREE char *longer = mem_strndup(text, 100);
    CLEANUP_FREE char *bytes = mem_dup("a\0b", 3);
    CLEANUP_FREE void *nothing = mem_dup(NULL, 0);

    (void)state;
    text[0] = 'X';
    assert_string_equal(whole, "binding");
    assert_string_equal(part, "bind");
    assert_string_equal(longer, "binding");
    assert_memory_equal(bytes, "a\0b", 3);
    assert_non_null(nothing);
}

static void grow_keeps_the_items(void **state)
{
    size_t capacity = 0;
    int *items = NULL;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        MEM_GROW(items, (size_t)i, capacity);
        items[i] = i;
    }
    assert_int_equal(capacity, 1024);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    mem_free(items);
}

/* Runs `use` in a child; what it wrote to stderr comes back. Returns its exit code. */
static int exit_code_of(void (*use)(void), char ret_said[100])
{
    int ends[2], status;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        use();
        _exit(77);
    }
    close(ends[1]);
    ssize_t length = read(ends[0], ret_said, 99);
    ret_said[length > 0 ? length : 0] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static volatile size_t huge = SIZE_MAX / 2 + 2;

static void take_too_much(void)
{
    mem_alloc(huge);
}

static void overflow_product(void)
{
    mem_array(huge, 16);
}

static void resize_too_much(void)
{
    mem_resize(NULL, huge);
}

static void no_memory_ends_the_process_with_one_line(void **state)
{
    void (*const uses[])(void) = {take_too_much, overflow_product, resize_too_much};
    char said[100];

    (void)state;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        assert_int_equal(exit_code_of(uses[i], said), 1);
        assert_string_equal(said, "podbind: out of memory\n");
    }
}

static void libraries_work_after_adoption(void **state)
{
    CRYPTO_malloc_fn crypto_alloc;
    CRYPTO_realloc_fn crypto_resize;
    CRYPTO_free_fn crypto_free;
    json_malloc_t json_alloc;
    json_free_t json_give_back;

    (void)state;
    json_get_alloc_funcs(&json_alloc, &json_give_back);
    assert_true(json_give_back == mem_free);
    CRYPTO_get_mem_functions(&crypto_alloc, &crypto_resize, &crypto_free);
    assert_true(crypto_alloc != CRYPTO_malloc);

    void *bytes = OPENSSL_zalloc(10);
    bytes = OPENSSL_realloc(bytes, 1000);
    assert_non_null(bytes);
    OPENSSL_free(bytes);
    CURL *easy = curl_easy_init();
    assert_non_null(easy);
    char *escaped = curl_easy_escape(easy, "a b", 3);
    assert_string_equal(escaped, "a%20b");
    mem_free(escaped); /* one allocator */
    curl_easy_cleanup(easy);
}

static int adopt(void **state)
{
    (void)state;
    mem_adopt_libraries();
    return 0;
}

static int let_go(void **state)
{
    (void)state;
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc_is_zeroed_and_size_0_can_be_freed),
        cmocka_unit_test(copies_are_copies),
        cmocka_unit_test(grow_keeps_the_items),
        cmocka_unit_test(no_memory_ends_the_process_with_one_line),
        cmocka_unit_test(libraries_work_after_adoption),
    };

    return cmocka_run_group_tests_name("mem", tests, adopt, let_go);
}
