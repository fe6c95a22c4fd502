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
#include "kube/event.h"

static struct event sample(void)
{
    return (struct event){
        .namespace = "app",
        .name = "reader.17a2b",
        .instance = "pod-1",
        .warning = true,
        .reason = "KeyTaken",
        .action = "Associate",
        .note = "the key is taken by \"a-1\"",
        .time_us = INT64_C(1795375689000007),
        .about_version = "podbind.dev/v1alpha1",
        .about_kind = "PodIdentityBinding",
        .about_name = "reader",
        .about_uid = "u-1",
    };
}

static json_t *create(const struct event *event)
{
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct error err;
    event_create(event, &body);
    json_t *document = json_parse(strbuf_text(&body), body.length, &err);
    if (document == NULL)
        fail_msg("%s: %s", err.text, strbuf_text(&body));
    return document;
}

static void writes_all_that_the_server_demands(void **state)
{
    (void)state;
    struct event event = sample();
    CLEANUP_JSON json_t *document = create(&event);
    const json_t *metadata = json_at(document, "metadata", NULL);
    const json_t *regarding = json_at(document, "regarding", NULL);
    assert_string_equal(json_text(document, "apiVersion"), "events.k8s.io/v1");
    assert_string_equal(json_text(document, "kind"), "Event");
    assert_string_equal(json_text(metadata, "name"), "reader.17a2b");
    assert_string_equal(json_text(metadata, "namespace"), "app");
    assert_string_equal(json_text(regarding, "apiVersion"), "podbind.dev/v1alpha1");
    assert_string_equal(json_text(regarding, "kind"), "PodIdentityBinding");
    assert_string_equal(json_text(regarding, "namespace"), "app");
    assert_string_equal(json_text(regarding, "name"), "reader");
    assert_string_equal(json_text(regarding, "uid"), "u-1");
    assert_string_equal(json_text(document, "type"), "Warning");
    assert_string_equal(json_text(document, "reason"), "KeyTaken");
    assert_string_equal(json_text(document, "action"), "Associate");
    assert_string_equal(json_text(document, "note"), "the key is taken by \"a-1\"");
    assert_string_equal(json_text(document, "reportingController"), "podbind.dev/controller");
    assert_string_equal(json_text(document, "reportingInstance"), "pod-1");
    assert_string_equal(json_text(document, "eventTime"), "2026-11-22T19:28:09.000007Z");
    event.warning = false;
    CLEANUP_JSON json_t *normal = create(&event);
    assert_string_equal(json_text(normal, "type"), "Normal");
}

static void cuts_long_notes_between_characters(void **state)
{
    (void)state;
    char note[2 * EVENT_NOTE_MAX];
    struct event event = sample();
    event.note = note;
    for (size_t before = EVENT_NOTE_MAX - 3; before <= EVENT_NOTE_MAX + 1; before++) {
        memset(note, 'a', before);
        memcpy(note + before, "\xe2\x82\xac tail", 9); /* a character of three bytes */
        CLEANUP_JSON json_t *document = create(&event);
        const char *written = json_text(document, "note");
        size_t expected = before == EVENT_NOTE_MAX - 3 ? EVENT_NOTE_MAX
                          : before < EVENT_NOTE_MAX    ? before
                                                       : EVENT_NOTE_MAX;
        assert_int_equal(strlen(written), expected);
        assert_memory_equal(written, note, expected);
    }
}

static void keeps_short_notes_whole(void **state)
{
    (void)state;
    char note[EVENT_NOTE_MAX + 1];
    struct event event = sample();
    memset(note, 'a', sizeof note);
    note[EVENT_NOTE_MAX] = '\0';
    event.note = note;
    CLEANUP_JSON json_t *document = create(&event);
    assert_string_equal(json_text(document, "note"), note);
}

static void notes_stay_json(void **state)
{
    (void)state;
    struct event event = sample();
    event.note = "a\"b\\c\nd\x01\xff";
    CLEANUP_JSON json_t *document = create(&event);
    assert_string_equal(json_text(document, "note"), "a\"b\\c\nd\x01\xef\xbf\xbd");
}

static void folds_repeats_into_a_series(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf patch = {0};
    event_series_patch(3, INT64_C(1795375689000000), &patch);
    assert_string_equal(strbuf_text(&patch),
                        "{\"series\":{\"count\":3,"
                        "\"lastObservedTime\":\"2026-11-22T19:28:09.000000Z\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_all_that_the_server_demands),
        cmocka_unit_test(cuts_long_notes_between_characters),
        cmocka_unit_test(keeps_short_notes_whole),
        cmocka_unit_test(notes_stay_json),
        cmocka_unit_test(folds_repeats_into_a_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
