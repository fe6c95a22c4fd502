/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"

static void assert_hex(const uint8_t digest[DIGEST_SIZE], const char *expected)
{
    char hex[DIGEST_HEX_SIZE];

    digest_hex(digest, DIGEST_SIZE, hex);
    assert_string_equal(hex, expected);
}

/* FIPS 180-2 examples. */
static void sha256_known_answers(void **state)
{
    uint8_t digest[DIGEST_SIZE];

    (void)state;
    digest_sha256("abc", 3, digest);
    assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256(NULL, 0, digest);
    assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, test cases 2 and 6 (a key longer than a block), and an empty key. */
static void hmac_known_answers(void **state)
{
    static const char text6[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    uint8_t key[131], digest[DIGEST_SIZE];

    (void)state;
    memset(key, 0xaa, sizeof key);
    digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, digest);
    assert_hex(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    digest_hmac(key, sizeof key, text6, sizeof text6 - 1, digest);
    assert_hex(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    digest_hmac(NULL, 0, "", 0, digest);
    assert_hex(digest, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hex_is_lower_case(void **state)
{
    char hex[7];

    (void)state;
    digest_hex((const uint8_t[]){0x00, 0xAB, 0x7F}, 3, hex);
    assert_string_equal(hex, "00ab7f");
    digest_hex(NULL, 0, hex);
    assert_string_equal(hex, "");
}

/* RFC 4648 section 10. */
static void base64_there_and_back(void **state)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xFF\xFE\xFB", "//77"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(strbuf_release) struct strbuf text = {0}, bytes = {0};

        digest_base64_encode(rows[i].bytes, strlen(rows[i].bytes), &text);
        assert_string_equal(strbuf_text(&text), rows[i].text);
        assert_int_equal(digest_base64_decode(rows[i].text, strlen(rows[i].text), &bytes), 0);
        assert_string_equal(strbuf_text(&bytes), rows[i].bytes);
    }
}

static void every_byte_survives(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0}, bytes = {0};
    uint8_t all[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    digest_base64_encode(all, sizeof all, &text);
    assert_int_equal(digest_base64_decode(text.text, text.length, &bytes), 0);
    assert_int_equal(bytes.length, sizeof all);
    assert_memory_equal(bytes.text, all, sizeof all);
}

static void decodes_other_spellings(void **state)
{
    static const char *const rows[] = {"__77-w==", "//77+w", "__77-w", " //\n77\r\n+w = =\t",
                                       "//77+w=="};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(strbuf_release) struct strbuf bytes = {0};

        strbuf_str(&bytes, "kept ");
        assert_int_equal(digest_base64_decode(rows[i], strlen(rows[i]), &bytes), 0);
        assert_string_equal(bytes.text, "kept \xFF\xFE\xFB\xFB");
    }
}

static void refuses_what_is_not_base64(void **state)
{
    static const char *const rows[] = {
        "Zg=",   "Z",        "Zm9vY", "Zg===",  "Zg==Zg==", "=",
        "Zm9v=", "Zm9v====", "Zm9v!", "Zm\v9v", "Z=g=",     "Zm9v\xC3\xA9"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(strbuf_release) struct strbuf bytes = {0};

        strbuf_str(&bytes, "kept");
        if (digest_base64_decode(rows[i], strlen(rows[i]), &bytes) == 0)
            fail_msg("took '%s'", rows[i]);
        assert_string_equal(bytes.text, "kept");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_known_answers),       cmocka_unit_test(hmac_known_answers),
        cmocka_unit_test(hex_is_lower_case),          cmocka_unit_test(base64_there_and_back),
        cmocka_unit_test(every_byte_survives),        cmocka_unit_test(decodes_other_spellings),
        cmocka_unit_test(refuses_what_is_not_base64),
    };

    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
