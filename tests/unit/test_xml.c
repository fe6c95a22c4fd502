/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/xml.h"
#include "base/mem.h"
#include "base/strbuf.h"

static struct xml_field fields[3];
static struct error err;

static int set_up(void **state)
{
    (void)state;
    fields[0] = (struct xml_field){.path = "A/B"};
    fields[1] = (struct xml_field){.path = "A/C/D", .cap = 8};
    fields[2] = (struct xml_field){.path = "A"};
    error_clear(&err);
    return 0;
}

/* All but the last, whose element holds the others. */
static int read(const char *text, size_t length)
{
    return xml_read(text, length, fields, 2, &err);
}

static int tear_down(void **state)
{
    (void)state;
    xml_release(fields, 3);
    return 0;
}

static void texts_at_known_paths_are_read(void **state)
{
    const char *text = "<?xml version=\"1.0\"?>\n<A xmlns=\"https://a/\">\n  <B>one</B> <X>no</X>"
                       "<C><B>no</B><D a=\"b\">two</D></C></A>\n";

    (void)state;
    assert_int_equal(read(text, strlen(text)), 0);
    assert_string_equal(fields[0].text, "one");
    assert_string_equal(fields[1].text, "two");
}

static void what_is_not_there_is_told_from_what_is_empty(void **state)
{
    (void)state;
    assert_int_equal(read("<A><B/></A>", 11), 0);
    assert_string_equal(fields[0].text, "");
    assert_null(fields[1].text);
    assert_string_equal(xml_text(&fields[0]), "");
    assert_string_equal(xml_text(&fields[1]), "");
}

static void the_root_may_be_a_field(void **state)
{
    (void)state;
    assert_int_equal(xml_read("<A>x</A>", 8, &fields[2], 1, &err), 0);
    assert_string_equal(xml_text(&fields[2]), "x");
}

static void entities_sections_and_comments_are_text(void **state)
{
    const char *text =
        "<A><B>&lt;&amp;&quot;&#65;<![CDATA[<&]]><!-- no -->&gt;</B></A><!-- end -->";

    (void)state;
    assert_int_equal(read(text, strlen(text)), 0);
    assert_string_equal(fields[0].text, "<&\"A<&>");
}

static void prefixes_do_not_count(void **state)
{
    const char *text = "<ns:A xmlns:ns=\"u\"><ns:B>x</ns:B></ns:A>";

    (void)state;
    assert_int_equal(read(text, strlen(text)), 0);
    assert_string_equal(fields[0].text, "x");
}

static void a_mark_of_utf8_and_another_declaration_are_read_as_utf8(void **state)
{
    const char *text = "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><A><B>\xC3\xA4"
                       "</B></A>";

    (void)state;
    assert_int_equal(read(text, strlen(text)), 0);
    assert_string_equal(fields[0].text, "\xC3\xA4");
}

/* ---- refused ---- */

static const struct {
    const char *text, *sentence;
} refusals[] = {
    {"", "nothing, expected XML"},
    {" \n\t", "nothing, expected XML"},
    {"{\"A\":{}}", "JSON, expected XML"},
    {"\n[1]", "JSON, expected XML"},
    {"<!DOCTYPE html><html></html>", "an HTML page, expected XML"},
    {"\r\n<HTML><body>", "an HTML page, expected XML"},
    {"Service unavailable", "plain text, expected XML"},
    {"<A><B>x</B>", "the XML is cut off at line 1, column 12"},
    {"<A>\n<B", "the XML is cut off at line 2, column 1"},
    {"<A><B><![CDATA[x", "the XML is cut off at line 1, column 17"},
    {"<A><B>\xC3", "the XML is cut off at line 1, column 7"},
    {"<?xml version=\"1.0\"?>", "the XML is cut off at line 1, column 22"},
    {"<A><B>x</C></A>", "not XML: mismatched tag at line 1, column 10"},
    {"<A></A><A></A>", "not XML: junk after document element at line 1, column 8"},
    {"<A>&x;</A>", "not XML: undefined entity at line 1, column 4"},
    {"<A>\xFF</A>", "not XML: not well-formed (invalid token) at line 1, column 4"},
    {"<!DOCTYPE A [<!ENTITY x \"y\">]><A>&x;</A>", "a DOCTYPE, which is not taken, at line 1"},
    {"<!DOCTYPE A SYSTEM \"file:///x\"><A/>", "a DOCTYPE, which is not taken, at line 1"},
    {"<A>\n<B>x</B><B>y</B></A>", "A/B is there twice, at line 2"},
    {"<A><B>x<C/></B></A>", "an element within A/B, expected a text, at line 1"},
    {"<A><C><D>123456789</D></C></A>", "the text of A/C/D has more than 8 bytes, at line 1"},
    {"<A><C><D>&amp;2345678</D><D>9</D></C></A>", "A/C/D is there twice, at line 1"},
};

static void what_is_refused_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        error_clear(&err);
        assert_int_equal(read(refusals[i].text, strlen(refusals[i].text)), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.text, refusals[i].sentence);
        assert_null(fields[0].text);
        assert_null(fields[1].text);
    }
}

static void a_zero_byte_is_no_xml(void **state)
{
    (void)state;
    assert_int_equal(read("<A><B>x\0y</B></A>", 17), -1);
    assert_string_equal(err.text, "not XML: not well-formed (invalid token) at line 1, column 8");
}

static void bytes_after_the_length_are_not_read(void **state)
{
    (void)state;
    assert_int_equal(read("<A/><A/>", 4), 0);
}

/* "<a><a>..." and as many ends. */
static void nest(struct strbuf *text, int depth)
{
    for (int i = 0; i < depth; i++)
        strbuf_str(text, "<a>");
    for (int i = 0; i < depth; i++)
        strbuf_str(text, "</a>");
}

static void depth_has_a_cap(void **state)
{
    CLEANUP(strbuf_release) struct strbuf good = {0}, bad = {0};

    (void)state;
    nest(&good, XML_DEPTH_CAP);
    assert_int_equal(read(good.text, good.length), 0);
    nest(&bad, XML_DEPTH_CAP + 1);
    assert_int_equal(read(bad.text, bad.length), -1);
    assert_string_equal(err.text, "elements nested deeper than 16, at line 1");
}

static void names_have_a_cap(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    strbuf_format(&text, "<%0*d/>", XML_PATH_CAP, 0);
    text.text[1] = 'a';
    assert_int_equal(read(text.text, text.length), -1);
    assert_string_equal(err.text, "element names of together more than 512 bytes, at line 1");
}

static void documents_have_a_cap(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    strbuf_format(&text, "<A>%*s</A>", (int)XML_DOCUMENT_CAP - 7, "");
    assert_int_equal(read(text.text, text.length), 0);
    strbuf_char(&text, ' ');
    assert_int_equal(read(text.text, text.length), -1);
    assert_string_equal(err.text, "more than 262144 bytes, expected a shorter XML document");
}

static void texts_have_a_cap_of_their_own(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    strbuf_format(&text, "<A><B>%*s</B></A>", (int)XML_TEXT_CAP, "");
    assert_int_equal(read(text.text, text.length), 0);
    xml_release(fields, 2);
    strbuf_clear(&text);
    strbuf_format(&text, "<A><B>%*s</B></A>", (int)XML_TEXT_CAP + 1, "");
    assert_int_equal(read(text.text, text.length), -1);
    assert_string_equal(err.text, "the text of A/B has more than 16384 bytes, at line 1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(texts_at_known_paths_are_read),
        TEST(what_is_not_there_is_told_from_what_is_empty),
        TEST(the_root_may_be_a_field),
        TEST(entities_sections_and_comments_are_text),
        TEST(prefixes_do_not_count),
        TEST(a_mark_of_utf8_and_another_declaration_are_read_as_utf8),
        TEST(what_is_refused_is_said),
        TEST(a_zero_byte_is_no_xml),
        TEST(bytes_after_the_length_are_not_read),
        TEST(depth_has_a_cap),
        TEST(names_have_a_cap),
        TEST(documents_have_a_cap),
        TEST(texts_have_a_cap_of_their_own),
    };

    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
