/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/value.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define MAX_DIGITS 18 /* fits an int64_t */
#define MAX_WORD 63

/* Reads digits; returns how many, 0 when none or too many. */
static size_t read_digits(const char *text, int64_t *ret_number)
{
    size_t length = strspn(text, DIGITS);
    int64_t number = 0;

    if (length > MAX_DIGITS)
        return 0;
    for (size_t i = 0; i < length; i++)
        number = number * 10 + (text[i] - '0');
    *ret_number = number;
    return length;
}

static const struct unit {
    const char *name;
    size_t length;
    int64_t ms;
} units[] = {{"ms", 2, 1}, {"h", 1, 3600000}, {"m", 1, 60000}, {"s", 1, 1000}};

static const struct unit *find_unit(const char *text)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strncmp(text, units[i].name, units[i].length) == 0)
            return &units[i];
    return NULL;
}

bool value_duration(const char *text, int64_t *ret_ms)
{
    int64_t total = 0;

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    if (!*text)
        return false;
    while (*text) {
        int64_t number = 0;
        size_t length = read_digits(text, &number);
        const struct unit *unit = find_unit(text + length);

        if (length == 0 || !unit || number > (INT64_MAX - total) / unit->ms)
            return false;
        total += number * unit->ms;
        text += length + unit->length;
    }
    *ret_ms = total;
    return true;
}

bool value_whole(const char *text, int64_t *ret_number)
{
    int64_t number = 0;
    size_t length = read_digits(text, &number);

    if (length == 0 || text[length] != '\0')
        return false;
    *ret_number = number;
    return true;
}

bool value_decimal(const char *text, double *ret_number)
{
    size_t before = strspn(text, DIGITS);
    const char *point = text + before;
    size_t after = *point == '.' ? strspn(point + 1, DIGITS) : 0;
    const char *end = *point == '.' ? point + 1 + after : point;

    if (before == 0 || before + after > MAX_DIGITS || *end || (*point == '.' && after == 0))
        return false;
    *ret_number = strtod(text, NULL);
    return true;
}

static bool is_ip(const char *host, bool bracketed)
{
    struct in6_addr address;

    return inet_pton(bracketed ? AF_INET6 : AF_INET, host, &address) == 1;
}

bool value_address(const char *text, struct value_address *ret_address)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    struct value_address address = {0};
    int64_t port = 0;

    if (bracketed) {
        text++;
        length -= 2;
    }
    if (!colon || !value_whole(colon + 1, &port) || port > UINT16_MAX ||
        length >= sizeof address.host)
        return false;
    memcpy(address.host, text, length);
    address.port = (uint16_t)port;
    if ((length > 0 || bracketed) && !is_ip(address.host, bracketed))
        return false;
    *ret_address = address;
    return true;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;

    return smaller < c ? smaller : c;
}

/* Wagner and Fischer, one row at a time. */
size_t value_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t row[MAX_WORD + 1];

    if (a_length > MAX_WORD || b_length > MAX_WORD)
        return a_length > b_length ? a_length : b_length;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, changed);
        }
    }
    return row[b_length];
}
