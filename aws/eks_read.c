/* SPDX-License-Identifier: Apache-2.0 */
/* The answers; the requests are written in eks.c. */
#include <stdlib.h>
#include <string.h>

#include "aws/aws_answer.h"
#include "aws/eks.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"

#define SERVICE "EKS"
#define CA_CAP ((size_t)64 * 1024)
#define LAST_SECOND 253402300799.0 /* of the year 9999 */

static int unreadable(struct error *err, bool writes, const char *what)
{
    return aws_answer_unreadable(err, SERVICE, writes, what);
}

static int missing(struct error *err, bool writes, const char *member)
{
    CLEANUP(strbuf_release) struct strbuf what = {0};

    strbuf_format(&what, "expected a text as \"%s\"", member);
    return unreadable(err, writes, strbuf_text(&what));
}

/* Fails when the answer names something else than was asked for. */
static int check_same(const char *what, const char *found, const char *asked, bool writes,
                      struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    if (!asked || !*asked || strcmp(found, asked) == 0)
        return 0;
    strbuf_format(&text, "it is about %s \"%.100s\", asked was \"%.100s\"", what, found, asked);
    return unreadable(err, writes, strbuf_text(&text));
}

/* Seconds since 1970 as an integer or a real, also 1.703780359717E9. */
static int64_t read_time(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    double seconds = json_number_value(value);

    if (!(seconds > 0 && seconds < LAST_SECOND))
        return 0;
    if (json_is_integer(value))
        return json_integer_value(value) * 1000000;
    return (int64_t)(seconds * 1e6 + 0.5);
}

/* "" on the last page. */
static int read_next_token(const json_t *document, const char **ret_token, struct error *err)
{
    const char *token = json_text(document, "nextToken");

    if (strlen(token) > EKS_TOKEN_CAP)
        return unreadable(err, false, "its nextToken is too long");
    *ret_token = token;
    return 0;
}

/* ---- associations ---- */

struct member {
    const char *name;
    size_t offset; /* of a const char * in struct eks_association */
    bool required;
};
#define AT(field) offsetof(struct eks_association, field)

static const struct member summary[] = {
    {"clusterName", AT(cluster), true},
    {"namespace", AT(namespace), true},
    {"serviceAccount", AT(service_account), true},
    {"associationId", AT(id), true},
    {"associationArn", AT(arn), true},
    {"ownerArn", AT(owner_arn), false},
    {NULL, 0, false},
};
static const struct member details[] = {
    {"roleArn", AT(access.role_arn), true},
    {"targetRoleArn", AT(access.target_role_arn), false},
    {"policy", AT(access.policy), false},
    {"externalId", AT(external_id), false},
    {NULL, 0, false},
};

static int read_members(const json_t *object, const struct member *members, bool writes,
                        struct eks_association *association, struct error *err)
{
    for (const struct member *member = members; member->name; member++) {
        const char *text = json_text(object, member->name);

        if (member->required && !*text)
            return missing(err, writes, member->name);
        memcpy((char *)association + member->offset, &text, sizeof text);
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct eks_tag *left = a, *right = b;

    return strcmp(left->key, right->key);
}

static int read_tags(const json_t *object, bool writes, struct eks_association *association,
                     struct error *err)
{
    json_t *tags = json_object_get(object, "tags"), *value;
    const char *key;

    association->tags = mem_array(json_object_size(tags) + 1, sizeof *association->tags);
    json_object_foreach(tags, key, value)
    {
        if (!json_is_string(value))
            return unreadable(err, writes, "expected texts as values of \"tags\"");
        association->tags[association->tag_count++] =
            (struct eks_tag){key, json_string_value(value)};
    }
    qsort(association->tags, association->tag_count, sizeof *association->tags, by_key);
    return 0;
}

static int read_details(const json_t *object, bool writes, struct eks_association *association,
                        struct error *err)
{
    struct error no_json;

    if (read_members(object, details, writes, association, err) < 0 ||
        read_tags(object, writes, association, err) < 0)
        return -1;
    association->described = true;
    association->access.session_tags = !json_flag(object, "disableSessionTags", false);
    association->created_us = read_time(object, "createdAt");
    association->modified_us = read_time(object, "modifiedAt");
    if (*association->access.policy)
        association->owned_policy = json_canonical_text(association->access.policy, &no_json);
    if (association->owned_policy)
        association->access.policy = association->owned_policy;
    return 0;
}

void eks_association_release(struct eks_association *association)
{
    mem_free(association->owned_policy);
    mem_free(association->tags);
    json_release(&association->document);
    *association = (struct eks_association){.document = NULL};
}

int eks_read_association(const struct http_answer *answer, const struct eks_expected *expected,
                         struct eks_association *ret_association, struct error *err)
{
    bool writes = expected->writes;
    CLEANUP(eks_association_release)
    struct eks_association found = {.document = aws_answer_json(answer, SERVICE, writes, err)};
    const json_t *object = json_at(found.document, "association", NULL);

    if (!found.document)
        return -1;
    if (!json_is_object(object))
        return unreadable(err, writes, "expected an object as \"association\"");
    if (read_members(object, summary, writes, &found, err) < 0 ||
        read_details(object, writes, &found, err) < 0 ||
        check_same("cluster", found.cluster, expected->cluster->text, writes, err) < 0 ||
        check_same("association", found.id, expected->id, writes, err) < 0 ||
        check_same("namespace", found.namespace, expected->namespace, writes, err) < 0 ||
        check_same("service account", found.service_account, expected->service_account, writes,
                   err) < 0)
        return -1;
    *ret_association = found;
    found = (struct eks_association){.document = NULL};
    return 0;
}

/* ---- pages ---- */

void eks_page_release(struct eks_page *page)
{
    mem_free(page->items);
    json_release(&page->document);
    *page = (struct eks_page){.document = NULL};
}

static int read_item(const json_t *object, const struct arn_cluster_name *cluster,
                     struct eks_association *item, struct error *err)
{
    if (!json_is_object(object))
        return unreadable(err, false, "expected objects in \"associations\"");
    item->external_id = item->access.role_arn = item->access.target_role_arn = "";
    item->access.policy = "";
    if (read_members(object, summary, false, item, err) < 0)
        return -1;
    return check_same("cluster", item->cluster, cluster->text, false, err);
}

int eks_read_page(const struct http_answer *answer, const struct arn_cluster_name *cluster,
                  struct eks_page *ret_page, struct error *err)
{
    CLEANUP(eks_page_release)
    struct eks_page page = {.document = aws_answer_json(answer, SERVICE, false, err)};
    const json_t *list = json_at(page.document, "associations", NULL);

    if (!page.document)
        return -1;
    if (!json_is_array(list))
        return unreadable(err, false, "expected a list as \"associations\"");
    page.items = mem_array(json_array_size(list) + 1, sizeof *page.items);
    for (; page.count < json_array_size(list); page.count++)
        if (read_item(json_array_get(list, page.count), cluster, &page.items[page.count], err) < 0)
            return -1;
    if (read_next_token(page.document, &page.next_token, err) < 0)
        return -1;
    *ret_page = page;
    page = (struct eks_page){.document = NULL};
    return 0;
}

int eks_read_tagged(const struct http_answer *answer, struct error *err)
{
    CLEANUP_JSON json_t *document = aws_answer_json(answer, SERVICE, true, err);

    return document ? 0 : -1;
}

/* ---- clusters ---- */

void eks_cluster_release(struct eks_cluster *cluster)
{
    mem_free(cluster->ca_pem);
    json_release(&cluster->document);
    *cluster = (struct eks_cluster){.document = NULL};
}

static int read_ca(const json_t *object, char **ret_pem, struct error *err)
{
    const char *data = json_text(json_at(object, "certificateAuthority", NULL), "data");
    CLEANUP(strbuf_release) struct strbuf pem = STRBUF_CAPPED(CA_CAP);

    if (digest_base64_decode(data, strlen(data), &pem) < 0 || !strbuf_ok(&pem))
        return unreadable(err, false, "certificateAuthority.data is not base64");
    if (pem.length > 0 &&
        (strlen(pem.text) != pem.length || !strstr(pem.text, "-----BEGIN CERTIFICATE-----")))
        return unreadable(err, false, "certificateAuthority.data holds no PEM certificate");
    *ret_pem = strbuf_take(&pem);
    return 0;
}

int eks_read_cluster(const struct http_answer *answer, const struct arn_cluster_name *cluster,
                     struct eks_cluster *ret_cluster, struct error *err)
{
    CLEANUP(eks_cluster_release)
    struct eks_cluster found = {.document = aws_answer_json(answer, SERVICE, false, err)};
    const json_t *object = json_at(found.document, "cluster", NULL);
    struct error why;

    if (!found.document)
        return -1;
    if (!json_is_object(object))
        return unreadable(err, false, "expected an object as \"cluster\"");
    if (check_same("cluster", json_text(object, "name"), cluster->text, false, err) < 0)
        return -1;
    if (arn_cluster_parse(json_text(object, "arn"), &found.arn, &why) < 0)
        return unreadable(err, false, why.text);
    if (check_same("cluster", found.arn.name.text, cluster->text, false, err) < 0)
        return -1;
    found.status = json_text(object, "status");
    if (!*found.status)
        return missing(err, false, "status");
    found.issuer = json_text(json_at(object, "identity", "oidc", NULL), "issuer");
    if (read_ca(object, &found.ca_pem, err) < 0)
        return -1;
    *ret_cluster = found;
    found = (struct eks_cluster){.document = NULL};
    return 0;
}

void eks_clusters_release(struct eks_clusters *clusters)
{
    mem_free(clusters->names);
    json_release(&clusters->document);
    *clusters = (struct eks_clusters){.document = NULL};
}

int eks_read_clusters(const struct http_answer *answer, struct eks_clusters *ret_clusters,
                      struct error *err)
{
    CLEANUP(eks_clusters_release)
    struct eks_clusters found = {.document = aws_answer_json(answer, SERVICE, false, err)};
    const json_t *list = json_at(found.document, "clusters", NULL);
    struct error why;

    if (!found.document)
        return -1;
    if (!json_is_array(list))
        return unreadable(err, false, "expected a list as \"clusters\"");
    found.names = mem_array(json_array_size(list) + 1, sizeof *found.names);
    for (; found.count < json_array_size(list); found.count++) {
        const char *name = json_string_value(json_array_get(list, found.count));

        if (arn_cluster_name_parse(name ? name : "", &found.names[found.count], &why) < 0)
            return unreadable(err, false, why.text);
    }
    if (read_next_token(found.document, &found.next_token, err) < 0)
        return -1;
    *ret_clusters = found;
    found = (struct eks_clusters){.document = NULL};
    return 0;
}
