/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/endpoint_table.h"
#include "base/mem.h"
#include "tests/unit/aws_cases.h"

static struct arn_region region_of(const char *text)
{
    struct arn_region region;
    struct error err;

    assert_int_equal(arn_region_parse(text, &region, &err), 0);
    return region;
}

static struct endpoint resolve(enum endpoint_service service, const char *region,
                               struct endpoint_settings settings)
{
    struct arn_region parsed = region_of(region);
    struct endpoint endpoint;
    struct error err;

    if (endpoint_resolve(service, &parsed, &settings, &endpoint, &err) < 0)
        fail_msg("%s", err.text);
    return endpoint;
}

/* ---- botocore's own answers ---- */

/* A row of rows.tsv, cut in place. */
struct row {
    char *service, *region, *flags, *override, *url, *signing_region;
};

/* Cuts the text up to `end` off the front of *text. */
static char *next(char **text, char end)
{
    const char ends[] = {end, '\0'};
    char *start = *text;
    size_t length = strcspn(start, ends);

    if (start[length] != end)
        fail_msg("a line of rows.tsv is cut: %s", start);
    start[length] = '\0';
    *text = start + length + 1;
    return start;
}

static struct row next_row(char **text)
{
    struct row row;

    row.service = next(text, '\t');
    row.region = next(text, '\t');
    row.flags = next(text, '\t');
    row.override = next(text, '\t');
    row.url = next(text, '\t');
    row.signing_region = next(text, '\n');
    return row;
}

static enum endpoint_service service_of(const char *name)
{
    enum endpoint_service service = ENDPOINT_EKS;

    while (strcmp(endpoint_service_name(service), name) != 0)
        if (++service == ENDPOINT_SERVICE_COUNT)
            fail_msg("no service %s", name);
    return service;
}

static struct endpoint_settings settings_of(const struct row *row)
{
    struct endpoint_settings settings = {.environment = {NULL}};
    const char **environment = settings.environment;

    if (strstr(row->flags, "fips"))
        environment[ENDPOINT_SETTING_FIPS] = "true";
    if (strstr(row->flags, "dual-stack"))
        environment[ENDPOINT_SETTING_DUAL_STACK] = "true";
    if (strstr(row->flags, "legacy"))
        environment[ENDPOINT_SETTING_STS_REGIONAL] = "legacy";
    if (strcmp(row->override, "-") != 0)
        environment[ENDPOINT_SETTING_URL] = row->override;
    return settings;
}

static void check_row(const struct row *row)
{
    struct endpoint_settings settings = settings_of(row);
    struct arn_region region = region_of(row->region);
    struct endpoint endpoint = {.host = ""};
    struct error err = {0};
    bool refused =
        endpoint_resolve(service_of(row->service), &region, &settings, &endpoint, &err) < 0;

    if (refused != (strncmp(row->url, "error: ", 7) == 0))
        fail_msg("%s %s %s %s: %s", row->service, row->region, row->flags, row->override,
                 refused ? err.text : endpoint.origin);
    if (refused) {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, strstr(row->url, "FIPS") ? "AWS_USE_FIPS_ENDPOINT"
                                                                  : "AWS_USE_DUALSTACK_ENDPOINT"));
        assert_non_null(strstr(err.text, "AWS_ENDPOINT_URL"));
        return;
    }
    assert_string_equal(endpoint.origin, row->url);
    if (strcmp(row->signing_region, "-") != 0)
        assert_string_equal(endpoint.signing_region.text, row->signing_region);
}

static void every_row_is_what_botocore_computes(void **state)
{
    CLEANUP_FREE char *text = aws_cases_read("tests/cases/endpoint", "rows.tsv", NULL);
    char *rest = text;
    size_t count = 0, refusals = 0;

    (void)state;
    assert_non_null(text);
    assert_int_equal(next(&rest, '\n')[0], '#');
    for (; *rest; count++) {
        struct row row = next_row(&rest);

        check_row(&row);
        refusals += row.url[0] == 'e';
    }
    assert_true(count >= 200);
    assert_true(refusals > 0);
}

static void each_partition_has_its_name(void **state)
{
    static const char *const rows[][2] = {
        {"us-west-2", "aws"},
        {"us-future-9", "aws"},
        {"cn-northwest-1", "aws-cn"},
        {"us-gov-east-1", "aws-us-gov"},
        {"us-iso-west-1", "aws-iso"},
        {"us-isob-east-1", "aws-iso-b"},
        {"eu-isoe-west-1", "aws-iso-e"},
        {"us-isof-south-1", "aws-iso-f"},
        {"eusc-de-east-1", "aws-eusc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arn_region region = region_of(rows[i][0]);

        assert_string_equal(endpoint_table_partition(&region), rows[i][1]);
    }
}

/* ---- what was said ---- */

/* Each place is asked only when the ones before it are silent. */
static void the_narrower_override_wins(void **state)
{
    struct endpoint_settings settings = {
        .environment = {[ENDPOINT_SETTING_URL_EKS] = "http://one.example:8080",
                        [ENDPOINT_SETTING_URL] = "https://two.example/aws/"},
        .profile = {[ENDPOINT_SETTING_URL_EKS] = "https://three.example",
                    [ENDPOINT_SETTING_URL] = "https://four.example"},
    };
    struct endpoint eks;

    (void)state;
    eks = resolve(ENDPOINT_EKS, "us-west-2", settings);
    assert_string_equal(eks.origin, "http://one.example:8080");
    assert_string_equal(eks.host, "one.example:8080");
    assert_string_equal(eks.path, "");
    assert_true(eks.overridden);
    settings.environment[ENDPOINT_SETTING_URL_EKS] = "";
    eks = resolve(ENDPOINT_EKS, "us-west-2", settings);
    assert_string_equal(eks.origin, "https://two.example");
    assert_string_equal(eks.path, "/aws");
    settings.environment[ENDPOINT_SETTING_URL] = NULL;
    assert_string_equal(resolve(ENDPOINT_EKS, "us-west-2", settings).host, "three.example");
    settings.profile[ENDPOINT_SETTING_URL_EKS] = NULL;
    assert_string_equal(resolve(ENDPOINT_EKS, "us-west-2", settings).host, "four.example");
    settings.profile[ENDPOINT_SETTING_URL] = "";
    assert_false(resolve(ENDPOINT_EKS, "us-west-2", settings).overridden);
}

static void an_override_is_signed_for_as_the_service_is(void **state)
{
    const struct endpoint_settings settings = {
        .environment = {[ENDPOINT_SETTING_URL] = "https://two.example"}};

    (void)state;
    assert_string_equal(resolve(ENDPOINT_IAM, "us-west-2", settings).signing_region.text,
                        "us-east-1");
    assert_string_equal(resolve(ENDPOINT_IAM, "cn-northwest-1", settings).signing_region.text,
                        "cn-north-1");
    assert_string_equal(resolve(ENDPOINT_STS, "us-west-2", settings).signing_region.text,
                        "us-west-2");
}

static void overrides_can_be_switched_off(void **state)
{
    struct endpoint_settings settings = {
        .environment = {[ENDPOINT_SETTING_URL_EKS] = "http://one.example",
                        [ENDPOINT_SETTING_IGNORE_URLS] = "True"},
        .profile = {[ENDPOINT_SETTING_URL] = "https://four.example"},
    };

    (void)state;
    assert_string_equal(resolve(ENDPOINT_EKS, "us-west-2", settings).host,
                        "eks.us-west-2.amazonaws.com");
    settings.environment[ENDPOINT_SETTING_IGNORE_URLS] = "false";
    assert_true(resolve(ENDPOINT_EKS, "us-west-2", settings).overridden);
    settings.environment[ENDPOINT_SETTING_IGNORE_URLS] = "";
    settings.profile[ENDPOINT_SETTING_IGNORE_URLS] = "true";
    assert_false(resolve(ENDPOINT_EKS, "us-west-2", settings).overridden);
}

static void the_environment_counts_before_the_profile(void **state)
{
    struct endpoint_settings settings = {
        .environment = {[ENDPOINT_SETTING_FIPS] = "false"},
        .profile = {[ENDPOINT_SETTING_FIPS] = "true", [ENDPOINT_SETTING_DUAL_STACK] = "TRUE"},
    };

    (void)state;
    assert_string_equal(resolve(ENDPOINT_EKS, "us-west-2", settings).host, "eks.us-west-2.api.aws");
    settings.environment[ENDPOINT_SETTING_FIPS] = NULL;
    assert_string_equal(resolve(ENDPOINT_EKS, "us-west-2", settings).host,
                        "eks-fips.us-west-2.api.aws");
}

static void expect_refusal(enum endpoint_service service, const struct endpoint_settings *settings,
                           const char *text)
{
    struct arn_region region = region_of("us-west-2");
    struct endpoint endpoint = {.host = "untouched"};
    struct error err = {0};

    assert_int_equal(endpoint_resolve(service, &region, settings, &endpoint, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.text, text);
    assert_string_equal(endpoint.host, "untouched");
}

/* Whoever asks for FIPS in a way we don't understand must not get an address without it. */
static void a_switch_that_is_no_word_we_know_is_refused(void **state)
{
    struct endpoint_settings settings = {.environment = {[ENDPOINT_SETTING_FIPS] = "1"}};

    (void)state;
    expect_refusal(ENDPOINT_EKS, &settings, "AWS_USE_FIPS_ENDPOINT: expected true or false");
    settings = (struct endpoint_settings){.profile = {[ENDPOINT_SETTING_DUAL_STACK] = "yes"}};
    expect_refusal(ENDPOINT_EKS, &settings,
                   "the profile's use_dualstack_endpoint: expected true or false");
    settings = (struct endpoint_settings){.environment = {[ENDPOINT_SETTING_IGNORE_URLS] = "on"}};
    expect_refusal(ENDPOINT_EKS, &settings,
                   "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: expected true or false");
    settings =
        (struct endpoint_settings){.environment = {[ENDPOINT_SETTING_STS_REGIONAL] = "global"}};
    expect_refusal(ENDPOINT_STS, &settings,
                   "AWS_STS_REGIONAL_ENDPOINTS: expected regional or legacy");
}

static void a_given_address_cannot_be_had_as_fips(void **state)
{
    struct endpoint_settings settings = {
        .environment = {[ENDPOINT_SETTING_URL_EKS] = "http://one.example"},
        .profile = {[ENDPOINT_SETTING_FIPS] = "true"}};

    (void)state;
    expect_refusal(ENDPOINT_EKS, &settings,
                   "the profile's use_fips_endpoint asks for FIPS endpoints, but "
                   "AWS_ENDPOINT_URL_EKS gives an address of its own: unset one of them");
    assert_string_equal(resolve(ENDPOINT_STS, "us-west-2", settings).host,
                        "sts-fips.us-west-2.amazonaws.com");
}

/* The signature covers the Host header, which libcurl writes by these rules. */
static void the_host_has_a_port_unless_it_is_the_default(void **state)
{
    static const struct {
        const char *url, *host;
    } rows[] = {
        {"http://a.example:80", "a.example"},     {"https://a.example:443", "a.example"},
        {"https://a.example:80", "a.example:80"}, {"HTTPS://A.Example", "a.example"},
        {"http://[::1]:4566/", "[::1]:4566"},     {"http://[FD00:ec2::23]", "[fd00:ec2::23]"},
        {"http://localhost:1/x", "localhost:1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(resolve(ENDPOINT_EKS, "us-west-2",
                                    (struct endpoint_settings){
                                        .environment = {[ENDPOINT_SETTING_URL_EKS] = rows[i].url}})
                                .host,
                            rows[i].host);
}

static void a_malformed_override_names_its_variable(void **state)
{
    static const struct {
        const char *url, *words;
    } rows[] = {
        {"127.0.0.1:8080", "http:// or https://"},
        {"ftp://a.example", "http:// or https://"},
        {"https://", "a host name"},
        {"https:///x", "a host name"},
        {"https://a..b", "a host name"},
        {"https://[::1", "in brackets"},
        {"https://[::1%25eth0]", "in brackets"},
        {"https://::1", "a host name"},
        {"https://a.example:", "a port"},
        {"https://a.example:0", "a port"},
        {"https://a.example:65536", "a port"},
        {"https://a.example:8x", "a port"},
        {"https://[::1]x", "a port"},
        {"https://user:secret@a.example", "no user name"},
        {"https://a.example/#x", "printable"},
        {"https://a.example\\@b.example/", "printable"},
        {"https://a.example /", "printable"},
        {"https://a.example/\r\nX: y", "printable"},
        {"https://a.example/\xC3\xA4", "printable"},
        {"https://a.example/?x=y", "no query"},
        {"https://a.example?x=y", "begins with /"},
    };
    struct arn_region region = region_of("us-west-2");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct endpoint_settings settings = {
            .environment = {[ENDPOINT_SETTING_URL_IAM] = rows[i].url}};
        struct endpoint endpoint = {.host = "untouched"};
        struct error err = {0};

        assert_int_equal(endpoint_resolve(ENDPOINT_IAM, &region, &settings, &endpoint, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_int_equal(strncmp(err.text, "AWS_ENDPOINT_URL_IAM: ", 22), 0);
        if (!strstr(err.text, rows[i].words))
            fail_msg("%s: %s", rows[i].url, err.text);
        assert_null(strstr(err.text, "secret"));
        assert_string_equal(endpoint.host, "untouched");
    }
}

static void a_url_that_is_too_long_is_refused(void **state)
{
    char host[400], path[700];
    struct endpoint_url url;
    struct error err;

    (void)state;
    snprintf(host, sizeof host, "https://%0256d/", 7);
    assert_int_equal(endpoint_url_parse(host, &url, &err), -1);
    snprintf(host, sizeof host, "https://%0255d/", 7);
    assert_int_equal(endpoint_url_parse(host, &url, &err), 0);
    snprintf(path, sizeof path, "https://a.example/%0511d", 7);
    assert_int_equal(endpoint_url_parse(path, &url, &err), -1);
    snprintf(path, sizeof path, "https://a.example/%0510d", 7);
    assert_int_equal(endpoint_url_parse(path, &url, &err), 0);
    assert_int_equal(strlen(url.path), 511);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_what_botocore_computes),
        cmocka_unit_test(each_partition_has_its_name),
        cmocka_unit_test(the_narrower_override_wins),
        cmocka_unit_test(an_override_is_signed_for_as_the_service_is),
        cmocka_unit_test(overrides_can_be_switched_off),
        cmocka_unit_test(the_environment_counts_before_the_profile),
        cmocka_unit_test(a_switch_that_is_no_word_we_know_is_refused),
        cmocka_unit_test(a_given_address_cannot_be_had_as_fips),
        cmocka_unit_test(the_host_has_a_port_unless_it_is_the_default),
        cmocka_unit_test(a_malformed_override_names_its_variable),
        cmocka_unit_test(a_url_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
