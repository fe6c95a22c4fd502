/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/wire_eks.h"
#include "tests/unit/aws_cases.h"
#include "tests/unit/scene.h"

#define ID "a-abcdefghijklmnop1"
#define ARN "arn:aws:eks:us-west-2:111122223333:podidentityassociation/blue/" ID
#define SUMMARY                                                                                    \
    "'clusterName':'blue','namespace':'app','serviceAccount':'app-sa','associationId':'" ID        \
    "','associationArn':'" ARN "'"

static const struct arn_cluster_name blue = {"blue"};

/* ---- requests ---- */

static void request_is(const struct call *call, const char *method, const char *path,
                       const char *query, const char *body)
{
    CLEANUP(aws_request_release) struct aws_request request = {0};
    struct error err = {0};

    if (wire_eks_write(call, &blue, &request, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(request.method, method);
    assert_string_equal(strbuf_text(&request.path), path);
    assert_string_equal(strbuf_text(&request.query), query);
    assert_string_equal(strbuf_text(&request.body), body);
    assert_int_equal(request.writes, call_writes(call->verb));
}

static void writes_reads(void **state)
{
    struct call list = {.verb = CALL_LIST_ASSOCIATIONS};
    const struct call describe = {.verb = CALL_DESCRIBE_ASSOCIATION, .in.association.id = ID};
    const struct call cluster = {.verb = CALL_DESCRIBE_CLUSTER};
    struct call clusters = {.verb = CALL_LIST_CLUSTERS, .in.clusters.next_token = ""};

    (void)state;
    list.in.list = (struct list_associations_in){{"", ""}, ""};
    request_is(&list, "GET", "/clusters/blue/pod-identity-associations", "maxResults=100", "");
    list.in.list = (struct list_associations_in){{"app", "app-sa"}, "a b"};
    request_is(&list, "GET", "/clusters/blue/pod-identity-associations",
               "namespace=app&serviceAccount=app-sa&maxResults=100&nextToken=a%20b", "");
    request_is(&describe, "GET", "/clusters/blue/pod-identity-associations/" ID, "", "");
    request_is(&cluster, "GET", "/clusters/blue", "", "");
    request_is(&clusters, "GET", "/clusters", "maxResults=100", "");
    clusters.in.clusters.next_token = "a/b";
    request_is(&clusters, "GET", "/clusters", "maxResults=100&nextToken=a%2Fb", "");
}

static void writes_a_create_whole(void **state)
{
    struct call call = {.verb = CALL_CREATE_ASSOCIATION};

    (void)state;
    call.in.create = (struct create_in){.key = {"app", "app-sa"},
                                        .access = {SCENE_ROLE, "", "", true},
                                        .tags = "a\t1\nb\t\n",
                                        .token = "token-1"};
    request_is(&call, "POST", "/clusters/blue/pod-identity-associations", "",
               "{\"clientRequestToken\":\"token-1\",\"namespace\":\"app\","
               "\"roleArn\":\"" SCENE_ROLE "\",\"serviceAccount\":\"app-sa\","
               "\"tags\":{\"a\":\"1\",\"b\":\"\"}}");
}

static void writes_only_the_fields_that_differ(void **state)
{
    struct call call = {.verb = CALL_UPDATE_ASSOCIATION};

    (void)state;
    call.in.association = (struct association_in){.id = ID,
                                                  .arn = ARN,
                                                  .access = {SCENE_ROLE, "", "", true},
                                                  .fields = ACCESS_TARGET_ROLE,
                                                  .tags = "",
                                                  .token = "token-1"};
    request_is(&call, "POST", "/clusters/blue/pod-identity-associations/" ID, "",
               "{\"clientRequestToken\":\"token-1\",\"targetRoleArn\":\"\"}");
    call.in.association.fields = ACCESS_ROLE;
    request_is(&call, "POST", "/clusters/blue/pod-identity-associations/" ID, "",
               "{\"clientRequestToken\":\"token-1\",\"roleArn\":\"" SCENE_ROLE "\"}");
}

static void writes_the_rest(void **state)
{
    struct call call = {.verb = CALL_DELETE_ASSOCIATION};
    char path[200] = "/tags/arn%3Aaws%3Aeks%3Aus-west-2%3A111122223333%3Apodidentityassociation"
                     "%2Fblue%2F" ID;

    (void)state;
    call.in.association = (struct association_in){.id = ID, .arn = ARN, .tags = "a b\t1\nc\t2\n"};
    request_is(&call, "DELETE", "/clusters/blue/pod-identity-associations/" ID, "", "");
    call.verb = CALL_TAG_ASSOCIATION;
    request_is(&call, "POST", path, "", "{\"tags\":{\"a b\":\"1\",\"c\":\"2\"}}");
    call.verb = CALL_UNTAG_ASSOCIATION;
    request_is(&call, "DELETE", path, "tagKeys=a%20b&tagKeys=c", "");
}

static void lets_no_other_name_into_a_path(void **state)
{
    static const enum call_verb verbs[] = {CALL_DESCRIBE_ASSOCIATION, CALL_UPDATE_ASSOCIATION,
                                           CALL_DELETE_ASSOCIATION, CALL_TAG_ASSOCIATION,
                                           CALL_UNTAG_ASSOCIATION};

    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        CLEANUP(aws_request_release) struct aws_request request = {0};
        const struct call call = {
            .verb = verbs[i],
            .in.association = {.id = "../blue", .arn = "arn:x", .tags = "a\tb\n", .token = "t"}};
        struct error err = {0};

        assert_int_equal(wire_eks_write(&call, &blue, &request, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

/* ---- answers ---- */

static void read_answer(struct call *call, int status, const char *body)
{
    struct http_answer answer = aws_cases_answer(status, body);

    for (char *c = answer.body.text; c && *c; c++)
        if (*c == '\'')
            *c = '"';
    wire_eks_read(&blue, &answer, call);
    aws_cases_release(&answer);
}

static void reads_what_was_described(void **state)
{
    CLEANUP(call_release)
    struct call call = {.verb = CALL_DESCRIBE_ASSOCIATION, .in.association.id = ID};
    const struct association *found;

    (void)state;
    read_answer(&call, 200,
                "{'association':{" SUMMARY ",'roleArn':'" SCENE_ROLE
                "','targetRoleArn':'" SCENE_TARGET
                "','tags':{'b':'2','aws:made-by':'x','AWS:y':'z','a':'1'},"
                "'modifiedAt':1764000000.5,'externalId':'e','disableSessionTags':true}}");
    assert_int_equal(call.error.kind, ERROR_NONE);
    found = call.out.association;
    assert_true(found->described);
    assert_string_equal(found->key.namespace, "app");
    assert_string_equal(found->key.service_account, "app-sa");
    assert_string_equal(found->id, ID);
    assert_string_equal(found->access.role_arn, SCENE_ROLE);
    assert_string_equal(found->access.target_role_arn, SCENE_TARGET);
    assert_false(found->access.session_tags);
    assert_string_equal(found->external_id, "e");
    assert_string_equal(found->tags, "a\t1\nb\t2\n"); /* AWS's own are none of ours to compare */
    assert_int_equal(found->modified_us, 1764000000500000);
}

static void reads_a_page_of_summaries(void **state)
{
    CLEANUP(call_release) struct call call = {.verb = CALL_LIST_ASSOCIATIONS};

    (void)state;
    read_answer(&call, 200, "{'associations':[{" SUMMARY "}],'nextToken':'more'}");
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_int_equal(call.out.page.count, 1);
    assert_false(call.out.page.items[0]->described);
    assert_string_equal(call.out.page.items[0]->id, ID);
    assert_string_equal(call.out.page.items[0]->access.role_arn, "");
    assert_string_equal(call.out.page.next_token, "more");
}

/* The answer to a Create must be about what was asked for: otherwise we know nothing. */
static void an_answer_about_another_key_is_unknown(void **state)
{
    CLEANUP(call_release) struct call call = {.verb = CALL_CREATE_ASSOCIATION};
    CLEANUP(call_release)
    struct call update = {.verb = CALL_UPDATE_ASSOCIATION,
                          .in.association.id = "a-0000000000000000x"};
    const char *body = "{'association':{" SUMMARY ",'roleArn':'" SCENE_ROLE "'}}";

    (void)state;
    call.in.create.key = (struct association_key){"app", "other-sa"};
    read_answer(&call, 200, body);
    assert_int_equal(call.error.kind, ERROR_UNKNOWN);
    assert_null(call.out.association);
    call.in.create.key = (struct association_key){"app", "app-sa"};
    read_answer(&call, 200, body);
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_string_equal(call.out.association->id, ID);
    read_answer(&update, 200, body);
    assert_int_equal(update.error.kind, ERROR_UNKNOWN);
}

static void reads_the_cluster(void **state)
{
    CLEANUP(call_release) struct call call = {.verb = CALL_DESCRIBE_CLUSTER};

    (void)state;
    read_answer(&call, 200,
                "{'cluster':{'name':'blue','arn':'arn:aws:eks:us-west-2:111122223333:cluster/blue',"
                "'status':'ACTIVE','identity':{'oidc':{'issuer':'https://issuer'}},"
                "'certificateAuthority':{'data':'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=='}}}");
    assert_string_equal(call.error.text, "");
    assert_string_equal(call.out.cluster.arn, "arn:aws:eks:us-west-2:111122223333:cluster/blue");
    assert_string_equal(call.out.cluster.status, "ACTIVE");
    assert_string_equal(call.out.cluster.issuer, "https://issuer");
    assert_string_equal(call.out.cluster.ca_pem, "-----BEGIN CERTIFICATE-----\n");
    read_answer(&call, 200, "{'cluster':{}}");
    assert_int_equal(call.error.kind, ERROR_TRANSIENT);
}

static void reads_a_page_of_clusters(void **state)
{
    CLEANUP(call_release) struct call call = {.verb = CALL_LIST_CLUSTERS};

    (void)state;
    read_answer(&call, 200, "{'clusters':['blue','green'],'nextToken':'more'}");
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_int_equal(call.out.clusters.count, 2);
    assert_string_equal(call.out.clusters.names[0], "blue");
    assert_string_equal(call.out.clusters.names[1], "green");
    assert_string_equal(call.out.clusters.next_token, "more");
    call_release(&call);
    read_answer(&call, 200, "{'clusters':[],'nextToken':null}");
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_int_equal(call.out.clusters.count, 0);
    assert_string_equal(call.out.clusters.next_token, "");
    call_release(&call);
    read_answer(&call, 403, "{'__type':'AccessDeniedException','message':'not authorized'}");
    assert_int_equal(call.error.kind, ERROR_DENIED);
    assert_null(call.out.clusters.names);
}

static void reads_that_tags_were_set(void **state)
{
    CLEANUP(call_release) struct call call = {.verb = CALL_TAG_ASSOCIATION};

    (void)state;
    error_set(&call.error, ERROR_DENIED, "of the try before");
    read_answer(&call, 200, "{}");
    assert_int_equal(call.error.kind, ERROR_NONE);
    call.verb = CALL_UNTAG_ASSOCIATION;
    read_answer(&call, 500, "");
    assert_int_equal(call.error.kind, ERROR_UNKNOWN);
}

static void tells_what_only_the_text_tells(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum call_detail detail;
    } rows[] = {
        {404, "{'__type':'ResourceNotFoundException','message':'No cluster found for name: blue.'}",
         DETAIL_CLUSTER_MISSING},
        {400,
         "{'__type':'InvalidParameterException','message':'Role provided in the request does not "
         "exist.'}",
         DETAIL_ROLE_MISSING},
        {400, "{'__type':'InvalidParameterException','message':'Something else.'}", DETAIL_NONE},
        {400, "{'__type':'ResourceLimitExceededException','message':'Too many.'}", DETAIL_QUOTA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(call_release) struct call call = {.verb = CALL_DESCRIBE_CLUSTER};

        read_answer(&call, rows[i].status, rows[i].body);
        assert_int_not_equal(call.error.kind, ERROR_NONE);
        if (wire_eks_detail(&call.error) != rows[i].detail)
            fail_msg("%s: detail %d", rows[i].body, (int)wire_eks_detail(&call.error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_reads),
        cmocka_unit_test(writes_a_create_whole),
        cmocka_unit_test(writes_only_the_fields_that_differ),
        cmocka_unit_test(writes_the_rest),
        cmocka_unit_test(lets_no_other_name_into_a_path),
        cmocka_unit_test(reads_what_was_described),
        cmocka_unit_test(reads_a_page_of_summaries),
        cmocka_unit_test(an_answer_about_another_key_is_unknown),
        cmocka_unit_test(reads_the_cluster),
        cmocka_unit_test(reads_a_page_of_clusters),
        cmocka_unit_test(reads_that_tags_were_set),
        cmocka_unit_test(tells_what_only_the_text_tells),
    };

    return cmocka_run_group_tests_name("wire_eks", tests, NULL, NULL);
}
