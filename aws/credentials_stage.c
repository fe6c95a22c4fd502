/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_stage.h"

#include <string.h>

#include "aws/secret_file.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

/* ---- a set ---- */

void credentials_set_release(struct credentials_set *set)
{
    mem_free(set->access_key_id);
    secret_file_wipe(set->secret_key);
    secret_file_wipe(set->session_token);
    *set = (struct credentials_set){.expires_us = 0};
}

void credentials_set_copy(const struct credentials_set *set, struct credentials_set *ret_set)
{
    *ret_set = (struct credentials_set){
        .access_key_id = mem_strdup(set->access_key_id),
        .secret_key = mem_strdup(set->secret_key),
        .session_token = mem_strdup(set->session_token),
        .expires_us = set->expires_us,
    };
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7F)
            return false;
    return true;
}

int credentials_set_check(const struct credentials_set *set, const char *const names[3],
                          struct error *err)
{
    const char *values[] = {set->access_key_id, set->secret_key, set->session_token};

    for (int i = 0; i < 3; i++) {
        if (i < 2 && !*values[i])
            return error_set(err, ERROR_INVALID, "%s is missing or empty", names[i]);
        if (!is_printable(values[i]) || (i == 0 && strpbrk(values[i], "/,=")))
            return error_set(err, ERROR_INVALID,
                             "%s is malformed: expected printable characters without spaces and "
                             "line breaks%s",
                             names[i], i == 0 ? ", none of / , =" : "");
    }
    return 0;
}

/* ---- a stage ---- */

const struct credentials_method credentials_static = {"static keys", NULL, NULL};

struct credentials_stage *credentials_stage_add(struct credentials_chain *chain,
                                                const struct credentials_method *method,
                                                struct error *err)
{
    if (chain->count >= CREDENTIALS_STAGES_MOST) {
        error_set(err, ERROR_INVALID, "expected at most %d profiles one upon the other",
                  CREDENTIALS_STAGES_MOST);
        return NULL;
    }
    if (!chain->stages)
        chain->stages = mem_array(CREDENTIALS_STAGES_MOST, sizeof *chain->stages);
    struct credentials_stage *stage = &chain->stages[chain->count++];
    stage->method = method;
    return stage;
}

void credentials_stage_release(struct credentials_stage *stage)
{
    for (char **word = stage->argv; word && *word; word++)
        secret_file_wipe(*word);
    mem_free(stage->argv);
    credentials_set_release(&stage->set);
    mem_free(stage->url);
    mem_free(stage->token_file);
    secret_file_wipe(stage->token);
    explicit_bzero(stage->imds_token, sizeof stage->imds_token);
    mem_free(stage->imds_role);
    mem_free(stage->role_arn);
    mem_free(stage->session_name);
    secret_file_wipe(stage->external_id);
    *stage = (struct credentials_stage){.method = NULL};
}

int credentials_stage_ok(const struct http_answer *answer, const char *says, struct error *err)
{
    if (answer->error.kind != ERROR_NONE) {
        *err = answer->error;
        return -1;
    }
    if (answer->status != 200)
        return error_set(err, ERROR_DENIED, "answered %d: expected 200%s", answer->status, says);
    return 0;
}

/* ---- the JSON ---- */

static void wiped_release(json_t **owned)
{
    const char *name;
    json_t *value;

    json_object_foreach(*owned, name, value)
    {
        if (json_is_string(value))
            explicit_bzero((char *)json_string_value(value), json_string_length(value));
    }
    json_release(owned);
}

static int read_expiry(const json_t *body, const struct credentials_json *form, int64_t *ret_us,
                       struct error *err)
{
    const json_t *member = json_at(body, "Expiration", NULL);

    if (form->may_last_forever && (!member || json_is_null(member))) {
        *ret_us = 0;
        return 0;
    }
    if (!clock_parse(json_text(body, "Expiration"), ret_us) || *ret_us <= 0)
        return error_set(err, ERROR_INVALID,
                         "Expiration: expected a time such as 2026-11-22T19:28:09Z");
    return 0;
}

static int check_frame(const json_t *body, const struct credentials_json *form, struct error *err)
{
    const char *code = json_text(body, "Code");

    if (!json_is_object(body))
        return error_set(err, ERROR_INVALID,
                         "expected a JSON object with AccessKeyId, SecretAccessKey, %s and "
                         "Expiration",
                         form->token);
    if (form->has_version && json_whole(body, "Version", 0) != 1)
        return error_set(err, ERROR_INVALID, "expected \"Version\": 1");
    if (form->has_code && *code && strcmp(code, "Success") != 0)
        return error_set(err, ERROR_DENIED, "expected \"Code\": \"Success\", not %.40s",
                         is_printable(code) ? code : "another one");
    return 0;
}

int credentials_json_read(const char *bytes, size_t length, const struct credentials_json *form,
                          struct credentials_set *ret_set, struct error *err)
{
    const char *const names[] = {"AccessKeyId", "SecretAccessKey", form->token};
    struct error ignored = {0}; /* check_frame() says it better */
    CLEANUP(wiped_release) json_t *body = json_parse(bytes, length, &ignored);

    if (check_frame(body, form, err) < 0)
        return -1;
    CLEANUP(credentials_set_release)
    struct credentials_set set = {
        .access_key_id = mem_strdup(json_text(body, names[0])),
        .secret_key = mem_strdup(json_text(body, names[1])),
        .session_token = mem_strdup(json_text(body, names[2])),
    };
    if (credentials_set_check(&set, names, err) < 0)
        return -1;
    if (!*set.session_token && !form->may_last_forever)
        return error_set(err, ERROR_INVALID, "%s is missing or empty", form->token);
    if (read_expiry(body, form, &set.expires_us, err) < 0)
        return -1;
    *ret_set = set;
    set = (struct credentials_set){.expires_us = 0};
    return 0;
}
