/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/event.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#define INSTANCE_MAX 128

static void add_string(struct strbuf *body, const char *text)
{
    strbuf_char(body, '"');
    strbuf_json(body, text);
    strbuf_char(body, '"');
}

/* "name":"value" with a comma before it. */
static void add_member(struct strbuf *body, const char *name, const char *value)
{
    strbuf_format(body, ",\"%s\":", name);
    add_string(body, value);
}

static void add_cut_member(struct strbuf *body, const char *name, const char *value, size_t most)
{
    size_t length = strnlen(value, most + 4);
    CLEANUP_FREE char *cut = mem_strndup(value, length > most ? utf8_cut(value, most) : length);
    add_member(body, name, cut);
}

void event_create(const struct event *event, struct strbuf *ret_body)
{
    char time[CLOCK_TEXT_SIZE];
    clock_format_us(event->time_us, time);
    strbuf_str(ret_body, "{\"apiVersion\":\"" EVENT_GROUP "/v1\",\"kind\":\"Event\",\"metadata\":{"
                         "\"name\":");
    add_string(ret_body, event->name);
    add_member(ret_body, "namespace", event->namespace);
    strbuf_str(ret_body, "},\"regarding\":{\"apiVersion\":");
    add_string(ret_body, event->about_version);
    add_member(ret_body, "kind", event->about_kind);
    add_member(ret_body, "namespace", event->namespace);
    add_member(ret_body, "name", event->about_name);
    add_member(ret_body, "uid", event->about_uid);
    strbuf_char(ret_body, '}');
    add_member(ret_body, "type", event->warning ? "Warning" : "Normal");
    add_member(ret_body, "reason", event->reason);
    add_member(ret_body, "action", event->action);
    add_cut_member(ret_body, "note", event->note, EVENT_NOTE_MAX);
    add_member(ret_body, "reportingController", EVENT_CONTROLLER);
    add_cut_member(ret_body, "reportingInstance", event->instance, INSTANCE_MAX);
    add_member(ret_body, "eventTime", time);
    strbuf_char(ret_body, '}');
}

void event_series_patch(int count, int64_t time_us, struct strbuf *ret_patch)
{
    char time[CLOCK_TEXT_SIZE];
    clock_format_us(time_us, time);
    strbuf_format(ret_patch, "{\"series\":{\"count\":%d,\"lastObservedTime\":\"%s\"}}", count,
                  time);
}
