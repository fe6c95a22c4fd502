/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "controller/wire_change.h"

#define OBJECT(more)                                                                               \
    "{\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":\"app-sa\",\"namespace\":\"app\","        \
    "\"resourceVersion\":\"12\"" more "}}"
#define READABLE OBJECT(",\"uid\":\"u-1\"")

static struct change change_from(const char *text, const struct options_names *namespaces)
{
    CLEANUP(watch_frame_release) struct watch_frame frame = {0};
    struct error err = {0};
    size_t used;

    if (watch_frame_read(text, strlen(text), true, &frame, &used, &err) != WATCH_FRAME_WHOLE)
        fail_msg("%s: %s", text, err.text);
    return wire_change_read(namespaces, RESOURCE_SERVICE_ACCOUNTS, 7, &frame);
}

#define READ(type, object) change_from("{\"type\":\"" type "\",\"object\":" object "}", &everywhere)
static const struct options_names everywhere = {0};

static void tells_what_happened_to_an_object(void **state)
{
    CLEANUP(change_release) struct change put = READ("MODIFIED", READABLE);
    CLEANUP(change_release) struct change deleted = READ("DELETED", READABLE);

    (void)state;
    assert_int_equal(put.kind, CHANGE_PUT);
    assert_int_equal(put.watch, 7);
    assert_int_equal(put.resource, RESOURCE_SERVICE_ACCOUNTS);
    assert_string_equal(((struct service_account *)put.record)->name, "app-sa");
    assert_int_equal(deleted.kind, CHANGE_DELETED);
}

static void an_object_that_is_no_record_is_told_as_unreadable(void **state)
{
    CLEANUP(change_release) struct change change = READ("DELETED", OBJECT(""));

    (void)state;
    assert_int_equal(change.kind, CHANGE_UNREADABLE);
    assert_null(change.record);
    assert_non_null(strstr(change.error->text, "metadata.uid"));
}

static void the_end_of_the_first_state_is_no_mere_bookmark(void **state)
{
    CLEANUP(change_release) struct change bookmark = READ("BOOKMARK", READABLE);
    CLEANUP(change_release)
    struct change end =
        READ("BOOKMARK", OBJECT(",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}"));

    (void)state;
    assert_int_equal(bookmark.kind, CHANGE_BOOKMARK);
    assert_int_equal(end.kind, CHANGE_SYNCED);
    assert_string_equal(end.resource_version, "12");
}

static void elsewhere_only_the_version_is_news(void **state)
{
    char *names[] = {(char[]){"ops"}};
    const struct options_names ops = {names, 1};
    CLEANUP(change_release)
    struct change change = change_from("{\"type\":\"ADDED\",\"object\":" READABLE "}", &ops);

    (void)state;
    assert_int_equal(change.kind, CHANGE_BOOKMARK);
    assert_string_equal(change.resource_version, "12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_happened_to_an_object),
        cmocka_unit_test(an_object_that_is_no_record_is_told_as_unreadable),
        cmocka_unit_test(the_end_of_the_first_state_is_no_mere_bookmark),
        cmocka_unit_test(elsewhere_only_the_version_is_news),
    };

    return cmocka_run_group_tests_name("wire_change", tests, NULL, NULL);
}
