/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/endpoint.h"

static struct arn_region region_of(const char *text)
{
    struct arn_region region;
    struct error err;

    assert_int_equal(arn_region_parse(text, &region, &err), 0);
    return region;
}

static struct endpoint resolve(enum endpoint_service service, const char *region,
                               struct endpoint_overrides overrides)
{
    struct arn_region parsed = region_of(region);
    struct endpoint endpoint;
    struct error err;

    if (endpoint_resolve(service, &parsed, &overrides, &endpoint, &err) < 0)
        fail_msg("%s", err.text);
    return endpoint;
}

/* As botocore 1.44.5 resolves them. */
static void each_partition_has_its_names(void **state)
{
    static const struct {
        const char *region, *partition, *eks, *iam, *iam_region, *sts;
    } rows[] = {
        {"us-west-2", "aws", "eks.us-west-2.amazonaws.com", "iam.amazonaws.com", "us-east-1",
         "sts.us-west-2.amazonaws.com"},
        {"cn-northwest-1", "aws-cn", "eks.cn-northwest-1.amazonaws.com.cn",
         "iam.cn-north-1.amazonaws.com.cn", "cn-north-1", "sts.cn-northwest-1.amazonaws.com.cn"},
        {"us-gov-east-1", "aws-us-gov", "eks.us-gov-east-1.amazonaws.com",
         "iam.us-gov.amazonaws.com", "us-gov-west-1", "sts.us-gov-east-1.amazonaws.com"},
        {"us-iso-west-1", "aws-iso", "eks.us-iso-west-1.c2s.ic.gov", "iam.us-iso-east-1.c2s.ic.gov",
         "us-iso-east-1", "sts.us-iso-west-1.c2s.ic.gov"},
        {"us-isob-east-1", "aws-iso-b", "eks.us-isob-east-1.sc2s.sgov.gov",
         "iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"},
        {"eu-isoe-west-1", "aws-iso-e", "eks.eu-isoe-west-1.cloud.adc-e.uk",
         "iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1",
         "sts.eu-isoe-west-1.cloud.adc-e.uk"},
        {"us-isof-south-1", "aws-iso-f", "eks.us-isof-south-1.csp.hci.ic.gov",
         "iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1",
         "sts.us-isof-south-1.csp.hci.ic.gov"},
        {"eusc-de-east-1", "aws-eusc", "eks.eusc-de-east-1.amazonaws.eu",
         "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arn_region region = region_of(rows[i].region);
        struct endpoint eks = resolve(ENDPOINT_EKS, rows[i].region, (struct endpoint_overrides){0});
        struct endpoint iam = resolve(ENDPOINT_IAM, rows[i].region, (struct endpoint_overrides){0});
        struct endpoint sts = resolve(ENDPOINT_STS, rows[i].region, (struct endpoint_overrides){0});

        assert_string_equal(endpoint_partition(&region), rows[i].partition);
        assert_string_equal(eks.host, rows[i].eks);
        assert_string_equal(eks.signing_region.text, rows[i].region);
        assert_string_equal(iam.host, rows[i].iam);
        assert_string_equal(iam.signing_region.text, rows[i].iam_region);
        assert_string_equal(sts.host, rows[i].sts);
        assert_false(eks.overridden);
    }
    assert_string_equal(resolve(ENDPOINT_EKS, "us-west-2", (struct endpoint_overrides){0}).origin,
                        "https://eks.us-west-2.amazonaws.com");
}

static void the_narrower_override_wins(void **state)
{
    struct endpoint_overrides overrides = {.eks = "http://127.0.0.1:8080",
                                           .all = "https://proxy.example/aws/"};
    struct endpoint eks, iam;

    (void)state;
    eks = resolve(ENDPOINT_EKS, "us-west-2", overrides);
    assert_string_equal(eks.origin, "http://127.0.0.1:8080");
    assert_string_equal(eks.host, "127.0.0.1:8080");
    assert_string_equal(eks.path, "");
    assert_true(eks.overridden);
    iam = resolve(ENDPOINT_IAM, "us-west-2", overrides);
    assert_string_equal(iam.origin, "https://proxy.example");
    assert_string_equal(iam.path, "/aws");
    assert_string_equal(iam.signing_region.text, "us-east-1");
    overrides.ignore_all = "True";
    assert_string_equal(resolve(ENDPOINT_EKS, "us-west-2", overrides).host,
                        "eks.us-west-2.amazonaws.com");
    overrides.ignore_all = "false";
    assert_true(resolve(ENDPOINT_EKS, "us-west-2", overrides).overridden);
    overrides = (struct endpoint_overrides){.eks = "", .all = ""};
    assert_false(resolve(ENDPOINT_EKS, "us-west-2", overrides).overridden);
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
        assert_string_equal(
            resolve(ENDPOINT_EKS, "us-west-2", (struct endpoint_overrides){.eks = rows[i].url})
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
        struct endpoint_overrides overrides = {.iam = rows[i].url};
        struct endpoint endpoint = {.host = "untouched"};
        struct error err = {0};

        assert_int_equal(endpoint_resolve(ENDPOINT_IAM, &region, &overrides, &endpoint, &err), -1);
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
        cmocka_unit_test(each_partition_has_its_names),
        cmocka_unit_test(the_narrower_override_wins),
        cmocka_unit_test(the_host_has_a_port_unless_it_is_the_default),
        cmocka_unit_test(a_malformed_override_names_its_variable),
        cmocka_unit_test(a_url_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
