/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_chain.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct credentials_source {
    const char *name;
    int (*plan)(const struct credentials_environment *from, struct credentials_chain *chain,
                struct error *err);
    bool reads_files; /* beside those of tokens */
};

/* In the SDKs' order; the first one configured is used. */
static const struct credentials_source sources[] = {
    {"environment variables", credentials_environment_plan, false},
    {"web identity", credentials_web_identity_plan, false},
    {"profile", credentials_profile_plan, true},
    {"container endpoint", credentials_container_plan, false},
    {"instance metadata", credentials_imds_plan, false},
};

int credentials_environment_plan(const struct credentials_environment *from,
                                 struct credentials_chain *chain, struct error *err)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN"};
    CLEANUP(credentials_set_release) struct credentials_set set = {.expires_us = 0};

    if (!from->access_key_id || !*from->access_key_id)
        return 1;
    set.access_key_id = mem_strdup(from->access_key_id);
    set.secret_key = mem_strdup(from->secret_access_key ? from->secret_access_key : "");
    set.session_token = mem_strdup(from->session_token ? from->session_token : "");
    if (credentials_set_check(&set, names, err) < 0)
        return -1;
    struct credentials_stage *stage = credentials_stage_add(chain, &credentials_static, err);
    if (!stage)
        return -1;
    stage->set = set;
    set = (struct credentials_set){.expires_us = 0};
    return 0;
}

static void drop_stages(struct credentials_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        credentials_stage_release(&chain->stages[i]);
    chain->count = 0;
}

int credentials_chain_make(const struct credentials_environment *from,
                           struct credentials_chain *ret_chain, struct error *err)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        ret_chain->source = &sources[i];
        snprintf(ret_chain->name, sizeof ret_chain->name, "%s", sources[i].name);
        int planned = sources[i].plan(from, ret_chain, err);
        if (planned < 0)
            drop_stages(ret_chain); /* the half of a chain */
        if (planned <= 0)
            return planned;
    }
    ret_chain->source = NULL;
    return 0;
}

void credentials_chain_release(struct credentials_chain *chain)
{
    drop_stages(chain);
    mem_free(chain->stages);
    *chain = (struct credentials_chain){.source = NULL};
}

bool credentials_chain_reads_files(const struct credentials_chain *chain)
{
    return !chain->source || chain->source->reads_files;
}
