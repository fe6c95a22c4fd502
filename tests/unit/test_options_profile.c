/* SPDX-License-Identifier: Apache-2.0 */
/* Region, addresses and certificates where flags and environment say nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/options_world.h"
#include "tests/unit/reply_server.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MORE 8

static int port;

/* Reads the options with this config file, profile "prod", and `more` variables: NAME, value, ... */
static int read_with(const char *config, const char *const *more, struct options *ret_options,
                     char ret_path[32], struct error *err)
{
    const char *environment[12 + MORE + 1] = {"PODBIND_CLUSTER_NAME",
                                              "c",
                                              "KUBERNETES_SERVICE_HOST",
                                              "h",
                                              "AWS_CONFIG_FILE",
                                              ret_path,
                                              "AWS_PROFILE",
                                              "prod",
                                              "AWS_METADATA_SERVICE_TIMEOUT",
                                              "10",
                                              NULL};

    for (size_t i = 0; i < MORE && more[i]; i++)
        environment[10 + i] = more[i];
    write_file(ret_path, config);
    int result = read_them(NO_ARGUMENTS, environment, ret_options, err);
    unlink(ret_path);
    return result;
}

static struct options read_profile(const char *config, const char *const *more)
{
    struct options options = {0};
    struct error err = {0};
    char path[32];

    if (read_with(config, more, &options, path, &err) < 0)
        fail_msg("%s", err.text);
    return options;
}

static void expect_region(const char *config, const char *const *more, const char *region,
                          const char *from)
{
    CLEANUP(options_release) struct options options = read_profile(config, more);

    assert_string_equal(options.aws_region.text, region);
    assert_string_equal(options.aws_region_from, from);
}

static void a_region_of_the_profile_counts_last_of_the_settings(void **state)
{
    static const char config[] = "[profile prod]\nregion = eu-west-1\n";

    (void)state;
    expect_region(config, ARGUMENTS("HOME", "/nowhere"), "eu-west-1", "profile");
    expect_region(config, ARGUMENTS("AWS_DEFAULT_REGION", "us-east-2"), "us-east-2",
                  "AWS_DEFAULT_REGION");
    expect_region(config, ARGUMENTS("AWS_REGION", "us-east-1"), "us-east-1", "AWS_REGION");
    expect_region(config, ARGUMENTS("PODBIND_AWS_REGION", "us-west-1", "AWS_REGION", "us-east-1"),
                  "us-west-1", "--aws-region");
}

static void the_instance_gives_the_region_where_nothing_else_does(void **state)
{
    static const struct reply replies[] = {{.status = 200, .body = "TOKEN=="},
                                           {.status = 200, .body = "ap-southeast-2"}};
    char url[64];

    (void)state;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    reply_server_lay(replies, COUNT(replies));
    expect_region("[profile prod]\nregion = eu-west-1\n",
                  ARGUMENTS("AWS_EC2_METADATA_SERVICE_ENDPOINT", url), "eu-west-1", "profile");
    assert_int_equal(reply_server_count(), 0);
    expect_region("[profile prod]\n", ARGUMENTS("AWS_EC2_METADATA_SERVICE_ENDPOINT", url),
                  "ap-southeast-2", "instance metadata");
    assert_int_equal(reply_server_count(), 2);
}

static void addresses_of_the_profile_count_behind_those_of_the_environment(void **state)
{
    CLEANUP(options_release)
    struct options options =
        read_profile("[profile prod]\nregion = eu-west-1\nendpoint_url = https://all.example\n"
                     "services = near\nsts_regional_endpoints = legacy\n"
                     "[services near]\neks =\n  endpoint_url = https://eks.example:8443\n",
                     ARGUMENTS("AWS_ENDPOINT_URL_STS", "https://sts.example"));
    static const char *const origins[ENDPOINT_SERVICE_COUNT] = {
        "https://eks.example:8443", "https://all.example", "https://sts.example"};
    struct endpoint endpoint;
    struct error err = {0};

    (void)state;
    for (enum endpoint_service i = 0; i < ENDPOINT_SERVICE_COUNT; i++) {
        if (endpoint_resolve(i, &options.aws_region, &options.aws_endpoints, &endpoint, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(endpoint.origin, origins[i]);
    }
    assert_string_equal(options.aws_endpoints.profile[ENDPOINT_SETTING_STS_REGIONAL], "legacy");
}

static void switches_of_the_profile_count(void **state)
{
    CLEANUP(options_release)
    struct options options =
        read_profile("[profile prod]\nregion = us-west-2\nuse_fips_endpoint = true\n"
                     "use_dualstack_endpoint = true\n",
                     ARGUMENTS("AWS_USE_DUALSTACK_ENDPOINT", "false"));
    struct endpoint endpoint;
    struct error err = {0};

    (void)state;
    if (endpoint_resolve(ENDPOINT_EKS, &options.aws_region, &options.aws_endpoints, &endpoint,
                         &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(endpoint.origin, "https://fips.eks.us-west-2.amazonaws.com");
}

static void a_ca_bundle_of_the_profile_counts_behind_the_environment(void **state)
{
    static const char certificate[] = "-----BEGIN CERTIFICATE-----\n";
    char first[32], second[32], config[128];

    (void)state;
    write_file(first, certificate);
    write_file(second, certificate);
    snprintf(config, sizeof config, "[profile prod]\nregion = us-west-2\nca_bundle = %s\n", first);
    CLEANUP(options_release)
    struct options of_profile = read_profile(config, ARGUMENTS("HOME", "/nowhere"));
    CLEANUP(options_release)
    struct options of_both = read_profile(config, ARGUMENTS("AWS_CA_BUNDLE", second));
    unlink(first);
    unlink(second);
    assert_string_equal(of_profile.aws_ca_bundle, first);
    assert_string_equal(of_both.aws_ca_bundle, second);
}

static void what_is_wrong_in_a_profile_names_the_file(void **state)
{
    static const struct {
        const char *config, *says; /* behind the file's name, wherever that stands */
    } rows[] = {
        {"[profile prod]\nregion = mars\n",
         ": profile \"prod\": region: \"mars\" is not an AWS region such as us-west-2"},
        {"[profile prod]\nregion\n", ":2: expected name = value"},
        {"[default]\nregion = us-west-2\n", " or "},
        {"[profile prod]\nregion = us-west-2\nendpoint_url = ftp://x\n",
         ": profile \"prod\": the profile's endpoint_url: "},
        {"[profile prod]\nregion = us-west-2\nuse_fips_endpoint = 1\n",
         ": profile \"prod\": the profile's use_fips_endpoint: expected true or false"},
        {"[profile prod]\nregion = us-west-2\nservices = near\n",
         ": profile \"prod\": services: expected a section [services near] in "},
        {"[profile prod]\nregion = us-west-2\nca_bundle = /nowhere/ca.pem\n",
         ": profile \"prod\": ca_bundle: cannot open /nowhere/ca.pem: No such file"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct options options = {0};
        struct error err = {0};
        char path[32], says[256];

        assert_int_equal(
            read_with(rows[i].config, ARGUMENTS("HOME", "/nowhere"), &options, path, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        snprintf(says, sizeof says, "%s%s", path, rows[i].says);
        if (!strstr(err.text, says))
            fail_msg("row %zu: \"%s\", expected \"%s\"", i, err.text, says);
    }
}

static void the_environment_mends_what_the_profile_has_wrong(void **state)
{
    CLEANUP(options_release)
    struct options options =
        read_profile("[profile prod]\nregion = mars\nuse_fips_endpoint = 1\n",
                     ARGUMENTS("AWS_REGION", "us-west-2", "AWS_USE_FIPS_ENDPOINT", "false"));

    (void)state;
    assert_string_equal(options.aws_region.text, "us-west-2");
}

static void a_profile_that_is_named_must_be_there_whatever_else_is_set(void **state)
{
    const char *environment[] = {"PODBIND_CLUSTER_NAME",
                                 "c",
                                 "AWS_REGION",
                                 "us-west-2",
                                 "AWS_PROFILE",
                                 "prod",
                                 "AWS_CONFIG_FILE",
                                 "/nowhere/c",
                                 "KUBERNETES_SERVICE_HOST",
                                 "h",
                                 NULL};
    struct options options = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(read_them(NO_ARGUMENTS, environment, &options, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/c"));
}

static int open_stage(void **state)
{
    (void)state;
    mem_adopt_libraries();
    port = reply_server_start();
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    reply_server_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_of_the_profile_counts_last_of_the_settings),
        cmocka_unit_test(the_instance_gives_the_region_where_nothing_else_does),
        cmocka_unit_test(addresses_of_the_profile_count_behind_those_of_the_environment),
        cmocka_unit_test(switches_of_the_profile_count),
        cmocka_unit_test(a_ca_bundle_of_the_profile_counts_behind_the_environment),
        cmocka_unit_test(what_is_wrong_in_a_profile_names_the_file),
        cmocka_unit_test(the_environment_mends_what_the_profile_has_wrong),
        cmocka_unit_test(a_profile_that_is_named_must_be_there_whatever_else_is_set),
    };

    return cmocka_run_group_tests_name("options_profile", tests, open_stage, close_stage);
}
