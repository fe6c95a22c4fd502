/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/records.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "crds/binding_json.h"
#include "crds/pairs.h"
#include "kube/object_version.h"
#include "tests/fuzz/fuzzing.h"

static void check_names(const char *namespace, const char *name, const char *version)
{
    FUZZ_CHECK(*namespace && *name, "a record can be told apart");
    FUZZ_CHECK(object_version_valid(version), "a record has a version in digits");
    fuzzing_check_line(namespace);
    fuzzing_check_line(name);
}

static void check_spec(const struct binding *binding)
{
    const char *const texts[] = {
        binding->service_account, binding->role_arn, binding->role_name, binding->target_role_arn,
        binding->policy_defect,   binding->defect,   binding->uid};
    CLEANUP_FREE char *policy = NULL;
    struct error unused;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        fuzzing_check_line(texts[i]);
    FUZZ_CHECK(!*binding->role_arn || !*binding->role_name, "a role has an ARN or a name");
    FUZZ_CHECK(!*binding->service_account || binding->selector_count == 0,
               "accounts are named or selected");
    policy = json_canonical_text(binding->session_policy, &unused);
    FUZZ_CHECK(!*binding->session_policy ||
                   (policy && strcmp(policy, binding->session_policy) == 0),
               "a session policy is canonical JSON");
}

static void check_copy(const struct binding *binding)
{
    CLEANUP_FREE struct binding *copy = binding_copy(binding);

    FUZZ_CHECK(strcmp(copy->name, binding->name) == 0 && strcmp(copy->tags, binding->tags) == 0 &&
                   copy->selector_count == binding->selector_count,
               "a copy is the same");
    selector_matches(copy->selector, copy->selector_count, copy->tags);
}

static void check_patch(const struct binding *binding)
{
    CLEANUP(strbuf_release) struct strbuf patch = {0};
    struct error err;

    binding_finalizers_patch(binding->resource_version, binding->finalizers, &patch);
    CLEANUP_JSON json_t *document = json_parse(strbuf_text(&patch), patch.length, &err);
    FUZZ_CHECK(document, "a patch is JSON");
}

static void check_binding(const json_t *object)
{
    struct error err;
    CLEANUP_FREE struct binding *binding = binding_from_json(object, &err);

    if (!binding) {
        FUZZ_CHECK(err.kind == ERROR_INVALID, "an object is a record or invalid");
        fuzzing_check_error(&err);
        return;
    }
    check_names(binding->namespace, binding->name, binding->resource_version);
    check_spec(binding);
    check_copy(binding);
    check_patch(binding);
}

static void check_account(const json_t *object)
{
    struct error err;
    CLEANUP_FREE struct service_account *account = service_account_from_json(object, &err);
    struct pair_view view;

    if (!account) {
        FUZZ_CHECK(err.kind == ERROR_INVALID, "an object is a record or invalid");
        fuzzing_check_error(&err);
        return;
    }
    check_names(account->namespace, account->name, account->resource_version);
    for (const char *cursor = account->labels; pairs_next(&cursor, &view);)
        FUZZ_CHECK(view.key_length > 0, "a label has a key");
}

void records_check(const json_t *object)
{
    check_binding(object);
    check_account(object);
}
