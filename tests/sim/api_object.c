/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/api_object.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crds/pairs.h"

/* ---- members ---- */

static void begin(struct strbuf *out, const char *name)
{
    char last = out->length > 0 ? strbuf_text(out)[out->length - 1] : '{';

    if (last != '{' && last != '[' && last != ':')
        strbuf_char(out, ',');
    if (name)
        strbuf_format(out, "\"%s\":", name);
}

static void write_text(struct strbuf *out, const char *text, size_t length)
{
    CLEANUP_FREE char *copy = mem_strndup(text, length);

    strbuf_char(out, '"');
    strbuf_json(out, copy);
    strbuf_char(out, '"');
}

void api_object_text(struct strbuf *out, const char *name, const char *text)
{
    begin(out, name);
    write_text(out, text, strlen(text));
}

static void open_member(struct strbuf *out, const char *name, char bracket)
{
    begin(out, name);
    strbuf_char(out, bracket);
}

static void write_flag(struct strbuf *out, const char *name, bool flag)
{
    begin(out, name);
    strbuf_str(out, flag ? "true" : "false");
}

static void write_time(struct strbuf *out, const char *name, int64_t wall_us)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format_s(wall_us, text);
    api_object_text(out, name, text);
}

static void write_map(struct strbuf *out, const char *name, const char *pairs)
{
    const char *cursor = pairs;
    struct pair_view pair;

    open_member(out, name, '{');
    while (pairs_next(&cursor, &pair)) {
        begin(out, NULL);
        write_text(out, pair.key, pair.key_length);
        strbuf_char(out, ':');
        write_text(out, pair.value, pair.value_length);
    }
    strbuf_char(out, '}');
}

/* A list of lines. */
static void write_lines(struct strbuf *out, const char *name, const char *lines)
{
    open_member(out, name, '[');
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n");

        begin(out, NULL);
        write_text(out, lines, length);
        lines += length + (lines[length] == '\n');
    }
    strbuf_char(out, ']');
}

/* ---- metadata ---- */

/* Brackets and quotes in it are those of a search that looks for the end. */
static void write_managed_fields(struct strbuf *out)
{
    begin(out, "managedFields");
    strbuf_str(out,
               "[{\"apiVersion\":\"podbind.dev/v1alpha1\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":"
               "{\"f:metadata\":{\"f:annotations\":{\"f:a.example/]}\\\"[\":{}},\"f:finalizers\":{"
               "\".\":{},\"v:\\\"podbind.dev/association\\\"\":{}}},\"f:status\":{\"f:conditions\":"
               "{\".\":{},\"k:{\\\"type\\\":\\\"Ready\\\"}\":{\".\":{},\"f:message\":{}}}}},"
               "\"manager\":\"kubectl-client-side-apply\",\"operation\":\"Update\",\"time\":"
               "\"2026-11-22T19:28:09Z\"}]");
}

static void write_annotations(const struct binding *binding, struct strbuf *out)
{
    if (binding->reconcile_at[0] == '\0' && !binding->abandon)
        return;
    open_member(out, "annotations", '{');
    if (binding->abandon)
        api_object_text(out, BINDING_ANNOTATION_ABANDON, "true");
    if (binding->reconcile_at[0] != '\0')
        api_object_text(out, BINDING_ANNOTATION_RECONCILE, binding->reconcile_at);
    strbuf_char(out, '}');
}

static void write_metadata(const struct binding *binding, const struct api_style *style,
                           struct strbuf *out)
{
    open_member(out, "metadata", '{');
    write_annotations(binding, out);
    write_time(out, "creationTimestamp", binding->created_us);
    if (binding->deleting) {
        begin(out, "deletionGracePeriodSeconds");
        strbuf_char(out, '0');
        write_time(out, "deletionTimestamp", style->deleted_us);
    }
    if (binding->finalizers[0] != '\0')
        write_lines(out, "finalizers", binding->finalizers);
    begin(out, "generation");
    strbuf_format(out, "%" PRId64, binding->generation);
    if (style->strange_members)
        write_map(out, "labels", "app.kubernetes.io/managed-by\tHelm\n");
    if (style->managed_fields)
        write_managed_fields(out);
    api_object_text(out, "name", binding->name);
    api_object_text(out, "namespace", binding->namespace);
    api_object_text(out, "resourceVersion", binding->resource_version);
    api_object_text(out, "uid", binding->uid);
    strbuf_char(out, '}');
}

/* ---- spec ---- */

static void write_requirement(const struct selector_requirement *requirement, struct strbuf *out)
{
    static const char *const operators[] = {[SELECTOR_IN] = "In",
                                            [SELECTOR_NOT_IN] = "NotIn",
                                            [SELECTOR_EXISTS] = "Exists",
                                            [SELECTOR_DOES_NOT_EXIST] = "DoesNotExist"};

    open_member(out, NULL, '{');
    api_object_text(out, "key", requirement->key);
    api_object_text(out, "operator", operators[requirement->operation]);
    if (requirement->value_count > 0) {
        open_member(out, "values", '[');
        for (size_t i = 0; i < requirement->value_count; i++)
            api_object_text(out, NULL, requirement->values[i]);
        strbuf_char(out, ']');
    }
    strbuf_char(out, '}');
}

static void write_selector(const struct binding *binding, bool match_labels, struct strbuf *out)
{
    const struct selector_requirement *first = binding->selector;

    open_member(out, "selector", '{');
    if (match_labels && binding->selector_count == 1 && first->operation == SELECTOR_IN &&
        first->value_count == 1) {
        open_member(out, "matchLabels", '{');
        api_object_text(out, first->key, first->values[0]);
        strbuf_str(out, "}}");
        return;
    }
    open_member(out, "matchExpressions", '[');
    for (size_t i = 0; i < binding->selector_count; i++)
        write_requirement(&binding->selector[i], out);
    strbuf_str(out, "]}");
}

static void write_role(const struct binding *binding, struct strbuf *out)
{
    if (binding->defect[0] != '\0')
        return; /* this is what is wrong with it */
    open_member(out, "role", '{');
    if (binding->role_arn[0] != '\0')
        api_object_text(out, "arn", binding->role_arn);
    else
        api_object_text(out, "name", binding->role_name);
    strbuf_char(out, '}');
}

static void write_policy(const struct binding *binding, struct strbuf *out)
{
    if (binding->policy_defect[0] != '\0')
        api_object_text(out, "sessionPolicy", "Allow everything");
    else if (binding->session_policy[0] != '\0')
        api_object_text(out, "sessionPolicy", binding->session_policy);
}

static void write_account(const struct binding *binding, bool match_labels, struct strbuf *out)
{
    open_member(out, "serviceAccount", '{');
    if (binding->selector_count > 0)
        write_selector(binding, match_labels, out);
    else
        api_object_text(out, "name", binding->service_account);
    strbuf_char(out, '}');
}

static void write_spec(const struct binding *binding, const struct api_style *style,
                       struct strbuf *out)
{
    static const char *const adoptions[] = {[ADOPTION_NEVER] = "Never",
                                            [ADOPTION_SAME_ACCESS] = "SameAccess",
                                            [ADOPTION_ALWAYS] = "Always"};

    open_member(out, "spec", '{');
    if (style->defaults || binding->adoption != ADOPTION_NEVER)
        api_object_text(out, "adoption", adoptions[binding->adoption]);
    if (style->defaults || binding->retain)
        api_object_text(out, "deletionPolicy", binding->retain ? "Retain" : "Delete");
    if (style->strange_members)
        write_lines(out, "restartPods", "Never\n");
    write_role(binding, out);
    write_account(binding, style->match_labels, out);
    write_policy(binding, out);
    if (style->defaults || !binding->session_tags)
        api_object_text(out, "sessionTags", binding->session_tags ? "Enabled" : "Disabled");
    if (style->defaults || binding->suspend)
        write_flag(out, "suspend", binding->suspend);
    if (binding->tags[0] != '\0')
        write_map(out, "tags", binding->tags);
    if (binding->target_role_arn[0] != '\0') {
        open_member(out, "targetRole", '{');
        api_object_text(out, "arn", binding->target_role_arn);
        strbuf_char(out, '}');
    }
    strbuf_char(out, '}');
}

/* ---- whole objects ---- */

void api_object_binding(const struct binding *binding, const struct api_style *style,
                        struct strbuf *out)
{
    open_member(out, NULL, '{');
    api_object_text(out, "apiVersion", BINDING_GROUP "/" BINDING_VERSION);
    api_object_text(out, "kind", BINDING_KIND);
    write_metadata(binding, style, out);
    write_spec(binding, style, out);
    begin(out, "status");
    strbuf_str(out, style->status ? style->status : "{\"observedGeneration\":-1}");
    strbuf_char(out, '}');
}

void api_object_metadata(const struct binding *binding, const struct api_style *style,
                         struct strbuf *out)
{
    open_member(out, NULL, '{');
    api_object_text(out, "kind", "PartialObjectMetadata");
    api_object_text(out, "apiVersion", "meta.k8s.io/v1");
    write_metadata(binding, style, out);
    strbuf_char(out, '}');
}

static void write_account_metadata(const struct service_account *account,
                                   const struct api_style *style, struct strbuf *out)
{
    open_member(out, "metadata", '{');
    api_object_text(out, "name", account->name);
    api_object_text(out, "namespace", account->namespace);
    begin(out, "uid");
    strbuf_format(out, "\"%08zx-sa-%s\"", strlen(account->namespace), account->name);
    api_object_text(out, "resourceVersion", account->resource_version);
    write_time(out, "creationTimestamp", INT64_C(1780000000000000));
    if (account->labels[0] != '\0')
        write_map(out, "labels", account->labels);
    if (account->has_irsa_role)
        write_map(out, "annotations",
                  "eks.amazonaws.com/role-arn\tarn:aws:iam::111122223333:role/irsa\n");
    if (style->managed_fields)
        write_managed_fields(out);
    strbuf_char(out, '}');
}

void api_object_account(const struct service_account *account, const struct api_style *style,
                        struct strbuf *out)
{
    open_member(out, NULL, '{');
    if (!style->listed) {
        api_object_text(out, "kind", "ServiceAccount");
        api_object_text(out, "apiVersion", "v1");
    }
    write_account_metadata(account, style, out);
    if (style->strange_members) {
        open_member(out, "imagePullSecrets", '[');
        strbuf_str(out, "{\"name\":\"registry\"}]");
        write_flag(out, "automountServiceAccountToken", false);
    }
    strbuf_char(out, '}');
}

void api_object_bookmark(const char *api_version, const char *kind, const char *version,
                         bool initial_end, struct strbuf *out)
{
    open_member(out, NULL, '{');
    api_object_text(out, "kind", kind);
    api_object_text(out, "apiVersion", api_version);
    open_member(out, "metadata", '{');
    api_object_text(out, "resourceVersion", version);
    begin(out, "creationTimestamp");
    strbuf_str(out, "null");
    if (initial_end)
        write_map(out, "annotations", "k8s.io/initial-events-end\ttrue\n");
    strbuf_str(out, "}}");
}

void api_object_bare(const char *kind, const char *api_version, const char *name,
                     const char *version, int64_t deleted_us, const char *annotations,
                     struct strbuf *out)
{
    open_member(out, NULL, '{');
    api_object_text(out, "kind", kind);
    api_object_text(out, "apiVersion", api_version);
    open_member(out, "metadata", '{');
    api_object_text(out, "name", name);
    api_object_text(out, "uid", "0b0e4b4a-0000-4000-8000-000000000001");
    api_object_text(out, "resourceVersion", version);
    write_time(out, "creationTimestamp", INT64_C(1780000000000000));
    if (deleted_us > 0)
        write_time(out, "deletionTimestamp", deleted_us);
    if (annotations)
        write_map(out, "annotations", annotations);
    strbuf_str(out, "}}");
}

void api_object_status(const struct api_status *status, struct strbuf *out)
{
    open_member(out, NULL, '{');
    api_object_text(out, "kind", "Status");
    api_object_text(out, "apiVersion", "v1");
    open_member(out, "metadata", '{');
    strbuf_char(out, '}');
    api_object_text(out, "status", "Failure");
    api_object_text(out, "message", status->message);
    if (status->reason[0] != '\0')
        api_object_text(out, "reason", status->reason);
    open_member(out, "details", '{');
    if (status->name[0] != '\0')
        api_object_text(out, "name", status->name);
    if (status->group[0] != '\0')
        api_object_text(out, "group", status->group);
    if (status->resource[0] != '\0')
        api_object_text(out, "kind", status->resource);
    strbuf_char(out, '}');
    begin(out, "code");
    strbuf_format(out, "%d}", status->code);
}
