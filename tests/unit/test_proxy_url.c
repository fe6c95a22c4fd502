/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "kube/proxy_url.h"

static void writes_them_in_full(void **state)
{
    (void)state;
    const struct {
        const char *given, *full, *host;
        bool websockets;
    } rows[] = {
        {"http://p", "http://p:80", "p", true},
        {"http://10.0.0.1:3128/", "http://10.0.0.1:3128", "10.0.0.1", true},
        {"http://[fd00::1]:3128", "http://[fd00::1]:3128", "fd00::1", true},
        {"http://[fd00::1]", "http://[fd00::1]:80", "fd00::1", true},
        {"http://u:p@p:1", "http://u:p@p:1", "p", true},
        {"http://u:p%40@p:1", "http://u:p%40@p:1", "p", false},
        {"https://p", "https://p:443", "p", false},
        {"socks5://p", "socks5h://p:1080", "p", false},
        {"socks5h://u:p@p:9", "socks5h://u:p@p:9", "p", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};
        struct proxy_url proxy;
        struct error err;
        assert_int_equal(proxy_url_parse(rows[i].given, &proxy, &err), 0);
        proxy_url_write(&proxy, &text);
        assert_string_equal(strbuf_text(&text), rows[i].full);
        assert_string_equal(proxy.host, rows[i].host);
        assert_int_equal(proxy.carries_websockets, rows[i].websockets);
    }
}

static void refuses_what_is_none_and_repeats_no_password(void **state)
{
    (void)state;
    const char *const given[] = {
        "",          "p:3128",          "ftp://secret@p",   "socks4://p",  "http://",
        "http://:1", "http://p:0",      "http://p:65536",   "http://p:",   "http://p/path",
        "http://p?", "http://u:s p@p:", "http://u:\x80@p:", "http://a@b@", "HTTP://p",
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        struct proxy_url proxy = {.port = 7};
        struct error err;
        assert_int_equal(proxy_url_parse(given[i], &proxy, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, "expected http://host:port"));
        assert_null(strstr(err.text, "secret"));
        assert_int_equal(proxy.port, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_them_in_full),
        cmocka_unit_test(refuses_what_is_none_and_repeats_no_password),
    };
    return cmocka_run_group_tests_name("proxy_url", tests, NULL, NULL);
}
