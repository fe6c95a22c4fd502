/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/plan_case.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"

#define MAX_WORDS 24

/* A line cut into words. A value is found by its name; a word may come more than once. */
struct line {
    char *text; /* owned */
    char *words[MAX_WORDS];
    size_t count;
};

static void line_release(struct line *line)
{
    mem_free(line->text);
}

static struct line cut(const char *start, size_t length)
{
    struct line line = {.text = mem_strndup(start, length)};
    char *at = line.text;

    for (at += strspn(at, " "); *at != '\0' && *at != '#'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");

        assert_true(line.count < MAX_WORDS);
        line.words[line.count++] = at;
        at += word;
        if (*at != '\0')
            *at++ = '\0';
    }
    return line;
}

/* The value of the n-th word with this name, or NULL. */
static const char *value(const struct line *line, const char *name, size_t n)
{
    size_t length = strlen(name);

    for (size_t i = 1; i < line->count; i++)
        if (strncmp(line->words[i], name, length) == 0 && line->words[i][length] == '=' && n-- == 0)
            return line->words[i] + length + 1;
    return NULL;
}

static const char *text_of(const struct line *line, const char *name, const char *otherwise)
{
    const char *found = value(line, name, 0);

    return found ? found : otherwise;
}

static int64_t number(const struct line *line, const char *name, int64_t otherwise)
{
    const char *found = value(line, name, 0);

    return found ? strtoll(found, NULL, 10) : otherwise;
}

static bool flag(const struct line *line, const char *name)
{
    for (size_t i = 1; i < line->count; i++)
        if (strcmp(line->words[i], name) == 0)
            return true;
    return false;
}

/* Each word must be one of `known`: "name=" or "+flag". */
static void check_words(const struct line *line, const char *known)
{
    for (size_t i = 2; i < line->count; i++) {
        char wanted[64];
        size_t length = strcspn(line->words[i], "=");

        snprintf(wanted, sizeof wanted, " %.*s%s ", (int)(length < 50 ? length : 50),
                 line->words[i], line->words[i][length] == '=' ? "=" : "");
        if (!strstr(known, wanted))
            fail_msg("'%s' is not understood after '%s'", line->words[i], line->words[0]);
    }
}

/* Cuts "app/name" in two: the namespace stays in place, the name is returned. */
static const char *cut_key(const struct line *line)
{
    char *slash = line->count > 1 ? strchr(line->words[1], '/') : NULL;

    if (!slash)
        fail_msg("'%s' needs namespace/name", line->words[0]);
    *slash = '\0';
    return slash + 1;
}

/* All values of a name of the form key=value, as pairs; with up to `extra` more. */
static void add_pairs(const struct line *line, const char *name, const struct pair *extra,
                      size_t extra_count, struct strbuf *ret_pairs)
{
    struct pair pairs[MAX_WORDS + 3];
    char words[MAX_WORDS][128];
    size_t count = 0;

    for (const char *word; (word = value(line, name, count)) != NULL; count++) {
        size_t key = strcspn(word, "=");

        snprintf(words[count], sizeof words[count], "%s", word);
        words[count][key] = '\0';
        pairs[count] = (struct pair){words[count], words[count] + key + (word[key] == '=')};
    }
    for (size_t i = 0; i < extra_count; i++)
        pairs[count + i] = extra[i];
    assert_true(pairs_write(pairs, count + extra_count, ret_pairs));
}

/* ---- given ---- */

static void read_context(const struct line *line, struct scene *scene)
{
    const char *mode = text_of(line, "mode", "sync");

    scene->context.now = number(line, "now", scene->context.now);
    scene->context.absence_grace_ms = number(line, "grace", scene->context.absence_grace_ms);
    scene->context.cluster_deleting = flag(line, "+cluster-deleting");
    scene->context.mode = strcmp(mode, "observe") == 0     ? PLAN_OBSERVE
                          : strcmp(mode, "no-delete") == 0 ? PLAN_NO_DELETE
                                                           : PLAN_SYNC;
}

static void read_account(const struct line *line, struct scene *scene)
{
    CLEANUP(strbuf_release) struct strbuf labels = {0};
    const char *name = cut_key(line);

    check_words(line, " label= ");
    add_pairs(line, "label", NULL, 0, &labels);
    scene_add_account(scene, line->words[1], name, strbuf_text(&labels));
}

static enum binding_adoption adoption(const char *word)
{
    return strcmp(word, "Always") == 0       ? ADOPTION_ALWAYS
           : strcmp(word, "SameAccess") == 0 ? ADOPTION_SAME_ACCESS
                                             : ADOPTION_NEVER;
}

/* select=tier=web */
static void read_selector(const struct line *line, struct binding *binding,
                          struct selector_requirement *requirement, const char **ret_value)
{
    char *word = (char *)(uintptr_t)value(line, "select", 0);

    if (!word)
        return;
    *ret_value = word + strcspn(word, "=");
    if (**ret_value == '=')
        word[(*ret_value)++ - word] = '\0';
    *requirement = (struct selector_requirement){
        .key = word, .operation = SELECTOR_IN, .values = ret_value, .value_count = 1};
    binding->service_account = "";
    binding->selector = requirement;
    binding->selector_count = 1;
}

static void read_binding(const struct line *line, struct scene *scene)
{
    CLEANUP(strbuf_release) struct strbuf tags = {0};
    struct binding binding = scene_binding(cut_key(line));
    struct selector_requirement requirement;
    const char *label;

    check_words(line, " account= select= role= target= policy= tag= adoption= created= uid= "
                      "generation= +deleting +no-finalizer +suspend +retain +no-session-tags "
                      "+invalid +held +abandon ");
    binding.namespace = line->words[1];
    binding.uid = text_of(line, "uid", binding.uid);
    binding.service_account = text_of(line, "account", "app-sa");
    read_selector(line, &binding, &requirement, &label);
    binding.role_name = text_of(line, "role", "reader");
    binding.target_role_arn = text_of(line, "target", "");
    binding.session_policy = text_of(line, "policy", "");
    add_pairs(line, "tag", NULL, 0, &tags);
    binding.tags = strbuf_text(&tags);
    binding.adoption = adoption(text_of(line, "adoption", "Never"));
    binding.created_us = number(line, "created", 0);
    binding.generation = number(line, "generation", 1);
    binding.deleting = flag(line, "+deleting");
    binding.has_finalizer = !flag(line, "+no-finalizer");
    binding.abandon = flag(line, "+abandon");
    binding.suspend = flag(line, "+suspend");
    binding.retain = flag(line, "+retain");
    binding.session_tags = !flag(line, "+no-session-tags");
    binding.defect = flag(line, "+invalid") ? "no good" : "";
    binding.status.hash = flag(line, "+held"); /* until there is a claim to mark */
    scene_add_binding(scene, &binding);
}

static void read_tags(const struct line *line, struct strbuf *ret_tags)
{
    const char *owner = text_of(line, "owner", "ours");
    char uid[64];
    struct pair own[3];
    size_t count = 0;

    snprintf(uid, sizeof uid, "uid-%s", text_of(line, "for", "reader"));
    if (strcmp(owner, "none") != 0) {
        own[count++] = (struct pair){TAG_OWNER, strcmp(owner, "other") == 0 ? "other-uid/podbind"
                                                                            : SCENE_OWNER};
        own[count++] = (struct pair){TAG_BINDING, text_of(line, "uid", uid)};
    }
    if (flag(line, "+retain"))
        own[count++] = (struct pair){TAG_RETAIN, "true"};
    add_pairs(line, "tag", own, count, ret_tags);
}

static void read_association(const struct line *line, struct scene *scene)
{
    CLEANUP(strbuf_release) struct strbuf tags = {0}, role = {0};
    const char *account = cut_key(line);
    struct association association = scene_association(account, "");
    struct mirror_entry *entry;

    check_words(
        line, " for= uid= owner= role= target= policy= tag= add-on= deleted= absent= "
              "retry= failed-generation= contested= +retain +listed-only +look +no-session-tags ");
    strbuf_format(&role, "arn:aws:iam::111122223333:role/%s", text_of(line, "role", "reader"));
    read_tags(line, &tags);
    association.key.namespace = line->words[1];
    association.owner_arn = text_of(line, "add-on", "");
    association.access =
        (struct access){role.text, text_of(line, "target", ""), text_of(line, "policy", ""),
                        !flag(line, "+no-session-tags")};
    association.tags = strbuf_text(&tags);
    if (flag(line, "+listed-only")) {
        association.described = false;
        association.access = (struct access){"", "", "", false};
        association.tags = "";
    }
    entry = scene_add_association(scene, &association);
    entry->deleted_at = number(line, "deleted", 0);
    entry->absent_since = number(line, "absent", 0);
    entry->look = flag(line, "+look");
    if (value(line, "contested", 0)) {
        entry->contest = mem_alloc(sizeof *entry->contest);
        entry->contest->retry_at = number(line, "contested", 0);
    }
    if (value(line, "retry", 0))
        mirror_failed(entry, TROUBLE_RETRYING, "timeout", number(line, "failed-generation", 1), 0,
                      number(line, "retry", 0));
}

static void read_maybe(const struct line *line, struct scene *scene)
{
    const char *account = cut_key(line);

    check_words(line, " at= ");
    mirror_entry(&scene->mirror, &(struct association_key){line->words[1], account})->maybe_at =
        number(line, "at", 1);
}

static void read_line(const struct line *line, struct scene *scene)
{
    static const struct {
        const char *word;
        void (*read)(const struct line *line, struct scene *scene);
    } table[] = {{"context", read_context},
                 {"account", read_account},
                 {"binding", read_binding},
                 {"association", read_association},
                 {"maybe", read_maybe}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(line->words[0], table[i].word) == 0) {
            table[i].read(line, scene);
            return;
        }
    fail_msg("'%s' is not understood", line->words[0]);
}

void plan_case_read(const char *given, struct scene *ret_scene)
{
    scene_init(ret_scene);
    while (*given != '\0') {
        size_t length = strcspn(given, "\n");
        CLEANUP(line_release) struct line line = cut(given, length);

        if (line.count > 0)
            read_line(&line, ret_scene);
        given += length + (given[length] == '\n');
    }
    scene_plan(ret_scene);
    for (size_t i = 0; i < ret_scene->desired.claim_count; i++)
        ret_scene->desired.claims[i].held = ret_scene->desired.claims[i].binding->status.hash != 0;
}

/* ---- plan ---- */

static const char *const verbs[] = {
    [PLAN_KEEP] = "KEEP",     [PLAN_CREATE] = "CREATE", [PLAN_UNKNOWN] = "UNKNOWN",
    [PLAN_CHANGE] = "CHANGE", [PLAN_WAIT] = "WAIT",     [PLAN_ADD_ON] = "ADD_ON",
    [PLAN_TAKEN] = "TAKEN",   [PLAN_DELETE] = "DELETE", [PLAN_ORPHAN] = "ORPHAN",
    [PLAN_LEAVE] = "LEAVE",
};
static const char *const evidences[] = {
    [EVIDENCE_NONE] = "",
    [EVIDENCE_BINDING_DELETED] = " (binding deleted)",
    [EVIDENCE_SPEC_MOVED] = " (spec moved)",
    [EVIDENCE_ACCOUNT_GONE] = " (account gone)",
};

static void write_fields(const struct plan_step *step, struct strbuf *text)
{
    static const struct {
        unsigned field;
        const char *name;
    } names[] = {{ACCESS_ROLE, " role"},
                 {ACCESS_TARGET_ROLE, " target"},
                 {ACCESS_POLICY, " policy"},
                 {ACCESS_SESSION_TAGS, " session-tags"}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (step->fields & names[i].field)
            strbuf_str(text, names[i].name);
    if (step->tags)
        strbuf_str(text, " tags");
}

static void write_when(const struct plan_step *step, const struct plan_context *context,
                       struct strbuf *text)
{
    int64_t due = plan_due(step, context);

    if (due == INT64_MAX)
        strbuf_str(text, ": -\n");
    else if (plan_may_act(step, context))
        strbuf_str(text, ": now\n");
    else if (due > context->now)
        strbuf_format(text, ": at %" PRId64 "\n", due);
    else
        strbuf_str(text, ": blocked\n");
}

void plan_case_write(const struct scene *scene, struct strbuf *ret_text)
{
    const struct plan *plan = &scene->plan;

    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];
        const struct association_key *key = step->want ? &step->want->key : &step->entry->key;

        strbuf_format(ret_text, "%s/%s %s", key->namespace, key->service_account,
                      verbs[step->verb]);
        if (step->verb == PLAN_CHANGE)
            write_fields(step, ret_text);
        strbuf_str(ret_text, evidences[step->evidence]);
        if (step->claim)
            strbuf_format(ret_text, " for %s", step->claim->binding->name);
        write_when(step, &scene->context, ret_text);
    }
    if (plan->orphans > 0)
        strbuf_format(ret_text, "orphans %zu\n", plan->orphans);
    for (size_t i = 0; i < plan->unknown_count; i++)
        strbuf_format(ret_text, "%s%s%s", i == 0 ? "unknown in " : ", ", plan->unknown[i],
                      i + 1 == plan->unknown_count ? "\n" : "");
}
