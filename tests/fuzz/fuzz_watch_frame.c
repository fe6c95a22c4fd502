/* SPDX-License-Identifier: Apache-2.0 */
/* A byte that says where the rest is cut in two; the rest as one message, as a stream, and as a stream
 * in two pieces: the stream has the same events however it is cut. */
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "kube/object_version.h"
#include "kube/watch_lines.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/records.h"

static void check_frame(const struct watch_frame *frame)
{
    FUZZ_CHECK(frame->document && watch_frame_type_name(frame->type), "a frame is whole");
    if (frame->type == WATCH_FRAME_ERROR) {
        fuzzing_check_error(&frame->error);
        return;
    }
    FUZZ_CHECK(object_version_valid(frame->version), "an object has a version in digits");
    FUZZ_CHECK(!frame->initial_end || frame->type == WATCH_FRAME_BOOKMARK,
               "only a bookmark ends the first state");
    records_check(frame->object);
}

static void check_broken(const struct error *err)
{
    fuzzing_check_error(err);
    FUZZ_CHECK(err->kind == ERROR_TRANSIENT || err->kind == ERROR_GONE,
               "what is broken is read again, or listed");
}

static void check_message(const char *bytes, size_t length)
{
    struct watch_frame frame = {0};
    struct error err;
    size_t used = 0;
    enum watch_frame_result result = watch_frame_read(bytes, length, true, &frame, &used, &err);

    FUZZ_CHECK(result != WATCH_FRAME_PARTIAL, "nothing follows a message");
    if (result == WATCH_FRAME_BROKEN) {
        check_broken(&err);
        return;
    }
    FUZZ_CHECK(used == length, "a message is used up");
    check_frame(&frame);
    watch_frame_release(&frame);
}

/* Reads events until one is broken or the bytes are used up; notes each. */
static bool read_piece(struct watch_lines *lines, const char *bytes, size_t length,
                       struct strbuf *seen)
{
    for (;;) {
        struct watch_frame frame = {0};
        struct error err;

        switch (watch_lines_read(lines, &bytes, &length, &frame, &err)) {
        case WATCH_FRAME_PARTIAL:
            FUZZ_CHECK(length == 0, "what is not whole yet is taken all the same");
            return true;
        case WATCH_FRAME_BROKEN:
            check_broken(&err);
            strbuf_format(seen, "broken: %s\n", err.text);
            return false;
        case WATCH_FRAME_WHOLE:
            check_frame(&frame);
            strbuf_format(seen, "%s %s\n", watch_frame_type_name(frame.type), frame.version);
            watch_frame_release(&frame);
        }
    }
}

static void read_stream(const char *bytes, size_t length, size_t cut, struct strbuf *ret_seen)
{
    CLEANUP(watch_lines_release) struct watch_lines lines = {0};
    CLEANUP_FREE char *first = mem_dup(bytes, cut);
    CLEANUP_FREE char *second = mem_dup(bytes + cut, length - cut);

    if (read_piece(&lines, first, cut, ret_seen) &&
        read_piece(&lines, second, length - cut, ret_seen))
        strbuf_str(ret_seen, watch_lines_empty(&lines) ? "border\n" : "cut\n");
}

void fuzz_one(const char *bytes, size_t length)
{
    CLEANUP(strbuf_release) struct strbuf whole = {0}, pieces = {0};

    if (length == 0)
        return;
    size_t cut = (unsigned char)*bytes < length ? (unsigned char)*bytes : length - 1;
    CLEANUP_FREE char *rest = mem_dup(bytes + 1, length - 1);
    check_message(rest, length - 1);
    read_stream(rest, length - 1, 0, &whole);
    read_stream(rest, length - 1, cut, &pieces);
    FUZZ_CHECK(strcmp(strbuf_text(&whole), strbuf_text(&pieces)) == 0,
               "a stream has the same events wherever it is cut");
}
