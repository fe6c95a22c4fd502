/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_frame.h"

#include <string.h>

#include "base/json.h"
#include "kube/kube_status.h"
#include "kube/object.h"

static const char *const type_names[] = {
    [WATCH_FRAME_ADDED] = "ADDED",     [WATCH_FRAME_MODIFIED] = "MODIFIED",
    [WATCH_FRAME_DELETED] = "DELETED", [WATCH_FRAME_BOOKMARK] = "BOOKMARK",
    [WATCH_FRAME_ERROR] = "ERROR",
};

const char *watch_frame_type_name(enum watch_frame_type type)
{
    return type_names[type];
}

static int read_type(const json_t *document, enum watch_frame_type *ret_type, struct error *err)
{
    const char *name = json_text(document, "type");
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++) {
        if (strcmp(name, type_names[i]) == 0) {
            *ret_type = (enum watch_frame_type)i;
            return 0;
        }
    }
    return error_set(err, ERROR_TRANSIENT,
                     "a watch event of type \"%.32s\", expected ADDED, MODIFIED, DELETED, BOOKMARK "
                     "or ERROR",
                     name);
}

static void read_failure(struct watch_frame *frame)
{
    struct kube_status status;
    if (kube_status_read(frame->object, &status))
        kube_status_error(&status, &frame->error);
    else
        error_set(&frame->error, ERROR_TRANSIENT, "the watch failed without a Status");
}

static int read_document(json_t *document, struct watch_frame *frame, struct error *err)
{
    frame->document = document;
    if (read_type(document, &frame->type, err) < 0)
        return -1;
    frame->object = json_at(document, "object", NULL);
    frame->version = "";
    if (frame->type == WATCH_FRAME_ERROR) {
        read_failure(frame);
        return 0;
    }
    if (!json_is_object(frame->object))
        return error_set(err, ERROR_TRANSIENT, "a watch event without an object");
    frame->version = object_version(frame->object);
    if (*frame->version == '\0')
        return error_set(err, ERROR_TRANSIENT,
                         "a watch event without a metadata.resourceVersion in digits");
    const json_t *annotations = json_at(frame->object, "metadata", "annotations", NULL);
    frame->initial_end = frame->type == WATCH_FRAME_BOOKMARK &&
                         strcmp(json_text(annotations, "k8s.io/initial-events-end"), "true") == 0;
    return 0;
}

static int read_event(const char *bytes, size_t length, struct watch_frame *ret_frame,
                      struct error *err)
{
    json_t *document = json_parse_without(bytes, length, OBJECT_UNREAD, err);
    if (document == NULL) {
        err->kind = ERROR_TRANSIENT;
        return error_wrap(err, "a watch event");
    }
    struct watch_frame frame = {0};
    if (read_document(document, &frame, err) < 0) {
        watch_frame_release(&frame);
        return -1;
    }
    *ret_frame = frame;
    return 0;
}

static bool is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr(" \t\r\n", bytes[i]) == NULL || bytes[i] == '\0')
            return false;
    }
    return true;
}

enum watch_frame_result watch_frame_read(const char *bytes, size_t length, bool last,
                                         struct watch_frame *ret_frame, size_t *ret_used,
                                         struct error *err)
{
    size_t start = 0;
    while (start < length && (bytes[start] == '\n' || bytes[start] == '\r'))
        start++;
    const char *newline = memchr(bytes + start, '\n', length - start);
    size_t end = newline != NULL ? (size_t)(newline - bytes) : length;
    if (end - start > WATCH_FRAME_CAP) {
        error_set(err, ERROR_GONE, "a watch event over %zu bytes", WATCH_FRAME_CAP);
        return WATCH_FRAME_BROKEN;
    }
    if (newline == NULL && !last)
        return WATCH_FRAME_PARTIAL;
    if (last && !is_blank(bytes + end, length - end)) {
        error_set(err, ERROR_TRANSIENT, "a watch message with more than one line");
        return WATCH_FRAME_BROKEN;
    }
    if (read_event(bytes + start, end - start, ret_frame, err) < 0)
        return WATCH_FRAME_BROKEN;
    *ret_used = last ? length : end + 1;
    return WATCH_FRAME_WHOLE;
}

void watch_frame_release(struct watch_frame *frame)
{
    json_release(&frame->document);
    *frame = (struct watch_frame){0};
}
