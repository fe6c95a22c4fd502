/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "controller/options.h"
#include "controller/wire_kube.h"
#include "tests/unit/aws_cases.h"
#include "tests/unit/scene.h"

#define WALL_US INT64_C(1764000000123456)
#define READER                                                                                     \
    "'apiVersion':'podbind.dev/v1alpha1','kind':'PodIdentityBinding','metadata':{'name':'reader'," \
    "'namespace':'app','uid':'u1','resourceVersion':'12','generation':1,'creationTimestamp':"      \
    "'2026-11-22T19:28:09Z'},'spec':{'serviceAccount':{'name':'app-sa'},'role':{'name':'r'}}"
#define UID "1b3c5d7e-0000-4000-8000-000000000000"
#define KUBE_SYSTEM                                                                                \
    "{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'kube-system','uid':'" UID "'}}"

static const struct options_names everywhere = {0};

struct stage {
    struct kubeconfig config;
    struct kube_client client;
    struct wire_kube wire;
    struct call call;
};

static int make_stage(void **state)
{
    struct stage *stage = mem_alloc(sizeof *stage);

    kubeconfig_init(&stage->config);
    kube_client_init(&stage->client, &stage->config, "podbind/0 (linux/amd64)");
    *state = stage;
    return 0;
}

static void again(struct stage *stage, enum call_verb verb)
{
    wire_kube_release(&stage->wire);
    call_release(&stage->call);
    stage->wire = (struct wire_kube){
        .namespaces = &everywhere, .lease_namespace = "podbind-system", .lease_name = "podbind"};
    stage->call = (struct call){.verb = verb};
}

static int end_stage(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_LIST_OBJECTS);
    kube_client_release(&stage->client);
    kubeconfig_release(&stage->config);
    mem_free(stage);
    return 0;
}

static void request_is(struct stage *stage, const char *method, const char *path)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err = {0};

    wire_kube_write(&stage->call, &stage->wire, "podbind-0", WALL_US);
    assert_string_equal(stage->wire.request.method, method);
    if (stage->wire.request.raw_path)
        strbuf_str(&text, stage->wire.request.raw_path);
    else if (kube_path_write(&stage->wire.request.path, &text, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(strbuf_text(&text), path);
}

/* `body` with ' for ". */
static bool read_answer(struct stage *stage, int status, const char *body)
{
    struct http_answer answer = aws_cases_answer(status, body);
    bool more;

    for (char *c = answer.body.text; c && *c; c++)
        if (*c == '\'')
            *c = '"';
    more = wire_kube_read(&stage->client, &stage->wire, &answer, &stage->call);
    aws_cases_release(&answer);
    return more;
}

#define BINDINGS "/apis/podbind.dev/v1alpha1/namespaces/app/podidentitybindings"

/* ---- requests ---- */

static void asks_for_pages_of_a_hundred(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_LIST_OBJECTS);
    stage->call.in.objects = (struct list_objects_in){RESOURCE_BINDINGS, ""};
    request_is(stage, "GET", "/apis/podbind.dev/v1alpha1/podidentitybindings");
    assert_string_equal(stage->wire.request.query, "limit=100");
    again(stage, CALL_LIST_OBJECTS);
    stage->call.in.objects = (struct list_objects_in){RESOURCE_SERVICE_ACCOUNTS, "a=b&c"};
    request_is(stage, "GET", "/api/v1/serviceaccounts");
    assert_string_equal(stage->wire.request.query, "limit=100&continue=a%3Db%26c");
}

static void asks_for_one_object(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_GET_BINDING);
    stage->call.in.object = (struct object_in){.namespace = "app", .name = "reader"};
    request_is(stage, "GET", BINDINGS "/reader");
    again(stage, CALL_GET_SERVICE_ACCOUNT);
    stage->call.in.object = (struct object_in){.namespace = "app", .name = "app-sa"};
    request_is(stage, "GET", "/api/v1/namespaces/app/serviceaccounts/app-sa");
}

static void patches_are_bound_to_a_version(void **state)
{
    struct stage *stage = *state;
    const struct binding_status status = {.wanted = 1, .bound = "0/1"};

    again(stage, CALL_PATCH_FINALIZERS);
    stage->call.in.object = (struct object_in){.namespace = "app",
                                               .name = "reader",
                                               .resource_version = "12",
                                               .finalizers = "a/b\n" BINDING_FINALIZER "\n"};
    request_is(stage, "PATCH", BINDINGS "/reader");
    assert_string_equal(stage->wire.request.content_type, KUBE_MERGE_PATCH);
    assert_int_equal(stage->wire.request.body_length, strlen(stage->wire.request.body));
    assert_non_null(strstr(stage->wire.request.body, "\"resourceVersion\":\"12\""));
    assert_non_null(
        strstr(stage->wire.request.body, "\"finalizers\":[\"a/b\",\"podbind.dev/association\"]"));
    again(stage, CALL_PATCH_STATUS);
    stage->call.in.object = (struct object_in){
        .namespace = "app", .name = "reader", .resource_version = "13", .status = &status};
    request_is(stage, "PATCH", BINDINGS "/reader/status");
    assert_non_null(strstr(stage->wire.request.body, "\"resourceVersion\":\"13\""));
    assert_non_null(strstr(stage->wire.request.body, "\"bound\":\"0/1\""));
}

static void events_are_created_then_folded(void **state)
{
    struct stage *stage = *state;
    struct event_in event = {.namespace = "app",
                             .binding = "reader",
                             .uid = "u1",
                             .name = "reader.1",
                             .warning = true,
                             .reason = "KeyTaken",
                             .action = "Reconcile",
                             .note = "taken"};

    again(stage, CALL_WRITE_EVENT);
    stage->call.in.event = event;
    request_is(stage, "POST", "/apis/events.k8s.io/v1/namespaces/app/events");
    assert_string_equal(stage->wire.request.content_type, KUBE_JSON);
    assert_non_null(strstr(stage->wire.request.body, "\"reason\":\"KeyTaken\""));
    assert_non_null(strstr(stage->wire.request.body, "\"podbind-0\""));
    assert_non_null(strstr(stage->wire.request.body, "\"uid\":\"u1\""));
    event.series_count = 3;
    again(stage, CALL_WRITE_EVENT);
    stage->call.in.event = event;
    request_is(stage, "PATCH", "/apis/events.k8s.io/v1/namespaces/app/events/reader.1");
    assert_non_null(strstr(stage->wire.request.body, "\"count\":3"));
}

/* ---- answers ---- */

static void reads_a_page_and_counts_what_is_no_record(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_LIST_OBJECTS);
    stage->call.in.objects = (struct list_objects_in){RESOURCE_BINDINGS, ""};
    request_is(stage, "GET", "/apis/podbind.dev/v1alpha1/podidentitybindings");
    assert_false(read_answer(
        stage, 200,
        "{'apiVersion':'podbind.dev/v1alpha1','kind':'PodIdentityBindingList','metadata':"
        "{'resourceVersion':'99','continue':'more'},'items':[{" READER "},{'metadata':{}}]}"));
    assert_string_equal(stage->call.error.text, "");
    assert_int_equal(stage->call.out.objects.count, 1);
    assert_int_equal(stage->call.out.objects.skipped, 1);
    assert_string_equal(stage->call.out.objects.resource_version, "99");
    assert_string_equal(stage->call.out.objects.continue_token, "more");
    assert_string_equal(((struct binding *)stage->call.out.objects.items[0])->name, "reader");
}

static void objects_outside_the_watched_namespaces_are_not_there(void **state)
{
    static char web[] = "web", app[] = "app";
    static char *web_names[] = {web}, *both_names[] = {web, app};
    static const struct options_names only_web = {web_names, 1}, both = {both_names, 2};
    static const struct options_names *const watched[] = {&only_web, &both, &everywhere};
    struct stage *stage = *state;

    for (size_t i = 0; i < 3; i++) {
        again(stage, CALL_LIST_OBJECTS);
        stage->wire.namespaces = watched[i];
        stage->call.in.objects = (struct list_objects_in){RESOURCE_BINDINGS, ""};
        request_is(stage, "GET", "/apis/podbind.dev/v1alpha1/podidentitybindings");
        read_answer(stage, 200,
                    "{'apiVersion':'podbind.dev/v1alpha1','kind':'PodIdentityBindingList',"
                    "'metadata':{'resourceVersion':'99'},'items':[{" READER "}]}");
        assert_string_equal(stage->call.error.text, "");
        assert_int_equal(stage->call.out.objects.count, i > 0);
        assert_int_equal(stage->call.out.objects.skipped, 0);
    }
}

static void a_list_of_something_else_is_no_list(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_LIST_OBJECTS);
    stage->call.in.objects = (struct list_objects_in){RESOURCE_SERVICE_ACCOUNTS, ""};
    request_is(stage, "GET", "/api/v1/serviceaccounts");
    read_answer(stage, 200, "{'kind':'SecretList','metadata':{'resourceVersion':'9'},'items':[]}");
    assert_int_equal(stage->call.error.kind, ERROR_TRANSIENT);
    assert_int_equal(stage->call.out.objects.count, 0);
    read_answer(stage, 410, "{'kind':'Status','status':'Failure','reason':'Expired','code':410}");
    assert_int_equal(stage->call.error.kind, ERROR_GONE);
}

/* D2: only a Status that names the object says that it is gone. */
static void only_the_servers_word_says_not_found(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_GET_BINDING);
    stage->call.in.object = (struct object_in){.namespace = "app", .name = "reader"};
    request_is(stage, "GET", BINDINGS "/reader");
    read_answer(stage, 404, "<html>not found</html>");
    assert_int_equal(stage->call.error.kind, ERROR_TRANSIENT);
    read_answer(stage, 404,
                "{'kind':'Status','status':'Failure','reason':'NotFound','code':404,'details':"
                "{'group':'podbind.dev','kind':'podidentitybindings','name':'reader'}}");
    assert_int_equal(stage->call.error.kind, ERROR_NOT_FOUND);
    read_answer(stage, 200, "{" READER "}");
    assert_string_equal(stage->call.error.text, "");
    assert_string_equal(stage->call.out.binding->uid, "u1");
}

static void a_patch_answers_its_version(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_PATCH_FINALIZERS);
    stage->call.in.object = (struct object_in){
        .namespace = "app", .name = "reader", .resource_version = "12", .finalizers = ""};
    request_is(stage, "PATCH", BINDINGS "/reader");
    read_answer(stage, 200, "{'metadata':{}}");
    assert_int_equal(stage->call.error.kind, ERROR_UNKNOWN);
    assert_null(stage->call.out.resource_version);
    read_answer(stage, 200, "{" READER "}");
    assert_int_equal(stage->call.error.kind, ERROR_NONE);
    assert_string_equal(stage->call.out.resource_version, "12");
    read_answer(stage, 409, "{'kind':'Status','status':'Failure','reason':'Conflict','code':409}");
    assert_int_equal(stage->call.error.kind, ERROR_CONFLICT);
}

static void reads_a_service_account(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_GET_SERVICE_ACCOUNT);
    stage->call.in.object = (struct object_in){.namespace = "app", .name = "app-sa"};
    request_is(stage, "GET", "/api/v1/namespaces/app/serviceaccounts/app-sa");
    read_answer(stage, 200,
                "{'apiVersion':'v1','kind':'ServiceAccount','metadata':{'name':'app-sa','namespace'"
                ":'app','uid':'u','resourceVersion':'3','labels':{'a':'b'}}}");
    assert_string_equal(stage->call.error.text, "");
    assert_string_equal(stage->call.out.service_account->labels, "a\tb\n");
}

/* ---- which cluster is this? ---- */

static void ask_identity(struct stage *stage)
{
    again(stage, CALL_READ_IDENTITY);
    request_is(stage, "GET", "/api/v1/namespaces/kube-system");
}

static void asks_the_discovery_document_for_the_issuer(void **state)
{
    struct stage *stage = *state;

    mem_free(stage->config.context);
    stage->config.context = mem_strdup("blue"); /* from a kubeconfig: no token of a pod */
    mem_free(stage->config.ca_pem);
    stage->config.ca_pem = mem_strdup("a bundle");
    ask_identity(stage);
    assert_true(read_answer(stage, 200, KUBE_SYSTEM));
    request_is(stage, "GET", "/.well-known/openid-configuration");
    assert_false(read_answer(stage, 200, "{'issuer':'https://issuer.example/id'}"));
    assert_string_equal(stage->call.error.text, "");
    assert_string_equal(stage->call.out.identity.kube_system_uid, UID);
    assert_string_equal(stage->call.out.identity.issuer, "https://issuer.example/id");
    assert_string_equal(stage->call.out.identity.ca_pem, "a bundle");
}

/* The certificate authority may still tell (W1); a server in trouble says nothing at all. */
static void an_issuer_that_may_not_be_read_is_no_failure(void **state)
{
    static const struct {
        int status;
        enum error_kind kind;
    } rows[] = {{403, ERROR_NONE}, {404, ERROR_NONE}, {503, ERROR_TRANSIENT}};
    struct stage *stage = *state;

    mem_free(stage->config.context);
    stage->config.context = mem_strdup("blue");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_identity(stage);
        assert_true(read_answer(stage, 200, KUBE_SYSTEM));
        request_is(stage, "GET", "/.well-known/openid-configuration");
        assert_false(read_answer(stage, rows[i].status, "{}"));
        assert_int_equal(stage->call.error.kind, rows[i].kind);
        assert_null(stage->call.out.identity.issuer);
    }
}

static void without_kube_system_nothing_is_known(void **state)
{
    struct stage *stage = *state;

    ask_identity(stage);
    assert_false(read_answer(stage, 200, "{'kind':'Namespace','metadata':{'name':'default'}}"));
    assert_int_equal(stage->call.error.kind, ERROR_TRANSIENT);
    ask_identity(stage);
    assert_false(read_answer(stage, 403, "{'kind':'Status','reason':'Forbidden','code':403}"));
    assert_int_equal(stage->call.error.kind, ERROR_DENIED);
}

#define LEASE "/apis/coordination.k8s.io/v1/namespaces/podbind-system/leases/podbind"
#define OUR_LEASE                                                                                  \
    "'kind':'PartialObjectMetadata','metadata':{'name':'podbind','resourceVersion':'41'"

static void reads_the_annotations_of_our_lease(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_READ_LEASE);
    request_is(stage, "GET", LEASE);
    assert_false(read_answer(stage, 200,
                             "{" OUR_LEASE ",'annotations':{'podbind.dev/deletions':'7=1/2',"
                             "'podbind.dev/release-deletions':'35','another':'x'}}}"));
    assert_string_equal(stage->call.error.text, "");
    assert_string_equal(stage->call.out.lease.resource_version, "41");
    assert_string_equal(stage->call.out.lease.deletions, "7=1/2");
    assert_string_equal(stage->call.out.lease.release, "35");
    again(stage, CALL_READ_LEASE);
    request_is(stage, "GET", LEASE);
    assert_false(read_answer(stage, 200, "{" OUR_LEASE "}}"));
    assert_string_equal(stage->call.out.lease.deletions, "");
    assert_string_equal(stage->call.out.lease.release, "");
}

static void an_answer_without_version_is_no_lease(void **state)
{
    struct stage *stage = *state;

    again(stage, CALL_READ_LEASE);
    request_is(stage, "GET", LEASE);
    assert_false(read_answer(stage, 200, "{'kind':'PartialObjectMetadata','metadata':{}}"));
    assert_int_equal(stage->call.error.kind, ERROR_TRANSIENT);
    assert_null(stage->call.out.lease.resource_version);
}

static void writes_the_annotations_under_the_version_that_was_read(void **state)
{
    static const struct {
        struct lease_in in;
        const char *body;
    } rows[] = {
        {{"41", "7=1/2", "30"},
         "{\"metadata\":{\"annotations\":{\"podbind.dev/deletions\":\"7=1/2\","
         "\"podbind.dev/release-deletions\":\"30\"},\"resourceVersion\":\"41\"}}"},
        {{"41", "", NULL},
         "{\"metadata\":{\"annotations\":{\"podbind.dev/deletions\":null},"
         "\"resourceVersion\":\"41\"}}"},
    };
    struct stage *stage = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        again(stage, CALL_PATCH_LEASE);
        stage->call.in.lease = rows[i].in;
        request_is(stage, "PATCH", LEASE);
        assert_string_equal(strbuf_text(&stage->wire.body), rows[i].body);
        assert_false(read_answer(stage, 200, "{" OUR_LEASE "}}"));
        assert_int_equal(stage->call.error.kind, ERROR_NONE);
    }
    again(stage, CALL_PATCH_LEASE);
    stage->call.in.lease = rows[0].in;
    request_is(stage, "PATCH", LEASE);
    assert_false(read_answer(stage, 409, "{'kind':'Status','reason':'Conflict','code':409}"));
    assert_int_equal(stage->call.error.kind, ERROR_CONFLICT);
}

static void sees_whether_the_definition_is_being_deleted(void **state)
{
    static const struct {
        int status;
        const char *answer;
        enum error_kind kind;
        bool going;
    } rows[] = {
        {200, "{'kind':'PartialObjectMetadata','metadata':{'name':'x'}}", ERROR_NONE, false},
        {200, "{'kind':'x','metadata':{'deletionTimestamp':'2026-11-22T19:28:09Z'}}", ERROR_NONE,
         true},
        {404,
         "{'kind':'Status','reason':'NotFound','code':404,'details':{'name':"
         "'podidentitybindings.podbind.dev','group':'apiextensions.k8s.io','kind':"
         "'customresourcedefinitions'}}",
         ERROR_NOT_FOUND, false},
        {404, "nothing here", ERROR_TRANSIENT, false},
        {403, "{'kind':'Status','reason':'Forbidden','code':403}", ERROR_DENIED, false},
    };
    struct stage *stage = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        again(stage, CALL_READ_DEFINITION);
        request_is(stage, "GET",
                   "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
                   "podidentitybindings.podbind.dev");
        assert_false(read_answer(stage, rows[i].status, rows[i].answer));
        assert_int_equal(stage->call.error.kind, rows[i].kind);
        assert_int_equal(stage->call.out.definition_going, rows[i].going);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stage, end_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_for_pages_of_a_hundred),
        TEST(asks_for_one_object),
        TEST(patches_are_bound_to_a_version),
        TEST(events_are_created_then_folded),
        TEST(reads_a_page_and_counts_what_is_no_record),
        TEST(objects_outside_the_watched_namespaces_are_not_there),
        TEST(a_list_of_something_else_is_no_list),
        TEST(only_the_servers_word_says_not_found),
        TEST(a_patch_answers_its_version),
        TEST(reads_a_service_account),
        TEST(asks_the_discovery_document_for_the_issuer),
        TEST(an_issuer_that_may_not_be_read_is_no_failure),
        TEST(without_kube_system_nothing_is_known),
        TEST(reads_the_annotations_of_our_lease),
        TEST(an_answer_without_version_is_no_lease),
        TEST(writes_the_annotations_under_the_version_that_was_read),
        TEST(sees_whether_the_definition_is_being_deleted),
    };

    return cmocka_run_group_tests_name("wire_kube", tests, NULL, NULL);
}
