/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "crds/binding_json.h"
#include "tests/unit/binding_text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- bindings ---- */

static void reads_a_whole_binding(void **state)
{
    CLEANUP_JSON json_t *document = parse_quoted(
        "{" KIND "," METADATA ",'spec':{" SPEC ",'targetRole':{'arn':"
        "'arn:aws-cn:iam::444455556666:role/x'},'sessionTags':'Disabled',"
        "'sessionPolicy':' {\\'b\\': 1,\\n\\'a\\':[]}','tags':{'team':'data','cost':''},"
        "'adoption':'SameAccess','deletionPolicy':'Retain','suspend':true}}");
    CLEANUP_FREE struct binding *binding = read_binding(document);

    (void)state;
    json_release(&document); /* nothing of it may be needed any more */
    assert_string_equal(binding->namespace, "app");
    assert_string_equal(binding->name, "reader");
    assert_string_equal(binding->uid, "0b1c-22");
    assert_string_equal(binding->resource_version, "18446744073709551616");
    assert_int_equal(binding->generation, 3);
    assert_int_equal(binding->created_us, 1795375689000000);
    assert_string_equal(binding->service_account, "app-sa");
    assert_string_equal(binding->role_name, "team/a/reader");
    assert_string_equal(binding->role_arn, "");
    assert_string_equal(binding->target_role_arn, "arn:aws-cn:iam::444455556666:role/x");
    assert_string_equal(binding->session_policy, "{\"a\":[],\"b\":1}");
    assert_string_equal(binding->policy_defect, "");
    assert_string_equal(binding->tags, "cost\t\nteam\tdata\n");
    assert_false(binding->session_tags);
    assert_true(binding->retain);
    assert_true(binding->suspend);
    assert_int_equal(binding->adoption, ADOPTION_SAME_ACCESS);
    assert_string_equal(binding->defect, "");
    assert_int_equal(binding->status.observed_generation, -1);
    assert_string_equal(binding->status.associations, "");
}

static void absent_members_have_the_defaults_of_the_schema(void **state)
{
    CLEANUP_FREE struct binding *binding = with_spec(SPEC ",'suspend':null");

    (void)state;
    assert_string_equal(binding->defect, "");
    assert_true(binding->session_tags);
    assert_false(binding->retain);
    assert_false(binding->suspend);
    assert_int_equal(binding->adoption, ADOPTION_NEVER);
    assert_string_equal(binding->tags, "");
    assert_string_equal(binding->session_policy, "");
    assert_int_equal(binding->selector_count, 0);
    assert_false(binding->deleting);
    assert_false(binding->has_finalizer);
    assert_string_equal(binding->finalizers, "");
    assert_string_equal(binding->reconcile_at, "");
    assert_false(binding->abandon);
}

static void reads_finalizers_and_annotations(void **state)
{
    CLEANUP_JSON json_t *document = parse_quoted(
        "{" KIND ",'metadata':{'name':'reader','namespace':'app','uid':'u','resourceVersion':'1',"
        "'deletionTimestamp':'2026-11-22T19:28:09Z',"
        "'finalizers':['foregroundDeletion','podbind.dev/association','x.io/y'],"
        "'annotations':{'podbind.dev/reconcile-at':'now','podbind.dev/abandon':'true'}},"
        "'spec':{" SPEC "}}");
    CLEANUP_FREE struct binding *binding = read_binding(document);

    (void)state;
    assert_true(binding->deleting);
    assert_true(binding->has_finalizer);
    assert_string_equal(binding->finalizers,
                        "foregroundDeletion\npodbind.dev/association\nx.io/y\n");
    assert_string_equal(binding->reconcile_at, "now");
    assert_true(binding->abandon);
    assert_true(binding->created_us == INT64_MAX); /* of unknown age: the youngest */
}

static void a_long_annotation_is_kept_as_its_digest(void **state)
{
    char kept[2][80];

    (void)state;
    for (int i = 0; i < 2; i++) {
        CLEANUP_JSON json_t *document = parse_quoted(
            "{" KIND ",'metadata':{'name':'r','namespace':'app','uid':'u','resourceVersion':'1',"
            "'annotations':{'podbind.dev/reconcile-at':'%0500d'}},'spec':{" SPEC "}}",
            i);
        CLEANUP_FREE struct binding *binding = read_binding(document);

        snprintf(kept[i], sizeof kept[i], "%s", binding->reconcile_at);
        assert_int_equal(strlen(kept[i]), 64);
    }
    assert_string_not_equal(kept[0], kept[1]);
}

static void reads_selectors(void **state)
{
    CLEANUP_FREE struct binding *binding =
        with_spec("'role':{'arn':'arn:aws:iam::111122223333:role/reader'},'serviceAccount':"
                  "{'selector':{'matchLabels':{'tier':'front','empty':''},'matchExpressions':["
                  "{'key':'a','operator':'In','values':['x','']},"
                  "{'key':'b.io/c','operator':'NotIn','values':['y']},"
                  "{'key':'d','operator':'Exists'},"
                  "{'key':'e','operator':'DoesNotExist','values':[]}]}}");

    (void)state;
    assert_string_equal(binding->defect, "");
    assert_int_equal(binding->selector_count, 6);
    assert_string_equal(binding->service_account, "");
    assert_true(selector_matches(binding->selector, 6, "a\tx\nd\t\nempty\t\ntier\tfront\n"));
    assert_true(selector_matches(binding->selector, 6, "a\t\nd\t\nempty\t\ntier\tfront\n"));
    assert_false(selector_matches(binding->selector, 6, "a\tz\nd\t\nempty\t\ntier\tfront\n"));
    assert_false(selector_matches(binding->selector, 6, "a\tx\nempty\t\ntier\tfront\n"));
    assert_false(selector_matches(binding->selector, 6, "a\tx\nd\t\ntier\tfront\n"));
    assert_false(selector_matches(binding->selector, 6, "a\tx\nd\t\ne\t\nempty\t\ntier\tfront\n"));
    assert_false(
        selector_matches(binding->selector, 6, "a\tx\nb.io/c\ty\nd\t\nempty\t\ntier\tfront\n"));
}

/* ---- what can't be told apart ---- */

static void refuses_objects_that_cannot_be_told_apart(void **state)
{
    static const struct {
        const char *object, *says;
    } rows[] = {
        {"{}", "not a PodIdentityBinding"},
        {"{'kind':'Status'," METADATA "}", "not a PodIdentityBinding"},
        {"{'apiVersion':'podbind.dev/v2','kind':'PodIdentityBinding'," METADATA "}", "not a Pod"},
        {"{" KIND "}", "without metadata"},
        {"{" KIND ",'metadata':[]}", "without metadata"},
        {"{" KIND ",'metadata':{}}", "metadata.namespace"},
        {"{" KIND ",'metadata':{'namespace':'a','name':7,'uid':'u','resourceVersion':'1'}}",
         "metadata.name"},
        {"{" KIND ",'metadata':{'namespace':'a','name':'../b','uid':'u','resourceVersion':'1'}}",
         "metadata.name"},
        {"{" KIND ",'metadata':{'namespace':'a\\n','name':'b','uid':'u','resourceVersion':'1'}}",
         "metadata.namespace"},
        {"{" KIND ",'metadata':{'namespace':'a','name':'b','resourceVersion':'1'}}",
         "metadata.uid"},
        {"{" KIND ",'metadata':{'namespace':'a','name':'b','uid':'u\\t','resourceVersion':'1'}}",
         "metadata.uid"},
        {"{" KIND ",'metadata':{'namespace':'a','name':'b','uid':'u'}}", "resourceVersion"},
        {"{" KIND ",'metadata':{'namespace':'a','name':'b','uid':'u','resourceVersion':'x'}}",
         "resourceVersion"},
        {"{" KIND ",'metadata':{'namespace':'a','name':'b','uid':'u','resourceVersion':'1',"
         "'finalizers':'x'}}",
         "a/b: metadata.finalizers is no list"},
        {"{" KIND ",'metadata':{'namespace':'a','name':'b','uid':'u','resourceVersion':'1',"
         "'finalizers':['a\\nb']}}",
         "a finalizer"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP_JSON json_t *document = parse_quoted("%s", rows[i].object);
        struct error err = {0};

        if (binding_from_json(document, &err))
            fail_msg("%s was read", rows[i].object);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (!strstr(err.text, rows[i].says))
            fail_msg("%s: \"%s\", expected \"%s\"", rows[i].object, err.text, rows[i].says);
    }
}

static void names_have_at_most_253_characters(void **state)
{
    (void)state;
    for (int length = 253; length <= 254; length++) {
        CLEANUP_JSON json_t *document =
            parse_quoted("{" KIND ",'metadata':{'namespace':'a','name':'%0*d','uid':'u',"
                         "'resourceVersion':'1'},'spec':{" SPEC "}}",
                         length, 0);
        struct error err = {0};
        CLEANUP_FREE struct binding *binding = binding_from_json(document, &err);

        assert_true((binding != NULL) == (length == 253));
    }
}

/* ---- service accounts ---- */

#define ACCOUNT_METADATA "'namespace':'app','name':'app-sa','uid':'u-1','resourceVersion':'9'"

static void reads_a_service_account_from_a_list(void **state)
{
    CLEANUP_JSON json_t *document =
        parse_quoted("{'metadata':{" ACCOUNT_METADATA ",'labels':{'tier':'front','app':''},"
                     "'annotations':{'eks.amazonaws.com/role-arn':'x'}},'secrets':[]}");
    struct error err = {0};
    CLEANUP_FREE struct service_account *account = service_account_from_json(document, &err);

    (void)state;
    json_release(&document);
    assert_non_null(account);
    assert_string_equal(account->namespace, "app");
    assert_string_equal(account->name, "app-sa");
    assert_string_equal(account->resource_version, "9");
    assert_string_equal(account->labels, "app\t\ntier\tfront\n");
    assert_true(account->has_irsa_role);
}

static void reads_a_plain_service_account(void **state)
{
    CLEANUP_JSON json_t *document = parse_quoted(
        "{'apiVersion':'v1','kind':'ServiceAccount','metadata':{" ACCOUNT_METADATA "}}");
    struct error err = {0};
    CLEANUP_FREE struct service_account *account = service_account_from_json(document, &err);

    (void)state;
    assert_non_null(account);
    assert_string_equal(account->labels, "");
    assert_false(account->has_irsa_role);
}

/* A real kube-apiserver takes a NUL in an annotation. It must not cost the object, nor hide a part.
 */
static void a_nul_costs_only_what_it_stands_in(void **state)
{
    CLEANUP_JSON json_t *noted =
        json_loads("{\"metadata\":{\"namespace\":\"app\",\"name\":\"a\",\"uid\":\"u\","
                   "\"resourceVersion\":\"1\",\"annotations\":{\"a\":\"x\\u0000y\"}}}",
                   JSON_ALLOW_NUL, NULL);
    CLEANUP_JSON json_t *labelled =
        json_loads("{\"metadata\":{\"namespace\":\"app\",\"name\":\"a\",\"uid\":\"u\","
                   "\"resourceVersion\":\"1\",\"labels\":{\"a\":\"x\\u0000y\"}}}",
                   JSON_ALLOW_NUL, NULL);
    struct error err = {0};
    CLEANUP_FREE struct service_account *account = service_account_from_json(noted, &err);

    (void)state;
    assert_non_null(account);
    assert_null(service_account_from_json(labelled, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void refuses_what_is_no_service_account(void **state)
{
    static const char *const objects[] = {
        "{'kind':'Secret','metadata':{" ACCOUNT_METADATA "}}",
        "{'apiVersion':'v2','kind':'ServiceAccount','metadata':{" ACCOUNT_METADATA "}}",
        "{'metadata':{'namespace':'app','name':'app-sa'}}",
        "{'metadata':{" ACCOUNT_METADATA ",'labels':{'a':1}}}",
        "{'metadata':{" ACCOUNT_METADATA ",'labels':{'a':'\\n'}}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(objects); i++) {
        CLEANUP_JSON json_t *document = parse_quoted("%s", objects[i]);
        struct error err = {0};

        if (service_account_from_json(document, &err))
            fail_msg("%s was read", objects[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

static void the_finalizers_patch_is_exactly_this(void **state)
{
    CLEANUP(strbuf_release) struct strbuf two = {0};
    CLEANUP(strbuf_release) struct strbuf none = {0};

    (void)state;
    binding_finalizers_patch("5", "a\npodbind.dev/association\n", &two);
    assert_string_equal(strbuf_text(&two), "{\"metadata\":{\"resourceVersion\":\"5\",\"finalizers\""
                                           ":[\"a\",\"podbind.dev/association\"]}}");
    binding_finalizers_patch("5", "", &none);
    assert_string_equal(strbuf_text(&none),
                        "{\"metadata\":{\"resourceVersion\":\"5\",\"finalizers\":[]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_whole_binding),
        cmocka_unit_test(absent_members_have_the_defaults_of_the_schema),
        cmocka_unit_test(reads_finalizers_and_annotations),
        cmocka_unit_test(a_long_annotation_is_kept_as_its_digest),
        cmocka_unit_test(reads_selectors),
        cmocka_unit_test(refuses_objects_that_cannot_be_told_apart),
        cmocka_unit_test(names_have_at_most_253_characters),
        cmocka_unit_test(reads_a_service_account_from_a_list),
        cmocka_unit_test(reads_a_plain_service_account),
        cmocka_unit_test(a_nul_costs_only_what_it_stands_in),
        cmocka_unit_test(refuses_what_is_no_service_account),
        cmocka_unit_test(the_finalizers_patch_is_exactly_this),
    };

    return cmocka_run_group_tests_name("binding_json", tests, NULL, NULL);
}
