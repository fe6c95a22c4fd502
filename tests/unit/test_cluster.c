/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "reconcile/cluster.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ARN "arn:aws:eks:us-west-2:111122223333:cluster/blue"
#define ISSUER "https://oidc.eks.us-west-2.amazonaws.com/id/BLUE"
#define OTHER_ISSUER "https://oidc.eks.us-west-2.amazonaws.com/id/GREEN"
#define LONG_REGION "us-west-2-is-a-region-whose-name-is-longer-than-any-that-AWS-has-given"
#define PEM(body) "-----BEGIN CERTIFICATE-----\n" body "\n-----END CERTIFICATE-----\n"
#define BLUE_CA PEM("MIIBblueblueblue\nblueblue==")
#define GREEN_CA PEM("MIIBgreengreengreen\ngreen==")

static struct cluster_evidence evidence_like(const char *kube_issuer, const char *eks_issuer,
                                             const char *kube_ca, const char *eks_ca)
{
    return (struct cluster_evidence){.arn = ARN,
                                     .status = "ACTIVE",
                                     .eks_issuer = eks_issuer,
                                     .eks_ca_pem = eks_ca,
                                     .kube_issuer = kube_issuer,
                                     .kube_ca_pem = kube_ca,
                                     .kube_system_uid = "kube-uid"};
}

static void judge(const struct cluster_evidence *evidence, struct cluster *ret_cluster)
{
    struct error err = {0};

    *ret_cluster = (struct cluster){.name = "blue"};
    if (cluster_judge(ret_cluster, evidence, "podbind", &err) < 0)
        fail_msg("%s", err.text);
}

static void the_verdicts(void **state)
{
    static const struct {
        const char *what, *kube_issuer, *eks_issuer, *kube_ca, *eks_ca;
        enum cluster_verdict verdict;
    } rows[] = {
        {"same issuer", ISSUER, ISSUER, "", "", CLUSTER_VERIFIED},
        {"slash at the end", ISSUER "/", ISSUER, "", "", CLUSTER_VERIFIED},
        {"slashes at both ends", ISSUER, ISSUER "//", "", "", CLUSTER_VERIFIED},
        {"other issuer", ISSUER, OTHER_ISSUER, "", "", CLUSTER_WRONG},
        {"slashes only", "//", ISSUER, "", "", CLUSTER_WRONG},
        {"slashes only there", ISSUER, "/", "", "", CLUSTER_WRONG},
        {"longer issuer", ISSUER, ISSUER "2", "", "", CLUSTER_WRONG},
        {"other letters", ISSUER, "https://OIDC.eks.us-west-2.amazonaws.com/id/BLUE", "", "",
         CLUSTER_WRONG},
        {"issuers decide, not certificates", ISSUER, OTHER_ISSUER, BLUE_CA, BLUE_CA, CLUSTER_WRONG},
        {"issuers are enough", ISSUER, ISSUER, BLUE_CA, GREEN_CA, CLUSTER_VERIFIED},
        {"no issuer here", "", ISSUER, BLUE_CA, BLUE_CA, CLUSTER_VERIFIED},
        {"no issuer there", ISSUER, "", BLUE_CA, BLUE_CA, CLUSTER_VERIFIED},
        {"other certificate", "", ISSUER, BLUE_CA, GREEN_CA, CLUSTER_WRONG},
        {"one of the bundle", "", "", GREEN_CA "# words\n" BLUE_CA, BLUE_CA, CLUSTER_VERIFIED},
        {"one of theirs", "", "", BLUE_CA, GREEN_CA BLUE_CA, CLUSTER_VERIFIED},
        {"none of the bundle", "", "", GREEN_CA GREEN_CA, BLUE_CA, CLUSTER_WRONG},
        {"other line breaks", "", "", PEM("MIIBblue\r\nblue\tblue blueblue\n=="), BLUE_CA,
         CLUSTER_VERIFIED},
        {"a body that goes on", "", "", PEM("MIIBblueblueblueblueblue==A"), BLUE_CA, CLUSTER_WRONG},
        {"a body cut short", "", "", PEM("MIIBblueblue"), BLUE_CA, CLUSTER_WRONG},
        {"no end", "", "", "-----BEGIN CERTIFICATE-----\nMIIBblueblueblueblueblue==", BLUE_CA,
         CLUSTER_WRONG},
        {"no certificates in either", "", "", "x", "x", CLUSTER_WRONG},
        {"empty certificates", "", "", PEM(""), PEM(" \n"), CLUSTER_WRONG},
        {"only ours", "", "", BLUE_CA, "", CLUSTER_UNVERIFIED},
        {"only theirs", "", ISSUER, "", BLUE_CA, CLUSTER_UNVERIFIED},
        {"nothing", "", "", "", "", CLUSTER_UNVERIFIED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct cluster_evidence evidence =
            evidence_like(rows[i].kube_issuer, rows[i].eks_issuer, rows[i].kube_ca, rows[i].eks_ca);
        struct cluster cluster;

        judge(&evidence, &cluster);
        if (cluster.verdict != rows[i].verdict)
            fail_msg("%s: verdict %d, expected %d", rows[i].what, (int)cluster.verdict,
                     (int)rows[i].verdict);
        assert_int_equal(cluster.why[0] == '\0', cluster.verdict == CLUSTER_VERIFIED);
    }
}

static void says_what_differs_and_what_to_do(void **state)
{
    const struct cluster_evidence issuers = evidence_like(ISSUER, OTHER_ISSUER, "", "");
    const struct cluster_evidence bundles = evidence_like("", "", BLUE_CA, GREEN_CA);
    const struct cluster_evidence nothing = evidence_like("", "", "", "");
    struct cluster cluster;

    (void)state;
    judge(&issuers, &cluster);
    assert_string_equal(cluster_reason(&cluster), "WrongCluster");
    assert_string_equal(cluster.why, "EKS cluster 'blue' has the OIDC issuer " OTHER_ISSUER
                                     ", but this API server's is " ISSUER
                                     ": set --cluster-name to the cluster podbind runs in");
    judge(&bundles, &cluster);
    assert_string_equal(cluster_reason(&cluster), "WrongCluster");
    assert_string_equal(cluster.why,
                        "the certificate authority of EKS cluster 'blue' is not in the CA bundle "
                        "of this API server: set --cluster-name to the cluster podbind runs in");
    judge(&nothing, &cluster);
    assert_string_equal(cluster_reason(&cluster), "ClusterUnverified");
    assert_non_null(strstr(cluster.why, "can't be compared with EKS cluster 'blue'"));
}

static void says_so_too_when_all_texts_are_long(void **state)
{
    CLEANUP(strbuf_release) struct strbuf arn = {0}, left = {0}, right = {0};
    struct cluster_evidence evidence = evidence_like("", "", "", "");
    struct cluster cluster = {.name = ""};
    struct error err = {0};

    (void)state;
    memset(cluster.name, 'b', sizeof cluster.name - 1);
    strbuf_format(&arn, "arn:aws:eks:us-west-2:111122223333:cluster/%s", cluster.name);
    for (int i = 0; i < 500; i++) {
        strbuf_char(&left, 'l');
        strbuf_char(&right, 'r');
    }
    evidence.arn = arn.text;
    evidence.kube_issuer = left.text;
    evidence.eks_issuer = right.text;
    assert_int_equal(cluster_judge(&cluster, &evidence, "podbind", &err), 0);
    assert_int_equal(cluster.verdict, CLUSTER_WRONG);
    assert_non_null(strstr(cluster.why, "rrrr"));
    assert_non_null(strstr(cluster.why, "llll"));
    assert_non_null(strstr(cluster.why, "set --cluster-name"));
}

static void takes_the_parts_of_the_ARN(void **state)
{
    struct cluster_evidence evidence = evidence_like(ISSUER, ISSUER, "", "");
    CLEANUP(strbuf_release) struct strbuf arn = {0};
    struct cluster cluster;

    (void)state;
    evidence.arn = "arn:aws-cn:eks:cn-north-1:444455556666:cluster/blue";
    evidence.status = "DELETING";
    judge(&evidence, &cluster);
    assert_string_equal(cluster.partition, "aws-cn");
    assert_string_equal(cluster.region, "cn-north-1");
    assert_string_equal(cluster.account, "444455556666");
    cluster_association_arn(&cluster, "a-1", &arn);
    assert_string_equal(strbuf_text(&arn),
                        "arn:aws-cn:eks:cn-north-1:444455556666:podidentityassociation/blue/a-1");
    assert_string_equal(cluster.owner, "kube-uid/podbind");
    assert_string_equal(cluster_reason(&cluster), "");
    assert_true(cluster.deleting);
    evidence.status = "ACTIVE";
    judge(&evidence, &cluster);
    assert_false(cluster.deleting);
}

static void refuses_other_ARNs_and_changes_nothing(void **state)
{
    static const char *const arns[] = {
        "",
        "arn",
        "arn:aws",
        "arn:aws:eks",
        "arn:aws:eks:us-west-2",
        "arn:aws:eks:us-west-2:111122223333",
        "arn:aws:eks:us-west-2:111122223333:cluster/green",
        "arn:aws:eks:us-west-2:111122223333:cluster/blue2",
        "arn:aws:eks:us-west-2:111122223333:nodegroup/blue",
        "arn:aws:eks:us-west-2:11112222333:cluster/blue",
        "arn:aws:eks:us-west-2:11112222333x:cluster/blue",
        "arn:aws:ecs:us-west-2:111122223333:cluster/blue",
        "urn:aws:eks:us-west-2:111122223333:cluster/blue",
        "arn::eks:us-west-2:111122223333:cluster/blue",
        "arn:aws:eks:" LONG_REGION ":111122223333:cluster/blue",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(arns); i++) {
        struct cluster_evidence evidence = evidence_like(ISSUER, ISSUER, "", "");
        struct cluster cluster = {.name = "blue", .verdict = CLUSTER_WRONG, .why = "before"};
        const struct cluster before = cluster;
        struct error err = {0};

        evidence.arn = arns[i];
        assert_int_equal(cluster_judge(&cluster, &evidence, "podbind", &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, "expected arn:<partition>:eks:"));
        assert_memory_equal(&cluster, &before, sizeof cluster);
    }
}

/* Without an owner tag of our own nothing can be told to be ours. */
static void refuses_to_go_without_the_UID_of_kube_system(void **state)
{
    struct cluster_evidence evidence = evidence_like(ISSUER, ISSUER, "", "");
    char instance[300];
    struct cluster cluster = {.name = "blue"};
    struct error err = {0};

    (void)state;
    evidence.kube_system_uid = "";
    assert_int_equal(cluster_judge(&cluster, &evidence, "podbind", &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(cluster.owner, "");
    evidence.kube_system_uid = "kube-uid";
    memset(instance, 'i', sizeof instance - 1);
    instance[sizeof instance - 1] = '\0';
    assert_int_equal(cluster_judge(&cluster, &evidence, instance, &err), -1);
    assert_string_equal(cluster.owner, "");
    assert_int_equal(cluster.verdict, CLUSTER_UNVERIFIED);
}

/* ---- none of all ---- */

static void none(const struct cluster_search_met *met, const struct cluster_evidence *own,
                 struct cluster *ret_cluster)
{
    *ret_cluster = (struct cluster){.name = "blue", .owner = "kube-uid/podbind"};
    cluster_judge_none(ret_cluster, met, "us-west-2", own);
    assert_string_equal(ret_cluster->name, "");
    assert_string_equal(ret_cluster->owner, "kube-uid/podbind");
}

static void a_search_without_a_match_says_where_it_looked_and_what_to_do(void **state)
{
    const struct cluster_evidence issuer = evidence_like(ISSUER, "", "", "");
    const struct cluster_evidence bundle = evidence_like("", "", BLUE_CA, "");
    struct cluster_search_met met = {.compared = 3, .account = "111122223333"};
    struct cluster cluster;

    (void)state;
    none(&met, &issuer, &cluster);
    assert_string_equal(cluster_reason(&cluster), "WrongCluster");
    assert_string_equal(
        cluster.why, "3 EKS clusters were looked at in us-west-2, account 111122223333, and none "
                     "has this API server's OIDC issuer " ISSUER
                     ": set --aws-region, and the account by the credentials, to those of the "
                     "cluster podbind runs in");
    met.compared = 1;
    none(&met, &bundle, &cluster);
    assert_string_equal(cluster_reason(&cluster), "WrongCluster");
    assert_non_null(strstr(cluster.why, "1 EKS cluster was looked at in us-west-2"));
    assert_non_null(
        strstr(cluster.why, "none has a certificate authority of this API server's CA"));
    met = (struct cluster_search_met){0};
    none(&met, &issuer, &cluster);
    assert_string_equal(cluster_reason(&cluster), "WrongCluster");
    assert_non_null(
        strstr(cluster.why, "EKS lists no cluster in us-west-2 that could be this one"));
}

/* Ours may be one that could not be read: then it is not known to be the wrong one. */
static void a_search_that_could_not_read_all_leaves_the_cluster_unverified(void **state)
{
    const struct cluster_evidence own = evidence_like(ISSUER, "", "", "");
    const struct cluster_evidence nothing = evidence_like("", "", "", "");
    struct cluster_search_met met = {.compared = 2, .account = "111122223333"};
    struct cluster cluster;

    (void)state;
    cluster_search_unreadable(&met, "green", "EKS: AccessDeniedException");
    cluster_search_unreadable(&met, "red", "EKS: 500");
    none(&met, &own, &cluster);
    assert_string_equal(cluster_reason(&cluster), "ClusterUnverified");
    assert_non_null(strstr(cluster.why, "4 EKS clusters were looked at"));
    assert_non_null(strstr(cluster.why, "2 could not be read, the first of them 'green' (EKS: "
                                        "AccessDeniedException): allow eks:DescribeCluster"));
    met = (struct cluster_search_met){.compared = 1000, .more = true};
    none(&met, &own, &cluster);
    assert_string_equal(cluster_reason(&cluster), "ClusterUnverified");
    assert_non_null(strstr(cluster.why, "there are more: give --cluster-name"));
    met = (struct cluster_search_met){0};
    none(&met, &nothing, &cluster);
    assert_string_equal(cluster_reason(&cluster), "ClusterUnverified");
    assert_non_null(strstr(cluster.why, "could be read, so it can't be told which EKS cluster"));
}

static void a_cluster_that_tells_nothing_is_no_other_one(void **state)
{
    const struct cluster_evidence other = evidence_like(ISSUER, OTHER_ISSUER, "", "");
    const struct cluster_evidence silent = evidence_like(ISSUER, "", "", "");
    struct cluster_search_met met = {0};
    struct cluster cluster;

    (void)state;
    judge(&other, &cluster);
    cluster_search_compared(&met, &cluster);
    assert_int_equal(met.compared, 1);
    assert_string_equal(met.account, "111122223333");
    judge(&silent, &cluster);
    cluster_search_compared(&met, &cluster);
    assert_int_equal(met.compared, 1);
    assert_int_equal(met.unreadable, 1);
    assert_string_equal(met.first, "blue");
    assert_non_null(strstr(met.first_why, "can't be compared"));
}

static void the_sentence_fits_when_all_of_it_is_long(void **state)
{
    char word[600] = "";
    struct cluster_evidence own = evidence_like(word, "", "", "");
    struct cluster_search_met met = {.account = "111122223333"};
    struct cluster cluster = {.name = ""};

    (void)state;
    memset(word, 'x', sizeof word - 1);
    cluster_search_unreadable(&met, word, word);
    cluster_judge_none(&cluster, &met, word, &own);
    assert_non_null(strstr(cluster.why, "or give --cluster-name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdicts),
        cmocka_unit_test(says_what_differs_and_what_to_do),
        cmocka_unit_test(says_so_too_when_all_texts_are_long),
        cmocka_unit_test(takes_the_parts_of_the_ARN),
        cmocka_unit_test(refuses_other_ARNs_and_changes_nothing),
        cmocka_unit_test(refuses_to_go_without_the_UID_of_kube_system),
        cmocka_unit_test(a_search_without_a_match_says_where_it_looked_and_what_to_do),
        cmocka_unit_test(a_search_that_could_not_read_all_leaves_the_cluster_unverified),
        cmocka_unit_test(a_cluster_that_tells_nothing_is_no_other_one),
        cmocka_unit_test(the_sentence_fits_when_all_of_it_is_long),
    };

    return cmocka_run_group_tests_name("cluster", tests, NULL, NULL);
}
