/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fetch_stage.h"

#include "aws/region_source.h"

#define OK(text)                                                                                   \
    {                                                                                              \
        .status = 200, .body = (text)                                                              \
    }

static char url[64], config_path[64];

static int prepare(void **state)
{
    (void)state;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    snprintf(config_path, sizeof config_path, "%s", in_folder("config"));
    write_text("config", "");
    reply_server_lay(NULL, 0);
    return 0;
}

static void expect_region(const char *region, const char *source)
{
    const struct profile_environment profile = {.config_file = config_path};
    const struct imds_environment imds = {.endpoint = url, .timeout = "10"};
    struct arn_region found;
    const char *from = "";
    struct error err;

    if (region_source_find(&profile, &imds, &found, &from, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(found.text, region);
    assert_string_equal(from, source);
}

static void expect_none(const struct imds_environment *imds, const char *words)
{
    const struct profile_environment profile = {.config_file = config_path};
    struct arn_region found = {"untouched"};
    const char *from = "";
    struct error err = {0};

    assert_int_equal(region_source_find(&profile, imds, &found, &from, &err), -1);
    expect_words(&err, words);
    assert_string_equal(found.text, "untouched");
}

static void the_profile_is_asked_first(void **state)
{
    (void)state;
    write_text("config", "[default]\nregion = eu-west-1\n");
    expect_region("eu-west-1", "profile");
    assert_int_equal(reply_server_count(), 0);
}

static void the_instance_is_asked_with_a_session_token(void **state)
{
    static const struct reply replies[] = {OK("TOKEN=="), OK("us-gov-west-1\n")};

    (void)state;
    reply_server_lay(replies, COUNT(replies));
    expect_region("us-gov-west-1", "instance metadata");
    CLEANUP_FREE char *first = reply_server_request(0);
    CLEANUP_FREE char *second = reply_server_request(1);
    assert_non_null(strstr(first, "PUT /latest/api/token "));
    assert_non_null(strstr(second, "GET /latest/meta-data/placement/region "));
    assert_non_null(strstr(second, "x-aws-ec2-metadata-token: TOKEN==\r\n"));
}

static void answers_that_are_no_region_are_refused(void **state)
{
    static const struct {
        struct reply replies[2];
        const char *words;
    } rows[] = {
        {{{.status = 403, .body = ""}}, "no session token: answered 403"},
        {{OK("TOKEN"), {.status = 404, .body = "<html>HIDDEN</html>"}}, "no region: answered 404"},
        {{OK("TOKEN"), OK("")}, "no region: expected a name"},
        {{OK("TOKEN"), OK("<html>")}, "region"},
        {{OK("TOKEN"), OK("us-west-2a")}, "region"},
        {{OK("TOKEN"), {.status = 200, .length = 70000}}, "over 65536 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        reply_server_lay(rows[i].replies, 2);
        expect_none(&(struct imds_environment){.endpoint = url, .timeout = "10"}, rows[i].words);
    }
}

static void nobody_is_asked_where_that_is_switched_off(void **state)
{
    (void)state;
    expect_none(&(struct imds_environment){.endpoint = url, .disabled = "TRUE"},
                "AWS_EC2_METADATA_DISABLED is true");
    assert_int_equal(reply_server_count(), 0);
}

static void a_wrong_profile_is_not_passed_over(void **state)
{
    (void)state;
    write_text("config", "[default]\nregion = US\n");
    expect_none(&(struct imds_environment){.endpoint = url, .timeout = "10"},
                "profile \"default\": region: ");
    write_text("config", "region\n");
    expect_none(&(struct imds_environment){.endpoint = url, .timeout = "10"}, "config:1: expected");
    assert_int_equal(reply_server_count(), 0);
}

#define STAGED(test) cmocka_unit_test_setup(test, prepare)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(the_profile_is_asked_first),
        STAGED(the_instance_is_asked_with_a_session_token),
        STAGED(answers_that_are_no_region_are_refused),
        STAGED(nobody_is_asked_where_that_is_switched_off),
        STAGED(a_wrong_profile_is_not_passed_over),
    };

    return cmocka_run_group_tests_name("region_source", tests, open_stage, close_stage);
}
