/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "base/mem.h"
#include "tests/unit/aws_cases.h"

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)
#define NOW 1700000000000000LL /* 2023-11-14T22:13:20Z */
#define AGENT "http://169.254.170.23/v1/credentials"
#define ANSWER(expiration)                                                                         \
    "{\"AccessKeyId\":\"AKID1\",\"SecretAccessKey\":\"HIDDEN+/=\",\"Token\":\"HUSH/+=\","          \
    "\"AccountId\":\"111122223333\",\"Expiration\":\"" expiration "\"}"
#define IN_SIX_HOURS "2023-11-15T04:13:20Z"
#define SIX_HOURS (360 * MINUTE)

static const struct credentials_environment agent = {.container_full_uri = AGENT};
static const struct error refusal = {.kind = ERROR_DENIED, .text = "EKS answered 403"};

/* Asserts that a failure tells these words and no secret. */
static void check_error(const struct error *err, enum error_kind kind, const char *words)
{
    if (err->kind != kind || !strstr(err->text, words))
        fail_msg("%s: %s; expected %s: %s", error_kind_name(err->kind), err->text,
                 error_kind_name(kind), words);
    assert_null(strstr(err->text, "HIDDEN"));
    assert_null(strstr(err->text, "HUSH"));
}

static void init(struct credentials *credentials, const struct credentials_environment *from)
{
    struct error err;

    if (credentials_init(credentials, from, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static int answer(struct credentials *credentials, int status, const char *body, int64_t now,
                  struct error *err)
{
    struct http_answer given = aws_cases_answer(status, body);
    int result = credentials_answer(credentials, &given, now, err);

    for (size_t i = 0; i < given.body.capacity; i++)
        assert_int_equal(given.body.text[i], 0); /* wiped */
    aws_cases_release(&given);
    return result;
}

static void request(struct credentials *credentials, int64_t now)
{
    CLEANUP(credentials_fetch_release) struct credentials_fetch fetch = {0};
    struct error err;

    if (credentials_request(credentials, now, &fetch, &err) < 0)
        fail_msg("%s", err.text);
}

static void fetch(struct credentials *credentials, const char *body, int64_t now)
{
    struct error err;

    request(credentials, now);
    if (answer(credentials, 200, body, now, &err) < 0)
        fail_msg("%s", err.text);
}

/* ---- environment variables ---- */

static void variables_are_used_as_they_are_and_never_fetched(void **state)
{
    struct credentials_environment from = agent;
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err;

    (void)state;
    from.access_key_id = "AKIDEXAMPLE";
    from.secret_access_key = "HIDDEN";
    init(&credentials, &from);
    assert_string_equal(credentials_source_name(&credentials), "environment variables");
    assert_int_equal(credentials_need(&credentials, NOW), CREDENTIALS_FRESH);
    assert_false(credentials_fetch_due(&credentials, NOW));
    const struct sigv4_credentials *current = credentials_current(&credentials, NOW, &err);
    assert_string_equal(current->access_key_id, "AKIDEXAMPLE");
    assert_string_equal(current->secret_key, "HIDDEN");
    assert_string_equal(current->session_token, "");
    assert_false(credentials_reject(&credentials, NOW, &refusal));
    assert_non_null(credentials_current(&credentials, NOW, &err));
}

static void half_set_variables_are_an_error_and_not_passed_over(void **state)
{
    static const struct {
        const char *id, *secret, *token, *words;
    } rows[] = {
        {"AKID", NULL, NULL, "AWS_SECRET_ACCESS_KEY is missing or empty"},
        {"AKID", "", NULL, "AWS_SECRET_ACCESS_KEY is missing or empty"},
        {"AKID", "HIDDEN\n", NULL, "AWS_SECRET_ACCESS_KEY is malformed"},
        {"AK/ID", "HIDDEN", NULL, "AWS_ACCESS_KEY_ID is malformed"},
        {"AK\r\nX: y", "HIDDEN", NULL, "AWS_ACCESS_KEY_ID is malformed"},
        {"AKID", "HIDDEN", "HUSH\r\nX: y", "AWS_SESSION_TOKEN is malformed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct credentials_environment from = agent;
        CLEANUP(credentials_release) struct credentials credentials;
        struct error err = {0}, again = {0};

        from.access_key_id = rows[i].id;
        from.secret_access_key = rows[i].secret;
        from.session_token = rows[i].token;
        assert_int_equal(credentials_init(&credentials, &from, NULL, &err), -1);
        check_error(&err, ERROR_INVALID, rows[i].words);
        assert_false(credentials_fetch_due(&credentials, NOW));
        assert_null(credentials_current(&credentials, NOW, &again));
        assert_string_equal(again.text, err.text);
    }
}

static void without_any_source_the_error_says_what_to_set(void **state)
{
    struct credentials_environment from = {
        .secret_access_key = "HIDDEN", .access_key_id = "", .imds.disabled = "true"};
    CLEANUP(credentials_release) struct credentials credentials;
    CLEANUP(credentials_fetch_release) struct credentials_fetch made = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(credentials_init(&credentials, &from, NULL, &err), -1);
    check_error(&err, ERROR_DENIED, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    assert_string_equal(credentials_source_name(&credentials), "none");
    assert_int_equal(credentials_need(&credentials, NOW), CREDENTIALS_NEEDED);
    assert_null(credentials_current(&credentials, NOW, &err));
    check_error(&err, ERROR_DENIED, "no AWS credentials");
    assert_int_equal(credentials_request(&credentials, NOW, &made, &err), -1);
    check_error(&err, ERROR_DENIED, "no AWS credentials");
    assert_false(credentials_fetch_due(&credentials, NOW));
}

/* ---- the state machine ---- */

static void nothing_signs_before_the_first_answer(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    assert_int_equal(credentials_need(&credentials, NOW), CREDENTIALS_NEEDED);
    assert_null(credentials_current(&credentials, NOW, &err));
    check_error(&err, ERROR_TRANSIENT, "waiting for AWS credentials from container endpoint");
    assert_true(credentials_fetch_due(&credentials, NOW));
    request(&credentials, NOW);
    assert_false(credentials_fetch_due(&credentials, NOW));
    assert_int_equal(answer(&credentials, 200, ANSWER(IN_SIX_HOURS), NOW, &err), 0);
    const struct sigv4_credentials *current = credentials_current(&credentials, NOW, &err);
    assert_string_equal(current->access_key_id, "AKID1");
    assert_string_equal(current->secret_key, "HIDDEN+/=");
    assert_string_equal(current->session_token, "HUSH/+=");
    assert_false(credentials_fetch_due(&credentials, NOW));
}

static void a_second_request_while_one_is_under_way_is_a_bug(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;
    CLEANUP(credentials_fetch_release) struct credentials_fetch second = {0};
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    request(&credentials, NOW);
    assert_int_equal(credentials_request(&credentials, NOW, &second, &err), -1);
    assert_int_equal(err.kind, ERROR_BUG);
}

static void credentials_are_renewed_before_they_expire(void **state)
{
    static const struct {
        int64_t before_expiry;
        enum credentials_need need;
    } rows[] = {
        {SIX_HOURS, CREDENTIALS_FRESH},   {15 * MINUTE + 1, CREDENTIALS_FRESH},
        {15 * MINUTE, CREDENTIALS_SOON},  {MINUTE + 1, CREDENTIALS_SOON},
        {MINUTE, CREDENTIALS_NEEDED},     {0, CREDENTIALS_NEEDED},
        {-SIX_HOURS, CREDENTIALS_NEEDED},
    };
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    fetch(&credentials, ANSWER(IN_SIX_HOURS), NOW);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t now = NOW + SIX_HOURS - rows[i].before_expiry;
        bool usable = rows[i].need != CREDENTIALS_NEEDED;

        assert_int_equal(credentials_need(&credentials, now), rows[i].need);
        assert_int_equal(credentials_current(&credentials, now, &err) != NULL, usable);
        assert_int_equal(credentials_fetch_due(&credentials, now),
                         rows[i].need != CREDENTIALS_FRESH);
    }
}

static void a_failed_renewal_costs_nothing_while_the_old_ones_last(void **state)
{
    int64_t soon = NOW + SIX_HOURS - 10 * MINUTE, late = NOW + SIX_HOURS;
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    fetch(&credentials, ANSWER(IN_SIX_HOURS), NOW);
    request(&credentials, soon);
    assert_int_equal(answer(&credentials, 500, "HUSH", soon, &err), -1);
    check_error(&err, ERROR_TRANSIENT, "AWS credentials from container endpoint: answered 500");
    assert_non_null(credentials_current(&credentials, soon, &err));
    assert_null(credentials_current(&credentials, late, &err));
    check_error(&err, ERROR_TRANSIENT, "answered 500");
}

static void failed_fetches_are_spaced_and_bounded(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;
    int64_t now = NOW, longest = 0;
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    for (int i = 0; i < 20; i++) {
        int64_t failed_at = now;

        request(&credentials, now);
        assert_int_equal(answer(&credentials, 403, "", now, &err), -1);
        while (!credentials_fetch_due(&credentials, now))
            now += SECOND / 10;
        assert_true(now - failed_at >= SECOND / 2);
        longest = now - failed_at > longest ? now - failed_at : longest;
    }
    assert_in_range(longest, 15 * SECOND, 31 * SECOND);
}

static void short_lived_credentials_are_asked_for_once_a_minute(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    init(&credentials, &agent);
    fetch(&credentials, ANSWER("2023-11-14T22:20:00Z"), NOW);
    assert_int_equal(credentials_need(&credentials, NOW), CREDENTIALS_SOON);
    assert_false(credentials_fetch_due(&credentials, NOW + MINUTE - 1));
    assert_true(credentials_fetch_due(&credentials, NOW + MINUTE));
}

static void a_clock_set_back_does_not_stop_the_fetching(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    request(&credentials, NOW);
    assert_int_equal(answer(&credentials, 500, "", NOW, &err), -1);
    assert_false(credentials_fetch_due(&credentials, NOW));
    assert_true(credentials_fetch_due(&credentials, NOW - 60 * MINUTE));
}

static void expired_credentials_from_the_source_are_refused(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    request(&credentials, NOW);
    assert_int_equal(answer(&credentials, 200, ANSWER("2023-11-14T22:14:20Z"), NOW, &err), -1);
    check_error(&err, ERROR_TRANSIENT, "about to expire, or have just expired, by the clock here");
    assert_null(credentials_current(&credentials, NOW, &err));
}

static void rejected_credentials_are_dropped_and_fetched_again(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    fetch(&credentials, ANSWER(IN_SIX_HOURS), NOW);
    assert_true(credentials_reject(&credentials, NOW, &refusal));
    assert_null(credentials_current(&credentials, NOW, &err));
    assert_false(credentials_fetch_due(&credentials, NOW));
    assert_true(credentials_fetch_due(&credentials, NOW + SECOND));
    fetch(&credentials, ANSWER(IN_SIX_HOURS), NOW + SECOND);
    assert_non_null(credentials_current(&credentials, NOW + SECOND, &err));
}

/* A source that keeps handing out the same expired set must not be asked in a tight circle. */
static void rejections_in_a_row_are_spaced_ever_wider(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;
    int64_t now = NOW, wait = 0;

    (void)state;
    init(&credentials, &agent);
    fetch(&credentials, ANSWER(IN_SIX_HOURS), now);
    for (int i = 0; i < 10; i++) {
        int64_t rejected_at = now;

        for (int under_way = 0; under_way < 32; under_way++)
            assert_true(credentials_reject(&credentials, now, &refusal));
        while (!credentials_fetch_due(&credentials, now))
            now += SECOND / 10;
        wait = now - rejected_at;
        assert_true(wait >= SECOND / 2 && wait <= (SECOND << (i < 5 ? i : 5)) + SECOND / 10);
        fetch(&credentials, ANSWER(IN_SIX_HOURS), now);
    }
    assert_true(wait >= 15 * SECOND);
}

static void a_lost_answer_is_a_failure_like_any_other(void **state)
{
    CLEANUP(credentials_release) struct credentials credentials;
    struct http_answer lost = {.status = 0};
    struct error err = {0};

    (void)state;
    init(&credentials, &agent);
    request(&credentials, NOW);
    error_set(&lost.error, ERROR_UNKNOWN, "timed out");
    assert_int_equal(credentials_answer(&credentials, &lost, NOW, &err), -1);
    check_error(&err, ERROR_TRANSIENT, "container endpoint: timed out");
    assert_false(credentials_fetch_due(&credentials, NOW));
    assert_true(credentials_fetch_due(&credentials, NOW + 2 * SECOND));
}

/* ---- the request ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_token(struct credentials *credentials, int64_t now, const char *header)
{
    CLEANUP(credentials_fetch_release) struct credentials_fetch made = {0};
    struct error err;

    if (credentials_request(credentials, now, &made, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(made.http.method, "GET");
    assert_string_equal(made.http.url, AGENT);
    assert_string_equal(made.http.headers[0], "Accept: application/json");
    assert_string_equal(made.http.headers[1], header);
    assert_null(made.http.headers[2]);
    assert_int_equal(made.http.answer_cap, 65536);
    assert_int_equal(made.http.deadline_ms, 2000);
}

static void the_token_file_is_read_anew_for_each_request(void **state)
{
    char path[] = "/tmp/podbind-token-XXXXXX";
    struct credentials_environment from = agent;
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err;

    (void)state;
    close(mkstemp(path));
    from.container_token_file = path;
    from.container_token = "ignored";
    init(&credentials, &from);
    write_file(path, "first.jwt\n");
    expect_token(&credentials, NOW, "Authorization: first.jwt");
    assert_int_equal(answer(&credentials, 500, "", NOW, &err), -1);
    write_file(path, "second.jwt");
    expect_token(&credentials, NOW + MINUTE, "Authorization: second.jwt");
    unlink(path);
}

static void a_token_from_the_variable_is_sent_as_it_is(void **state)
{
    struct credentials_environment from = agent;
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    from.container_token = "Basic-abc";
    init(&credentials, &from);
    expect_token(&credentials, NOW, "Authorization: Basic-abc");
}

/* Asks with this token file; expects to be refused. */
static void expect_bad_token(const char *path, const char *words)
{
    struct credentials_environment from = agent;
    CLEANUP(credentials_release) struct credentials credentials;
    CLEANUP(credentials_fetch_release) struct credentials_fetch made = {0};
    struct error err = {0};

    from.container_token_file = path;
    init(&credentials, &from);
    assert_int_equal(credentials_request(&credentials, NOW, &made, &err), -1);
    check_error(&err, ERROR_TRANSIENT, words);
    assert_null(made.http.url);
    assert_false(credentials_fetch_due(&credentials, NOW));
    assert_true(credentials_fetch_due(&credentials, NOW + 2 * SECOND));
}

static void token_files_that_cannot_be_sent(void **state)
{
    char path[] = "/tmp/podbind-token-XXXXXX", huge[20000];

    (void)state;
    close(mkstemp(path));
    expect_bad_token(path, "it is empty");
    write_file(path, " \n\n");
    expect_bad_token(path, "it is empty");
    write_file(path, "HUSH\r\nX-Evil: yes");
    expect_bad_token(path, "line breaks");
    write_file(path, "HUSH HUSH");
    expect_bad_token(path, "without spaces");
    write_file(path, "HUSH\x7F");
    expect_bad_token(path, "printable");
    memset(huge, 'T', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    write_file(path, huge);
    expect_bad_token(path, "at most 16384 bytes");
    unlink(path);
    expect_bad_token(path, "No such file");
    expect_bad_token("/tmp", "expected a regular file");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_bad_token(path, "expected a regular file"); /* and does not wait for a writer */
    unlink(path);
}

static void a_token_with_a_nul_byte_is_refused(void **state)
{
    char path[] = "/tmp/podbind-token-XXXXXX";
    FILE *file;

    (void)state;
    close(mkstemp(path));
    file = fopen(path, "w");
    assert_non_null(file);
    fwrite("HU\0SH", 1, 5, file);
    fclose(file);
    expect_bad_token(path, "expected printable characters");
    unlink(path);
}

static void no_proxy_is_ever_used(void **state)
{
    struct http_settings settings;

    (void)state;
    credentials_peer(&settings);
    assert_string_equal(settings.proxy, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_used_as_they_are_and_never_fetched),
        cmocka_unit_test(half_set_variables_are_an_error_and_not_passed_over),
        cmocka_unit_test(without_any_source_the_error_says_what_to_set),
        cmocka_unit_test(nothing_signs_before_the_first_answer),
        cmocka_unit_test(a_second_request_while_one_is_under_way_is_a_bug),
        cmocka_unit_test(credentials_are_renewed_before_they_expire),
        cmocka_unit_test(a_failed_renewal_costs_nothing_while_the_old_ones_last),
        cmocka_unit_test(failed_fetches_are_spaced_and_bounded),
        cmocka_unit_test(short_lived_credentials_are_asked_for_once_a_minute),
        cmocka_unit_test(a_clock_set_back_does_not_stop_the_fetching),
        cmocka_unit_test(expired_credentials_from_the_source_are_refused),
        cmocka_unit_test(rejected_credentials_are_dropped_and_fetched_again),
        cmocka_unit_test(rejections_in_a_row_are_spaced_ever_wider),
        cmocka_unit_test(a_lost_answer_is_a_failure_like_any_other),
        cmocka_unit_test(the_token_file_is_read_anew_for_each_request),
        cmocka_unit_test(a_token_from_the_variable_is_sent_as_it_is),
        cmocka_unit_test(token_files_that_cannot_be_sent),
        cmocka_unit_test(a_token_with_a_nul_byte_is_refused),
        cmocka_unit_test(no_proxy_is_ever_used),
    };

    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
