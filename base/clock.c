/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_US 1000000

int64_t clock_boot_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

/* Seconds since 1970, rounded down, and the microseconds left over. */
static struct tm split(int64_t wall_us, int *ret_micros)
{
    int64_t micros = wall_us % SECOND_US;
    time_t seconds = (time_t)(wall_us / SECOND_US - (micros < 0));
    struct tm parts = {0};

    gmtime_r(&seconds, &parts);
    *ret_micros = (int)(micros < 0 ? micros + SECOND_US : micros);
    return parts;
}

static int format_seconds(const struct tm *parts, char ret_text[CLOCK_TEXT_SIZE])
{
    return snprintf(ret_text, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d",
                    parts->tm_year + 1900, parts->tm_mon + 1, parts->tm_mday, parts->tm_hour,
                    parts->tm_min, parts->tm_sec);
}

void clock_format_s(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE])
{
    int micros;
    struct tm parts = split(wall_us, &micros);
    int length = format_seconds(&parts, ret_text);

    snprintf(ret_text + length, CLOCK_TEXT_SIZE - (size_t)length, "Z");
}

void clock_format_us(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE])
{
    int micros;
    struct tm parts = split(wall_us, &micros);
    int length = format_seconds(&parts, ret_text);

    snprintf(ret_text + length, CLOCK_TEXT_SIZE - (size_t)length, ".%06dZ", micros);
}

/* Reads exactly `digits` digits and then `end`, which is skipped. */
static bool read_number(const char **text, int digits, char end, int *ret_number)
{
    int number = 0;

    for (int i = 0; i < digits; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        number = number * 10 + (**text - '0');
    }
    *ret_number = number;
    return end == '\0' || *(*text)++ == end;
}

/* ".123456789": what is finer than a microsecond is dropped. */
static bool read_fraction(const char **text, int *ret_micros)
{
    int unit = SECOND_US / 10, micros = 0;

    if (**text != '.')
        return true;
    const char *first = ++*text;
    for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
        micros += (**text - '0') * unit;
    *ret_micros = micros;
    return *text > first;
}

static bool is_time_of_day(const struct tm *parts)
{
    return parts->tm_hour < 24 && parts->tm_min < 60 && parts->tm_sec < 60;
}

bool clock_parse(const char *text, int64_t *ret_wall_us)
{
    struct tm parts = {0};
    int micros = 0;

    if (!read_number(&text, 4, '-', &parts.tm_year) || !read_number(&text, 2, '-', &parts.tm_mon) ||
        !read_number(&text, 2, 'T', &parts.tm_mday) ||
        !read_number(&text, 2, ':', &parts.tm_hour) || !read_number(&text, 2, ':', &parts.tm_min) ||
        !read_number(&text, 2, '\0', &parts.tm_sec) || !read_fraction(&text, &micros))
        return false;
    if (strcmp(text, "Z") != 0 && strcmp(text, "+00:00") != 0)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    struct tm normal = parts;
    int64_t seconds = timegm(&normal);
    if (!is_time_of_day(&parts) || normal.tm_mon != parts.tm_mon || normal.tm_mday != parts.tm_mday)
        return false; /* 30 February would have become March */
    *ret_wall_us = seconds * SECOND_US + micros;
    return true;
}
