/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wire_iam.h"

#include <string.h>

#include "aws/iam.h"
#include "base/digest.h"
#include "base/mem.h"

int wire_iam_write(const struct call *call, struct arn_role_name *ret_asked,
                   struct aws_request *ret_request, struct error *err)
{
    if (arn_role_name_parse(call->in.role.name, ret_asked, err) < 0)
        return -1;
    iam_get_role(ret_asked, ret_request);
    return 0;
}

/* ---- what tells one answer from another ---- */

static void add_text(struct strbuf *all, const char *text)
{
    strbuf_add(all, text, strlen(text) + 1);
}

static void add_texts(struct strbuf *all, const struct trust_texts *texts)
{
    strbuf_format(all, "%zu:", texts->count);
    for (size_t i = 0; i < texts->count; i++)
        add_text(all, texts->items[i]);
}

static void add_statement(struct strbuf *all, const struct trust_statement *statement)
{
    add_text(all, statement->sid);
    strbuf_format(all, "%d%d%d%d", statement->allow, statement->not_principal, statement->everyone,
                  statement->not_action);
    add_texts(all, &statement->services);
    add_texts(all, &statement->aws);
    add_texts(all, &statement->federated);
    add_texts(all, &statement->canonical_users);
    add_texts(all, &statement->actions);
    strbuf_format(all, "%zu:", statement->condition_count);
    for (size_t i = 0; i < statement->condition_count; i++) {
        add_text(all, statement->conditions[i].name);
        add_text(all, statement->conditions[i].key);
        add_texts(all, &statement->conditions[i].values);
    }
}

/* Not of the answer's bytes: when the role was last used is among them, and a request's id. */
static uint64_t digest_of(const char *arn, const struct trust_policy *policy)
{
    CLEANUP(strbuf_release) struct strbuf all = {0};
    uint8_t digest[DIGEST_SIZE];
    uint64_t first;

    add_text(&all, arn);
    strbuf_format(&all, "%d", policy->variables);
    for (size_t i = 0; i < policy->count; i++)
        add_statement(&all, &policy->statements[i]);
    digest_sha256(strbuf_text(&all), all.length, digest);
    memcpy(&first, digest, sizeof first);
    return first;
}

/* ---- answers ---- */

void wire_iam_facts(const char *arn, struct trust_policy *taken_policy,
                    struct role_facts *ret_facts)
{
    ret_facts->arn = mem_strdup(arn);
    ret_facts->digest = digest_of(arn, taken_policy);
    ret_facts->policy = mem_dup(taken_policy, sizeof *taken_policy);
    *taken_policy = (struct trust_policy){0};
}

void wire_iam_read(const struct arn_role_name *asked, const struct http_answer *answer,
                   struct call *call)
{
    CLEANUP(iam_role_release) struct iam_role role = {0};

    if (iam_read_role(answer, asked, &role, &call->error) < 0)
        return;
    if (role.unreadable.kind != ERROR_NONE)
        error_set(&call->error, ERROR_INVALID, "the trust policy of %s: %s", role.arn.text,
                  role.unreadable.text);
    else
        wire_iam_facts(role.arn.text, &role.trust, &call->out.role);
}
