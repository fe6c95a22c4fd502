/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/credentials_container.h"
#include "base/mem.h"

static void a_relative_uri_goes_to_the_agent_of_ecs_and_wins(void **state)
{
    CLEANUP_FREE char *url = NULL;
    struct error err;

    (void)state;
    assert_int_equal(
        credentials_container_url("/v2/credentials?id=1", "http://169.254.170.23/", &url, &err), 0);
    assert_string_equal(url, "http://169.254.170.2/v2/credentials?id=1");
}

static void full_uris_to_this_machine_or_by_https_are_taken(void **state)
{
    static const char *const good[] = {
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "http://[FD00:EC2:0:0:0:0:0:23]:80/v1/credentials",
        "http://169.254.170.2/x",
        "http://127.0.0.1:8080/",
        "http://127.255.0.9",
        "http://localhost:1/x?y=z",
        "http://[::1]:1234/x",
        "https://credentials.example/x",
        "https://10.0.0.1/x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CLEANUP_FREE char *url = NULL;
        struct error err;

        if (credentials_container_url(NULL, good[i], &url, &err) < 0)
            fail_msg("%s: %s", good[i], err.text);
        assert_string_equal(url, good[i]);
    }
}

static void full_uris_to_other_machines_are_refused(void **state)
{
    static const char *const bad[] = {
        "http://169.254.169.254/latest",
        "http://169.254.170.3/",
        "http://169.254.170.230/",
        "http://10.0.0.1/",
        "http://128.0.0.1/",
        "http://0.0.0.0/",
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://2130706433/",
        "http://0127.0.0.1/",
        "http://127.0.0.1.example.com/",
        "http://169.254.170.23.example.com/",
        "http://localhost.example.com/",
        "http://127.0.0.1@example.com/",
        "http://example.com/#@127.0.0.1/",
        "http://example.com\\@127.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00:ec2::24]/",
        "http://[fd00:ec2::23%25eth0]/",
        "http://fd00:ec2::23/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/\r\nX: y",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "127.0.0.1/x",
        "http://",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *url = NULL;
        struct error err = {0};

        if (credentials_container_url("", bad[i], &url, &err) == 0)
            fail_msg("took %s", bad[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_int_equal(strncmp(err.text, "AWS_CONTAINER_CREDENTIALS_FULL_URI: ", 36), 0);
        assert_null(url);
    }
}

static void a_relative_uri_cannot_leave_the_agent(void **state)
{
    static const char *const bad[] = {"@example.com/", ".example.com/", ":80@example.com/", "x",
                                      "/x\r\n",        "/x y"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *url = NULL;
        struct error err = {0};

        if (credentials_container_url(bad[i], NULL, &url, &err) == 0)
            fail_msg("took %s", bad[i]);
        assert_int_equal(strncmp(err.text, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: ", 40), 0);
    }
}

static void a_fraction_and_unknown_members_are_fine(void **state)
{
    static const char body[] =
        "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\","
        "\"Token\":\"c\",\"Expiration\":\"2023-11-14T22:13:20.123456789Z\"}";
    CLEANUP(credentials_set_release) struct credentials_set set = {0};
    struct error err;

    (void)state;
    assert_int_equal(credentials_container_parse(body, strlen(body), &set, &err), 0);
    assert_string_equal(set.access_key_id, "A");
    assert_string_equal(set.secret_key, "b");
    assert_string_equal(set.session_token, "c");
    assert_int_equal(set.expires_us, 1700000000123456);
}

#define BODY(id, secret, token, expiration)                                                        \
    "{\"AccessKeyId\":" id ",\"SecretAccessKey\":" secret ",\"Token\":" token                      \
    ",\"Expiration\":" expiration "}"
#define TIME "\"2023-11-14T22:13:20Z\""

static void answers_that_are_no_credentials_are_named(void **state)
{
    static const struct {
        const char *body, *words;
    } rows[] = {
        {"", "expected a JSON object"},
        {"<html>SECRET</html>", "expected a JSON object"},
        {"[\"SECRET\"]", "expected a JSON object"},
        {"{\"AccessKeyId\":\"SECRET", "expected a JSON object"},
        {"{}", "AccessKeyId is missing"},
        {BODY("null", "\"SECRET\"", "\"SECRET\"", TIME), "AccessKeyId is missing"},
        {BODY("\"A\"", "\"\"", "\"SECRET\"", TIME), "SecretAccessKey is missing"},
        {BODY("\"A\"", "7", "\"SECRET\"", TIME), "SecretAccessKey is missing"},
        {BODY("\"A\"", "\"SECRET\"", "null", TIME), "Token is missing"},
        {BODY("\"A/SECRET\"", "\"s\"", "\"t\"", TIME), "AccessKeyId is malformed"},
        {BODY("\"A\"", "\"s\"", "\"SECRET\\r\\nX: y\"", TIME), "Token is malformed"},
        {BODY("\"A\"", "\"s\"", "\"SECRET\\u00e4\"", TIME), "Token is malformed"},
        {BODY("\"A\"", "\"s\"", "\"t\"", "null"), "Expiration"},
        {BODY("\"A\"", "\"s\"", "\"t\"", "1700000000"), "Expiration"},
        {BODY("\"A\"", "\"s\"", "\"t\"", "\"tomorrow\""), "Expiration"},
        {BODY("\"A\"", "\"s\"", "\"t\"", "\"1970-01-01T00:00:00Z\""), "Expiration"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct credentials_set set = {0};
        struct error err = {0};

        assert_int_equal(
            credentials_container_parse(rows[i].body, strlen(rows[i].body), &set, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (!strstr(err.text, rows[i].words))
            fail_msg("%s: %s", rows[i].body, err.text);
        assert_null(strstr(err.text, "SECRET"));
        assert_null(set.access_key_id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relative_uri_goes_to_the_agent_of_ecs_and_wins),
        cmocka_unit_test(full_uris_to_this_machine_or_by_https_are_taken),
        cmocka_unit_test(full_uris_to_other_machines_are_refused),
        cmocka_unit_test(a_relative_uri_cannot_leave_the_agent),
        cmocka_unit_test(a_fraction_and_unknown_members_are_fine),
        cmocka_unit_test(answers_that_are_no_credentials_are_named),
    };

    return cmocka_run_group_tests_name("credentials_container", tests, NULL, NULL);
}
