/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#define VALUE_MOST 1024
#define LINE_MOST ((size_t)32 * 1024)

static atomic_int most_level = LOG_INFO;
static atomic_int line_format = LOG_JSON;
static pthread_mutex_t one_line = PTHREAD_MUTEX_INITIALIZER;

void log_setup(enum log_level most, enum log_format format)
{
    atomic_store(&most_level, (int)most);
    atomic_store(&line_format, (int)format);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load(&most_level);
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    return names[level];
}

static bool is_bare(const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "-_./:@%+,*#~";

    return *text && text[strspn(text, safe)] == '\0';
}

static void add_quoted(struct strbuf *pair, const char *text)
{
    strbuf_char(pair, '"');
    strbuf_json(pair, text);
    strbuf_char(pair, '"');
}

/* Adds the pair, or nothing when the line is full. */
static void add_pair(struct strbuf *line, bool json, const char *key, const char *value)
{
    CLEANUP(strbuf_release) struct strbuf pair = STRBUF_CAPPED(LINE_MOST);
    CLEANUP_FREE char *kept = mem_strndup(value, utf8_cut(value, VALUE_MOST));

    if (line->length > 1)
        strbuf_char(&pair, json ? ',' : ' ');
    if (json)
        add_quoted(&pair, key);
    else
        strbuf_json(&pair, key);
    strbuf_char(&pair, json ? ':' : '=');
    if (json || !is_bare(kept))
        add_quoted(&pair, kept);
    else
        strbuf_str(&pair, kept);
    if (strbuf_ok(&pair) && line->length + pair.length <= LINE_MOST)
        strbuf_add(line, pair.text, pair.length);
}

static void write_line(const struct strbuf *line)
{
    size_t written = 0;

    pthread_mutex_lock(&one_line);
    while (written < line->length) {
        ssize_t count = write(STDERR_FILENO, line->text + written, line->length - written);

        if (count > 0)
            written += (size_t)count;
        else if (count == 0 || errno != EINTR)
            break;
    }
    pthread_mutex_unlock(&one_line);
}

void log_line(enum log_level level, const char *message, ...)
{
    CLEANUP(strbuf_release) struct strbuf line = STRBUF_CAPPED(LINE_MOST + 2);
    bool json = atomic_load(&line_format) == LOG_JSON;
    const char *key, *value;
    char now[CLOCK_TEXT_SIZE];
    va_list pairs;

    if (!log_enabled(level))
        return;
    clock_format_us(clock_wall_us(), now);
    if (json)
        strbuf_char(&line, '{');
    add_pair(&line, json, "ts", now);
    add_pair(&line, json, "level", level_name(level));
    add_pair(&line, json, "msg", message);
    va_start(pairs, message);
    while ((key = va_arg(pairs, const char *)) && (value = va_arg(pairs, const char *)))
        add_pair(&line, json, key, value);
    va_end(pairs);
    strbuf_str(&line, json ? "}\n" : "\n");
    write_line(&line);
}
