/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "kube/watch_lines.h"

#define EVENT(type, name, version)                                                                 \
    "{\"type\":\"" type "\",\"object\":{\"kind\":\"K\",\"metadata\":{\"name\":\"" name             \
    "\",\"resourceVersion\":\"" version "\"}}}"
static const char three[] = EVENT("ADDED", "a", "7") "\n" EVENT(
    "MODIFIED", "b\\u00e4", "8") "\r\n\n \n" EVENT("DELETED", "c", "9") "\n";

/* What has been read so far: "ADDED:7 ...", and the end. */
struct reading {
    struct watch_lines lines;
    char log[256];
    struct error err;
};

static enum watch_frame_result feed(struct reading *reading, const char *bytes, size_t length)
{
    struct watch_frame frame;
    enum watch_frame_result result;
    while ((result = watch_lines_read(&reading->lines, &bytes, &length, &frame, &reading->err)) ==
           WATCH_FRAME_WHOLE) {
        size_t at = strlen(reading->log);
        snprintf(reading->log + at, sizeof reading->log - at, "%s:%s ",
                 watch_frame_type_name(frame.type), frame.version);
        watch_frame_release(&frame);
    }
    return result;
}

static void reads_events_cut_at_every_byte(void **state)
{
    (void)state;
    const size_t length = strlen(three);
    for (size_t cut = 0; cut <= length; cut++) {
        struct reading reading = {0};
        assert_int_equal(feed(&reading, three, cut), WATCH_FRAME_PARTIAL);
        assert_int_equal(feed(&reading, three + cut, length - cut), WATCH_FRAME_PARTIAL);
        assert_string_equal(reading.log, "ADDED:7 MODIFIED:8 DELETED:9 ");
        assert_true(watch_lines_empty(&reading.lines));
        watch_lines_release(&reading.lines);
    }
}

static void reads_events_byte_by_byte(void **state)
{
    (void)state;
    struct reading reading = {0};
    for (const char *at = three; *at != '\0'; at++)
        assert_int_equal(feed(&reading, at, 1), WATCH_FRAME_PARTIAL);
    assert_string_equal(reading.log, "ADDED:7 MODIFIED:8 DELETED:9 ");
    watch_lines_release(&reading.lines);
}

static void a_cut_event_is_seen(void **state)
{
    (void)state;
    struct reading reading = {0};
    feed(&reading, three, strlen(three) - 1); /* all but the newline */
    assert_string_equal(reading.log, "ADDED:7 MODIFIED:8 ");
    assert_false(watch_lines_empty(&reading.lines));
    watch_lines_release(&reading.lines);
}

static void blank_lines_take_no_room(void **state)
{
    (void)state;
    struct reading reading = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(feed(&reading, " \r\n", 3), WATCH_FRAME_PARTIAL);
    assert_int_equal(reading.lines.partial.length, 0);
    watch_lines_release(&reading.lines);
}

static void what_is_no_event_is_broken(void **state)
{
    (void)state;
    const char *const lines[] = {"<html>\n", "{}\n", "[1]\n", "{\"type\":\"ADDED\"}\n", "\0\n"};
    const size_t lengths[] = {7, 3, 4, 17, 2};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct reading reading = {0};
        assert_int_equal(feed(&reading, lines[i], lengths[i]), WATCH_FRAME_BROKEN);
        assert_int_equal(reading.err.kind, ERROR_TRANSIENT);
        watch_lines_release(&reading.lines);
    }
}

/* An event of exactly `length` bytes, without its newline. */
static char *event_of(size_t length)
{
    const char *start = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\","
                        "\"name\":\"",
               *end = "\"}}}";
    char *text = mem_alloc(length + 1);
    memset(text, 'x', length);
    memcpy(text, start, strlen(start));
    memcpy(text + length - strlen(end), end, strlen(end));
    return text;
}

static void takes_events_up_to_the_cap(void **state)
{
    (void)state;
    struct reading reading = {0};
    CLEANUP_FREE char *event = event_of(WATCH_FRAME_CAP);
    assert_int_equal(feed(&reading, event, WATCH_FRAME_CAP), WATCH_FRAME_PARTIAL);
    assert_int_equal(feed(&reading, "\n", 1), WATCH_FRAME_PARTIAL);
    assert_string_equal(reading.log, "ADDED:5 ");
    assert_int_equal(reading.lines.partial.capacity, 0); /* and gives the room back */
}

static void an_event_over_the_cap_asks_for_a_list(void **state)
{
    (void)state;
    struct reading reading = {0};
    CLEANUP_FREE char *event = event_of(WATCH_FRAME_CAP);
    assert_int_equal(feed(&reading, event, WATCH_FRAME_CAP), WATCH_FRAME_PARTIAL);
    assert_int_equal(feed(&reading, "x", 1), WATCH_FRAME_BROKEN);
    assert_int_equal(reading.err.kind, ERROR_GONE);
    watch_lines_release(&reading.lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_events_cut_at_every_byte),
        cmocka_unit_test(reads_events_byte_by_byte),
        cmocka_unit_test(a_cut_event_is_seen),
        cmocka_unit_test(blank_lines_take_no_room),
        cmocka_unit_test(what_is_no_event_is_broken),
        cmocka_unit_test(takes_events_up_to_the_cap),
        cmocka_unit_test(an_event_over_the_cap_asks_for_a_list),
    };
    return cmocka_run_group_tests_name("watch_lines", tests, NULL, NULL);
}
