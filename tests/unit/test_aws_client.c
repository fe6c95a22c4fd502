/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/aws_client.h"
#include "aws/aws_error.h"
#include "aws/eks.h"
#include "base/mem.h"
#include "tests/unit/aws_cases.h"

#define MINUTE (60 * 1000000LL)
#define WALL 1440938160000000 /* 2015-08-30T12:36:00Z */
#define PATH                                                                                       \
    "/tags/arn%3Aaws%3Aeks%3Aus-west-2%3A111122223333%3Apodidentityassociation%2Fprod%2F"          \
    "a-abcdefghijklmnop1"

static const struct endpoint_settings no_settings;
static const struct arn_region west = {"us-west-2"};

struct setup {
    struct credentials credentials;
    struct aws_client client;
};

/* `from` must outlive the set-up. */
static void init_from(struct setup *setup, const struct credentials_environment *from,
                      const struct endpoint_settings *settings)
{
    struct error err;

    if (credentials_init(&setup->credentials, from, NULL, &err) < 0 ||
        aws_client_init(&setup->client, &west, settings, &setup->credentials, &err) < 0)
        fail_msg("%s", err.text);
}

static void init(struct setup *setup, const char *token, struct endpoint_settings settings)
{
    struct credentials_environment from = {
        .access_key_id = "AKIDEXAMPLE",
        .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        .session_token = token,
    };

    init_from(setup, &from, &settings);
}

static void release(struct setup *setup)
{
    aws_client_release(&setup->client);
    credentials_release(&setup->credentials);
}

/* The same calls as in tests/cases/sigv4/podbind-tag-arn and -untag-arn. */
static void make_tag_request(struct aws_request *request)
{
    const struct eks_tag tag = {"x", "y"};
    struct arn_association arn;
    struct error err;

    assert_int_equal(
        arn_association_parse("arn:aws:eks:us-west-2:111122223333:podidentityassociation/prod/"
                              "a-abcdefghijklmnop1",
                              &arn, &err),
        0);
    assert_int_equal(eks_tag(&arn, &tag, 1, request, &err), 0);
}

static void expect_signature(const struct aws_client_call *call, const char *signature)
{
    assert_int_equal(strncmp(call->http.headers[0], "Authorization: AWS4-HMAC-SHA256 ", 32), 0);
    assert_string_equal(strstr(call->http.headers[0], "Signature=") + 10, signature);
}

static void a_tag_call_leaves_as_botocore_would_send_it(void **state)
{
    CLEANUP(release) struct setup setup = {0};
    CLEANUP(aws_request_release) struct aws_request request = {0};
    CLEANUP(aws_client_call_release) struct aws_client_call call = {0};
    struct error err;

    (void)state;
    init(&setup, NULL, no_settings);
    make_tag_request(&request);
    assert_int_equal(aws_client_sign(&setup.client, &request, WALL, &call, &err), 0);
    assert_string_equal(call.http.method, "POST");
    assert_string_equal(call.http.url, "https://eks.us-west-2.amazonaws.com" PATH);
    assert_string_equal(call.http.headers[1], "X-Amz-Date: 20150830T123600Z");
    assert_string_equal(call.http.headers[2], "Content-Type: application/json");
    assert_null(call.http.headers[3]);
    assert_memory_equal(call.http.body, "{\"tags\":{\"x\":\"y\"}}", call.http.body_length);
    expect_signature(&call, "e8d407b49bff8c47466ddb38d6482b1ba3712dc3973e925616231a65ac6a6727");
}

static void an_untag_call_leaves_as_botocore_would_send_it(void **state)
{
    const struct eks_tag tags[] = {{"c/d", ""}, {"a b", ""}};
    CLEANUP(release) struct setup setup = {0};
    CLEANUP(aws_request_release) struct aws_request request = {0};
    CLEANUP(aws_client_call_release) struct aws_client_call call = {0};
    struct arn_association arn;
    struct error err;

    (void)state;
    init(&setup, NULL, no_settings);
    arn_association_parse("arn:aws:eks:us-west-2:111122223333:podidentityassociation/prod/"
                          "a-abcdefghijklmnop1",
                          &arn, &err);
    assert_int_equal(eks_untag(&arn, tags, 2, &request, &err), 0);
    assert_int_equal(aws_client_sign(&setup.client, &request, WALL, &call, &err), 0);
    assert_string_equal(call.http.method, "DELETE");
    assert_string_equal(call.http.url,
                        "https://eks.us-west-2.amazonaws.com" PATH "?tagKeys=c%2Fd&tagKeys=a%20b");
    assert_null(call.http.headers[2]);
    assert_int_equal(call.http.body_length, 0);
    expect_signature(&call, "9b64789782035f16c9ffcfe25ea71de506c8eda8aa7a9ed4eeffa0e322aeff85");
}

static void the_session_token_is_sent(void **state)
{
    CLEANUP(release) struct setup setup = {0};
    CLEANUP(aws_request_release) struct aws_request request = {0};
    CLEANUP(aws_client_call_release) struct aws_client_call call = {0};
    struct error err;

    (void)state;
    init(&setup, "tok/en+==", no_settings);
    eks_list_clusters("", &request);
    assert_int_equal(aws_client_sign(&setup.client, &request, WALL, &call, &err), 0);
    assert_string_equal(call.http.headers[2], "X-Amz-Security-Token: tok/en+==");
    assert_non_null(strstr(call.http.headers[0], "host;x-amz-date;x-amz-security-token"));
}

static void an_override_moves_the_call_with_its_base_path(void **state)
{
    const struct endpoint_settings settings = {
        .environment = {[ENDPOINT_SETTING_URL_EKS] = "http://127.0.0.1:4566/base/"}};
    CLEANUP(release) struct setup setup = {0};
    CLEANUP(aws_request_release) struct aws_request request = {0};
    CLEANUP(aws_client_call_release) struct aws_client_call call = {0};
    struct error err;

    (void)state;
    init(&setup, NULL, settings);
    eks_list_clusters("", &request);
    assert_int_equal(aws_client_sign(&setup.client, &request, WALL, &call, &err), 0);
    assert_string_equal(call.http.url, "http://127.0.0.1:4566/base/clusters?maxResults=100");
}

static void without_credentials_nothing_is_signed(void **state)
{
    const struct credentials_environment from = {.container_full_uri = "http://127.0.0.1:1/"};
    CLEANUP(release) struct setup setup = {0};
    CLEANUP(aws_request_release) struct aws_request request = {0};
    struct aws_client_call call = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(credentials_init(&setup.credentials, &from, NULL, &err), 0);
    assert_int_equal(aws_client_init(&setup.client, &west, &no_settings, &setup.credentials, &err),
                     0);
    eks_list_clusters("", &request);
    assert_int_equal(aws_client_sign(&setup.client, &request, WALL, &call, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_null(call.owned_url);
}

static void a_request_that_outgrew_its_caps_is_not_signed(void **state)
{
    CLEANUP(release) struct setup setup = {0};
    CLEANUP(aws_request_release) struct aws_request request = {0};
    struct aws_client_call call = {0};
    struct error err = {0};

    (void)state;
    init(&setup, NULL, no_settings);
    eks_list_clusters("", &request);
    for (int i = 0; i < 20000; i++)
        aws_request_query(&request, "k", "v");
    assert_int_equal(aws_client_sign(&setup.client, &request, WALL, &call, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void a_malformed_override_is_refused(void **state)
{
    const struct endpoint_settings settings = {
        .environment = {[ENDPOINT_SETTING_URL_STS] = "nonsense"}};
    struct aws_client client = {.clock_offset_us = {77}};
    struct error err = {0};

    (void)state;
    assert_int_equal(aws_client_init(&client, &west, &settings, NULL, &err), -1);
    assert_non_null(strstr(err.text, "AWS_ENDPOINT_URL_STS"));
    assert_int_equal(client.clock_offset_us[ENDPOINT_EKS], 77);
}

/* ---- learning ---- */

/* A service refuses a call that was signed for `signed_us`, at its time `date_us`. */
static struct error refused_late(struct aws_client *client, enum endpoint_service service,
                                 const char *name, int64_t signed_us, int64_t date_us)
{
    struct http_answer answer = {.status = 403, .date_us = date_us};
    struct error err;

    aws_error_set(&err, "AWS", 403, name, "Signature expired", false);
    bool mended = aws_client_learn(client, service, &answer, signed_us, WALL, &err);
    assert_string_equal(err.code, name);
    assert_int_equal(err.kind, mended ? ERROR_TRANSIENT : ERROR_DENIED);
    return err;
}

static struct error refused_by(struct aws_client *client, enum endpoint_service service,
                               const char *name, int64_t date_us)
{
    return refused_late(client, service, name, aws_client_time(client, service, WALL), date_us);
}

static struct error refused(struct aws_client *client, int64_t date_us)
{
    return refused_by(client, ENDPOINT_EKS, "InvalidSignatureException", date_us);
}

/* The date with which a call is signed at the time WALL. */
static void expect_date(struct aws_client *client, enum endpoint_service service, const char *date)
{
    CLEANUP(aws_request_release) struct aws_request request = {0};
    CLEANUP(aws_client_call_release) struct aws_client_call call = {0};
    struct error err;

    eks_list_clusters("", &request);
    request.service = service;
    assert_int_equal(aws_client_sign(client, &request, WALL, &call, &err), 0);
    assert_string_equal(call.http.headers[1] + strlen("X-Amz-Date: "), date);
}

static void a_skewed_clock_is_learned_and_signed_with(void **state)
{
    static const char *const names[] = {"InvalidSignatureException", "SignatureDoesNotMatch",
                                        "RequestExpired", "RequestTimeTooSkewed",
                                        "RequestInTheFuture"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CLEANUP(release) struct setup setup = {0};

        init(&setup, NULL, no_settings);
        expect_date(&setup.client, ENDPOINT_EKS, "20150830T123600Z");
        assert_int_equal(refused_by(&setup.client, ENDPOINT_EKS, names[i], WALL + 60 * MINUTE).kind,
                         ERROR_TRANSIENT);
        expect_date(&setup.client, ENDPOINT_EKS, "20150830T133600Z");
    }
}

static void calls_under_way_together_are_all_made_again(void **state)
{
    CLEANUP(release) struct setup setup = {0};

    (void)state;
    init(&setup, NULL, no_settings);
    for (int i = 0; i < 3; i++)
        assert_int_equal(refused_late(&setup.client, ENDPOINT_EKS, "InvalidSignatureException",
                                      WALL, WALL + 60 * MINUTE)
                             .kind,
                         ERROR_TRANSIENT);
    expect_date(&setup.client, ENDPOINT_EKS, "20150830T133600Z");
}

static void each_service_has_a_clock_of_its_own(void **state)
{
    CLEANUP(release) struct setup setup = {0};

    (void)state;
    init(&setup, NULL, no_settings);
    refused_by(&setup.client, ENDPOINT_IAM, "SignatureDoesNotMatch", WALL - 60 * MINUTE);
    expect_date(&setup.client, ENDPOINT_IAM, "20150830T113600Z");
    expect_date(&setup.client, ENDPOINT_EKS, "20150830T123600Z");
    expect_date(&setup.client, ENDPOINT_STS, "20150830T123600Z");
}

static void a_mended_clock_is_noticed(void **state)
{
    CLEANUP(release) struct setup setup = {0};

    (void)state;
    init(&setup, NULL, no_settings);
    refused(&setup.client, WALL + 60 * MINUTE);
    assert_int_equal(refused(&setup.client, WALL + MINUTE / 2).kind, ERROR_TRANSIENT);
    assert_int_equal(setup.client.clock_offset_us[ENDPOINT_EKS], 0);
    expect_date(&setup.client, ENDPOINT_EKS, "20150830T123600Z");
}

static void a_wrong_signature_at_the_right_time_stays_denied(void **state)
{
    CLEANUP(release) struct setup setup = {0};

    (void)state;
    init(&setup, NULL, no_settings);
    assert_int_equal(refused(&setup.client, WALL).kind, ERROR_DENIED);
    assert_int_equal(refused(&setup.client, 0).kind, ERROR_DENIED); /* no Date header */
    assert_int_equal(refused(&setup.client, WALL + MINUTE).kind, ERROR_DENIED);
    assert_int_equal(refused(&setup.client, WALL - 10 * MINUTE).kind, ERROR_TRANSIENT);
    assert_int_equal(refused(&setup.client, WALL - 10 * MINUTE).kind, ERROR_DENIED);
    assert_int_equal(setup.client.clock_offset_us[ENDPOINT_EKS], -10 * MINUTE);
}

static void another_refusal_teaches_no_time(void **state)
{
    CLEANUP(release) struct setup setup = {0};

    (void)state;
    init(&setup, NULL, no_settings);
    refused_by(&setup.client, ENDPOINT_EKS, "AccessDeniedException", WALL + 60 * MINUTE);
    assert_int_equal(setup.client.clock_offset_us[ENDPOINT_EKS], 0);
}

static void a_clock_far_off_is_said_and_not_followed(void **state)
{
    CLEANUP(release) struct setup setup = {0};
    struct error err;

    (void)state;
    init(&setup, NULL, no_settings);
    err = refused(&setup.client, WALL + 25 * 60 * MINUTE);
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_non_null(strstr(err.text, "clock is 25 hours behind AWS's"));
    err = refused(&setup.client, WALL - 25 * 60 * MINUTE);
    assert_non_null(strstr(err.text, "clock is 25 hours ahead of AWS's"));
    assert_int_equal(setup.client.clock_offset_us[ENDPOINT_EKS], 0);
}

/* By our clock they have run out; by AWS's, which says when they do, they have not. */
static void credentials_live_by_the_clock_of_aws(void **state)
{
    CLEANUP(release) struct setup setup = {0};
    CLEANUP(aws_request_release) struct aws_request request = {0};
    struct aws_client_call call = {0};
    struct error err = {0};

    (void)state;
    init(&setup, "token", no_settings);
    setup.credentials.set.expires_us = WALL - 30 * MINUTE;
    eks_list_clusters("", &request);
    assert_int_equal(aws_client_sign(&setup.client, &request, WALL, &call, &err), -1);
    refused(&setup.client, WALL - 60 * MINUTE);
    expect_date(&setup.client, ENDPOINT_EKS, "20150830T113600Z");
}

static void an_expired_token_is_dropped_where_another_can_be_had(void **state)
{
    const struct credentials_environment from = {.container_full_uri = "http://127.0.0.1:1/"};
    struct http_answer answer = {.status = 403, .date_us = WALL};
    CLEANUP(release) struct setup fixed = {0};
    CLEANUP(release) struct setup fetched = {0};
    struct error err;

    (void)state;
    init(&fixed, "token", no_settings);
    aws_error_set(&err, "EKS", 403, "ExpiredTokenException", "expired", false);
    aws_client_learn(&fixed.client, ENDPOINT_EKS, &answer, WALL, WALL, &err);
    assert_int_equal(err.kind, ERROR_DENIED);

    assert_int_equal(credentials_init(&fetched.credentials, &from, NULL, &err), 0);
    fetched.client.credentials = &fetched.credentials;
    aws_error_set(&err, "EKS", 403, "ExpiredTokenException", "expired", false);
    aws_client_learn(&fetched.client, ENDPOINT_EKS, &answer, WALL, WALL, &err);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_int_equal(credentials_need(&fetched.credentials, WALL), CREDENTIALS_NEEDED);
}

/* Until the source has given others, and for as long as it gives none that count. */
static void what_aws_said_of_dropped_credentials_is_told(void **state)
{
    const struct credentials_environment from = {.container_full_uri = "http://127.0.0.1:1/"};
    struct http_answer answer = {.status = 403, .date_us = WALL};
    CLEANUP(release) struct setup setup = {0};
    struct error err;

    (void)state;
    init_from(&setup, &from, &no_settings);
    aws_error_set(&err, "EKS", 403, "UnrecognizedClientException", "not known here", false);
    assert_true(aws_client_learn(&setup.client, ENDPOINT_EKS, &answer, WALL, WALL, &err));
    assert_null(credentials_current(&setup.credentials, WALL, &err));
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_string_equal(err.text, "AWS credentials from container endpoint: EKS answered 403 "
                                  "UnrecognizedClientException: not known here");
}

static void write_keys(const char *path, const char *secret)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "[default]\naws_access_key_id = AKID\naws_secret_access_key = %s\n", secret);
    fclose(file);
}

/* A wrong secret shows as a wrong signature, and is mended in the file. */
static void the_keys_of_a_file_are_read_again_after_a_wrong_signature(void **state)
{
    char path[] = "/tmp/podbind-keys-XXXXXX";
    const struct credentials_environment from = {.profile.credentials_file = path};
    CLEANUP(credentials_fetch_release) struct credentials_fetch fetch = {.owned_url = NULL};
    CLEANUP(release) struct setup setup = {0};
    struct error err;

    (void)state;
    close(mkstemp(path));
    write_keys(path, "mistyped");
    init_from(&setup, &from, &no_settings);
    refused_by(&setup.client, ENDPOINT_IAM, "SignatureDoesNotMatch", WALL);
    assert_non_null(credentials_current(&setup.credentials, WALL, &err)); /* EKS may take them */
    assert_int_equal(refused(&setup.client, WALL).kind, ERROR_TRANSIENT);
    assert_null(credentials_current(&setup.credentials, WALL, &err));
    assert_non_null(strstr(err.text, "InvalidSignatureException"));
    write_keys(path, "right");
    assert_int_equal(credentials_request(&setup.credentials, WALL + MINUTE, &fetch, &err), 0);
    assert_string_equal(credentials_current(&setup.credentials, WALL + MINUTE, &err)->secret_key,
                        "right");
    unlink(path);
}

static void a_wrong_signature_is_not_the_fault_of_a_secret_that_was_fetched(void **state)
{
    const struct credentials_environment from = {.container_full_uri = "http://127.0.0.1:1/"};
    CLEANUP(release) struct setup setup = {0};

    (void)state;
    init_from(&setup, &from, &no_settings);
    assert_int_equal(refused(&setup.client, WALL).kind, ERROR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_call_leaves_as_botocore_would_send_it),
        cmocka_unit_test(an_untag_call_leaves_as_botocore_would_send_it),
        cmocka_unit_test(the_session_token_is_sent),
        cmocka_unit_test(an_override_moves_the_call_with_its_base_path),
        cmocka_unit_test(without_credentials_nothing_is_signed),
        cmocka_unit_test(a_request_that_outgrew_its_caps_is_not_signed),
        cmocka_unit_test(a_malformed_override_is_refused),
        cmocka_unit_test(a_skewed_clock_is_learned_and_signed_with),
        cmocka_unit_test(calls_under_way_together_are_all_made_again),
        cmocka_unit_test(each_service_has_a_clock_of_its_own),
        cmocka_unit_test(a_mended_clock_is_noticed),
        cmocka_unit_test(another_refusal_teaches_no_time),
        cmocka_unit_test(credentials_live_by_the_clock_of_aws),
        cmocka_unit_test(a_wrong_signature_at_the_right_time_stays_denied),
        cmocka_unit_test(a_clock_far_off_is_said_and_not_followed),
        cmocka_unit_test(an_expired_token_is_dropped_where_another_can_be_had),
        cmocka_unit_test(what_aws_said_of_dropped_credentials_is_told),
        cmocka_unit_test(the_keys_of_a_file_are_read_again_after_a_wrong_signature),
        cmocka_unit_test(a_wrong_signature_is_not_the_fault_of_a_secret_that_was_fetched),
    };

    return cmocka_run_group_tests_name("aws_client", tests, NULL, NULL);
}
