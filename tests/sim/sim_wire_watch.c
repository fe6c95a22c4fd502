/* SPDX-License-Identifier: Apache-2.0 */
/* Watches: what a server sends as bytes, and what the operator's readers make of them. */
#include <string.h>

#include "base/mem.h"
#include "controller/wire_change.h"
#include "kube/kube_answer.h"
#include "kube/watch_lines.h"
#include "kube/watch_query.h"
#include "tests/sim/api_request.h"
#include "tests/sim/fault_answer.h"
#include "tests/sim/replica.h"
#include "tests/sim/sim_wire_private.h"

static const struct options_names everywhere = {0};

/* ---- opening ---- */

uint64_t sim_wire_open(struct world *world, const struct watch_request *request)
{
    const struct watch_query query = {
        .version = request->resource_version, .initial = request->initial, .timeout_s = 300};
    CLEANUP(strbuf_release) struct strbuf url = {0};
    CLEANUP(api_request_release) struct api_request read = {0};
    const char *version;

    strbuf_str(&url, "https://kube.example:6443/api/v1/serviceaccounts?");
    watch_query_write(&query, &url);
    if (!api_request_read(&(struct http_request){.method = "GET", .url = url.text}, &read) ||
        strcmp(api_request_query(&read, "watch"), "true") != 0 ||
        strcmp(api_request_query(&read, "allowWatchBookmarks"), "true") != 0 ||
        request->initial != (api_request_query(&read, "sendInitialEvents")[0] != '\0'))
        world_fail(world, "wire", "a watch is asked for by %s", url.text);
    version = api_request_query(&read, "resourceVersion");
    return version[0] == '\0' ? 0 : kube_version_number(&world->kube, version);
}

void sim_wire_refuse(struct world *world, int status, struct error *ret_why)
{
    struct sim_wire *wire = world->wire;
    const struct kube_call asked = {.method = "GET",
                                    .path = {.version = "v1", .resource = "serviceaccounts"}};
    const struct api_status said = {status, "", "as it happens", "", "", ""};
    CLEANUP(http_answer_release) struct http_answer answer = {0};
    json_t *ignored = NULL;

    if (tape_choose(&wire->dice, 2, "how a watch is refused") == 0) {
        kube_refuse(ret_why, status, "", false, false); /* a handshake has no body */
        return;
    }
    fault_answer_status(&said, &answer);
    kube_answer_read(&wire->client, &asked, &answer, &ignored, NULL, ret_why);
}

/* ---- reading ---- */

static int take_frame(struct replica *replica, const struct kube_watch *watch,
                      const struct watch_frame *frame, struct error *err)
{
    if (frame->type == WATCH_FRAME_ERROR) {
        *err = frame->error;
        return -1;
    }
    replica_bring(replica, wire_change_read(&everywhere, watch->resource, watch->number, frame));
    return 0;
}

/* A WebSocket's messages come whole. */
static int read_message(struct replica *replica, const struct kube_watch *watch,
                        const struct strbuf *bytes, struct error *err)
{
    CLEANUP(watch_frame_release) struct watch_frame frame = {0};
    size_t used = 0;

    if (watch_frame_read(strbuf_text(bytes), bytes->length, true, &frame, &used, err) !=
        WATCH_FRAME_WHOLE)
        return -1;
    return take_frame(replica, watch, &frame, err);
}

static int read_lines(struct replica *replica, const struct kube_watch *watch,
                      struct watch_lines *lines, const char *bytes, size_t length,
                      struct error *err)
{
    while (length > 0) {
        CLEANUP(watch_frame_release) struct watch_frame frame = {0};
        enum watch_frame_result result = watch_lines_read(lines, &bytes, &length, &frame, err);

        if (result == WATCH_FRAME_BROKEN)
            return -1;
        if (result == WATCH_FRAME_WHOLE && take_frame(replica, watch, &frame, err) < 0)
            return -1;
    }
    return 0;
}

/* The chunks of an HTTP answer are cut anywhere. */
static int read_chunks(struct replica *replica, const struct kube_watch *watch,
                       const struct strbuf *bytes, struct error *err)
{
    CLEANUP(watch_lines_release) struct watch_lines lines = {0};
    size_t at = 0;

    while (at < bytes->length) {
        size_t most = bytes->length - at;
        size_t size =
            1 + tape_choose(&replica->world->wire->dice, (uint32_t)most, "size of a chunk");

        if (read_lines(replica, watch, &lines, bytes->text + at, size, err) < 0)
            return -1;
        at += size;
    }
    if (!watch_lines_empty(&lines))
        return error_set(err, ERROR_TRANSIENT, "the answer was cut");
    return 0;
}

static int deliver(struct replica *replica, const struct kube_watch *watch,
                   const struct strbuf *bytes, struct error *err)
{
    replica->world->tally->garbles.frames++;
    if (tape_choose(&replica->world->wire->dice, 2, "transport") == 0)
        return read_message(replica, watch, bytes, err);
    return read_chunks(replica, watch, bytes, err);
}

/* ---- sending ---- */

/* What comes in place of the event, or before it. */
static int deliver_garbled(struct replica *replica, const struct kube_watch *watch,
                           const struct strbuf *bytes, struct error *err)
{
    struct tape *dice = &replica->world->wire->dice;
    CLEANUP(strbuf_release) struct strbuf garbled = {0};
    enum garble what = garble_draw_frame(dice);

    replica->world->tally->garbles.garbled[what]++;
    TRACE(replica->world, "  ~ garbled: %s", garble_name(what));
    garble_frame(what, dice, strbuf_text(bytes), &garbled);
    if (deliver(replica, watch, &garbled, err) < 0)
        return -1;
    if (what == GARBLE_FRAME_UNREADABLE)
        return deliver(replica, watch, bytes, err);
    world_fail(replica->world, "wire", "a garbled event was read: %s", strbuf_text(&garbled));
    return 0;
}

static const char *type_of(const struct world *world, const struct kube_event *event,
                           bool first_state)
{
    const struct kube_world *kube = &world->kube;

    if (event->deleted)
        return "DELETED";
    for (size_t i = 0; i < kube->log_count && !first_state; i++)
        if (kube->log[i].superseded == event->version && !kube->log[i].deleted)
            return "MODIFIED";
    return "ADDED";
}

int sim_wire_event(struct replica *replica, const struct kube_watch *watch,
                   const struct kube_event *event, bool first_state, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf bytes = {0};

    strbuf_format(&bytes,
                  "{\"type\":\"%s\",\"object\":", type_of(replica->world, event, first_state));
    api_write_event(&replica->world->wire->api, event, false, &bytes);
    strbuf_str(&bytes, "}\n");
    if (sim_wire_may_garble(replica->world->wire))
        return deliver_garbled(replica, watch, &bytes, err);
    return deliver(replica, watch, &bytes, err);
}

int sim_wire_version(struct replica *replica, const struct kube_watch *watch, uint64_t version,
                     bool initial_end, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    bool bindings = watch->resource == RESOURCE_BINDINGS;
    char text[KUBE_VERSION_SIZE];

    strbuf_str(&bytes, "{\"type\":\"BOOKMARK\",\"object\":");
    api_object_bookmark(bindings ? BINDING_GROUP "/" BINDING_VERSION : "v1",
                        bindings ? BINDING_KIND : "ServiceAccount",
                        kube_version_text(&replica->world->kube, version, text), initial_end,
                        &bytes);
    strbuf_str(&bytes, "}\n");
    return deliver(replica, watch, &bytes, err);
}
