/* SPDX-License-Identifier: Apache-2.0 */
#include "crds/spec_json.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "crds/pairs.h"
#include "crds/syntax.h"

#define MAX_TAGS 45
#define MAX_POLICY 2048 /* characters */
#define MAX_ROLE_NAME 575

static void read_selector(struct spec_draft *draft, const json_t *selector, struct binding *into)
{
    selector_from_json(selector, &draft->defect, &draft->selector);
    into->selector = draft->selector.owned_requirements;
    into->selector_count = draft->selector.count;
}

static void read_service_account(struct spec_draft *draft, const json_t *spec, struct binding *into)
{
    static const struct field_rule rule = {
        .path = "spec.serviceAccount.name",
        .name = "name",
        .most = SYNTAX_NAME_MAX,
        .holds = syntax_is_object_name,
        .expected = "the name of a service account of this namespace, such as app-sa",
    };
    const json_t *from =
        field_object(&draft->defect, spec, "serviceAccount", "spec.serviceAccount");
    const json_t *selector =
        field_object(&draft->defect, from, "selector", "spec.serviceAccount.selector");
    bool named = json_at(from, "name", NULL) != NULL;

    if (named && selector)
        field_fault(&draft->defect,
                    "spec.serviceAccount.name and .selector exclude each other; keep one");
    else if (selector)
        read_selector(draft, selector, into);
    else if (named)
        into->service_account = field_text(&draft->defect, from, &rule);
    else
        field_fault(&draft->defect,
                    "spec.serviceAccount needs name, or selector to choose by label");
}

/* An ARN could be read as a path and a name. */
static bool is_role_name(const char *text)
{
    return strncmp(text, "arn:", 4) != 0 && syntax_is_role_name(text);
}

#define AN_ARN "the ARN of an IAM role, such as arn:aws:iam::111122223333:role/reader"

static void read_role(struct spec_draft *draft, const json_t *spec, struct binding *into)
{
    static const struct field_rule name_rule = {
        .path = "spec.role.name",
        .name = "name",
        .most = MAX_ROLE_NAME,
        .holds = is_role_name,
        .expected = "the name of an IAM role, such as reader or team/a/reader; an ARN belongs "
                    "under arn",
    };
    static const struct field_rule arn_rule = {
        "spec.role.arn", "arn", SYNTAX_ARN_MAX, syntax_is_role_arn, AN_ARN,
    };
    const json_t *from = field_object(&draft->defect, spec, "role", "spec.role");
    bool named = json_at(from, "name", NULL) != NULL, has_arn = json_at(from, "arn", NULL) != NULL;

    if (named && has_arn)
        field_fault(&draft->defect, "spec.role.name and .arn exclude each other; keep one");
    else if (named)
        into->role_name = field_text(&draft->defect, from, &name_rule);
    else if (has_arn)
        into->role_arn = field_text(&draft->defect, from, &arn_rule);
    else
        field_fault(&draft->defect, "spec.role needs name, such as reader, or the full arn");
}

static void read_target_role(struct spec_draft *draft, const json_t *spec, struct binding *into)
{
    static const struct field_rule rule = {
        "spec.targetRole.arn", "arn", SYNTAX_ARN_MAX, syntax_is_role_arn, AN_ARN,
    };
    const json_t *from = field_object(&draft->defect, spec, "targetRole", "spec.targetRole");

    if (!from)
        return;
    into->target_role_arn = field_text(&draft->defect, from, &rule);
    if (!*into->target_role_arn)
        field_fault(&draft->defect, "spec.targetRole needs arn, %s", AN_ARN);
}

static bool tag_fits(struct spec_draft *draft, const char *key, const json_t *value)
{
    const char *text = field_clean_text(&draft->defect, value, "spec.tags");

    if (!text)
        return false;
    if (!*key || syntax_characters(key) > SYNTAX_TAG_KEY_MAX || !syntax_is_tag_text(key))
        field_fault(&draft->defect,
                    "spec.tags: a key has 1 to %d letters, digits, spaces and _.:/=+-@",
                    SYNTAX_TAG_KEY_MAX);
    else if (syntax_is_reserved_tag(key))
        field_fault(&draft->defect,
                    "spec.tags: keys that begin with %s/ or aws: are reserved; choose another",
                    BINDING_GROUP);
    else if (syntax_characters(text) > SYNTAX_TAG_VALUE_MAX || !syntax_is_tag_text(text))
        field_fault(&draft->defect,
                    "spec.tags: a value has at most %d letters, digits, spaces and _.:/=+-@",
                    SYNTAX_TAG_VALUE_MAX);
    else
        return true;
    return false;
}

static void read_tags(struct spec_draft *draft, const json_t *spec, struct binding *into)
{
    const json_t *tags = field_object(&draft->defect, spec, "tags", "spec.tags");
    struct pair pairs[MAX_TAGS];
    size_t count = 0;
    const char *key;
    json_t *value;

    if (json_object_size(tags) > MAX_TAGS) {
        field_fault(&draft->defect, "spec.tags has more than %d tags", MAX_TAGS);
        return;
    }
    json_object_foreach((json_t *)tags, key, value)
    {
        if (!tag_fits(draft, key, value))
            return;
        pairs[count++] = (struct pair){key, json_string_value(value)};
    }
    pairs_write(pairs, count, &draft->tags);
    into->tags = strbuf_text(&draft->tags);
}

/* What only the codec can see: the policy's JSON. It may be written over several lines. */
static void make_policy_canonical(struct spec_draft *draft, const json_t *value,
                                  struct binding *into)
{
    const char *text = json_string_value(value);
    struct error err = {0};

    if (strlen(text) != json_string_length(value))
        error_set(&err, ERROR_INVALID, "it holds a NUL character");
    else
        draft->owned_policy = json_canonical_text(text, &err);
    if (draft->owned_policy)
        into->session_policy = draft->owned_policy;
    else
        snprintf(draft->policy_defect, sizeof draft->policy_defect,
                 "the session policy can't be read: %.200s", err.text);
}

static void read_policy(struct spec_draft *draft, const json_t *spec, struct binding *into)
{
    const json_t *value = json_at(spec, "sessionPolicy", NULL);

    if (!value)
        return;
    if (!json_is_string(value))
        field_fault(&draft->defect, "spec.sessionPolicy must be a text, not %s", field_kind(value));
    else if (json_string_length(value) == 0)
        field_fault(&draft->defect,
                    "spec.sessionPolicy is empty; write an IAM policy as JSON, or leave it out");
    else if (syntax_characters(json_string_value(value)) > MAX_POLICY)
        field_fault(&draft->defect, "spec.sessionPolicy is longer than %d characters", MAX_POLICY);
    else if (into->session_tags)
        field_fault(&draft->defect, "spec.sessionPolicy needs sessionTags: Disabled beside it");
    else
        make_policy_canonical(draft, value, into);
}

static void read_suspend(struct spec_draft *draft, const json_t *spec, struct binding *into)
{
    const json_t *value = json_at(spec, "suspend", NULL);

    into->suspend = value && !json_is_false(value);
    if (value && !json_is_boolean(value))
        field_fault(&draft->defect, "spec.suspend must be true or false, not %s",
                    field_kind(value));
}

static void read_members(struct spec_draft *draft, const json_t *spec, struct binding *into)
{
    static const char *const adoptions[3] = {"Never", "SameAccess", "Always"};
    static const char *const deletions[3] = {"Delete", "Retain"};
    static const char *const switches[3] = {"Enabled", "Disabled"};
    int adoption;

    read_service_account(draft, spec, into);
    read_role(draft, spec, into);
    read_target_role(draft, spec, into);
    into->session_tags = field_word(&draft->defect, spec, "sessionTags", switches) == 0;
    read_policy(draft, spec, into);
    read_tags(draft, spec, into);
    adoption = field_word(&draft->defect, spec, "adoption", adoptions);
    into->adoption = adoption < 0 ? ADOPTION_NEVER : (enum binding_adoption)adoption;
    into->retain = field_word(&draft->defect, spec, "deletionPolicy", deletions) != 0;
    read_suspend(draft, spec, into);
}

void spec_from_json(const json_t *spec, struct spec_draft *draft, struct binding *into)
{
    if (json_is_object(spec)) {
        read_members(draft, spec, into);
    } else {
        field_fault(&draft->defect, "the binding has no spec");
        into->suspend = into->retain = true;
    }
    into->defect = draft->defect.text;
    into->policy_defect = draft->policy_defect;
}

void spec_draft_release(struct spec_draft *draft)
{
    selector_draft_release(&draft->selector);
    mem_free(draft->owned_policy);
    strbuf_release(&draft->tags);
    *draft = (struct spec_draft){0};
}
