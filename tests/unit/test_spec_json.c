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

/* ---- what no schema of ours would have let in ---- */

#define ROLE "'role':{'name':'reader'}"
#define ACCOUNT "'serviceAccount':{'name':'app-sa'}"
#define SELECTOR(inside) ROLE ",'serviceAccount':{'selector':{" inside "}}"

/* lint: table */
static void malformed_specs_have_a_defect_that_names_the_field(void **state)
{
    static const struct {
        const char *spec, *says;
    } rows[] = {
        {ROLE, "spec.serviceAccount needs name, or selector"},
        {ROLE ",'serviceAccount':{}", "spec.serviceAccount needs name, or selector"},
        {ROLE ",'serviceAccount':[]", "spec.serviceAccount must be an object, not a list"},
        {ROLE ",'serviceAccount':{'name':'a','selector':{'matchLabels':{'a':'b'}}}", "keep one"},
        {ROLE ",'serviceAccount':{'name':''}", "spec.serviceAccount.name is empty"},
        {ROLE ",'serviceAccount':{'name':7}",
         "spec.serviceAccount.name must be a text, not a number"},
        {ROLE ",'serviceAccount':{'name':'a\\n'}", "spec.serviceAccount.name holds a control"},
        {ROLE ",'serviceAccount':{'name':'A'}", "spec.serviceAccount.name must be the name of"},
        {ROLE ",'serviceAccount':{'name':'a/b'}", "spec.serviceAccount.name must be the name of"},
        {ROLE ",'serviceAccount':{'name':'a..b'}", "spec.serviceAccount.name must be the name of"},
        {SELECTOR(""), "spec.serviceAccount.selector is empty"},
        {SELECTOR("'matchLabels':{}"), "spec.serviceAccount.selector is empty"},
        {SELECTOR("'matchLabels':[]"), "matchLabels must be an object"},
        {SELECTOR("'matchLabels':{'a b':'c'}"), "matchLabels: a key must be"},
        {SELECTOR("'matchLabels':{'a':'b c'}"), "is no label value"},
        {SELECTOR("'matchLabels':{'a':1}"), "must be a text, not a number"},
        {SELECTOR("'matchExpressions':{}"), "matchExpressions must be a list"},
        {SELECTOR("'matchExpressions':['a']"), "needs a key"},
        {SELECTOR("'matchExpressions':[{'operator':'Exists'}]"), "needs a key"},
        {SELECTOR("'matchExpressions':[{'key':'a'}]"), "operator must be In, NotIn"},
        {SELECTOR("'matchExpressions':[{'key':'a','operator':'in'}]"), "operator must be In"},
        {SELECTOR("'matchExpressions':[{'key':'a','operator':'In'}]"), "need values"},
        {SELECTOR("'matchExpressions':[{'key':'a','operator':'NotIn','values':[]}]"),
         "need values"},
        {SELECTOR("'matchExpressions':[{'key':'a','operator':'In','values':'b'}]"),
         "must be a list"},
        {SELECTOR("'matchExpressions':[{'key':'a','operator':'Exists','values':['b']}]"),
         "no values"},
        {SELECTOR("'matchExpressions':[{'key':'a','operator':'In','values':[null]}]"),
         "not nothing"},
        {ACCOUNT, "spec.role needs name"},
        {ACCOUNT ",'role':{'name':'a','arn':'b'}", "spec.role.name and .arn exclude each other"},
        {ACCOUNT ",'role':'reader'", "spec.role must be an object, not a text"},
        {ACCOUNT ",'role':{'name':'/a'}", "spec.role.name must be the name of an IAM role"},
        {ACCOUNT ",'role':{'name':'a/'}", "spec.role.name must be the name of an IAM role"},
        {ACCOUNT ",'role':{'name':'a*'}", "spec.role.name must be the name of an IAM role"},
        {ACCOUNT ",'role':{'name':'a//b'}", "spec.role.name must be the name of an IAM role"},
        {ACCOUNT ",'role':{'arn':'reader'}", "spec.role.arn must be the ARN"},
        {ACCOUNT ",'role':{'name':'arn:aws:iam::111122223333:role/a'}", "spec.role.name must be"},
        {ACCOUNT ",'role':{'arn':'arn:aws:iam::11112222333:role/a'}",
         "spec.role.arn must be the ARN"},
        {ACCOUNT ",'role':{'arn':'arn:aws:iam::111122223333:user/a'}", "spec.role.arn must be"},
        {ACCOUNT ",'role':{'arn':'arn:aws-:iam::111122223333:role/a'}", "spec.role.arn must be"},
        {ACCOUNT ",'role':{'arn':'arn:aws:iam::111122223333:role/*'}", "spec.role.arn must be"},
        {SPEC ",'targetRole':{}", "spec.targetRole needs arn"},
        {SPEC ",'targetRole':{'arn':'x'}", "spec.targetRole.arn must be the ARN"},
        {SPEC ",'sessionTags':'On'", "spec.sessionTags must be Enabled or Disabled"},
        {SPEC ",'sessionTags':true", "spec.sessionTags must be Enabled or Disabled"},
        {SPEC ",'adoption':'never'", "spec.adoption must be Never, SameAccess or Always"},
        {SPEC ",'deletionPolicy':'Keep'", "spec.deletionPolicy must be Delete or Retain"},
        {SPEC ",'suspend':'no'", "spec.suspend must be true or false, not a text"},
        {SPEC ",'sessionPolicy':'{}'", "spec.sessionPolicy needs sessionTags: Disabled"},
        {SPEC ",'sessionTags':'Disabled','sessionPolicy':''", "spec.sessionPolicy is empty"},
        {SPEC ",'sessionTags':'Disabled','sessionPolicy':{}", "spec.sessionPolicy must be a text"},
        {SPEC ",'tags':[]", "spec.tags must be an object"},
        {SPEC ",'tags':{'':'x'}", "spec.tags: a key has 1 to 128"},
        {SPEC ",'tags':{'a':7}", "spec.tags must be a text, not a number"},
        {SPEC ",'tags':{'a':'b\\u0007'}", "spec.tags holds a control character"},
        {SPEC ",'tags':{'a\\tb':'c'}", "spec.tags: a key has"},
        {SPEC ",'tags':{'podbind.dev/owner':'me'}", "reserved"},
        {SPEC ",'tags':{'AWS:x':'me'}", "reserved"},
        {SPEC ",'tags':{'a':'b!'}", "spec.tags: a value has"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP_FREE struct binding *binding = with_spec(rows[i].spec);

        if (!strstr(binding->defect, rows[i].says))
            fail_msg("{%s}: \"%s\", expected \"%s\"", rows[i].spec, binding->defect, rows[i].says);
    }
}

static void no_spec_is_a_defect(void **state)
{
    static const char *const specs[] = {"", ",'spec':null", ",'spec':[]", ",'spec':'x'"};

    (void)state;
    for (size_t i = 0; i < COUNT(specs); i++) {
        CLEANUP_JSON json_t *document = parse_quoted("{" KIND "," METADATA "%s}", specs[i]);
        CLEANUP_FREE struct binding *binding = read_binding(document);

        assert_string_equal(binding->defect, "the binding has no spec");
        assert_true(binding->retain);
    }
}

static void texts_at_their_longest_pass_and_one_more_does_not(void **state)
{
    static const struct {
        const char *before, *after;
        int most;
    } rows[] = {
        {ROLE ",'serviceAccount':{'name':'", "'}", 253},
        {ACCOUNT ",'role':{'name':'", "'}", 64},
        {ACCOUNT ",'role':{'name':'", "/reader'}", 575 - 7},
        {SPEC ",'tags':{'", "':'x'}", 128},
        {SPEC ",'tags':{'x':'", "'}", 256},
    };
    char spec[4096];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int more = 0; more < 2; more++) {
            CLEANUP_FREE struct binding *binding = NULL;

            snprintf(spec, sizeof spec, "%s%0*d%s", rows[i].before, rows[i].most + more, 0,
                     rows[i].after);
            binding = with_spec(spec);
            if ((binding->defect[0] != '\0') != (more == 1))
                fail_msg("{%s}: \"%s\"", spec, binding->defect);
        }
    }
}

/* `count` times `item` with its number, commas between. */
static const char *repeat(char *room, size_t size, const char *before, const char *item, int count,
                          const char *after)
{
    size_t length = (size_t)snprintf(room, size, "%s", before);

    for (int i = 0; i < count; i++) {
        length += (size_t)snprintf(room + length, size - length, "%s", i > 0 ? "," : "");
        for (const char *at = item; *at && length < size; at++)
            length += (size_t)snprintf(room + length, size - length, *at == '#' ? "%d" : "%c",
                                       *at == '#' ? i : *at);
    }
    snprintf(room + length, size - length, "%s", after);
    return room;
}

static void lists_at_their_longest_pass_and_one_more_does_not(void **state)
{
    static const struct {
        const char *before, *item, *after;
        int most;
    } rows[] = {
        {SPEC ",'tags':{", "'k#':'v'", "}", 45},
        {ROLE ",'serviceAccount':{'selector':{'matchLabels':{", "'k#':'v'", "}}}", 32},
        {ROLE ",'serviceAccount':{'selector':{'matchExpressions':[",
         "{'key':'k#','operator':'Exists'}", "]}}", 32},
        {ROLE ",'serviceAccount':{'selector':{'matchExpressions':[{'key':'k','operator':'In',"
              "'values':[",
         "'v#'", "]}]}}", 64},
    };
    char spec[4096];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int more = 0; more < 2; more++) {
            CLEANUP_FREE struct binding *binding =
                with_spec(repeat(spec, sizeof spec, rows[i].before, rows[i].item,
                                 rows[i].most + more, rows[i].after));

            if ((binding->defect[0] != '\0') != (more == 1))
                fail_msg("{%s}: \"%s\"", spec, binding->defect);
        }
    }
}

static void a_wrong_deletion_policy_retains(void **state)
{
    CLEANUP_FREE struct binding *binding = with_spec(SPEC ",'deletionPolicy':'retain'");

    (void)state;
    assert_true(binding->retain);
}

static void a_text_at_fault_is_left_out(void **state)
{
    CLEANUP_FREE struct binding *binding =
        with_spec("'serviceAccount':{'name':'../x'},'role':{'name':'a b'},'targetRole':"
                  "{'arn':'x'},'tags':{'a':'b','c':'\\n'}");

    (void)state;
    assert_string_equal(binding->service_account, "");
    assert_string_equal(binding->role_name, "");
    assert_string_equal(binding->target_role_arn, "");
    assert_string_equal(binding->tags, "");
}

static void a_broken_policy_is_told_apart_from_a_broken_spec(void **state)
{
    static const char *const policies[] = {"{\\'a\\':1", "[]", "hello", "{\\'a\\':1,\\'a\\':2}"};
    char spec[512];

    (void)state;
    for (size_t i = 0; i < COUNT(policies); i++) {
        CLEANUP_FREE struct binding *binding = NULL;

        snprintf(spec, sizeof spec, SPEC ",'sessionTags':'Disabled','sessionPolicy':'%s'",
                 policies[i]);
        binding = with_spec(spec);
        assert_string_equal(binding->defect, "");
        assert_string_equal(binding->session_policy, "");
        assert_non_null(strstr(binding->policy_defect, "the session policy can't be read: "));
    }
}

static void policies_that_mean_the_same_are_the_same_text(void **state)
{
    CLEANUP_FREE struct binding *one = with_spec(
        SPEC ",'sessionTags':'Disabled','sessionPolicy':'{\\'x\\':\\'\\u00e9\\',\\'a\\':[1, 2]}'");
    CLEANUP_FREE struct binding *other = with_spec(
        SPEC
        ",'sessionTags':'Disabled','sessionPolicy':'{ \\'a\\':[1,2],\\n \\'x\\':\\'\xc3\xa9\\' }'");

    (void)state;
    assert_string_equal(one->session_policy, "{\"a\":[1,2],\"x\":\"\xc3\xa9\"}");
    assert_string_equal(other->session_policy, one->session_policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_specs_have_a_defect_that_names_the_field),
        cmocka_unit_test(no_spec_is_a_defect),
        cmocka_unit_test(texts_at_their_longest_pass_and_one_more_does_not),
        cmocka_unit_test(lists_at_their_longest_pass_and_one_more_does_not),
        cmocka_unit_test(a_wrong_deletion_policy_retains),
        cmocka_unit_test(a_text_at_fault_is_left_out),
        cmocka_unit_test(a_broken_policy_is_told_apart_from_a_broken_spec),
        cmocka_unit_test(policies_that_mean_the_same_are_the_same_text),
    };

    return cmocka_run_group_tests_name("spec_json", tests, NULL, NULL);
}
