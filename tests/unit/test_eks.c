/* SPDX-License-Identifier: Apache-2.0 */
/* The requests. test_eks_read has the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/eks.h"
#include "base/mem.h"

#define ID "a-abcdefghijklmnop1"
#define ROLE "arn:aws:iam::111122223333:role/team/reader"
#define OTHER "arn:aws:iam::444455556666:role/other"
#define ASSOCIATIONS "/clusters/eks-blue/pod-identity-associations"
#define TAGS                                                                                       \
    "/tags/arn%3Aaws%3Aeks%3Aus-west-2%3A111122223333%3Apodidentityassociation%2Feks-blue%2F" ID

static const struct arn_cluster_name blue = {"eks-blue"};
static const struct arn_association_id id = {ID};
static const struct eks_access reader = {ROLE, "", "", true};
static const struct eks_access chained = {ROLE, OTHER, "{\"Version\":\"2012-10-17\"}", false};

static struct arn_association association(void)
{
    struct arn_association parsed;
    struct error err;

    assert_int_equal(
        arn_association_parse("arn:aws:eks:us-west-2:111122223333:podidentityassociation/"
                              "eks-blue/" ID,
                              &parsed, &err),
        0);
    return parsed;
}

/* Compares and releases. A NULL body means that there is none. */
static void expect(struct aws_request *request, const char *method, const char *path,
                   const char *query, const char *body)
{
    assert_int_equal(request->service, ENDPOINT_EKS);
    assert_string_equal(request->method, method);
    assert_string_equal(strbuf_text(&request->path), path);
    assert_string_equal(strbuf_text(&request->query), query);
    assert_true(aws_request_ok(request));
    if (body) {
        assert_string_equal(strbuf_text(&request->body), body);
        assert_string_equal(request->content_type, "application/json");
    } else {
        assert_null(request->body.text);
        assert_null(request->content_type);
    }
    aws_request_release(request);
}

/* ---- reads ---- */

static void list_asks_for_a_page_of_100(void **state)
{
    struct aws_request request = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_list(&blue, "", "", "", &request, &err), 0);
    assert_false(request.writes);
    expect(&request, "GET", ASSOCIATIONS, "maxResults=100", NULL);
}

static void list_filters_and_goes_on_at_a_token(void **state)
{
    struct aws_request request = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_list(&blue, "app", "app-sa.v1", "t0k+/= x", &request, &err), 0);
    expect(&request, "GET", ASSOCIATIONS,
           "namespace=app&serviceAccount=app-sa.v1&maxResults=100&nextToken=t0k%2B%2F%3D%20x",
           NULL);
}

static void list_refuses_names_that_no_api_server_has(void **state)
{
    static const char *const bad[] = {"App", "a_b", "a&b=c", "-a", "a-", ".a", "a/b", "a b"};
    char long_namespace[80], long_account[300];
    struct aws_request request = {0};
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(eks_list(&blue, bad[i], "", "", &request, &err), -1);
        assert_int_equal(eks_list(&blue, "", bad[i], "", &request, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
    snprintf(long_namespace, sizeof long_namespace, "%064d", 1);
    snprintf(long_account, sizeof long_account, "%0254d", 1);
    assert_int_equal(eks_list(&blue, long_namespace, "", "", &request, &err), -1);
    assert_int_equal(eks_list(&blue, "", long_account, "", &request, &err), -1);
    assert_null(request.method);
}

static void a_next_token_over_the_cap_does_not_leave(void **state)
{
    struct strbuf token = {0};
    struct aws_request request = {0};
    struct error err;

    (void)state;
    while (token.length < 50000)
        strbuf_str(&token, "0123456789");
    assert_int_equal(eks_list(&blue, "", "", token.text, &request, &err), 0);
    assert_false(aws_request_ok(&request));
    aws_request_release(&request);
    strbuf_release(&token);
}

static void describe_delete_and_the_clusters_have_no_body(void **state)
{
    struct aws_request request = {0};

    (void)state;
    eks_describe(&blue, &id, &request);
    assert_false(request.writes);
    expect(&request, "GET", ASSOCIATIONS "/" ID, "", NULL);
    eks_delete(&blue, &id, &request);
    assert_true(request.writes);
    expect(&request, "DELETE", ASSOCIATIONS "/" ID, "", NULL);
    eks_describe_cluster(&blue, &request);
    assert_false(request.writes);
    expect(&request, "GET", "/clusters/eks-blue", "", NULL);
    eks_list_clusters("", &request);
    expect(&request, "GET", "/clusters", "maxResults=100", NULL);
    eks_list_clusters("a/b", &request);
    expect(&request, "GET", "/clusters", "maxResults=100&nextToken=a%2Fb", NULL);
}

/* ---- create and update ---- */

static void create_leaves_out_what_is_absent(void **state)
{
    struct eks_create create = {
        .namespace = "app", .service_account = "app-sa", .access = reader, .token = "t1"};
    struct aws_request request = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_create(&blue, &create, &request, &err), 0);
    assert_true(request.writes);
    expect(&request, "POST", ASSOCIATIONS, "",
           "{\"clientRequestToken\":\"t1\",\"namespace\":\"app\",\"roleArn\":\"" ROLE
           "\",\"serviceAccount\":\"app-sa\"}");
}

static void create_sends_the_whole_access_and_tags(void **state)
{
    const struct eks_tag tags[] = {{"podbind.dev/owner", "uid/podbind"}, {"team", "d\u00e4ta \""}};
    struct eks_create create = {.namespace = "app",
                                .service_account = "app-sa",
                                .access = chained,
                                .tags = tags,
                                .tag_count = 2,
                                .token = "t1"};
    struct aws_request request = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_create(&blue, &create, &request, &err), 0);
    expect(&request, "POST", ASSOCIATIONS, "",
           "{\"clientRequestToken\":\"t1\",\"disableSessionTags\":true,\"namespace\":\"app\","
           "\"policy\":\"{\\\"Version\\\":\\\"2012-10-17\\\"}\",\"roleArn\":\"" ROLE
           "\",\"serviceAccount\":\"app-sa\",\"tags\":{\"podbind.dev/owner\":\"uid/podbind\","
           "\"team\":\"d\u00e4ta \\\"\"},\"targetRoleArn\":\"" OTHER "\"}");
}

static void expect_bad_create(struct eks_create create, const char *words)
{
    struct aws_request request = {0};
    struct error err = {0};

    assert_int_equal(eks_create(&blue, &create, &request, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (!strstr(err.text, words))
        fail_msg("%s; expected %s", err.text, words);
    assert_null(request.method);
}

static void create_refuses_what_EKS_would_misread(void **state)
{
    const struct eks_create good = {
        .namespace = "app", .service_account = "app-sa", .access = reader, .token = "t1"};
    static const struct eks_tag many[EKS_MAX_TAGS + 1], unnamed = {"", "x"}, odd = {"a", "\xFF"};
    char policy[EKS_MAX_POLICY + 2];
    struct eks_create bad;

    (void)state;
    expect_bad_create((bad = good, bad.namespace = "", bad), "needs a namespace");
    expect_bad_create((bad = good, bad.service_account = "", bad), "needs a namespace");
    expect_bad_create((bad = good, bad.token = "", bad), "request token");
    expect_bad_create((bad = good, bad.namespace = "A", bad), "namespace: expected");
    expect_bad_create((bad = good, bad.access.role_arn = "", bad), "role: \"\" is not a role ARN");
    expect_bad_create((bad = good, bad.access.role_arn = "reader", bad), "is not a role ARN");
    expect_bad_create((bad = good, bad.access.target_role_arn = "x", bad), "target role: \"x\"");
    expect_bad_create((bad = good, bad.tags = many, bad.tag_count = EKS_MAX_TAGS + 1, bad),
                      "at most 50, there are 51");
    expect_bad_create((bad = good, bad.tags = &unnamed, bad.tag_count = 1, bad), "key is empty");
    expect_bad_create((bad = good, bad.tags = &odd, bad.tag_count = 1, bad), "not UTF-8");
    memset(policy, 'x', sizeof policy - 1);
    policy[sizeof policy - 1] = '\0';
    expect_bad_create((bad = good, bad.access.policy = policy, bad), "at most 2048 characters");
}

static void a_policy_is_measured_in_characters(void **state)
{
    struct eks_create create = {
        .namespace = "app", .service_account = "app-sa", .access = reader, .token = "t1"};
    struct strbuf policy = {0};
    struct aws_request request = {0};
    struct error err;

    (void)state;
    for (int i = 0; i < EKS_MAX_POLICY; i++)
        strbuf_str(&policy, "\u00e4");
    create.access.policy = policy.text;
    assert_int_equal(eks_create(&blue, &create, &request, &err), 0);
    aws_request_release(&request);
    strbuf_release(&policy);
}

static void update_sends_only_the_given_fields(void **state)
{
    static const struct {
        unsigned fields;
        const char *body;
    } rows[] = {
        {EKS_FIELD_ROLE, "{\"clientRequestToken\":\"t2\",\"roleArn\":\"" ROLE "\"}"},
        {EKS_FIELD_TARGET_ROLE, "{\"clientRequestToken\":\"t2\",\"targetRoleArn\":\"" OTHER "\"}"},
        {EKS_FIELD_SESSION_TAGS, "{\"clientRequestToken\":\"t2\",\"disableSessionTags\":true}"},
        {EKS_FIELD_SESSION_TAGS | EKS_FIELD_POLICY,
         "{\"clientRequestToken\":\"t2\",\"disableSessionTags\":true,"
         "\"policy\":\"{\\\"Version\\\":\\\"2012-10-17\\\"}\"}"},
    };
    struct aws_request request = {0};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(eks_update(&blue, &id, &chained, rows[i].fields, "t2", &request, &err), 0);
        assert_true(request.writes);
        expect(&request, "POST", ASSOCIATIONS "/" ID, "", rows[i].body);
    }
}

static void update_clears_with_an_empty_text(void **state)
{
    struct aws_request request = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_update(&blue, &id, &reader,
                                EKS_FIELD_TARGET_ROLE | EKS_FIELD_POLICY | EKS_FIELD_SESSION_TAGS,
                                "t2", &request, &err),
                     0);
    expect(&request, "POST", ASSOCIATIONS "/" ID, "",
           "{\"clientRequestToken\":\"t2\",\"disableSessionTags\":false,\"policy\":\"\","
           "\"targetRoleArn\":\"\"}");
}

static void update_refuses_to_change_nothing_or_to_clear_the_role(void **state)
{
    struct eks_access empty = {"", "", "", true};
    struct aws_request request = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_update(&blue, &id, &reader, 0, "t", &request, &err), -1);
    assert_int_equal(eks_update(&blue, &id, &reader, 16, "t", &request, &err), -1);
    assert_int_equal(eks_update(&blue, &id, &reader, EKS_FIELD_ROLE, "", &request, &err), -1);
    assert_int_equal(eks_update(&blue, &id, &empty, EKS_FIELD_ROLE, "t", &request, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_null(request.method);
}

/* ---- tags ---- */

static void tags_go_to_the_encoded_arn(void **state)
{
    const struct eks_tag tags[] = {{"c/d", "1"}, {"a b", ""}};
    const struct arn_association arn = association();
    struct aws_request request = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_tag(&arn, tags, 2, &request, &err), 0);
    assert_true(request.writes);
    expect(&request, "POST", TAGS, "", "{\"tags\":{\"a b\":\"\",\"c/d\":\"1\"}}");
    assert_int_equal(eks_untag(&arn, tags, 2, &request, &err), 0);
    assert_true(request.writes);
    expect(&request, "DELETE", TAGS, "tagKeys=c%2Fd&tagKeys=a%20b", NULL);
}

static void tags_are_1_to_50(void **state)
{
    const struct arn_association arn = association();
    struct eks_tag tags[EKS_MAX_TAGS + 1];
    struct aws_request request = {0};
    char longest[129];
    struct error err;

    (void)state;
    memset(longest, '/', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        tags[i] = (struct eks_tag){longest, "x"};
    assert_int_equal(eks_tag(&arn, tags, 0, &request, &err), -1);
    assert_int_equal(eks_untag(&arn, tags, 0, &request, &err), -1);
    assert_int_equal(eks_tag(&arn, tags, 51, &request, &err), -1);
    assert_int_equal(eks_untag(&arn, tags, 51, &request, &err), -1);
    assert_int_equal(eks_untag(&arn, tags, 50, &request, &err), 0);
    assert_true(aws_request_ok(&request));
    aws_request_release(&request);
}

static void expect_bad_tag(const char *key, const char *value, const char *words)
{
    const struct eks_tag tag = {key, value};
    const struct arn_association arn = association();
    struct aws_request request = {0};
    struct error err = {0};

    assert_int_equal(eks_tag(&arn, &tag, 1, &request, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (!strstr(err.text, words))
        fail_msg("%s; expected %s", err.text, words);
    assert_int_equal(eks_untag(&arn, &tag, 1, &request, &err), -1);
    assert_null(request.method);
}

static void a_tag_that_AWS_would_refuse_is_not_sent(void **state)
{
    char long_key[130], long_value[258];

    (void)state;
    memset(long_key, 'k', sizeof long_key);
    long_key[129] = '\0';
    memset(long_value, 'v', sizeof long_value);
    long_value[257] = '\0';
    expect_bad_tag("", "x", "a key is empty");
    expect_bad_tag("a\r\nb", "x", "no control characters");
    expect_bad_tag("a", "x\x7F", "no control characters");
    expect_bad_tag("AWS:team", "x", "begins with aws:");
    expect_bad_tag(long_key, "x", "at most 128 characters");
    expect_bad_tag("a", long_value, "a value of at most 256");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_asks_for_a_page_of_100),
        cmocka_unit_test(list_filters_and_goes_on_at_a_token),
        cmocka_unit_test(list_refuses_names_that_no_api_server_has),
        cmocka_unit_test(a_next_token_over_the_cap_does_not_leave),
        cmocka_unit_test(describe_delete_and_the_clusters_have_no_body),
        cmocka_unit_test(create_leaves_out_what_is_absent),
        cmocka_unit_test(create_sends_the_whole_access_and_tags),
        cmocka_unit_test(create_refuses_what_EKS_would_misread),
        cmocka_unit_test(a_policy_is_measured_in_characters),
        cmocka_unit_test(update_sends_only_the_given_fields),
        cmocka_unit_test(update_clears_with_an_empty_text),
        cmocka_unit_test(update_refuses_to_change_nothing_or_to_clear_the_role),
        cmocka_unit_test(tags_go_to_the_encoded_arn),
        cmocka_unit_test(tags_are_1_to_50),
        cmocka_unit_test(a_tag_that_AWS_would_refuse_is_not_sent),
    };

    return cmocka_run_group_tests_name("eks", tests, NULL, NULL);
}
