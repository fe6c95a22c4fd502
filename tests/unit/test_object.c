/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "kube/kube_endpoint.h"
#include "kube/kube_name.h"
#include "kube/object.h"

static json_t *parse(const char *text)
{
    struct error err;
    json_t *document = json_parse(text, strlen(text), &err);
    if (document == NULL)
        fail_msg("%s", err.text);
    return document;
}

/* ---- resourceVersions ---- */

static void compares_versions_as_numbers_of_any_length(void **state)
{
    (void)state;
    static const char *const ascending[] = {
        "0",
        "1",
        "9",
        "10",
        "99",
        "100",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999999999998",
        "99999999999999999999999999999999999999999",
    };
    size_t count = sizeof ascending / sizeof *ascending;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            int order = object_version_compare(ascending[i], ascending[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}

static void leading_zeros_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(object_version_compare("007", "7"), 0);
    assert_int_equal(object_version_compare("000", "0"), 0);
    assert_true(object_version_compare("0009", "10") < 0);
}

static void knows_what_a_version_is(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "1.0", "0x1", "1a", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(object_version_valid(bad[i]));
    assert_true(object_version_valid("0"));
    assert_true(object_version_valid("1234567890123456789012345678901234567890"));
}

static void takes_the_version_of_an_object(void **state)
{
    (void)state;
    CLEANUP_JSON json_t *good = parse("{\"metadata\":{\"resourceVersion\":\"12\"}}");
    CLEANUP_JSON json_t *number = parse("{\"metadata\":{\"resourceVersion\":12}}");
    CLEANUP_JSON json_t *word = parse("{\"metadata\":{\"resourceVersion\":\"new\"}}");
    CLEANUP_JSON json_t *list = parse("{\"metadata\":[]}");
    assert_string_equal(object_version(good), "12");
    assert_string_equal(object_version(number), "");
    assert_string_equal(object_version(word), "");
    assert_string_equal(object_version(list), "");
    assert_string_equal(object_version(NULL), "");
}

/* ---- lists ---- */

static void reads_a_page(void **state)
{
    (void)state;
    CLEANUP_JSON json_t *document =
        parse("{\"kind\":\"ServiceAccountList\",\"metadata\":{\"resourceVersion\":\"7\","
              "\"continue\":\"abc\"},\"items\":[{\"a\":1},{\"a\":2}]}");
    struct object_page page;
    struct error err;
    assert_int_equal(object_page_read(document, "ServiceAccount", &page, &err), 0);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.version, "7");
    assert_string_equal(page.continue_token, "abc");
    assert_int_equal(json_whole(object_page_item(&page, 1), "a", 0), 2);
}

static void an_empty_list_may_say_null(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"kind\":\"AList\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"\"},\"items\":[]}",
        "{\"kind\":\"AList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":null}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CLEANUP_JSON json_t *document = parse(texts[i]);
        struct object_page page;
        struct error err;
        assert_int_equal(object_page_read(document, "A", &page, &err), 0);
        assert_int_equal(page.count, 0);
        assert_string_equal(page.continue_token, "");
    }
}

/* None of these may be taken for "there are no objects". */
static void refuses_what_is_no_list(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"kind\":\"A\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}",
        "{\"kind\":\"BList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}",
        "{\"kind\":\"AListX\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}",
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":500}",
        "{\"kind\":\"AList\",\"metadata\":{\"resourceVersion\":\"7\"}}",
        "{\"kind\":\"AList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":{}}",
        "{\"kind\":\"AList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[null]}",
        "{\"kind\":\"AList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{},\"a\"]}",
        "{\"kind\":\"AList\",\"metadata\":{\"resourceVersion\":\"\"},\"items\":[]}",
        "{\"kind\":\"AList\",\"metadata\":{},\"items\":[]}",
        "{\"kind\":\"AList\",\"items\":[]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CLEANUP_JSON json_t *document = parse(texts[i]);
        struct object_page page;
        struct error err = {0};
        assert_int_equal(object_page_read(document, "A", &page, &err), -1);
        assert_int_equal(err.kind, ERROR_TRANSIENT);
    }
}

/* ---- names and URLs ---- */

static void knows_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a",    "0",      "a-b",         "a.b",
                                       "a--b", "app-sa", "podbind.dev", "a.b-c.d0"};
    static const char *const bad[] = {"",       "-a",    "a-",  ".a",       "a.",  "a..b",
                                      "a.-b",   "a-.b",  "A",   "a_b",      "a/b", "a b",
                                      "../etc", "a%2fb", "a\n", "\xc3\xa4", "a?b", "a#b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(kube_name_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(kube_name_valid(bad[i]));
    char name[255];
    memset(name, 'a', sizeof name);
    name[254] = '\0';
    assert_false(kube_name_valid(name));
    name[253] = '\0';
    assert_true(kube_name_valid(name));
}

static void assert_endpoint(const char *url, const char *host, int port, const char *prefix)
{
    struct kube_endpoint endpoint;
    struct error err;
    assert_int_equal(kube_endpoint_parse(url, &endpoint, &err), 0);
    assert_string_equal(endpoint.host, host);
    assert_int_equal(endpoint.port, port);
    assert_string_equal(endpoint.prefix, prefix);
}

static void takes_urls_apart(void **state)
{
    (void)state;
    assert_endpoint("https://a.example", "a.example", 443, "");
    assert_endpoint("https://a.example/", "a.example", 443, "");
    assert_endpoint("https://10.0.0.1:6443", "10.0.0.1", 6443, "");
    assert_endpoint("https://[fd00::1]", "fd00::1", 443, "");
    assert_endpoint("https://[::1]:6443/x/y//", "::1", 6443, "/x/y");
}

static void refuses_other_urls(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "https://",
        "http://a",
        "https://a:",
        "https://a:0",
        "https://a:65536",
        "https://a:99999999999",
        "https://a:1x",
        "https://[::1",
        "https://[]",
        "https://[::1]x",
        "https://a b",
        "https://a?b",
        "https://a/?b",
        "https://a#b",
        "https://u:p@a",
        "https://a\r\nb",
        "https://::1",
        "ftp://a",
        "a.example",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct kube_endpoint endpoint;
        struct error err;
        if (kube_endpoint_parse(bad[i], &endpoint, &err) == 0)
            fail_msg("took \"%s\"", bad[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(strstr(err.text, "u:p"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_versions_as_numbers_of_any_length),
        cmocka_unit_test(leading_zeros_change_nothing),
        cmocka_unit_test(knows_what_a_version_is),
        cmocka_unit_test(takes_the_version_of_an_object),
        cmocka_unit_test(reads_a_page),
        cmocka_unit_test(an_empty_list_may_say_null),
        cmocka_unit_test(refuses_what_is_no_list),
        cmocka_unit_test(knows_names),
        cmocka_unit_test(takes_urls_apart),
        cmocka_unit_test(refuses_other_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
