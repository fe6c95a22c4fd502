/* SPDX-License-Identifier: Apache-2.0 */
/* --cluster-name=auto: which cluster do we run in? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "controller/observe.h"
#include "tests/unit/script.h"

#define ISSUER "https://oidc.eks.us-west-2.amazonaws.com/id/"
#define PEM(body) "-----BEGIN CERTIFICATE-----\n" body "\n-----END CERTIFICATE-----\n"
#define ROOM 1100

/* What EKS holds: clusters c0, c1, ... in pages of `page`. */
struct stage {
    struct script script;
    struct intake intake;
    struct observe_settings settings;
    struct observe observe;
    const char *own_issuer, *own_ca, *uid; /* of this API server */
    const char *issuers[ROOM];             /* NULL: another cluster's */
    const char *ca;                        /* of those with an empty issuer */
    enum error_kind failing[ROOM];         /* of its Describe */
    bool missing[ROOM];
    size_t clusters, page;
    enum error_kind list_fails;
    size_t lists, describes, die_at; /* die_at: the world ends with that Describe */
};

static void stage_init(struct stage *stage, size_t clusters, size_t page)
{
    *stage = (struct stage){.clusters = clusters,
                            .page = page,
                            .own_issuer = ISSUER "OURS",
                            .own_ca = "",
                            .uid = "kube-uid",
                            .ca = "",
                            .settings = {.instance = "podbind", .region = "us-west-2"}};
    script_init(&stage->script);
    stage->script.context = stage;
    intake_init(&stage->intake, &stage->script.ports);
    observe_init(&stage->observe, &stage->settings, &stage->intake, "");
}

static void stage_release(struct stage *stage)
{
    observe_release(&stage->observe);
    intake_release(&stage->intake);
    script_release(&stage->script);
}

static void fail_call(struct call *call, enum error_kind kind)
{
    error_set(&call->error, kind, "EKS: %s", error_kind_name(kind));
    call->error.status = kind == ERROR_TRANSIENT ? 0 : 400;
    call->error.retry_after_ms = kind == ERROR_THROTTLED ? 30000 : 0;
}

static void answer_list(struct stage *stage, struct call *call)
{
    size_t from = (size_t)strtoull(call->in.clusters.next_token, NULL, 10);
    struct clusters_page *out = &call->out.clusters;
    char token[32] = "";

    stage->lists++;
    if (stage->list_fails) {
        fail_call(call, stage->list_fails);
        return;
    }
    out->names = mem_array(stage->page, sizeof *out->names);
    for (size_t i = from; i < stage->clusters && out->count < stage->page; i++) {
        char name[32];

        snprintf(name, sizeof name, "c%zu", i);
        out->names[out->count++] = mem_strdup(name);
    }
    if (from + out->count < stage->clusters)
        snprintf(token, sizeof token, "%zu", from + out->count);
    out->next_token = mem_strdup(token);
}

static void answer_describe(struct stage *stage, struct call *call)
{
    size_t index = (size_t)strtoull(call->cluster + 1, NULL, 10);
    const char *issuer = stage->issuers[index] ? stage->issuers[index] : ISSUER "ANOTHER";
    char arn[100];

    stage->script.gone = ++stage->describes == stage->die_at;
    if (stage->failing[index] || stage->missing[index]) {
        fail_call(call, stage->missing[index] ? ERROR_NOT_FOUND : stage->failing[index]);
        call->detail = stage->missing[index] ? DETAIL_CLUSTER_MISSING : DETAIL_NONE;
        return;
    }
    snprintf(arn, sizeof arn, "arn:aws:eks:us-west-2:111122223333:cluster/%s", call->cluster);
    call->out.cluster =
        (struct cluster_facts){mem_strdup(arn), mem_strdup("ACTIVE"), mem_strdup(issuer),
                               mem_strdup(issuer[0] ? "" : stage->ca)};
}

static void answer(struct script *script, struct call *call)
{
    struct stage *stage = script->context;

    if (call->verb == CALL_LIST_CLUSTERS)
        answer_list(stage, call);
    else if (call->verb == CALL_DESCRIBE_CLUSTER)
        answer_describe(stage, call);
    else
        call->out.identity = (struct kube_identity){
            mem_strdup(stage->uid), mem_strdup(stage->own_issuer), mem_strdup(stage->own_ca)};
}

/* One look. The reason, "" when it is verified. */
static const char *look(struct stage *stage)
{
    struct error err = {0};

    stage->script.answer = answer;
    return observe_cluster(&stage->observe, &err) == 0 ? ""
                                                       : cluster_reason(&stage->observe.cluster);
}

static const char *look_when_due(struct stage *stage)
{
    if (stage->script.now < observe_due(&stage->observe))
        stage->script.now = observe_due(&stage->observe);
    return look(stage);
}

/* ---- found ---- */

static void finds_the_cluster_of_our_issuer_on_a_further_page(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 5, 2);
    stage.issuers[3] = ISSUER "OURS";
    assert_string_equal(look(&stage), "");
    assert_string_equal(stage.observe.cluster.name, "c3");
    assert_string_equal(stage.observe.cluster.account, "111122223333");
    assert_string_equal(stage.observe.cluster.owner, "kube-uid/podbind");
    assert_int_equal(stage.lists, 2); /* not the third page */
    assert_int_equal(stage.describes, 4);
}

static void finds_it_by_the_certificate_where_no_issuer_can_be_read(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 3, 100);
    stage.own_issuer = "";
    stage.own_ca = stage.ca = PEM("MIIOURS");
    stage.issuers[2] = "";
    assert_string_equal(look(&stage), "");
    assert_string_equal(stage.observe.cluster.name, "c2");
}

static void a_cluster_that_may_not_be_read_does_not_stop_the_search(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 4, 100);
    stage.failing[0] = ERROR_DENIED;
    stage.failing[1] = ERROR_TRANSIENT;
    stage.missing[2] = true;
    stage.issuers[3] = ISSUER "OURS";
    assert_string_equal(look(&stage), "");
    assert_string_equal(stage.observe.cluster.name, "c3");
}

static void what_was_found_is_checked_by_name_from_then_on(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    int64_t found_at;

    (void)state;
    stage_init(&stage, 3, 100);
    stage.issuers[1] = ISSUER "OURS";
    look(&stage);
    found_at = stage.script.now;
    assert_string_equal(look(&stage), ""); /* not due */
    assert_int_equal(stage.describes, 2);
    stage.script.now = stage.observe.verify_due;
    assert_int_equal(stage.script.now - found_at, 10 * 60 * 1000);
    assert_string_equal(look(&stage), "");
    assert_int_equal(stage.lists, 1);
    assert_int_equal(stage.describes, 3);
    stage.failing[1] = ERROR_TRANSIENT; /* as with a given name: no reason to doubt it */
    stage.script.now = stage.observe.verify_due;
    assert_string_equal(look(&stage), "");
    assert_int_equal(stage.lists, 1);
}

static void a_new_leader_checks_the_name_that_it_knows(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 3, 100);
    stage.issuers[1] = ISSUER "OURS";
    look(&stage);
    observe_restart(&stage.observe);
    assert_string_equal(look(&stage), "");
    assert_string_equal(stage.observe.cluster.name, "c1");
    assert_int_equal(stage.lists, 1);
}

/* ---- found, and then another ---- */

static void searches_again_when_the_cluster_is_gone_or_another_one(void **state)
{
    for (int gone = 0; gone < 2; gone++) {
        CLEANUP(stage_release) struct stage stage;
        const struct association_key key = {"app", "app-sa"};

        (void)state;
        stage_init(&stage, 3, 100);
        stage.issuers[1] = ISSUER "OURS";
        look(&stage);
        mirror_entry(&stage.observe.mirror, &key);
        stage.missing[1] = gone;
        stage.issuers[1] = ISSUER "ANOTHER";
        observe_doubt_cluster(&stage.observe);
        assert_string_equal(look(&stage), gone ? "ClusterUnverified" : "WrongCluster");
        assert_string_equal(stage.observe.cluster.name, "");
        assert_int_equal(stage.lists, 2);
        stage.issuers[2] = ISSUER "OURS";
        assert_string_equal(look_when_due(&stage), "");
        assert_string_equal(stage.observe.cluster.name, "c2");
        assert_int_equal(stage.observe.mirror.count, 0); /* nothing of the other cluster stays */
    }
}

static void a_404_that_was_none_forgets_nothing(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct association_key key = {"app", "app-sa"};

    (void)state;
    stage_init(&stage, 2, 100);
    stage.issuers[1] = ISSUER "OURS";
    look(&stage);
    mirror_entry(&stage.observe.mirror, &key);
    observe_doubt_cluster(&stage.observe);
    assert_string_equal(look(&stage), "");
    assert_string_equal(stage.observe.cluster.name, "c1");
    assert_int_equal(stage.observe.mirror.count, 1);
    assert_int_equal(stage.lists, 1);
}

/* ---- not found ---- */

static void no_match_is_the_wrong_cluster_and_is_tried_again(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 3, 2);
    assert_string_equal(look(&stage), "WrongCluster");
    assert_non_null(strstr(stage.observe.cluster.why, "3 EKS clusters were looked at in us-west-2, "
                                                      "account 111122223333,"));
    assert_string_equal(stage.observe.cluster.name, "");
    assert_string_equal(look(&stage), "WrongCluster"); /* not due */
    assert_int_equal(stage.describes, 3);
    stage.issuers[0] = ISSUER "OURS";
    assert_string_equal(look_when_due(&stage), "");
    assert_true(stage.script.now - 1000000 <= 15000);
    assert_string_equal(stage.observe.cluster.name, "c0");
}

static void nothing_to_compare_with_asks_EKS_nothing(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 3, 2);
    stage.own_issuer = "";
    assert_string_equal(look(&stage), "ClusterUnverified");
    assert_int_equal(stage.lists, 0);
}

static void one_that_could_not_be_read_may_be_ours(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 3, 100);
    stage.failing[1] = ERROR_DENIED;
    assert_string_equal(look(&stage), "ClusterUnverified");
    assert_non_null(
        strstr(stage.observe.cluster.why, "1 could not be read, the first of them 'c1'"));
    assert_int_equal(stage.observe.trouble.kind, ERROR_NONE); /* the sentence tells it all */
    stage_release(&stage);
    stage_init(&stage, 3, 100);
    stage.uid = ""; /* no owner tag of our own */
    stage.issuers[1] = ISSUER "OURS";
    assert_string_equal(look(&stage), "ClusterUnverified");
    assert_non_null(strstr(stage.observe.cluster.why, "kube-system"));
}

static void a_list_that_is_denied_names_the_action(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 3, 100);
    stage.list_fails = ERROR_DENIED;
    assert_string_equal(look(&stage), "ClusterUnverified");
    assert_int_equal(stage.observe.trouble.kind, ERROR_DENIED);
    assert_non_null(strstr(stage.observe.trouble.text, "eks:ListClusters"));
    assert_int_equal(stage.describes, 0);
    stage.list_fails = ERROR_NONE;
    stage.issuers[0] = ISSUER "OURS";
    assert_string_equal(look_when_due(&stage), "");
}

/* ---- bounds ---- */

static void a_throttled_search_waits_and_goes_on_where_it_was(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    int64_t stopped_at;

    (void)state;
    stage_init(&stage, 5, 2);
    stage.failing[0] = ERROR_DENIED;
    stage.failing[3] = ERROR_THROTTLED;
    stage.issuers[4] = ISSUER "OURS";
    look(&stage);
    assert_int_equal(stage.observe.trouble.kind, ERROR_THROTTLED);
    assert_int_equal(stage.describes, 4);
    stopped_at = stage.script.now;
    stage.failing[3] = ERROR_NONE;
    assert_string_equal(look_when_due(&stage), "");
    assert_true(stage.script.now >= stopped_at + 30000); /* as EKS asked */
    assert_string_equal(stage.observe.cluster.name, "c4");
    assert_int_equal(stage.describes, 6);
    assert_int_equal(stage.lists, 3);
}

static void looks_at_a_thousand_clusters_and_then_gives_up_for_long(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 1001, 100);
    stage.issuers[1000] = ISSUER "OURS";
    assert_string_equal(look(&stage), "ClusterUnverified");
    assert_int_equal(stage.describes, OBSERVE_SEARCH_CAP);
    assert_non_null(strstr(stage.observe.cluster.why, "there are more: give --cluster-name"));
    assert_true(stage.observe.verify_due >= stage.script.now + 200 * 1000);
}

static void empty_pages_come_to_an_end(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage, 1, 0);
    assert_string_equal(look(&stage), "ClusterUnverified");
    assert_true(stage.lists <= OBSERVE_SEARCH_CAP + 1);
}

/* As when it was found, and then EKS said that there was no such cluster. */
static void without_a_cluster_nothing_of_it_is_described(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct association known = {.key = {"app", "app-sa"},
                                      .id = "a-1",
                                      .owner_arn = "",
                                      .tags = "",
                                      .external_id = "",
                                      .access = {"", "", "", false}};
    struct mirror_entry *entry;
    struct error err = {0};

    (void)state;
    stage_init(&stage, 1, 100);
    stage.settings.rotation_ms = 1000;
    stage.settings.window = 4;
    stage.script.answer = answer;
    stage.script.now = 500000;
    entry = mirror_entry(&stage.observe.mirror, &known.key);
    mirror_created(entry, association_copy(&known), 1);
    assert_int_equal(observe_rotate(&stage.observe, &err), 0);
    assert_int_equal(stage.script.started, 0);
    assert_int_equal(stage.observe.rotation_due, stage.script.now + 1000);
}

static void ends_when_the_world_does(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct error err = {0};

    (void)state;
    stage_init(&stage, 3, 2);
    stage.script.answer = answer;
    stage.die_at = 2;
    stage.script.lease_until = 0;
    assert_int_equal(observe_cluster(&stage.observe, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
    assert_int_equal(stage.describes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_cluster_of_our_issuer_on_a_further_page),
        cmocka_unit_test(finds_it_by_the_certificate_where_no_issuer_can_be_read),
        cmocka_unit_test(a_cluster_that_may_not_be_read_does_not_stop_the_search),
        cmocka_unit_test(what_was_found_is_checked_by_name_from_then_on),
        cmocka_unit_test(a_new_leader_checks_the_name_that_it_knows),
        cmocka_unit_test(searches_again_when_the_cluster_is_gone_or_another_one),
        cmocka_unit_test(a_404_that_was_none_forgets_nothing),
        cmocka_unit_test(no_match_is_the_wrong_cluster_and_is_tried_again),
        cmocka_unit_test(nothing_to_compare_with_asks_EKS_nothing),
        cmocka_unit_test(one_that_could_not_be_read_may_be_ours),
        cmocka_unit_test(a_list_that_is_denied_names_the_action),
        cmocka_unit_test(a_throttled_search_waits_and_goes_on_where_it_was),
        cmocka_unit_test(looks_at_a_thousand_clusters_and_then_gives_up_for_long),
        cmocka_unit_test(empty_pages_come_to_an_end),
        cmocka_unit_test(without_a_cluster_nothing_of_it_is_described),
        cmocka_unit_test(ends_when_the_world_does),
    };

    return cmocka_run_group_tests_name("observe_search", tests, NULL, NULL);
}
