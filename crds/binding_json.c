/* SPDX-License-Identifier: Apache-2.0 */
#include "crds/binding_json.h"

#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"
#include "crds/pairs.h"
#include "crds/spec_json.h"
#include "crds/status_json.h"
#include "crds/syntax.h"

#define IRSA_ANNOTATION "eks.amazonaws.com/role-arn"
#define MAX_UID 128
#define MAX_ANNOTATION 64 /* longer ones are kept as their digest */

/* ---- what both kinds have ---- */

struct identity {
    const json_t *metadata;
    const char *namespace;
    const char *name;
    const char *uid;
    const char *resource_version;
};

static bool is_uid(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length <= MAX_UID &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") ==
               length;
}

static bool is_resource_version(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

/* Items of a list of built-in objects carry neither kind nor apiVersion: those may miss it. */
static bool says(const json_t *object, const char *name, const char *expected, bool may_miss)
{
    const char *text = json_text(object, name);

    return strcmp(text, expected) == 0 || (may_miss && !json_at(object, name, NULL));
}

static int read_identity(const json_t *object, const char *kind, struct identity *ret_identity,
                         struct error *err)
{
    const json_t *metadata = json_at(object, "metadata", NULL);
    struct identity identity = {
        .metadata = metadata,
        .namespace = json_text(metadata, "namespace"),
        .name = json_text(metadata, "name"),
        .uid = json_text(metadata, "uid"),
        .resource_version = json_text(metadata, "resourceVersion"),
    };

    if (!json_is_object(metadata))
        return error_set(err, ERROR_INVALID, "a %s without metadata", kind);
    if (!syntax_is_object_name(identity.namespace))
        return error_set(err, ERROR_INVALID, "a %s without a proper metadata.namespace", kind);
    if (!syntax_is_object_name(identity.name))
        return error_set(err, ERROR_INVALID, "a %s in namespace %s without a proper metadata.name",
                         kind, identity.namespace);
    if (!is_uid(identity.uid))
        return error_set(err, ERROR_INVALID, "%s %s/%s without a proper metadata.uid", kind,
                         identity.namespace, identity.name);
    if (!is_resource_version(identity.resource_version))
        return error_set(err, ERROR_INVALID, "%s %s/%s: metadata.resourceVersion is no number",
                         kind, identity.namespace, identity.name);
    *ret_identity = identity;
    return 0;
}

/* ---- PodIdentityBinding ---- */

/* A record while it is read: borrows from the document, owns the rest. */
struct binding_draft {
    struct binding binding;
    struct spec_draft spec;
    struct strbuf finalizers;
    struct strbuf associations;
    char reconcile_digest[DIGEST_HEX_SIZE];
};

static void draft_release(struct binding_draft *draft)
{
    spec_draft_release(&draft->spec);
    strbuf_release(&draft->finalizers);
    strbuf_release(&draft->associations);
}

/* They must come through whole: the patch that takes ours away replaces the list. */
static int read_finalizers(struct binding_draft *draft, const json_t *metadata, struct error *err)
{
    const json_t *list = json_at(metadata, "finalizers", NULL), *item;
    size_t i;

    if (list && !json_is_array(list))
        return error_set(err, ERROR_INVALID, "metadata.finalizers is no list");
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);

        if (!text || !*text || strlen(text) != json_string_length(item) || syntax_has_control(text))
            return error_set(err, ERROR_INVALID,
                             "a finalizer is empty, no text, or holds a control character");
        strbuf_str(&draft->finalizers, text);
        strbuf_char(&draft->finalizers, '\n');
        if (strcmp(text, BINDING_FINALIZER) == 0)
            draft->binding.has_finalizer = true;
    }
    if (!strbuf_ok(&draft->finalizers))
        return error_set(err, ERROR_INVALID, "metadata.finalizers is too long");
    draft->binding.finalizers = strbuf_text(&draft->finalizers);
    return 0;
}

static void read_annotations(struct binding_draft *draft, const json_t *metadata)
{
    const json_t *annotations = json_at(metadata, "annotations", NULL);
    const char *reconcile = json_text(annotations, BINDING_ANNOTATION_RECONCILE);
    size_t length = strlen(reconcile);
    uint8_t digest[DIGEST_SIZE];

    draft->binding.abandon =
        strcmp(json_text(annotations, BINDING_ANNOTATION_ABANDON), "true") == 0;
    draft->binding.reconcile_at = reconcile;
    if (length <= MAX_ANNOTATION)
        return;
    digest_sha256(reconcile, length, digest);
    digest_hex(digest, sizeof digest, draft->reconcile_digest);
    draft->binding.reconcile_at = draft->reconcile_digest;
}

static int read_metadata(struct binding_draft *draft, const struct identity *identity,
                         struct error *err)
{
    struct binding *binding = &draft->binding;
    const json_t *metadata = identity->metadata;

    binding->namespace = identity->namespace;
    binding->name = identity->name;
    binding->uid = identity->uid;
    binding->resource_version = identity->resource_version;
    binding->generation = json_whole(metadata, "generation", 0);
    binding->deleting = json_at(metadata, "deletionTimestamp", NULL) != NULL;
    /* the older of two claims wins: one of unknown age takes nothing from another */
    if (!clock_parse(json_text(metadata, "creationTimestamp"), &binding->created_us))
        binding->created_us = INT64_MAX;
    read_annotations(draft, metadata);
    return read_finalizers(draft, metadata, err);
}

struct binding *binding_from_json(const json_t *object, struct error *err)
{
    CLEANUP(draft_release) struct binding_draft draft = {0};
    struct identity identity;

    if (!says(object, "kind", BINDING_KIND, false) ||
        !says(object, "apiVersion", BINDING_GROUP "/" BINDING_VERSION, false)) {
        error_set(err, ERROR_INVALID,
                  "not a " BINDING_KIND " of " BINDING_GROUP "/" BINDING_VERSION);
        return NULL;
    }
    if (read_identity(object, BINDING_KIND, &identity, err) < 0)
        return NULL;
    if (read_metadata(&draft, &identity, err) < 0) {
        error_wrap(err, BINDING_KIND " %s/%s", identity.namespace, identity.name);
        return NULL;
    }
    spec_from_json(json_at(object, "spec", NULL), &draft.spec, &draft.binding);
    status_from_json(json_at(object, "status", NULL), &draft.associations, &draft.binding.status);
    return binding_copy(&draft.binding);
}

/* ---- ServiceAccount ---- */

static int read_labels(const json_t *labels, struct strbuf *ret_labels, struct error *err)
{
    size_t count = 0;
    CLEANUP_FREE struct pair *pairs = mem_array(json_object_size(labels), sizeof *pairs);
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)labels, key, value)
    {
        const char *text = json_string_value(value);

        if (!text || strlen(text) != json_string_length(value))
            return error_set(err, ERROR_INVALID, "metadata.labels holds what is no text");
        pairs[count++] = (struct pair){key, text};
    }
    if (!pairs_write(pairs, count, ret_labels))
        return error_set(err, ERROR_INVALID, "metadata.labels holds a control character");
    if (!strbuf_ok(ret_labels))
        return error_set(err, ERROR_INVALID, "metadata.labels is too long");
    return 0;
}

struct service_account *service_account_from_json(const json_t *object, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf labels = {0};
    struct service_account account = {0};
    struct identity identity;

    if (!says(object, "kind", "ServiceAccount", true) || !says(object, "apiVersion", "v1", true)) {
        error_set(err, ERROR_INVALID, "not a ServiceAccount of v1");
        return NULL;
    }
    if (read_identity(object, "ServiceAccount", &identity, err) < 0)
        return NULL;
    if (read_labels(json_at(identity.metadata, "labels", NULL), &labels, err) < 0) {
        error_wrap(err, "ServiceAccount %s/%s", identity.namespace, identity.name);
        return NULL;
    }
    account.namespace = identity.namespace;
    account.name = identity.name;
    account.resource_version = identity.resource_version;
    account.labels = strbuf_text(&labels);
    account.has_irsa_role =
        json_at(identity.metadata, "annotations", IRSA_ANNOTATION, NULL) != NULL;
    return service_account_copy(&account);
}

/* ---- finalizers ---- */

void binding_finalizers_patch(const char *resource_version, const char *finalizers,
                              struct strbuf *ret_patch)
{
    strbuf_str(ret_patch, "{\"metadata\":{\"resourceVersion\":\"");
    strbuf_json(ret_patch, resource_version);
    strbuf_str(ret_patch, "\",\"finalizers\":[");
    for (const char *comma = ""; *finalizers; comma = ",") {
        size_t length = strcspn(finalizers, "\n");
        CLEANUP_FREE char *line = mem_strndup(finalizers, length);

        strbuf_str(ret_patch, comma);
        strbuf_char(ret_patch, '"');
        strbuf_json(ret_patch, line);
        strbuf_char(ret_patch, '"');
        finalizers += length + (finalizers[length] == '\n');
    }
    strbuf_str(ret_patch, "]}}");
}
