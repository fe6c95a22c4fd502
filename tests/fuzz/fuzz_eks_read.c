/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a 200 of each EKS call. What is read is about what was asked. */
#include <string.h>

#include "aws/eks.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/fuzz/fuzzing.h"

#define ID "a-abcdefghijklmnop1"

static const struct arn_cluster_name prod = {"prod"};

static void check_refused(const struct error *err, bool writes)
{
    fuzzing_check_error(err);
    FUZZ_CHECK(err->kind == (writes ? ERROR_UNKNOWN : ERROR_TRANSIENT),
               "an answer that can't be read leaves a write's outcome open, and a read to be "
               "repeated");
}

static void check_tags(const struct eks_association *association)
{
    for (size_t i = 0; i < association->tag_count; i++)
        FUZZ_CHECK(i == 0 || strcmp(association->tags[i - 1].key, association->tags[i].key) < 0,
                   "tags are in key order");
}

static void check_association(const struct eks_association *association)
{
    struct error unused;
    CLEANUP_FREE char *again = json_canonical_text(association->access.policy, &unused);

    FUZZ_CHECK(strcmp(association->cluster, prod.text) == 0, "an association is of our cluster");
    FUZZ_CHECK(*association->id, "an association has an id");
    FUZZ_CHECK(*association->namespace && *association->service_account, "a key has both parts");
    FUZZ_CHECK(association->external_id && association->owner_arn, "no text is NULL");
    FUZZ_CHECK(!again || strcmp(again, association->access.policy) == 0,
               "a policy that is JSON is canonical");
    FUZZ_CHECK(association->created_us >= 0 && association->modified_us >= 0,
               "a time is known or 0");
    check_tags(association);
}

static void check_one(const struct http_answer *answer, const struct eks_expected *expected)
{
    CLEANUP(eks_association_release) struct eks_association association = {0};
    struct error err;

    if (eks_read_association(answer, expected, &association, &err) < 0) {
        check_refused(&err, expected->writes);
        return;
    }
    check_association(&association);
    FUZZ_CHECK(association.described, "a whole association is described");
    FUZZ_CHECK(!*expected->id || strcmp(association.id, expected->id) == 0,
               "it is the association that was asked for");
    FUZZ_CHECK(!*expected->namespace || strcmp(association.namespace, expected->namespace) == 0,
               "it is of the namespace that was asked for");
}

static void check_page(const struct http_answer *answer)
{
    CLEANUP(eks_page_release) struct eks_page page = {0};
    struct error err;

    if (eks_read_page(answer, &prod, &page, &err) < 0) {
        check_refused(&err, false);
        return;
    }
    for (size_t i = 0; i < page.count; i++) {
        check_association(&page.items[i]);
        FUZZ_CHECK(!page.items[i].described, "a page holds summaries");
    }
    FUZZ_CHECK(page.next_token, "no text is NULL");
}

static void check_cluster(const struct http_answer *answer)
{
    CLEANUP(eks_cluster_release) struct eks_cluster cluster = {0};
    struct error err;

    if (eks_read_cluster(answer, &prod, &cluster, &err) < 0) {
        check_refused(&err, false);
        return;
    }
    FUZZ_CHECK(strcmp(cluster.arn.name.text, prod.text) == 0, "it is the cluster asked for");
    FUZZ_CHECK(cluster.status && cluster.issuer && cluster.ca_pem, "no text is NULL");
}

static void check_clusters(const struct http_answer *answer)
{
    CLEANUP(eks_clusters_release) struct eks_clusters clusters = {0};
    struct arn_cluster_name parsed;
    struct error err;

    if (eks_read_clusters(answer, &clusters, &err) < 0) {
        check_refused(&err, false);
        return;
    }
    for (size_t i = 0; i < clusters.count; i++)
        FUZZ_CHECK(arn_cluster_name_parse(clusters.names[i].text, &parsed, &err) == 0,
                   "a cluster's name is well-formed");
}

void fuzz_one(const char *bytes, size_t length)
{
    const struct eks_expected described = {
        .cluster = &prod, .id = ID, .namespace = "", .service_account = ""};
    const struct eks_expected created = {
        .cluster = &prod, .id = "", .namespace = "app", .service_account = "", .writes = true};
    CLEANUP(http_answer_release)
    struct http_answer answer = {.status = 200, .content_type = "application/json"};
    struct error err;

    strbuf_add(&answer.body, bytes, length);
    check_one(&answer, &described);
    check_one(&answer, &created);
    check_page(&answer);
    check_cluster(&answer);
    check_clusters(&answer);
    if (eks_read_tagged(&answer, &err) < 0)
        check_refused(&err, true);
}
