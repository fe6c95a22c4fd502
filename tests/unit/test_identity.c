/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "kube/address.h"
#include "kube/identity.h"

/* "eyJ...": header, the claims as they are, a signature. */
static char *token_of(const char *claims)
{
    CLEANUP(strbuf_release) struct strbuf body = {0};
    digest_base64_encode(claims, strlen(claims), &body);
    for (char *c = body.text; *c != '\0'; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    size_t length = strcspn(body.text, "=");
    CLEANUP(strbuf_release) struct strbuf token = {0};
    strbuf_format(&token, "eyJhbGciOiJSUzI1NiJ9.%.*s.c2ln", (int)length, body.text);
    return strbuf_take(&token);
}

static void finds_the_issuer_of_a_token(void **state)
{
    (void)state;
    /* ? and > make - and _ in base64url */
    CLEANUP_FREE char *token = token_of(
        "{\"sub\":\"a?>?>\",\"iss\":\"https://oidc.eks.eu-west-1.amazonaws.com/id/AB12\"}");
    char *issuer;
    struct error err;
    assert_int_equal(identity_issuer_from_token(token, &issuer, &err), 0);
    assert_string_equal(issuer, "https://oidc.eks.eu-west-1.amazonaws.com/id/AB12");
    mem_free(issuer);
}

static void refuse_token(const char *token)
{
    char *issuer = NULL;
    struct error err;
    if (identity_issuer_from_token(token, &issuer, &err) == 0)
        fail_msg("took \"%s\" from \"%s\"", issuer, token);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_null(issuer);
}

static void refuses_what_is_no_token(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "abc",    "a.b",         "..",
                                        "a..c", "a.!!.c", "a.aGVsbG8.c", "a.W10.c"};
    static const char *const claims[] = {
        "{}",
        "{\"iss\":1}",
        "{\"iss\":\"\"}",
        "{\"iss\":\"https://\"}",
        "{\"iss\":\"http://a\"}",
        "{\"iss\":\"https://a b\"}",
        "{\"iss\":\"https://a\\nb\"}",
        "{\"iss\":\"https://\\u00e4\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuse_token(texts[i]);
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        CLEANUP_FREE char *token = token_of(claims[i]);
        refuse_token(token);
    }
}

static void says_no_token_in_its_errors(void **state)
{
    (void)state;
    char *issuer;
    struct error err;
    assert_int_equal(identity_issuer_from_token("secret.secret.secret", &issuer, &err), -1);
    assert_null(strstr(err.text, "secret"));
}

static void finds_the_issuer_of_the_discovery(void **state)
{
    (void)state;
    CLEANUP_JSON json_t *good = json_pack("{s:s}", "issuer", "https://a.example/id/1");
    CLEANUP_JSON json_t *bad = json_pack("{s:s}", "issuer", "nobody");
    char *issuer;
    struct error err;
    assert_int_equal(identity_issuer_from_discovery(good, &issuer, &err), 0);
    assert_string_equal(issuer, "https://a.example/id/1");
    mem_free(issuer);
    assert_int_equal(identity_issuer_from_discovery(bad, &issuer, &err), -1);
    assert_int_equal(identity_issuer_from_discovery(NULL, &issuer, &err), -1);
}

static json_t *namespace_object(const char *kind, const char *name, const char *uid)
{
    return json_pack("{s:s, s:{s:s, s:s}}", "kind", kind, "metadata", "name", name, "uid", uid);
}

static void takes_the_uid_of_kube_system_only(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *name, *uid;
        int done;
    } rows[] = {
        {"Namespace", "kube-system", "0b1c7c1e-5c2f-4f5e-9d0a-1a2b3c4d5e6f", 0},
        {"Namespace", "kube-public", "0b1c7c1e-5c2f-4f5e-9d0a-1a2b3c4d5e6f", -1},
        {"Secret", "kube-system", "0b1c7c1e-5c2f-4f5e-9d0a-1a2b3c4d5e6f", -1},
        {"Namespace", "kube-system", "", -1},
        {"Namespace", "kube-system", "a/b", -1},
        {"Namespace", "kube-system",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP_JSON json_t *object = namespace_object(rows[i].kind, rows[i].name, rows[i].uid);
        CLEANUP_FREE char *uid = NULL;
        struct error err = {0};
        assert_int_equal(identity_kube_system_uid(object, &uid, &err), rows[i].done);
        if (rows[i].done == 0)
            assert_string_equal(uid, rows[i].uid);
        else
            assert_int_equal(err.kind, ERROR_TRANSIENT);
    }
}

static void literals_need_no_resolver(void **state)
{
    (void)state;
    char address[ADDRESS_SIZE];
    struct error err;
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        assert_int_equal(address_resolve("127.0.0.1", attempt, address, &err), 0);
        assert_string_equal(address, "127.0.0.1");
        assert_int_equal(address_resolve("fd00::1", attempt, address, &err), 0);
        assert_string_equal(address, "fd00::1");
    }
    assert_int_equal(address_resolve("", 0, address, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_issuer_of_a_token),
        cmocka_unit_test(refuses_what_is_no_token),
        cmocka_unit_test(says_no_token_in_its_errors),
        cmocka_unit_test(finds_the_issuer_of_the_discovery),
        cmocka_unit_test(takes_the_uid_of_kube_system_only),
        cmocka_unit_test(literals_need_no_resolver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
