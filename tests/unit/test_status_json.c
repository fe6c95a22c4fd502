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
#include "crds/pairs.h"
#include "tests/unit/binding_text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the status, there and back ---- */

static struct binding_row two_rows[] = {
    {"app-sa", "a-1", "Associated", "", 1700000000123456},
    {"web", "", "Waiting", "arn \"x\" \\ \xe2\x82\xac", 0},
};

static struct binding_status sample(void)
{
    return (struct binding_status){
        .observed_generation = 3,
        .conditions = {[CONDITION_ACCEPTED] = {CONDITION_TRUE, "Accepted", "", 1700000001000000},
                       [CONDITION_ROLE_TRUSTED] = {CONDITION_FALSE, "RoleNotTrusted", "pinned", 0},
                       [CONDITION_READY] = {CONDITION_FALSE, "KeyTaken",
                                            "line\none\ttwo \"q\" \x01 \xe2\x80\xae cut \xe2\x82",
                                            1700000002999999}},
        .cluster_name = "eks-green",
        .role = "reader",
        .role_arn = "arn:aws:iam::111122223333:role/reader",
        .service_accounts = "2 selected",
        .bound = "0/2",
        .wanted = 2,
        .rows = two_rows,
        .row_count = COUNT(two_rows),
    };
}

/* RFC 7396, as far as our patches need it: null takes away, all else replaces. */
static void apply_merge_patch(json_t *object, const json_t *patch)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)patch, name, value)
    {
        if (json_is_null(value))
            json_object_del(object, name);
        else
            json_object_set(object, name, value);
    }
}

/* The binding after `status` was written over what `before` holds, through text both times. */
static struct binding *after_writing(const char *before, const struct binding_status *status)
{
    CLEANUP_JSON json_t *object =
        parse_quoted("{" KIND "," METADATA ",'spec':{" SPEC "},'status':{%s}}", before);
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err = {0};

    binding_status_patch("77", status, &text);
    CLEANUP_JSON json_t *patch = json_parse(text.text, text.length, &err);
    if (!patch)
        fail_msg("%s: %s", err.text, text.text);
    assert_string_equal(json_text(json_at(patch, "metadata", NULL), "resourceVersion"), "77");
    apply_merge_patch(json_object_get(object, "status"), json_at(patch, "status", NULL));

    CLEANUP_FREE char *stored = json_canonical(object);
    CLEANUP_JSON json_t *back = json_parse(stored, strlen(stored), &err);
    return read_binding(back);
}

static void a_status_that_comes_back_hashes_the_same(void **state)
{
    struct binding_status statuses[4] = {sample(), sample(), sample(), {0}};
    static const char *const befores[] = {
        "",
        "'observedGeneration':-1",
        ("'observedGeneration':2,'role':'old','omitted':4,'bound':'9/9','wanted':9,"
         "'inPlace':9,'associations':[{'serviceAccount':'old'}],'conditions':[7]"),
    };

    (void)state;
    statuses[1].row_count = 0;
    statuses[1].access = "none";
    statuses[1].omitted = 12;
    statuses[2].conditions[CONDITION_STALLED] = statuses[2].conditions[CONDITION_READY];
    for (size_t s = 0; s < COUNT(statuses); s++) {
        for (size_t b = 0; b < COUNT(befores); b++) {
            CLEANUP_FREE struct binding *binding = after_writing(befores[b], &statuses[s]);

            if (binding->status.hash != binding_status_hash(&statuses[s]))
                fail_msg("status %zu over {%s}", s, befores[b]);
            assert_int_equal(binding->status.trust_hash, binding_trust_hash(&statuses[s]));
        }
    }
}

static void remembers_what_the_next_status_needs(void **state)
{
    struct binding_status status = sample();
    CLEANUP_FREE struct binding *binding = after_writing("", &status);
    const struct binding_stored_status *stored = &binding->status;

    (void)state;
    assert_int_equal(stored->observed_generation, 3);
    assert_int_equal(stored->conditions[CONDITION_ACCEPTED], CONDITION_TRUE);
    assert_int_equal(stored->conditions[CONDITION_READY], CONDITION_FALSE);
    assert_int_equal(stored->conditions[CONDITION_STALLED], CONDITION_ABSENT);
    assert_int_equal(stored->since_s[CONDITION_READY], 1700000002);
    assert_string_equal(stored->ready_reason, "KeyTaken");
    assert_string_equal(stored->associations, "app-sa\ta-1\n");
}

static void a_full_status_comes_back_too(void **state)
{
    struct binding_row rows[BINDING_MAX_ROWS];
    char names[BINDING_MAX_ROWS][8];
    struct binding_status status = sample();

    (void)state;
    for (size_t i = 0; i < BINDING_MAX_ROWS; i++) {
        snprintf(names[i], sizeof names[i], "sa-%03zu", i);
        rows[i] = (struct binding_row){names[i], names[i], "Associated", "", 1700000000000000};
    }
    status.rows = rows;
    status.row_count = BINDING_MAX_ROWS;
    CLEANUP_FREE struct binding *binding = after_writing("", &status);
    assert_int_equal(binding->status.hash, binding_status_hash(&status));
    assert_true(pairs_has(binding->status.associations, "sa-099", "sa-099"));
}

#define OURS                                                                                       \
    "'observedGeneration':3,'wanted':0,'inPlace':0,'role':'reader','conditions':[{'type':'Ready'," \
    "'status':'True','observedGeneration':3,'reason':'Bound','message':'m',"                       \
    "'lastTransitionTime':'2026-11-22T19:28:09Z'}%s],'associations':[{'serviceAccount':'b',"       \
    "'id':'a-1'}%s]%s"

static uint64_t hash_of(const char *status)
{
    CLEANUP_JSON json_t *document =
        parse_quoted("{" KIND "," METADATA ",'spec':{" SPEC "},'status':{%s}}", status);
    CLEANUP_FREE struct binding *binding = read_binding(document);

    return binding->status.hash;
}

/* What others add, and what our next patch takes away again, must not look like a status of ours.
 */
static void additions_by_others_change_the_hash(void **state)
{
    static const struct {
        const char *conditions, *rows, *members;
    } rows[] = {
        {",{'type':'Mine','status':'True','observedGeneration':3}", "", ""},
        {",{'type':'Stalled','status':'maybe','observedGeneration':3}", "", ""},
        {",{'type':'Ready','status':'True','observedGeneration':3,'reason':'Bound','message':'m'}",
         "", ""},
        {",null", "", ""},
        {"", ",{'id':'a-2'}", ""},
        {"", ",7", ""},
        {"", ",{'serviceAccount':'b','id':'a-1'}", ""},
        {"", ",{'serviceAccount':'c\\n','id':'a-1'}", ""},
        {"", "", ",'omitted':-1"},
        {"", "", ",'roleARN':5"},
    };
    struct binding_row row = {"b", "a-1", "", "", 0};
    struct binding_status ours = {
        .observed_generation = 3,
        .conditions = {[CONDITION_READY] = {CONDITION_TRUE, "Bound", "m", 0}},
        .role = "reader",
        .rows = &row,
        .row_count = 1,
    };
    char status[1024];

    (void)state;
    snprintf(status, sizeof status, OURS, "", "", "");
    assert_int_equal(hash_of(status), binding_status_hash(&ours));
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(status, sizeof status, OURS, rows[i].conditions, rows[i].rows, rows[i].members);
        if (hash_of(status) == binding_status_hash(&ours))
            fail_msg("row %zu looks like a status of ours", i);
    }
}

/* These read as nothing, and must not look as if we had written nothing. */
static void members_of_a_wrong_type_change_the_hash(void **state)
{
    static const char *const statuses[] = {
        "'observedGeneration':3,'wanted':0",
        "'observedGeneration':3,'wanted':'0','inPlace':0",
        "'observedGeneration':3,'wanted':4294967296,'inPlace':0",
        "'observedGeneration':3,'wanted':0,'inPlace':0,'conditions':'x'",
        "'observedGeneration':3,'wanted':0,'inPlace':0,'associations':{}",
        "'observedGeneration':3,'wanted':0,'inPlace':0,'access':[]",
    };
    struct binding_status nothing = {.observed_generation = 3};

    (void)state;
    assert_int_equal(hash_of("'observedGeneration':3,'wanted':0,'inPlace':0"),
                     binding_status_hash(&nothing));
    for (size_t i = 0; i < COUNT(statuses); i++)
        if (hash_of(statuses[i]) == binding_status_hash(&nothing))
            fail_msg("{%s} looks like a status of ours", statuses[i]);
}

/* A condition that tells about another generation is a stale one. */
static void a_stale_condition_changes_the_hash(void **state)
{
    static const char form[] =
        "'observedGeneration':3,'wanted':0,'inPlace':0,'conditions':[{'type':'Ready',"
        "'status':'True','observedGeneration':%d,'reason':'Bound','message':'m'}]";
    char fresh[256], stale[256];

    (void)state;
    snprintf(fresh, sizeof fresh, form, 3);
    snprintf(stale, sizeof stale, form, 2);
    assert_int_not_equal(hash_of(fresh), hash_of(stale));
}

static void members_of_a_later_version_do_not_matter(void **state)
{
    struct binding_status status = sample();
    CLEANUP_FREE struct binding *binding = after_writing("'missedPods':3", &status);

    (void)state;
    assert_int_equal(binding->status.hash, binding_status_hash(&status));
}

static void an_empty_status_takes_all_away(void **state)
{
    struct binding_status nothing = {0};
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    binding_status_patch("5", &nothing, &text);
    assert_string_equal(
        strbuf_text(&text),
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"status\":{\"observedGeneration\":0,"
        "\"conditions\":[],\"clusterName\":null,\"role\":null,\"roleARN\":null,"
        "\"serviceAccounts\":null,\"access\":null,\"wanted\":0,\"inPlace\":0,\"bound\":null,"
        "\"associations\":null,\"omitted\":null}}");
}

static void the_status_patch_is_exactly_this(void **state)
{
    struct binding_row row = {"app-sa", "a-1", "Associated", "", 1700000000123456};
    struct binding_status status = {
        .observed_generation = 2,
        .conditions = {[CONDITION_READY] = {CONDITION_TRUE, "Associated", "", 1700000000999999}},
        .role = "reader",
        .wanted = 1,
        .in_place = 1,
        .rows = &row,
        .row_count = 1,
    };
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    binding_status_patch("5", &status, &text);
    assert_string_equal(
        strbuf_text(&text),
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"status\":{\"observedGeneration\":2,"
        "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"observedGeneration\":2,"
        "\"reason\":\"Associated\",\"message\":\"\",\"lastTransitionTime\":"
        "\"2023-11-14T22:13:20Z\"}],\"clusterName\":null,\"role\":\"reader\",\"roleARN\":null,"
        "\"serviceAccounts\":null,\"access\":null,\"wanted\":1,\"inPlace\":1,\"bound\":null,"
        "\"associations\":[{\"serviceAccount\":\"app-sa\",\"id\":\"a-1\",\"state\":\"Associated\","
        "\"lastChanged\":\"2023-11-14T22:13:20Z\"}],\"omitted\":null}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_that_comes_back_hashes_the_same),
        cmocka_unit_test(remembers_what_the_next_status_needs),
        cmocka_unit_test(a_full_status_comes_back_too),
        cmocka_unit_test(additions_by_others_change_the_hash),
        cmocka_unit_test(members_of_a_wrong_type_change_the_hash),
        cmocka_unit_test(a_stale_condition_changes_the_hash),
        cmocka_unit_test(members_of_a_later_version_do_not_matter),
        cmocka_unit_test(an_empty_status_takes_all_away),
        cmocka_unit_test(the_status_patch_is_exactly_this),
    };

    return cmocka_run_group_tests_name("status_json", tests, NULL, NULL);
}
