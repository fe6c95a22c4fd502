/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/eks.h"
#include "base/mem.h"
#include "tests/unit/aws_cases.h"

#define ID "a-abcdefghijklmnop1"
#define ARN "arn:aws:eks:us-west-2:111122223333:podidentityassociation/prod/" ID
#define ROLE "arn:aws:iam::111122223333:role/reader"

/* Written with ' for ", so that it can be read within C. */
#define SUMMARY                                                                                    \
    "'clusterName':'prod','namespace':'app','serviceAccount':'app-sa','associationId':'" ID        \
    "','associationArn':'" ARN "'"
#define DESCRIBED "{'association':{" SUMMARY ",'roleArn':'" ROLE "'%s}}"

static const struct arn_cluster_name prod = {"prod"};

static struct http_answer quoted(const char *body)
{
    struct http_answer answer = aws_cases_answer(200, body);

    for (char *c = answer.body.text; c && *c; c++)
        if (*c == '\'')
            *c = '"';
    return answer;
}

static struct http_answer described(const char *members)
{
    struct strbuf body = {0};

    strbuf_format(&body, DESCRIBED, members);
    struct http_answer answer = quoted(body.text);
    strbuf_release(&body);
    return answer;
}

/* ---- associations ---- */

/* As EKS itself writes it: pretty-printed, exponents, nulls (the wire log in the issue tracker of
 * aws-ia/terraform-aws-eks-blueprints-addons, with the names changed). */
static void reads_what_EKS_itself_sends(void **state)
{
    struct http_answer answer = quoted(
        "{\n  'association' : {\n    'clusterName' : 'prod',\n    'namespace' : 'app',\n"
        "    'serviceAccount' : 'app-sa',\n    'roleArn' : '" ROLE "',\n"
        "    'associationArn' : '" ARN "',\n    'associationId' : '" ID "',\n"
        "    'tags' : { },\n    'createdAt' : 1.703780359717E9,\n"
        "    'modifiedAt' : 1.703780360E9,\n    'ownerArn' : null,\n    'policy' : null,\n"
        "    'disableSessionTags' : null,\n    'targetRoleArn' : null,\n    'externalId' : null\n"
        "  }\n}");
    struct eks_expected expected = {.cluster = &prod, .id = ID};
    CLEANUP(eks_association_release) struct eks_association found = {0};
    struct error err;

    (void)state;
    if (eks_read_association(&answer, &expected, &found, &err) < 0)
        fail_msg("%s", err.text);
    aws_cases_release(&answer); /* what was read does not point into the answer */
    assert_string_equal(found.cluster, "prod");
    assert_string_equal(found.namespace, "app");
    assert_string_equal(found.service_account, "app-sa");
    assert_string_equal(found.id, ID);
    assert_string_equal(found.arn, ARN);
    assert_string_equal(found.owner_arn, "");
    assert_true(found.described);
    assert_string_equal(found.access.role_arn, ROLE);
    assert_string_equal(found.access.target_role_arn, "");
    assert_string_equal(found.access.policy, "");
    assert_true(found.access.session_tags);
    assert_string_equal(found.external_id, "");
    assert_int_equal(found.tag_count, 0);
    assert_int_equal(found.created_us, 1703780359717000);
    assert_int_equal(found.modified_us, 1703780360000000);
}

static void reads_every_member(void **state)
{
    struct http_answer answer = described(
        ",'targetRoleArn':'arn:aws:iam::444455556666:role/other','disableSessionTags':true,"
        "'externalId':'us-west-2/111122223333/prod/app/app-sa','ownerArn':'arn:aws:eks:us-west-2:"
        "111122223333:addon/prod/x/1','policy':'{ \\\"b\\\" : 1, \\\"a\\\":[] }','tags':{'z':'1',"
        "'a':''},'createdAt':1703780359,'modifiedAt':1703780359.5,'new':{'x':[1]}");
    struct eks_expected expected = {
        .cluster = &prod, .id = "", .namespace = "app", .service_account = "app-sa"};
    CLEANUP(eks_association_release) struct eks_association found = {0};
    struct error err;

    (void)state;
    if (eks_read_association(&answer, &expected, &found, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(found.access.target_role_arn, "arn:aws:iam::444455556666:role/other");
    assert_string_equal(found.access.policy, "{\"a\":[],\"b\":1}");
    assert_false(found.access.session_tags);
    assert_string_equal(found.external_id, "us-west-2/111122223333/prod/app/app-sa");
    assert_string_equal(found.owner_arn, "arn:aws:eks:us-west-2:111122223333:addon/prod/x/1");
    assert_int_equal(found.tag_count, 2);
    assert_string_equal(found.tags[0].key, "a");
    assert_string_equal(found.tags[0].value, "");
    assert_string_equal(found.tags[1].key, "z");
    assert_int_equal(found.created_us, 1703780359000000);
    assert_int_equal(found.modified_us, 1703780359500000);
    aws_cases_release(&answer);
}

static void a_policy_that_is_no_json_stays_as_it_is(void **state)
{
    struct http_answer answer = described(",'policy':'not json'");
    struct eks_expected expected = {.cluster = &prod};
    CLEANUP(eks_association_release) struct eks_association found = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_read_association(&answer, &expected, &found, &err), 0);
    assert_string_equal(found.access.policy, "not json");
    aws_cases_release(&answer);
}

static void absurd_times_are_unknown(void **state)
{
    static const char *const rows[] = {",'modifiedAt':-1",
                                       ",'modifiedAt':0",
                                       ",'modifiedAt':1e300",
                                       ",'modifiedAt':'1703780359'",
                                       ",'modifiedAt':[1]",
                                       ",'modifiedAt':9223372036854775807",
                                       ",'modifiedAt':253402300799.5"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_answer answer = described(rows[i]);
        struct eks_expected expected = {.cluster = &prod};
        CLEANUP(eks_association_release) struct eks_association found = {0};
        struct error err;

        assert_int_equal(eks_read_association(&answer, &expected, &found, &err), 0);
        assert_int_equal(found.modified_us, 0);
        aws_cases_release(&answer);
    }
}

/* Reads the body as the answer to a read and to a write: both must fail, each with its kind. */
static void expect_bad_association(const char *body, struct eks_expected expected,
                                   const char *words)
{
    struct http_answer answer = quoted(body);
    struct eks_association found = {.id = "untouched"};
    struct error err = {0};

    expected.cluster = &prod;
    assert_int_equal(eks_read_association(&answer, &expected, &found, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    if (!strstr(err.text, words))
        fail_msg("%s; expected %s", err.text, words);
    expected.writes = true;
    assert_int_equal(eks_read_association(&answer, &expected, &found, &err), -1);
    assert_int_equal(err.kind, ERROR_UNKNOWN);
    assert_string_equal(found.id, "untouched");
    aws_cases_release(&answer);
}

#define WHOLE "{'association':{" SUMMARY ",'roleArn':'" ROLE "'}}"

static void an_answer_about_something_else_is_refused(void **state)
{
    (void)state;
    expect_bad_association("{'association':{'clusterName':'green','namespace':'app',"
                           "'serviceAccount':'app-sa','associationId':'" ID
                           "','associationArn':'" ARN "','roleArn':'" ROLE "'}}",
                           (struct eks_expected){0}, "cluster \"green\", asked was \"prod\"");
    expect_bad_association(WHOLE, (struct eks_expected){.id = "a-00000000000000000"},
                           "association \"" ID "\", asked was \"a-00000000000000000\"");
    expect_bad_association(WHOLE, (struct eks_expected){.namespace = "web"},
                           "namespace \"app\", asked was \"web\"");
    expect_bad_association(WHOLE, (struct eks_expected){.service_account = "web"},
                           "service account \"app-sa\", asked was \"web\"");
}

static void a_missing_member_is_named(void **state)
{
    static const struct {
        const char *body, *words;
    } rows[] = {
        {"{}", "\"association\""},
        {"{'association':null}", "\"association\""},
        {"{'association':[]}", "\"association\""},
        {"{'association':{}}", "\"clusterName\""},
        {"{'association':{'clusterName':'prod'}}", "\"namespace\""},
        {"{'association':{" SUMMARY "}}", "\"roleArn\""},
        {"{'association':{" SUMMARY ",'roleArn':null}}", "\"roleArn\""},
        {"{'association':{" SUMMARY ",'roleArn':7}}", "\"roleArn\""},
        {"{'association':{" SUMMARY ",'roleArn':'x','tags':{'a':1}}}", "\"tags\""},
        {"{'association':{" SUMMARY ",'roleArn':'x','tags':{'a':null}}}", "\"tags\""},
        {"{'association':{'associationId':null}}", "\"clusterName\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_bad_association(rows[i].body, (struct eks_expected){0}, rows[i].words);
}

static void an_error_stays_what_it_is(void **state)
{
    struct http_answer answer = aws_cases_answer(404, "{\"message\":\"gone\"}");
    struct eks_expected expected = {.cluster = &prod};
    struct eks_association found;
    struct error err;

    (void)state;
    memcpy(answer.error_type, "ResourceNotFoundException", 26);
    assert_int_equal(eks_read_association(&answer, &expected, &found, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    aws_cases_release(&answer);
}

/* ---- pages ---- */

static void reads_a_page_and_its_token(void **state)
{
    struct http_answer answer =
        quoted("{'associations':[{" SUMMARY ",'ownerArn':'x'},{" SUMMARY "}],'nextToken':'t+/='}");
    CLEANUP(eks_page_release) struct eks_page page = {0};
    struct error err;

    (void)state;
    if (eks_read_page(&answer, &prod, &page, &err) < 0)
        fail_msg("%s", err.text);
    aws_cases_release(&answer);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.items[0].owner_arn, "x");
    assert_string_equal(page.items[1].owner_arn, "");
    assert_string_equal(page.items[1].service_account, "app-sa");
    assert_string_equal(page.items[1].access.role_arn, "");
    assert_false(page.items[1].described);
    assert_string_equal(page.next_token, "t+/=");
}

static void the_last_page_has_no_token(void **state)
{
    static const char *const rows[] = {"{'associations':[]}",
                                       "{'associations':[],'nextToken':null}",
                                       "{'associations':[],'nextToken':''}"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_answer answer = quoted(rows[i]);
        CLEANUP(eks_page_release) struct eks_page page = {0};
        struct error err;

        assert_int_equal(eks_read_page(&answer, &prod, &page, &err), 0);
        assert_int_equal(page.count, 0);
        assert_string_equal(page.next_token, "");
        aws_cases_release(&answer);
    }
}

/* An empty or broken list must never read as "there is nothing". */
static void a_page_that_is_no_list_is_an_error(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{'associations':null}",
        "{'associations':{}}",
        "{'associations':'none'}",
        "{'associations':[null]}",
        "{'associations':[{" SUMMARY "},{}]}",
        "{'associations':[{" SUMMARY "},{'clusterName':'green','namespace':'app',"
        "'serviceAccount':'app-sa','associationId':'" ID "','associationArn':'" ARN "'}]}",
        "{'associations':[",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_answer answer = quoted(rows[i]);
        struct eks_page page = {.count = 77};
        struct error err = {0};

        if (eks_read_page(&answer, &prod, &page, &err) == 0)
            fail_msg("took %s", rows[i]);
        assert_int_equal(err.kind, ERROR_TRANSIENT);
        assert_int_equal(page.count, 77);
        aws_cases_release(&answer);
    }
}

static void a_token_over_the_cap_is_an_error(void **state)
{
    struct strbuf body = {0};
    struct eks_page page;
    struct error err;

    (void)state;
    strbuf_str(&body, "{'associations':[],'nextToken':'");
    while (body.length < EKS_TOKEN_CAP + 100)
        strbuf_str(&body, "0123456789");
    strbuf_str(&body, "'}");
    struct http_answer answer = quoted(body.text);
    assert_int_equal(eks_read_page(&answer, &prod, &page, &err), -1);
    aws_cases_release(&answer);
    strbuf_release(&body);
}

static void tagging_answers_an_empty_object(void **state)
{
    struct http_answer good = quoted("{}"), html = quoted("<html>");
    struct error err;

    (void)state;
    assert_int_equal(eks_read_tagged(&good, &err), 0);
    assert_int_equal(eks_read_tagged(&html, &err), -1);
    assert_int_equal(err.kind, ERROR_UNKNOWN);
    aws_cases_release(&good);
    aws_cases_release(&html);
}

/* ---- clusters ---- */

#define CLUSTER "'name':'prod','arn':'arn:aws:eks:us-west-2:111122223333:cluster/prod'"
/* "-----BEGIN CERTIFICATE-----\n" */
#define CA "'certificateAuthority':{'data':'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=='}"

static void reads_what_tells_a_cluster_from_others(void **state)
{
    struct http_answer answer =
        quoted("{'cluster':{" CLUSTER "," CA ",'status':'ACTIVE','version':'1.37','identity':"
               "{'oidc':{'issuer':'https://oidc.eks.us-west-2.amazonaws.com/id/A'}}}}");
    CLEANUP(eks_cluster_release) struct eks_cluster found = {0};
    struct error err;

    (void)state;
    if (eks_read_cluster(&answer, &prod, &found, &err) < 0)
        fail_msg("%s", err.text);
    aws_cases_release(&answer);
    assert_string_equal(found.arn.text, "arn:aws:eks:us-west-2:111122223333:cluster/prod");
    assert_string_equal(found.arn.partition, "aws");
    assert_string_equal(found.arn.account, "111122223333");
    assert_string_equal(found.status, "ACTIVE");
    assert_string_equal(found.issuer, "https://oidc.eks.us-west-2.amazonaws.com/id/A");
    assert_string_equal(found.ca_pem, "-----BEGIN CERTIFICATE-----\n");
}

static void a_cluster_that_is_being_made_has_no_issuer_yet(void **state)
{
    static const char *const rows[] = {
        "{'cluster':{" CLUSTER ",'status':'CREATING'}}",
        "{'cluster':{" CLUSTER ",'status':'CREATING','identity':null,'certificateAuthority':{}}}",
        "{'cluster':{" CLUSTER ",'status':'CREATING','identity':{'oidc':null},"
        "'certificateAuthority':{'data':null}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_answer answer = quoted(rows[i]);
        CLEANUP(eks_cluster_release) struct eks_cluster found = {0};
        struct error err;

        if (eks_read_cluster(&answer, &prod, &found, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(found.issuer, "");
        assert_string_equal(found.ca_pem, "");
        aws_cases_release(&answer);
    }
}

static void a_cluster_that_is_not_ours_is_refused(void **state)
{
    static const struct {
        const char *body, *words;
    } rows[] = {
        {"{}", "\"cluster\""},
        {"{'cluster':{'name':'green','arn':'arn:aws:eks:us-west-2:111122223333:cluster/green',"
         "'status':'ACTIVE'}}",
         "cluster \"green\", asked was \"prod\""},
        {"{'cluster':{'name':'prod','arn':'arn:aws:eks:us-west-2:111122223333:cluster/green',"
         "'status':'ACTIVE'}}",
         "cluster \"green\", asked was \"prod\""},
        {"{'cluster':{'name':'prod','status':'ACTIVE'}}", "not a cluster ARN"},
        {"{'cluster':{" CLUSTER "}}", "\"status\""},
        {"{'cluster':{" CLUSTER ",'status':'ACTIVE','certificateAuthority':{'data':'%'}}}",
         "not base64"},
        {"{'cluster':{" CLUSTER ",'status':'ACTIVE','certificateAuthority':{'data':'aGVsbG8='}}}",
         "no PEM"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_answer answer = quoted(rows[i].body);
        struct eks_cluster found = {.status = "untouched"};
        struct error err = {0};

        assert_int_equal(eks_read_cluster(&answer, &prod, &found, &err), -1);
        if (!strstr(err.text, rows[i].words))
            fail_msg("%s: %s", rows[i].body, err.text);
        assert_string_equal(found.status, "untouched");
        aws_cases_release(&answer);
    }
}

static void reads_the_names_of_clusters(void **state)
{
    struct http_answer answer = quoted("{'clusters':['eks-blue','eks-green'],'nextToken':null}");
    struct http_answer odd = quoted("{'clusters':['a/b']}"), none = quoted("{'clusters':null}");
    CLEANUP(eks_clusters_release) struct eks_clusters found = {0};
    struct error err;

    (void)state;
    assert_int_equal(eks_read_clusters(&answer, &found, &err), 0);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.names[1].text, "eks-green");
    assert_string_equal(found.next_token, "");
    assert_int_equal(eks_read_clusters(&odd, &found, &err), -1);
    assert_int_equal(eks_read_clusters(&none, &found, &err), -1);
    assert_int_equal(found.count, 2);
    aws_cases_release(&answer);
    aws_cases_release(&odd);
    aws_cases_release(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_EKS_itself_sends),
        cmocka_unit_test(reads_every_member),
        cmocka_unit_test(a_policy_that_is_no_json_stays_as_it_is),
        cmocka_unit_test(absurd_times_are_unknown),
        cmocka_unit_test(an_answer_about_something_else_is_refused),
        cmocka_unit_test(a_missing_member_is_named),
        cmocka_unit_test(an_error_stays_what_it_is),
        cmocka_unit_test(reads_a_page_and_its_token),
        cmocka_unit_test(the_last_page_has_no_token),
        cmocka_unit_test(a_page_that_is_no_list_is_an_error),
        cmocka_unit_test(a_token_over_the_cap_is_an_error),
        cmocka_unit_test(tagging_answers_an_empty_object),
        cmocka_unit_test(reads_what_tells_a_cluster_from_others),
        cmocka_unit_test(a_cluster_that_is_being_made_has_no_issuer_yet),
        cmocka_unit_test(a_cluster_that_is_not_ours_is_refused),
        cmocka_unit_test(reads_the_names_of_clusters),
    };

    return cmocka_run_group_tests_name("eks_read", tests, NULL, NULL);
}
