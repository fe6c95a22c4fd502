/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "kube/watch_frame.h"
#include "kube/watch_query.h"
#include "tests/unit/aws_cases.h"

/* ---- cases: every one as a whole message, and as the beginning of a stream ---- */

static void describe_frame(const struct watch_frame *frame, size_t used, struct strbuf *text)
{
    const char *name = json_text(json_at(frame->object, "metadata", NULL), "name");
    strbuf_format(text, "%s", watch_frame_type_name(frame->type));
    if (*frame->version != '\0')
        strbuf_format(text, " version=%s", frame->version);
    if (*name != '\0')
        strbuf_format(text, " name=%s", name);
    if (frame->initial_end)
        strbuf_str(text, " initial_end");
    if (frame->type == WATCH_FRAME_ERROR)
        strbuf_format(text, " %s status=%d code=%s after=%dms \"%s\"",
                      error_kind_name(frame->error.kind), frame->error.status, frame->error.code,
                      (int)frame->error.retry_after_ms, frame->error.text);
    strbuf_format(text, " used=%zu\n", used);
}

static void read_as(const char *bytes, size_t length, bool last, struct strbuf *text)
{
    struct watch_frame frame;
    struct error err;
    size_t used = 0;
    strbuf_str(text, last ? "message: " : "stream: ");
    switch (watch_frame_read(bytes, length, last, &frame, &used, &err)) {
    case WATCH_FRAME_WHOLE:
        assert_true(used <= length);
        describe_frame(&frame, used, text);
        watch_frame_release(&frame);
        break;
    case WATCH_FRAME_PARTIAL:
        strbuf_str(text, "partial\n");
        break;
    case WATCH_FRAME_BROKEN:
        strbuf_format(text, "broken %s \"%s\"\n", error_kind_name(err.kind), err.text);
        break;
    }
}

static void describe_case(const char *bytes, size_t length, struct strbuf *text)
{
    CLEANUP_FREE char *exact = mem_dup(bytes, length); /* its own block: over-reads show */
    read_as(exact, length, true, text);
    read_as(exact, length, false, text);
}

static void reads_case(void **state)
{
    const char *folder = *state;
    size_t length;
    CLEANUP_FREE char *frame = aws_cases_read(folder, "frame", &length);
    CLEANUP_FREE char *expected = aws_cases_read(folder, "expected", NULL);
    CLEANUP(strbuf_release) struct strbuf text = {0};
    assert_non_null(frame);
    describe_case(frame, length, &text);
    assert_non_null(expected);
    assert_string_equal(strbuf_text(&text), expected);
}

/* ---- streams ---- */

static const char first[] =
    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}\n";
static const char second[] =
    "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"2\"}}}\n";

static void reads_a_stream_cut_anywhere(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf stream = {0};
    strbuf_str(&stream, first);
    strbuf_str(&stream, second);
    struct watch_frame frame;
    struct error err;
    size_t used;
    for (size_t cut = 0; cut < strlen(first); cut++)
        assert_int_equal(watch_frame_read(stream.text, cut, false, &frame, &used, &err),
                         WATCH_FRAME_PARTIAL);
    for (size_t cut = strlen(first); cut <= stream.length; cut++) {
        assert_int_equal(watch_frame_read(stream.text, cut, false, &frame, &used, &err),
                         WATCH_FRAME_WHOLE);
        assert_int_equal(used, strlen(first));
        assert_string_equal(frame.version, "1");
        watch_frame_release(&frame);
    }
    assert_int_equal(
        watch_frame_read(stream.text + used, stream.length - used, false, &frame, &used, &err),
        WATCH_FRAME_WHOLE);
    assert_int_equal(frame.type, WATCH_FRAME_DELETED);
    assert_string_equal(frame.version, "2");
    watch_frame_release(&frame);
}

static void an_event_over_the_cap_asks_for_a_list(void **state)
{
    (void)state;
    CLEANUP_FREE char *bytes = mem_alloc(WATCH_FRAME_CAP + 1);
    memset(bytes, 'x', WATCH_FRAME_CAP + 1);
    struct watch_frame frame;
    struct error err;
    size_t used;
    assert_int_equal(watch_frame_read(bytes, WATCH_FRAME_CAP, false, &frame, &used, &err),
                     WATCH_FRAME_PARTIAL);
    assert_int_equal(watch_frame_read(bytes, WATCH_FRAME_CAP + 1, false, &frame, &used, &err),
                     WATCH_FRAME_BROKEN);
    assert_int_equal(err.kind, ERROR_GONE);
}

/* ---- queries ---- */

static void assert_query(struct watch_query query, const char *expected)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    watch_query_write(&query, &text);
    assert_string_equal(strbuf_text(&text), expected);
}

static void writes_queries(void **state)
{
    (void)state;
#define START "watch=true&allowWatchBookmarks=true&timeoutSeconds=300"
#define INITIAL "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    assert_query((struct watch_query){.timeout_s = 300}, START);
    assert_query((struct watch_query){.timeout_s = 300, .version = ""}, START);
    assert_query((struct watch_query){.timeout_s = 300, .version = "17"},
                 START "&resourceVersion=17");
    assert_query((struct watch_query){.timeout_s = 300, .initial = true}, START INITIAL);
    assert_query((struct watch_query){.timeout_s = 300, .field_selector = "metadata.name=podbind"},
                 START "&fieldSelector=metadata.name%3Dpodbind");
    assert_query((struct watch_query){.timeout_s = 300, .initial = true, .version = "17"},
                 START INITIAL "&resourceVersion=17");
}

static void spreads_timeouts(void **state)
{
    (void)state;
    assert_int_equal(watch_query_timeout(0), 300);
    assert_int_equal(watch_query_timeout(300), 600);
    assert_int_equal(watch_query_timeout(301), 300);
    for (uint64_t random = UINT64_MAX; random > UINT64_MAX - 1000; random--)
        assert_in_range(watch_query_timeout(random), 300, 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_stream_cut_anywhere),
        cmocka_unit_test(an_event_over_the_cap_asks_for_a_list),
        cmocka_unit_test(writes_queries),
        cmocka_unit_test(spreads_timeouts),
    };
    return aws_cases_run("watch", tests, sizeof tests / sizeof *tests, reads_case);
}
