/* SPDX-License-Identifier: Apache-2.0 */
/* The requests; the answers are read in eks_read.c. */
#include "aws/eks.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"

#define MAX_NAMESPACE 63
#define MAX_SERVICE_ACCOUNT 253
#define MAX_TAG_KEY 128
#define MAX_TAG_VALUE 256

/* ---- checks ---- */

static bool is_dns_name(const char *text, size_t longest)
{
    size_t length = strlen(text);

    return length > 0 && length <= longest && text[0] != '-' && text[0] != '.' &&
           text[length - 1] != '-' && text[length - 1] != '.' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == length;
}

static int check_key(const char *namespace, const char *service_account, struct error *err)
{
    if (*namespace && !is_dns_name(namespace, MAX_NAMESPACE))
        return error_set(err, ERROR_INVALID,
                         "namespace: expected at most %d lower-case letters, digits and '-'",
                         MAX_NAMESPACE);
    if (*service_account && !is_dns_name(service_account, MAX_SERVICE_ACCOUNT))
        return error_set(err, ERROR_INVALID,
                         "service account: expected at most %d lower-case letters, digits, '-' "
                         "and '.'",
                         MAX_SERVICE_ACCOUNT);
    return 0;
}

static int check_role(const char *arn, const char *what, struct error *err)
{
    struct arn_role unused;

    return arn_role_parse(arn, &unused, err) < 0 ? error_wrap(err, "%s", what) : 0;
}

static size_t characters(const char *utf8)
{
    size_t count = 0;

    for (; *utf8; utf8++)
        count += ((unsigned char)*utf8 & 0xC0) != 0x80;
    return count;
}

/* Checks the members that are to be sent. */
static int check_access(const struct eks_access *access, unsigned fields, struct error *err)
{
    if ((fields & EKS_FIELD_ROLE) && check_role(access->role_arn, "role", err) < 0)
        return -1;
    if ((fields & EKS_FIELD_TARGET_ROLE) && *access->target_role_arn &&
        check_role(access->target_role_arn, "target role", err) < 0)
        return -1;
    if ((fields & EKS_FIELD_POLICY) && characters(access->policy) > EKS_MAX_POLICY)
        return error_set(err, ERROR_INVALID, "session policy: expected at most %d characters",
                         EKS_MAX_POLICY);
    return 0;
}

static bool has_control_byte(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return true;
    return false;
}

/* Which letters there may be is left to EKS: it takes those of all scripts. */
static int check_tag(const struct eks_tag *tag, struct error *err)
{
    if (!*tag->key)
        return error_set(err, ERROR_INVALID, "tags: a key is empty");
    if (has_control_byte(tag->key) || has_control_byte(tag->value))
        return error_set(err, ERROR_INVALID, "tags: expected no control characters");
    if (strncasecmp(tag->key, "aws:", 4) == 0)
        return error_set(err, ERROR_INVALID, "tags: a key that begins with aws: is AWS's own");
    if (characters(tag->key) > MAX_TAG_KEY || characters(tag->value) > MAX_TAG_VALUE)
        return error_set(err, ERROR_INVALID,
                         "tags: expected a key of at most %d characters and a value of at most %d",
                         MAX_TAG_KEY, MAX_TAG_VALUE);
    return 0;
}

static int check_tags(const struct eks_tag *tags, size_t count, struct error *err)
{
    if (count > EKS_MAX_TAGS)
        return error_set(err, ERROR_INVALID, "tags: expected at most %d, there are %zu",
                         EKS_MAX_TAGS, count);
    for (size_t i = 0; i < count; i++)
        if (check_tag(&tags[i], err) < 0)
            return -1;
    return 0;
}

/* ---- parts of a request ---- */

static struct aws_request begin(const char *method, bool writes)
{
    return (struct aws_request){.service = ENDPOINT_EKS, .method = method, .writes = writes};
}

static struct aws_request begin_associations(const char *method, bool writes,
                                             const struct arn_cluster_name *cluster)
{
    struct aws_request request = begin(method, writes);

    aws_request_segment(&request, "clusters");
    aws_request_label(&request, cluster->text);
    aws_request_segment(&request, "pod-identity-associations");
    return request;
}

static struct aws_request begin_association(const char *method, bool writes,
                                            const struct arn_cluster_name *cluster,
                                            const struct arn_association_id *id)
{
    struct aws_request request = begin_associations(method, writes, cluster);

    aws_request_label(&request, id->text);
    return request;
}

static struct aws_request begin_tags(const char *method, const struct arn_association *association)
{
    struct aws_request request = begin(method, true);

    aws_request_segment(&request, "tags");
    aws_request_label(&request, association->text);
    return request;
}

/* jansson refuses what is not UTF-8; *ok then becomes false. */
static void put(json_t *object, const char *name, const char *value, bool *ok)
{
    *ok &= json_object_set_new(object, name, json_string(value)) == 0;
}

static void put_tags(json_t *object, const struct eks_tag *tags, size_t count, bool *ok)
{
    json_t *map = json_object();

    for (size_t i = 0; i < count; i++)
        put(map, tags[i].key, tags[i].value, ok);
    *ok &= json_object_set_new(object, "tags", map) == 0;
}

static void put_access(json_t *object, const struct eks_access *access, unsigned fields, bool *ok)
{
    if (fields & EKS_FIELD_ROLE)
        put(object, "roleArn", access->role_arn, ok);
    if (fields & EKS_FIELD_TARGET_ROLE)
        put(object, "targetRoleArn", access->target_role_arn, ok);
    if (fields & EKS_FIELD_POLICY)
        put(object, "policy", access->policy, ok);
    if (fields & EKS_FIELD_SESSION_TAGS)
        *ok &= json_object_set_new(object, "disableSessionTags",
                                   json_boolean(!access->session_tags)) == 0;
}

/* Finishes a request that has a body; the request moves to ret_request. */
static int finish(struct aws_request owned_request, const json_t *body, bool ok,
                  struct aws_request *ret_request, struct error *err)
{
    CLEANUP_FREE char *text = json_canonical(body);

    if (!ok) {
        aws_request_release(&owned_request);
        return error_set(err, ERROR_INVALID, "request to EKS: a text in it is not UTF-8");
    }
    strbuf_str(&owned_request.body, text);
    owned_request.content_type = "application/json";
    *ret_request = owned_request;
    return 0;
}

/* ---- the calls ---- */

int eks_list(const struct arn_cluster_name *cluster, const char *namespace,
             const char *service_account, const char *next_token, struct aws_request *ret_request,
             struct error *err)
{
    char page[16];

    if (check_key(namespace, service_account, err) < 0)
        return -1;
    snprintf(page, sizeof page, "%d", EKS_PAGE_SIZE);
    *ret_request = begin_associations("GET", false, cluster);
    aws_request_query(ret_request, "namespace", namespace);
    aws_request_query(ret_request, "serviceAccount", service_account);
    aws_request_query(ret_request, "maxResults", page);
    aws_request_query(ret_request, "nextToken", next_token);
    return 0;
}

void eks_describe(const struct arn_cluster_name *cluster, const struct arn_association_id *id,
                  struct aws_request *ret_request)
{
    *ret_request = begin_association("GET", false, cluster, id);
}

int eks_create(const struct arn_cluster_name *cluster, const struct eks_create *create,
               struct aws_request *ret_request, struct error *err)
{
    const struct eks_access *access = &create->access;
    unsigned fields = EKS_FIELD_ROLE | (*access->target_role_arn ? EKS_FIELD_TARGET_ROLE : 0U) |
                      (*access->policy ? EKS_FIELD_POLICY : 0U) |
                      (access->session_tags ? 0U : EKS_FIELD_SESSION_TAGS);
    CLEANUP_JSON json_t *body = json_object();
    bool ok = true;

    if (!*create->namespace || !*create->service_account || !*create->token)
        return error_set(err, ERROR_INVALID,
                         "an association needs a namespace, a service account and a request token");
    if (check_key(create->namespace, create->service_account, err) < 0 ||
        check_access(access, fields, err) < 0 ||
        check_tags(create->tags, create->tag_count, err) < 0)
        return -1;
    put(body, "namespace", create->namespace, &ok);
    put(body, "serviceAccount", create->service_account, &ok);
    put(body, "clientRequestToken", create->token, &ok);
    put_access(body, access, fields, &ok);
    if (create->tag_count > 0)
        put_tags(body, create->tags, create->tag_count, &ok);
    return finish(begin_associations("POST", true, cluster), body, ok, ret_request, err);
}

int eks_update(const struct arn_cluster_name *cluster, const struct arn_association_id *id,
               const struct eks_access *access, unsigned fields, const char *token,
               struct aws_request *ret_request, struct error *err)
{
    CLEANUP_JSON json_t *body = json_object();
    bool ok = true;

    fields &= EKS_FIELD_ROLE | EKS_FIELD_TARGET_ROLE | EKS_FIELD_POLICY | EKS_FIELD_SESSION_TAGS;
    if (!fields || !*token)
        return error_set(err, ERROR_INVALID,
                         "an update needs a field to change and a request token");
    if (check_access(access, fields, err) < 0)
        return -1;
    put_access(body, access, fields, &ok);
    put(body, "clientRequestToken", token, &ok);
    return finish(begin_association("POST", true, cluster, id), body, ok, ret_request, err);
}

void eks_delete(const struct arn_cluster_name *cluster, const struct arn_association_id *id,
                struct aws_request *ret_request)
{
    *ret_request = begin_association("DELETE", true, cluster, id);
}

int eks_tag(const struct arn_association *association, const struct eks_tag *tags, size_t tag_count,
            struct aws_request *ret_request, struct error *err)
{
    CLEANUP_JSON json_t *body = json_object();
    bool ok = true;

    if (tag_count == 0)
        return error_set(err, ERROR_INVALID, "tags: expected at least one");
    if (check_tags(tags, tag_count, err) < 0)
        return -1;
    put_tags(body, tags, tag_count, &ok);
    return finish(begin_tags("POST", association), body, ok, ret_request, err);
}

int eks_untag(const struct arn_association *association, const struct eks_tag *tags,
              size_t tag_count, struct aws_request *ret_request, struct error *err)
{
    if (tag_count == 0)
        return error_set(err, ERROR_INVALID, "tags: expected at least one key");
    if (check_tags(tags, tag_count, err) < 0)
        return -1;
    *ret_request = begin_tags("DELETE", association);
    for (size_t i = 0; i < tag_count; i++)
        aws_request_query(ret_request, "tagKeys", tags[i].key);
    return 0;
}

void eks_describe_cluster(const struct arn_cluster_name *cluster, struct aws_request *ret_request)
{
    *ret_request = begin("GET", false);
    aws_request_segment(ret_request, "clusters");
    aws_request_label(ret_request, cluster->text);
}

void eks_list_clusters(const char *next_token, struct aws_request *ret_request)
{
    char page[16];

    snprintf(page, sizeof page, "%d", EKS_PAGE_SIZE);
    *ret_request = begin("GET", false);
    aws_request_segment(ret_request, "clusters");
    aws_request_query(ret_request, "maxResults", page);
    aws_request_query(ret_request, "nextToken", next_token);
}
