/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/lease_json.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "kube/object.h"

/* 0 when the member is absent. */
static int read_time(const json_t *spec, const char *name, int64_t *ret_us, struct error *err)
{
    const char *text = json_text(spec, name);
    *ret_us = 0;
    if (*text != '\0' && !clock_parse(text, ret_us))
        return error_set(err, ERROR_TRANSIENT,
                         "the Lease's %s is \"%.40s\", expected a time like "
                         "2026-11-22T19:28:09.000000Z",
                         name, text);
    return 0;
}

static int copy_text(const char *what, const char *text, char *copy, size_t size, struct error *err)
{
    if (strlen(text) >= size)
        return error_set(err, ERROR_TRANSIENT, "the Lease's %s is longer than %zu bytes", what,
                         size - 1);
    snprintf(copy, size, "%s", text);
    return 0;
}

int lease_json_read(const json_t *object, struct lease_record *ret_record, struct error *err)
{
    const char *kind = json_text(object, "kind"), *version = object_version(object);
    if (strcmp(kind, "Lease") != 0 || *version == '\0')
        return error_set(err, ERROR_TRANSIENT,
                         "the answer is of kind \"%.64s\", expected a Lease with a resourceVersion",
                         kind);
    const json_t *spec = json_at(object, "spec", NULL);
    struct lease_record record = {
        .duration_s = json_whole(spec, "leaseDurationSeconds", 0),
        .transitions = json_whole(spec, "leaseTransitions", 0),
    };
    const char *holder = json_text(spec, "holderIdentity");
    if (copy_text("resourceVersion", version, record.version, sizeof record.version, err) < 0 ||
        copy_text("holderIdentity", holder, record.holder, sizeof record.holder, err) < 0 ||
        read_time(spec, "acquireTime", &record.acquire_us, err) < 0 ||
        read_time(spec, "renewTime", &record.renew_us, err) < 0)
        return -1;
    *ret_record = record;
    return 0;
}

static json_t *time_text(int64_t wall_us)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format_us(wall_us, text);
    return json_string(text);
}

/* A holder that is no UTF-8 can't be set: jansson gives NULL, and the member is left out. */
static void set_record(json_t *spec, const struct lease_record *record)
{
    json_object_set_new(spec, "holderIdentity", json_string(record->holder));
    json_object_set_new(spec, "leaseDurationSeconds", json_integer(record->duration_s));
    json_object_set_new(spec, "acquireTime", time_text(record->acquire_us));
    json_object_set_new(spec, "renewTime", time_text(record->renew_us));
    json_object_set_new(spec, "leaseTransitions", json_integer(record->transitions));
}

static void write_document(const json_t *document, struct strbuf *ret_body)
{
    CLEANUP_FREE char *text = json_canonical(document);
    strbuf_str(ret_body, text);
}

void lease_json_create(const char *namespace, const char *name, const struct lease_record *record,
                       struct strbuf *ret_body)
{
    CLEANUP_JSON json_t *document =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{}}", "apiVersion", LEASE_GROUP "/v1", "kind",
                  "Lease", "metadata", "name", name, "namespace", namespace, "spec");
    set_record(json_object_get(document, "spec"), record);
    write_document(document, ret_body);
}

/* The member as an object, made anew when it is none. */
static json_t *member_object(json_t *document, const char *name)
{
    json_t *member = json_object_get(document, name);
    if (json_is_object(member))
        return member;
    member = json_object();
    json_object_set_new(document, name, member);
    return member;
}

void lease_json_update(const json_t *object, const struct lease_record *record,
                       struct strbuf *ret_body)
{
    CLEANUP_JSON json_t *document = json_deep_copy(object);
    json_t *metadata = member_object(document, "metadata");
    json_object_set_new(metadata, "resourceVersion", json_string(record->version));
    json_object_del(metadata, "managedFields");
    set_record(member_object(document, "spec"), record);
    write_document(document, ret_body);
}
