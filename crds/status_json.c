/* SPDX-License-Identifier: Apache-2.0 */
#include "crds/status_json.h"

#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "crds/binding_json.h"
#include "crds/pairs.h"
#include "crds/syntax.h"

/* ---- reading ---- */

/* A status while it is read. */
struct status_reader {
    struct binding_status status;
    struct binding_row rows[BINDING_MAX_ROWS];
    bool stray; /* holds something that we did not write, and that our next patch mends */
};

static const char *read_text(struct status_reader *reader, const json_t *from, const char *name)
{
    const json_t *value = json_at(from, name, NULL);
    const char *text = json_string_value(value);

    if (value && (!text || strlen(text) != json_string_length(value)))
        reader->stray = true;
    return text ? text : "";
}

static int64_t read_time(struct status_reader *reader, const json_t *from, const char *name)
{
    const char *text = read_text(reader, from, name);
    int64_t time_us = 0;

    if (*text && !clock_parse(text, &time_us))
        reader->stray = true;
    return time_us;
}

static int read_count(struct status_reader *reader, const json_t *from, const char *name)
{
    int64_t count = json_whole(from, name, -1);

    if (count >= 0 && count <= INT_MAX)
        return (int)count;
    reader->stray = true;
    return 0;
}

static int type_by_name(const char *name)
{
    for (int i = 0; i < CONDITION_COUNT; i++)
        if (strcmp(name, condition_type_name((enum binding_condition_type)i)) == 0)
            return i;
    return -1;
}

static enum condition_status status_by_name(const char *name)
{
    for (int i = CONDITION_TRUE; i <= CONDITION_UNKNOWN; i++)
        if (strcmp(name, condition_status_name((enum condition_status)i)) == 0)
            return (enum condition_status)i;
    return CONDITION_ABSENT;
}

static void read_condition(struct status_reader *reader, const json_t *from)
{
    int type = type_by_name(json_text(from, "type"));
    enum condition_status status = status_by_name(json_text(from, "status"));

    if (type < 0 || status == CONDITION_ABSENT ||
        reader->status.conditions[type].status != CONDITION_ABSENT) {
        reader->stray = true;
        return;
    }
    if (json_whole(from, "observedGeneration", -1) != reader->status.observed_generation)
        reader->stray = true;
    reader->status.conditions[type] = (struct binding_condition){
        .status = status,
        .reason = read_text(reader, from, "reason"),
        .message = read_text(reader, from, "message"),
        .since_us = read_time(reader, from, "lastTransitionTime"),
    };
}

static void read_row(struct status_reader *reader, const json_t *from)
{
    if (reader->status.row_count == BINDING_MAX_ROWS || !*json_text(from, "serviceAccount")) {
        reader->stray = true;
        return;
    }
    reader->rows[reader->status.row_count++] = (struct binding_row){
        .service_account = read_text(reader, from, "serviceAccount"),
        .id = read_text(reader, from, "id"),
        .state = read_text(reader, from, "state"),
        .external_id = read_text(reader, from, "externalID"),
        .last_changed_us = read_time(reader, from, "lastChanged"),
    };
}

/* A list of which each item is handed on. */
static void read_list(struct status_reader *reader, const json_t *status, const char *name,
                      void (*read_item)(struct status_reader *, const json_t *))
{
    const json_t *list = json_at(status, name, NULL), *item;
    size_t i;

    if (list && !json_is_array(list))
        reader->stray = true;
    json_array_foreach(list, i, item)
    {
        read_item(reader, item);
    }
}

static void read_status(struct status_reader *reader, const json_t *from)
{
    struct binding_status *status = &reader->status;

    status->observed_generation = json_whole(from, "observedGeneration", -1);
    read_list(reader, from, "conditions", read_condition);
    status->cluster_name = read_text(reader, from, "clusterName");
    status->role = read_text(reader, from, "role");
    status->role_arn = read_text(reader, from, "roleARN");
    status->service_accounts = read_text(reader, from, "serviceAccounts");
    status->access = read_text(reader, from, "access");
    status->bound = read_text(reader, from, "bound");
    status->wanted = read_count(reader, from, "wanted");
    status->in_place = read_count(reader, from, "inPlace");
    status->rows = reader->rows;
    read_list(reader, from, "associations", read_row);
    if (json_at(from, "omitted", NULL))
        status->omitted = read_count(reader, from, "omitted");
}

/* Ids are hints, and only rows that can be told apart give one. */
static void write_associations(struct status_reader *reader, struct strbuf *ret_associations)
{
    struct pair pairs[BINDING_MAX_ROWS];
    size_t count = 0;

    for (size_t i = 0; i < reader->status.row_count; i++) {
        const struct binding_row *row = &reader->rows[i];

        if (!*row->id)
            continue;
        if (!syntax_has_control(row->service_account) && !syntax_has_control(row->id))
            pairs[count++] = (struct pair){row->service_account, row->id};
    }
    if (!pairs_write(pairs, count, ret_associations))
        reader->stray = true;
}

/* No condition of ours began outside of what fits. */
static uint32_t whole_seconds(int64_t us)
{
    return us > 0 && us / 1000000 <= UINT32_MAX ? (uint32_t)(us / 1000000) : 0;
}

void status_from_json(const json_t *status, struct strbuf *ret_associations,
                      struct binding_stored_status *ret_status)
{
    struct status_reader reader = {0};

    read_status(&reader, status);
    write_associations(&reader, ret_associations);
    *ret_status = (struct binding_stored_status){
        .observed_generation = reader.status.observed_generation,
        .hash = binding_status_hash(&reader.status),
        .trust_hash = binding_trust_hash(&reader.status),
        .ready_reason = reader.status.conditions[CONDITION_READY].reason,
        .associations = strbuf_text(ret_associations),
    };
    if (reader.stray)
        ret_status->hash = ~ret_status->hash;
    for (size_t i = 0; i < CONDITION_COUNT; i++) {
        ret_status->conditions[i] = (uint8_t)reader.status.conditions[i].status;
        ret_status->since_s[i] = whole_seconds(reader.status.conditions[i].since_us);
    }
}

/* ---- writing ---- */

static void write_text(struct strbuf *out, const char *text)
{
    strbuf_char(out, '"');
    strbuf_json(out, text ? text : "");
    strbuf_char(out, '"');
}

static void write_name(struct strbuf *out, const char *name)
{
    strbuf_format(out, ",\"%s\":", name);
}

/* In the merge patch itself null takes an old value away; in a list, which replaces the old one
 * whole, absent members are just left out. */
static void write_or_null(struct strbuf *out, const char *name, const char *text)
{
    write_name(out, name);
    if (text && *text)
        write_text(out, text);
    else
        strbuf_str(out, "null");
}

static void write_unless_empty(struct strbuf *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    write_name(out, name);
    write_text(out, text);
}

static void write_time(struct strbuf *out, const char *name, int64_t time_us)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format_s(time_us, text);
    write_name(out, name);
    write_text(out, text);
}

static void write_condition(struct strbuf *out, const struct binding_status *status,
                            enum binding_condition_type type)
{
    const struct binding_condition *condition = &status->conditions[type];

    strbuf_format(out, "{\"type\":\"%s\",\"status\":\"%s\",\"observedGeneration\":%lld",
                  condition_type_name(type), condition_status_name(condition->status),
                  (long long)status->observed_generation);
    write_name(out, "reason");
    write_text(out, condition->reason);
    write_name(out, "message");
    write_text(out, condition->message);
    write_time(out, "lastTransitionTime", condition->since_us);
    strbuf_char(out, '}');
}

static void write_conditions(struct strbuf *out, const struct binding_status *status)
{
    const char *comma = "";

    write_name(out, "conditions");
    strbuf_char(out, '[');
    for (int i = 0; i < CONDITION_COUNT; i++) {
        if (status->conditions[i].status == CONDITION_ABSENT)
            continue;
        strbuf_str(out, comma);
        write_condition(out, status, (enum binding_condition_type)i);
        comma = ",";
    }
    strbuf_char(out, ']');
}

#define US_PER_S 1000000

static void write_row(struct strbuf *out, const struct binding_row *row)
{
    strbuf_str(out, "{\"serviceAccount\":");
    write_text(out, row->service_account);
    write_unless_empty(out, "id", row->id);
    write_unless_empty(out, "state", row->state);
    write_unless_empty(out, "externalID", row->external_id);
    if (row->last_changed_us >= US_PER_S)
        write_time(out, "lastChanged", row->last_changed_us);
    strbuf_char(out, '}');
}

static void write_rows(struct strbuf *out, const struct binding_status *status)
{
    write_name(out, "associations");
    if (status->row_count == 0) {
        strbuf_str(out, "null");
        return;
    }
    strbuf_char(out, '[');
    for (size_t i = 0; i < status->row_count; i++) {
        strbuf_str(out, i > 0 ? "," : "");
        write_row(out, &status->rows[i]);
    }
    strbuf_char(out, ']');
}

void binding_status_patch(const char *resource_version, const struct binding_status *status,
                          struct strbuf *ret_patch)
{
    strbuf_str(ret_patch, "{\"metadata\":{\"resourceVersion\":");
    write_text(ret_patch, resource_version);
    strbuf_format(ret_patch, "},\"status\":{\"observedGeneration\":%lld",
                  (long long)status->observed_generation);
    write_conditions(ret_patch, status);
    write_or_null(ret_patch, "clusterName", status->cluster_name);
    write_or_null(ret_patch, "role", status->role);
    write_or_null(ret_patch, "roleARN", status->role_arn);
    write_or_null(ret_patch, "serviceAccounts", status->service_accounts);
    write_or_null(ret_patch, "access", status->access);
    strbuf_format(ret_patch, ",\"wanted\":%d,\"inPlace\":%d", status->wanted, status->in_place);
    write_or_null(ret_patch, "bound", status->bound);
    write_rows(ret_patch, status);
    write_name(ret_patch, "omitted");
    if (status->omitted > 0)
        strbuf_format(ret_patch, "%d", status->omitted);
    else
        strbuf_str(ret_patch, "null");
    strbuf_str(ret_patch, "}}");
}
