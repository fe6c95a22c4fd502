/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wire_change.h"

#include "base/json.h"
#include "base/mem.h"
#include "crds/binding_json.h"

static void read_record(const struct watch_frame *frame, struct change *change)
{
    struct error error = {0};

    change->kind = frame->type == WATCH_FRAME_DELETED ? CHANGE_DELETED : CHANGE_PUT;
    change->record = change->resource == RESOURCE_BINDINGS
                         ? (void *)binding_from_json(frame->object, &error)
                         : (void *)service_account_from_json(frame->object, &error);
    if (change->record)
        return;
    change->kind = CHANGE_UNREADABLE;
    change->error = mem_dup(&error, sizeof error);
}

static void read_version(const struct watch_frame *frame, struct change *change)
{
    change->kind = frame->initial_end ? CHANGE_SYNCED : CHANGE_BOOKMARK;
    change->resource_version = mem_strdup(frame->version);
}

struct change wire_change_read(const struct options_names *namespaces, enum resource resource,
                               uint64_t watch, const struct watch_frame *frame)
{
    struct change change = {.resource = resource, .watch = watch};
    const char *namespace = json_text(json_at(frame->object, "metadata", NULL), "namespace");

    if (frame->type == WATCH_FRAME_BOOKMARK || !options_watches(namespaces, namespace))
        read_version(frame, &change);
    else
        read_record(frame, &change);
    return change;
}
