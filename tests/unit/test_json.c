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
#include "base/strbuf.h"

static json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *document = json_parse(text, strlen(text), &err);

    if (!document)
        fail_msg("'%s': %s", text, err.text);
    return document;
}

static void assert_refused(const char *bytes, size_t length, const char *says)
{
    struct error err = {0};

    assert_null(json_parse(bytes, length, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}

static void refuses_what_is_not_one_document(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "line 1 column 0"},
        {"<html>", "line 1 column 1"},
        {"42", "line 1"},
        {"\"text\"", "line 1"},
        {"null", "line 1"},
        {"{\"a\":1", "line 1 column 6"},
        {"{\n \"a\": tru\n}", "line 2 column 9"},
        {"{} {}", "line 1 column 4"},
        {"{\"a\":1,\"a\":2}", "duplicate object key"},
        {"{\"a\":\"\xFF\"}", "line 1"},
        {"{\"a\":1e999}", "line 1"},
        {"{\"a\":99999999999999999999}", "line 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(rows[i].text, strlen(rows[i].text), rows[i].says);
    assert_refused("{}\0{}", 5, "line 1");
}

#define UNREAD "\"managedFields\":["

static void reads_all_but_one_array(void **state)
{
    static const struct {
        const char *text, *reads;
    } rows[] = {
        {"{\"a\":1}", "{\"a\":1}"},
        {"{" UNREAD "]}", "{\"managedFields\":[]}"},
        {"{" UNREAD "{\"f\":{\"k:{\\\"a]\\\"}\":[]}}, [1], \"]\"],\"b\":[2]}",
         "{\"b\":[2],\"managedFields\":[]}"},
        {"[{" UNREAD "1]},{" UNREAD "{\"x\":[2]}],\"y\":3}]",
         "[{\"managedFields\":[]},{\"managedFields\":[],\"y\":3}]"},
        {"{\"managedFields\":\"[\"}", "{\"managedFields\":\"[\"}"},
        {"{\"managedFields\": [1]}", "{\"managedFields\":[1]}"}, /* not how it is written */
        {"{\"a\":\"\\\"managedFields\\\":[1]\"}", "{\"a\":\"\\\"managedFields\\\":[1]\"}"},
        {"{\"a\\" UNREAD "1]}", "{\"a\\\"managedFields\":[1]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        CLEANUP_JSON json_t *document =
            json_parse_without(rows[i].text, strlen(rows[i].text), UNREAD, &err);
        if (!document)
            fail_msg("'%s': %s", rows[i].text, err.text);
        CLEANUP_FREE char *text = json_canonical(document);
        assert_string_equal(text, rows[i].reads);
    }
}

static void refuses_every_part_of_a_document(void **state)
{
    static const char text[] = "{\"items\":[{" UNREAD "{\"f:a\":{\"k:]\":{}}}],\"b\":\"c\"}]}";

    (void)state;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        CLEANUP_FREE char *part = mem_alloc(length + 1); /* no byte more: valgrind and ASan look */
        struct error err = {0};

        memcpy(part, text, length);
        assert_null(json_parse_without(part, length, UNREAD, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

static void a_long_document_is_read_in_pieces(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err = {0};

    (void)state;
    strbuf_str(&text, "[0");
    for (int i = 1; i < 900; i++)
        strbuf_format(&text, ",{\"%0*d\":%d," UNREAD "%0*d]}", i % 97, i, i, i % 1031, i);
    strbuf_str(&text, "]");
    CLEANUP_JSON json_t *document =
        json_parse_without(strbuf_text(&text), text.length, UNREAD, &err);
    if (!document)
        fail_msg("%s", err.text);
    assert_int_equal(json_array_size(document), 900);
    for (size_t i = 1; i < 900; i++) {
        char key[128];
        const json_t *item = json_array_get(document, i);

        snprintf(key, sizeof key, "%0*zu", (int)(i % 97), i);
        assert_int_equal(json_whole(item, key, 0), i);
        assert_int_equal(json_array_size(json_object_get(item, "managedFields")), 0);
    }
}

static void error_quotes_nothing_of_the_text(void **state)
{
    static const char *const texts[] = {"{\"SecretAccessKey\": hunter2}", "hunter2",
                                        "{\"hunter2\":1,\"hunter2\":2}", "[1] hunter2"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = {0};

        assert_null(json_parse(texts[i], strlen(texts[i]), &err));
        assert_null(strstr(err.text, "hunter2"));
    }
}

static void nest(struct strbuf *text, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        strbuf_str(text, i % 2 ? "{\"a\":" : "[");
    strbuf_str(text, "0");
    for (size_t i = depth; i-- > 0;)
        strbuf_char(text, i % 2 ? '}' : ']');
}

static void depth_has_a_cap(void **state)
{
    CLEANUP(strbuf_release)
    struct strbuf deepest = {0}, deeper = {0}, hostile = STRBUF_CAPPED(1 << 22);

    (void)state;
    nest(&deepest, JSON_MAX_DEPTH);
    CLEANUP_JSON json_t *document = parse(deepest.text);
    assert_non_null(document);
    nest(&deeper, JSON_MAX_DEPTH + 1);
    assert_refused(deeper.text, deeper.length, "deeper than 64 levels at line 1 column 193");
    for (int i = 0; i < 1000000; i++)
        strbuf_char(&hostile, '[');
    assert_refused(hostile.text, hostile.length, "deeper than 64 levels");
}

static void brackets_in_strings_do_not_count(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    strbuf_str(&text, "{\"a\\\"[[[\":\"\\\\\",\"b\":\"\\\"");
    for (int i = 0; i < 200; i++)
        strbuf_str(&text, "[{");
    strbuf_str(&text, "\\\\\",\"c\":[");
    for (int i = 0; i < 200; i++)
        strbuf_str(&text, "[],");
    strbuf_str(&text, "{}]}");
    CLEANUP_JSON json_t *document = parse(text.text);
    assert_int_equal(json_array_size(json_at(document, "c", NULL)), 201);
}

static void broken_strings_end_well(void **state)
{
    static const char *const texts[] = {"{\"", "{\"\\", "[\"\\\"", "\\", "\"\\", "{\"a\":\"\\u12"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t length = strlen(texts[i]);
        CLEANUP_FREE char *exact = mem_dup(texts[i], length); /* no byte after it: ASan looks */

        assert_refused(exact, length, "line 1");
    }
}

static void a_nul_costs_its_own_string_only(void **state)
{
    CLEANUP_JSON json_t *document = parse("{\"a\":\"x\\u0000y\",\"b\":\"kept\"}");

    (void)state;
    assert_string_equal(json_text(document, "a"), "");
    assert_string_equal(json_text(document, "b"), "kept");
}

static void accessors_treat_null_as_absent(void **state)
{
    CLEANUP_JSON json_t *document =
        parse("{\"a\":{\"b\":{\"text\":\"x\",\"none\":null}},\"flag\":true,\"off\":false,\"n\":-12,"
              "\"big\":9007199254740993,\"real\":1.5}");
    const json_t *inner = json_at(document, "a", "b", NULL);

    (void)state;
    assert_string_equal(json_text(inner, "text"), "x");
    assert_string_equal(json_text(inner, "none"), "");
    assert_string_equal(json_text(document, "flag"), "");
    assert_string_equal(json_text(NULL, "text"), "");
    assert_null(json_at(document, "a", "b", "none", NULL));
    assert_null(json_at(document, "a", "b", "text", "deeper", NULL));
    assert_null(json_at(document, "x", "y", NULL));
    assert_null(json_at(NULL, "x", NULL));
    assert_true(json_at(document, NULL) == document);
    assert_true(json_flag(document, "flag", false));
    assert_false(json_flag(document, "off", true));
    assert_true(json_flag(document, "n", true));
    assert_true(json_flag(inner, "none", true));
    assert_int_equal(json_whole(document, "n", 5), -12);
    assert_int_equal(json_whole(document, "big", 0), 9007199254740993);
    assert_int_equal(json_whole(document, "real", 5), 5);
    assert_int_equal(json_whole(inner, "none", 5), 5);
}

static void canonical_text_is_the_same_for_the_same_content(void **state)
{
    static const char *const same[] = {
        "{\"b\":[1,{\"d\":\"\\u00e9\",\"c\":null}],\"a\":\"x/y\"}",
        " { \"a\" : \"x\\/y\",\n\"b\":[ 1 ,{\"c\":null, \"d\":\"\xC3\xA9\"}]}\n",
    };
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        CLEANUP_FREE char *text = json_canonical_text(same[i], &err);

        assert_non_null(text);
        assert_string_equal(text, "{\"a\":\"x/y\",\"b\":[1,{\"c\":null,\"d\":\"\xC3\xA9\"}]}");
    }
    assert_null(json_canonical_text("[1]", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "object"));
    assert_null(json_canonical_text("{\"a\":}", &err));
    assert_non_null(strstr(err.text, "line 1 column 6"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_one_document),
        cmocka_unit_test(reads_all_but_one_array),
        cmocka_unit_test(refuses_every_part_of_a_document),
        cmocka_unit_test(a_long_document_is_read_in_pieces),
        cmocka_unit_test(error_quotes_nothing_of_the_text),
        cmocka_unit_test(depth_has_a_cap),
        cmocka_unit_test(brackets_in_strings_do_not_count),
        cmocka_unit_test(broken_strings_end_well),
        cmocka_unit_test(a_nul_costs_its_own_string_only),
        cmocka_unit_test(accessors_treat_null_as_absent),
        cmocka_unit_test(canonical_text_is_the_same_for_the_same_content),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
