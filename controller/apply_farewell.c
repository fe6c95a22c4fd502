/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "controller/apply_run.h"
#include "crds/pairs.h"

#define NAMED 5 /* an Event's note has room for 1,024 bytes */

enum farewell run_releases(const struct run *run, const struct job *job)
{
    const struct binding *binding = job->claim->binding;
    const struct cluster *cluster = &run->apply->observe->cluster;

    if (!binding->deleting || !binding->has_finalizer)
        return FAREWELL_NONE;
    if (binding->abandon)
        return FAREWELL_ABANDONED;
    return cluster->verdict == CLUSTER_VERIFIED && cluster->deleting &&
                   run->apply->context->mode != PLAN_OBSERVE
               ? FAREWELL_CLUSTER
               : FAREWELL_NONE;
}

static bool stands(const struct plan_step *step)
{
    return !step->want && step->entry->association;
}

enum farewell job_lingers(const struct job *job)
{
    for (size_t i = 0; i < job->step_count; i++)
        if (stands(job->steps[i]) && job->steps[i]->entry->deleted_at)
            return FAREWELL_UNCONFIRMED;
    return FAREWELL_NONE;
}

/* ---- the Event ---- */

static void say_one(struct strbuf *note, size_t count, const struct pair_view *row)
{
    if (count < NAMED)
        strbuf_format(note, "%s association %.*s of service account '%.*s'", count ? "," : "",
                      (int)row->value_length, row->value, (int)row->key_length, row->key);
}

static size_t say_known(const struct job *job, struct strbuf *note)
{
    size_t count = 0;

    for (size_t i = 0; i < job->step_count; i++) {
        const struct mirror_entry *entry = job->steps[i]->entry;
        struct pair_view row;

        if (!stands(job->steps[i]))
            continue;
        row = (struct pair_view){.key = entry->key.service_account,
                                 .value = entry->association->id,
                                 .key_length = strlen(entry->key.service_account),
                                 .value_length = strlen(entry->association->id)};
        say_one(note, count++, &row);
    }
    return count;
}

/* What its status says, where EKS could not be read. */
static size_t say_remembered(const struct binding *binding, struct strbuf *note)
{
    const char *cursor = binding->status.associations;
    struct pair_view row;
    size_t count = 0;

    while (pairs_next(&cursor, &row))
        if (row.value_length > 0)
            say_one(note, count++, &row);
    return count;
}

static void say_left(const struct job *job, struct strbuf *note)
{
    size_t count = say_known(job, note);

    if (count == 0)
        count = say_remembered(job->claim->binding, note);
    if (count == 0)
        strbuf_str(note, " nothing that podbind knows of");
    if (count > NAMED)
        strbuf_format(note, " and %zu more", count - NAMED);
}

const char *job_say_farewell(const struct job *job, struct strbuf *ret_note)
{
    static const struct {
        const char *reason, *cause;
    } words[] = {
        [FAREWELL_NONE] = {"Deleted", "left in EKS:"},
        [FAREWELL_ABANDONED] = {"Abandoned", "let go as podbind.dev/abandon asks; left in EKS:"},
        [FAREWELL_CLUSTER] = {"ClusterDeleting",
                              "let go, as EKS is deleting this cluster, and with it:"},
        [FAREWELL_UNCONFIRMED] = {"DeletionUnconfirmed",
                                  "EKS took the deletion, and a minute later it was not seen to be "
                                  "done; perhaps left in EKS:"},
    };

    strbuf_str(ret_note, words[job->farewell].cause);
    say_left(job, ret_note);
    return words[job->farewell].reason;
}
