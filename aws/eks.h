/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eks - the EKS calls podbind needs, as pairs: eks_<call>() writes the request, eks_read_...()
 * reads the answer. Pure: signing and sending are others' work (aws/aws_client, base/http).
 *
 * Requests: the caller gives zeroed memory and releases it. Names that reach the URL come as types
 * of aws/arn.h; texts that reach the body or the query are checked here (ERROR_INVALID).
 * Answers: what is read points into the answer's document, which the result owns; it lives until
 * the result is released. Strings are never NULL; "" is absent, and so is JSON null. Unknown
 * members are ignored; a missing member, another cluster's name, another id than asked for is an
 * error: ERROR_TRANSIENT for a read, ERROR_UNKNOWN for a write.
 *
 * Source: botocore's model eks 2017-11-01.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/arn.h"
#include "aws/aws_request.h"
#include "base/error.h"
#include "base/http.h"

struct json_t;

#define EKS_PAGE_SIZE 100   /* what List asks for */
#define EKS_MAX_TAGS 50     /* of TagResource, UntagResource and Create */
#define EKS_MAX_POLICY 2048 /* characters */
#define EKS_TOKEN_CAP 8192  /* longest nextToken that is sent back */

/* ---- what goes in: borrowed for the call ---- */

struct eks_tag {
    const char *key;
    const char *value;
};

struct eks_access {
    const char *role_arn;
    const char *target_role_arn; /* "": none */
    const char *policy;          /* JSON text; "": none */
    bool session_tags;
};

/* The members that an Update sends; the values are those of enum access_field. */
enum eks_field {
    EKS_FIELD_ROLE = 1,
    EKS_FIELD_TARGET_ROLE = 2,
    EKS_FIELD_POLICY = 4,
    EKS_FIELD_SESSION_TAGS = 8,
};

/* One page of ListPodIdentityAssociations. "" for namespace and service account: all; "" for
 * next_token: the first page. */
int eks_list(const struct arn_cluster_name *cluster, const char *namespace,
             const char *service_account, const char *next_token, struct aws_request *ret_request,
             struct error *err);
void eks_describe(const struct arn_cluster_name *cluster, const struct arn_association_id *id,
                  struct aws_request *ret_request);

struct eks_create {
    const char *namespace;
    const char *service_account;
    struct eks_access access; /* absent members are left out; disableSessionTags only when true */
    const struct eks_tag *tags;
    size_t tag_count;
    const char *token; /* clientRequestToken: one per logical create, kept over its repeats */
};
int eks_create(const struct arn_cluster_name *cluster, const struct eks_create *create,
               struct aws_request *ret_request, struct error *err);
/* Sends the members in `fields` (enum eks_field) only; an empty target role or policy is sent as ""
 * and so cleared. No fields, or an empty role ARN among them: ERROR_INVALID. */
int eks_update(const struct arn_cluster_name *cluster, const struct arn_association_id *id,
               const struct eks_access *access, unsigned fields, const char *token,
               struct aws_request *ret_request, struct error *err);
void eks_delete(const struct arn_cluster_name *cluster, const struct arn_association_id *id,
                struct aws_request *ret_request);
/* 1 to EKS_MAX_TAGS tags; their values are set, other tags stay. */
int eks_tag(const struct arn_association *association, const struct eks_tag *tags, size_t tag_count,
            struct aws_request *ret_request, struct error *err);
/* 1 to EKS_MAX_TAGS tags, of which only the keys count. */
int eks_untag(const struct arn_association *association, const struct eks_tag *tags,
              size_t tag_count, struct aws_request *ret_request, struct error *err);
void eks_describe_cluster(const struct arn_cluster_name *cluster, struct aws_request *ret_request);
/* Names of all clusters in the region, a page at a time. */
void eks_list_clusters(const char *next_token, struct aws_request *ret_request);

/* ---- what comes out: owned by the result ---- */

struct eks_association {
    struct json_t *document; /* private */
    const char *cluster;
    const char *namespace;
    const char *service_account;
    const char *id;
    const char *arn;
    const char *owner_arn; /* the add-on that owns it, or "" */
    bool described;        /* the rest is filled: it came from Describe, Create, Update or Delete */
    struct eks_access access; /* policy: compact JSON with sorted keys; as sent if it is no JSON */
    char *owned_policy;       /* private */
    const char *external_id;
    struct eks_tag *tags; /* in key order */
    size_t tag_count;
    int64_t created_us; /* microseconds since 1970; 0: unknown */
    int64_t modified_us;
};
void eks_association_release(struct eks_association *association);

/* What the answer must be about; "" or NULL for what is not known beforehand. */
struct eks_expected {
    const struct arn_cluster_name *cluster;
    const char *id;
    const char *namespace;
    const char *service_account;
    bool writes; /* Create, Update, Delete */
};
/* Describe, Create, Update, Delete (which answers the deleted one). */
int eks_read_association(const struct http_answer *answer, const struct eks_expected *expected,
                         struct eks_association *ret_association, struct error *err);

struct eks_page {
    struct json_t *document;       /* private */
    struct eks_association *items; /* not described; in EKS's order */
    size_t count;
    const char *next_token; /* "" on the last page */
};
int eks_read_page(const struct http_answer *answer, const struct arn_cluster_name *cluster,
                  struct eks_page *ret_page, struct error *err);
void eks_page_release(struct eks_page *page);

/* TagResource, UntagResource: answer {} . */
int eks_read_tagged(const struct http_answer *answer, struct error *err);

struct eks_cluster {
    struct json_t *document; /* private */
    struct arn_cluster arn;  /* its name is the one asked for */
    const char *status;      /* ACTIVE, DELETING, ... */
    const char *issuer;      /* identity.oidc.issuer, "" when absent */
    char *ca_pem;            /* certificateAuthority.data, decoded; "" when absent */
};
int eks_read_cluster(const struct http_answer *answer, const struct arn_cluster_name *cluster,
                     struct eks_cluster *ret_cluster, struct error *err);
void eks_cluster_release(struct eks_cluster *cluster);

struct eks_clusters {
    struct json_t *document; /* private */
    struct arn_cluster_name *names;
    size_t count;
    const char *next_token; /* "" on the last page */
};
int eks_read_clusters(const struct http_answer *answer, struct eks_clusters *ret_clusters,
                      struct error *err);
void eks_clusters_release(struct eks_clusters *clusters);
