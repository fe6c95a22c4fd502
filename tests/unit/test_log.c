/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"

static int kept_stderr, reading;

/* Sends stderr into a pipe with room for 1 MiB. */
static void capture(void)
{
    int ends[2];

    fflush(stderr);
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    kept_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reading = ends[0];
}

static char *captured(void)
{
    struct strbuf said = STRBUF_CAPPED(2 << 20);
    char block[4096];
    ssize_t count;

    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    while ((count = read(reading, block, sizeof block)) > 0)
        strbuf_add(&said, block, (size_t)count);
    close(reading);
    return strbuf_take(&said);
}

static json_t *only_line(const char *said)
{
    json_error_t fault;

    assert_true(strchr(said, '\n') == said + strlen(said) - 1);
    json_t *line = json_loads(said, JSON_REJECT_DUPLICATES, &fault);
    if (!line)
        fail_msg("%s: %s", fault.text, said);
    return line;
}

static const char *value(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static void json_line_has_logr_keys_and_the_pairs(void **state)
{
    int64_t wall_us;

    (void)state;
    log_setup(LOG_INFO, LOG_JSON);
    capture();
    log_line(LOG_INFO, "lease gained", "holder", "pod-1", "for", "15 s", NULL);
    CLEANUP_FREE char *said = captured();
    json_t *line = only_line(said);
    assert_int_equal(strncmp(said, "{\"ts\":\"", 7), 0);
    assert_true(clock_parse(value(line, "ts"), &wall_us));
    assert_in_range(clock_wall_us() - wall_us, 0, 10000000);
    assert_string_equal(value(line, "level"), "info");
    assert_string_equal(value(line, "msg"), "lease gained");
    assert_string_equal(value(line, "holder"), "pod-1");
    assert_string_equal(value(line, "for"), "15 s");
    assert_int_equal(json_object_size(line), 5);
    json_decref(line);
}

static void text_line_quotes_where_needed(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT);
    capture();
    log_line(LOG_WARN, "key taken", "key", "app/app-sa", "why", "a \"b\"=\n", "empty", "", NULL);
    CLEANUP_FREE char *said = captured();
    assert_int_equal(strncmp(said, "ts=2", 4), 0);
    assert_string_equal(strchr(said, ' '), " level=warn msg=\"key taken\" key=app/app-sa "
                                           "why=\"a \\\"b\\\"=\\n\" empty=\"\"\n");
}

static void levels_above_the_set_one_are_silent(void **state)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    (void)state;
    for (int most = LOG_ERROR; most <= LOG_DEBUG; most++) {
        int lines = 0;

        log_setup((enum log_level)most, LOG_TEXT);
        capture();
        for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
            assert_int_equal(log_enabled((enum log_level)level), level <= most);
            log_line((enum log_level)level, "m", NULL);
        }
        CLEANUP_FREE char *said = captured();
        for (const char *at = said; (at = strchr(at, '\n')); at++)
            lines++;
        assert_int_equal(lines, most + 1);
        assert_non_null(strstr(said, names[most]));
    }
}

static void nothing_raw_comes_out(void **state)
{
    static const char hostile[] = "\x1b[2J\r\n{\"level\":\"info\"}\x07\xE2\x80\xAE\xC2\x9B\xFF\x7F";

    (void)state;
    for (int format = LOG_JSON; format <= LOG_TEXT; format++) {
        log_setup(LOG_INFO, (enum log_format)format);
        capture();
        log_line(LOG_INFO, hostile, "value", hostile, hostile, "key", NULL);
        CLEANUP_FREE char *said = captured();
        for (const char *at = said; *at; at++)
            assert_true((unsigned char)*at >= 0x20 || (*at == '\n' && at[1] == '\0'));
        assert_null(strstr(said, "\xE2\x80\xAE"));
        assert_null(strstr(said, "\xC2\x9B"));
        assert_null(strchr(said, 0x7F));
    }
}

static void long_values_and_lines_are_cut(void **state)
{
    CLEANUP_FREE char *wide = mem_alloc(6001);
    CLEANUP_FREE char *controls = mem_alloc(6001);

    (void)state;
    for (int i = 0; i < 2000; i++)
        memcpy(wide + 3 * i, "\xE2\x82\xAC", 3);
    memset(controls, 1, 6000); /* six bytes each when escaped */
    log_setup(LOG_INFO, LOG_JSON);
    capture();
    log_line(LOG_INFO, "m", "wide", wide, "a", controls, "b", controls, "c", controls, "d",
             controls, "e", controls, "f", controls, "last", "", NULL);
    CLEANUP_FREE char *said = captured();
    json_t *line = only_line(said);
    assert_int_equal(strlen(value(line, "wide")), 1023); /* whole characters only */
    assert_int_equal(strlen(value(line, "a")), 1024);
    assert_null(value(line, "f")); /* no room */
    assert_true(strlen(said) <= 33 * 1024);
    json_decref(line);
}

static void value_missing_at_the_end_ends_the_line(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_JSON);
    capture();
    log_line(LOG_INFO, "m", "key", NULL, NULL);
    CLEANUP_FREE char *said = captured();
    json_t *line = only_line(said);
    assert_int_equal(json_object_size(line), 3);
    json_decref(line);
}

#define WRITERS 4
#define LINES 100

static void *write_lines(void *name)
{
    char filler[800];

    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        log_line(LOG_INFO, "m", "from", (const char *)name, "filler", filler, NULL);
    return NULL;
}

static void lines_of_many_threads_stay_whole(void **state)
{
    static const char *const names[WRITERS] = {"a", "b", "c", "d"};
    pthread_t writers[WRITERS];
    int count = 0;

    (void)state;
    log_setup(LOG_INFO, LOG_JSON);
    capture();
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(
            pthread_create(&writers[i], NULL, write_lines, (void *)(uintptr_t)names[i]), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    CLEANUP_FREE char *said = captured();
    for (char *at = said, *end; (end = strchr(at, '\n')); at = end + 1, count++) {
        json_t *line = json_loadb(at, (size_t)(end - at), 0, NULL);

        assert_non_null(line);
        assert_int_equal(strlen(value(line, "filler")), 799);
        json_decref(line);
    }
    assert_int_equal(count, WRITERS * LINES);
}

static void closed_stderr_is_no_trouble(void **state)
{
    int kept = dup(STDERR_FILENO);

    (void)state;
    close(STDERR_FILENO);
    log_line(LOG_INFO, "m", NULL);
    dup2(kept, STDERR_FILENO);
    close(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_line_has_logr_keys_and_the_pairs),
        cmocka_unit_test(text_line_quotes_where_needed),
        cmocka_unit_test(levels_above_the_set_one_are_silent),
        cmocka_unit_test(nothing_raw_comes_out),
        cmocka_unit_test(long_values_and_lines_are_cut),
        cmocka_unit_test(value_missing_at_the_end_ends_the_line),
        cmocka_unit_test(lines_of_many_threads_stay_whole),
        cmocka_unit_test(closed_stderr_is_no_trouble),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
