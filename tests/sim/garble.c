/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/garble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/fault_answer.h"

static const char *const names[GARBLE_COUNT] = {
    [GARBLE_HTML] = "HTML with 200",
    [GARBLE_EMPTY] = "empty body",
    [GARBLE_CUT] = "cut body",
    [GARBLE_BYTE] = "wrong byte",
    [GARBLE_TWICE] = "body twice",
    [GARBLE_DEEP] = "nested too deep",
    [GARBLE_OTHER] = "other JSON",
    [GARBLE_PROXY] = "a proxy's 50x",
    [GARBLE_STRANGER] = "another's NotFound",
    [GARBLE_FRAME_CUT] = "cut event",
    [GARBLE_FRAME_TYPE] = "unknown event",
    [GARBLE_FRAME_BARE] = "event, no version",
    [GARBLE_FRAME_GONE] = "ERROR 410",
    [GARBLE_FRAME_ERROR] = "ERROR, others",
    [GARBLE_FRAME_UNREADABLE] = "unreadable object",
};

const char *garble_name(enum garble garble)
{
    return names[garble];
}

#define PAGE "<html>\r\n<body><h1>Something went wrong</h1></body>\r\n</html>\r\n"

static void put(struct http_answer *answer, const char *type, const char *text)
{
    snprintf(answer->content_type, sizeof answer->content_type, "%s", type);
    answer->error_type[0] = '\0';
    strbuf_clear(&answer->body);
    strbuf_str(&answer->body, text);
}

/* A byte in place of another, so that no JSON can be whole. */
static void spoil_byte(struct tape *dice, struct http_answer *answer)
{
    if (answer->body.length > 0)
        answer->body.text[tape_choose(dice, (uint32_t)answer->body.length, "where")] = (char)0xff;
}

/* Something stays: nothing at all may be no event. */
static void cut(struct tape *dice, struct strbuf *text)
{
    if (text->length < 3)
        return;
    text->length = 1 + tape_choose(dice, (uint32_t)text->length - 2, "where it is cut");
    text->text[text->length] = '\0';
}

static void put_twice(struct http_answer *answer)
{
    struct strbuf twice = {.cap = answer->body.cap};

    strbuf_str(&twice, strbuf_text(&answer->body));
    strbuf_str(&twice, strbuf_text(&answer->body));
    strbuf_release(&answer->body);
    answer->body = twice;
}

static void put_deep(struct http_answer *answer)
{
    put(answer, "application/json", "");
    for (int i = 0; i < 100; i++)
        strbuf_str(&answer->body, "{\"a\":");
    strbuf_char(&answer->body, '1');
    for (int i = 0; i < 100; i++)
        strbuf_char(&answer->body, '}');
}

static void put_stranger(struct http_answer *answer)
{
    const struct api_status status = {
        404, "NotFound", "of something else, which is not there", "other.io", "others", "other"};

    answer->error_type[0] = '\0';
    fault_answer_status(&status, answer);
}

void garble_answer(enum garble garble, struct tape *dice, struct http_answer *answer)
{
    static const char *const others[] = {"[]", "null", "42", "\"text\"", "[{}]"};

    switch (garble) {
    case GARBLE_HTML:
        answer->status = 200;
        put(answer, "text/html", PAGE);
        break;
    case GARBLE_EMPTY:
        put(answer, "application/json", "");
        break;
    case GARBLE_CUT:
        cut(dice, &answer->body);
        break;
    case GARBLE_BYTE:
        spoil_byte(dice, answer);
        break;
    case GARBLE_TWICE:
        put_twice(answer);
        break;
    case GARBLE_DEEP:
        put_deep(answer);
        break;
    case GARBLE_OTHER:
        put(answer, "application/json", others[tape_choose(dice, 5, "which JSON")]);
        break;
    case GARBLE_PROXY:
        answer->status = 502 + (int)tape_choose(dice, 3, "which 50x");
        put(answer, "text/html", PAGE);
        break;
    default:
        put_stranger(answer);
    }
}

enum garble garble_draw(struct tape *dice, bool effect)
{
    uint32_t last = effect ? GARBLE_PROXY : GARBLE_STRANGER;

    return (enum garble)tape_choose(dice, last + 1, "what becomes of an answer");
}

/* ---- events ---- */

static void put_error(struct tape *dice, bool gone, struct strbuf *ret_event)
{
    const struct api_status expired = {410, "Expired", "too old resource version", "", "", ""};
    const struct api_status internal = {500, "InternalError", "etcd is away", "", "", ""};

    strbuf_str(ret_event, "{\"type\":\"ERROR\",\"object\":");
    if (gone)
        api_object_status(&expired, ret_event);
    else if (tape_choose(dice, 2, "with a Status"))
        api_object_status(&internal, ret_event);
    else
        strbuf_str(ret_event, "{\"kind\":\"Oops\"}");
    strbuf_str(ret_event, "}\n");
}

void garble_frame(enum garble garble, struct tape *dice, const char *event,
                  struct strbuf *ret_event)
{
    switch (garble) {
    case GARBLE_FRAME_CUT:
        strbuf_str(ret_event, event);
        cut(dice, ret_event);
        strbuf_char(ret_event, '\n');
        break;
    case GARBLE_FRAME_TYPE:
        strbuf_str(ret_event, "{\"type\":\"RENAMED\",\"object\":{\"metadata\":{\"resourceVersion\":"
                              "\"1\"}}}\n");
        break;
    case GARBLE_FRAME_BARE:
        strbuf_str(ret_event, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\"}}}\n");
        break;
    case GARBLE_FRAME_UNREADABLE:
        strbuf_str(ret_event, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Widget\",\"metadata\":{"
                              "\"name\":\"Bad Name\",\"resourceVersion\":\"1\"}}}\n");
        break;
    default:
        put_error(dice, garble == GARBLE_FRAME_GONE, ret_event);
    }
}

enum garble garble_draw_frame(struct tape *dice)
{
    uint32_t count = GARBLE_FRAME_UNREADABLE - GARBLE_FRAME_CUT + 1;

    return (enum garble)(GARBLE_FRAME_CUT + tape_choose(dice, count, "what becomes of an event"));
}

/* ---- the table ---- */

void garble_print(const struct garble_tally *tally)
{
    if (tally->answers == 0)
        return;
    printf("\n\nthrough the codecs: %" PRIu64 " answers, %" PRIu64 " events, %" PRIu64
           " signatures of a wrong time\n",
           tally->answers, tally->frames, tally->skewed);
    for (int garble = 0; garble < GARBLE_COUNT; garble++)
        printf("  %-24s%9" PRIu64 "%s", names[garble], tally->garbled[garble],
               garble % 3 == 2 ? "\n" : "");
}
