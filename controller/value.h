/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value - settings as people write them: durations, numbers, addresses. Pure. Nothing is guessed:
 * each function returns false, and leaves its output alone, for anything but the form it names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "5m", "90s", "1h30m", "500ms", "0": whole numbers with the units h, m, s, ms. Milliseconds. */
bool value_duration(const char *text, int64_t *ret_ms);
/* Digits only, at most 18. */
bool value_whole(const char *text, int64_t *ret_number);
/* "2", "0.5": digits with at most one point between them. */
bool value_decimal(const char *text, double *ret_number);

struct value_address {
    char host[48]; /* an IPv4 or IPv6 address, without brackets; "" for every interface */
    uint16_t port; /* 0: any free one */
};
/* "0.0.0.0:8080", "127.0.0.1:0", "[::1]:8080", ":8080". Names are not looked up. */
bool value_address(const char *text, struct value_address *ret_address);

/* How many letters must be put in, taken out or changed to make one text of the other. Texts longer
 * than 63 bytes count as entirely different. */
size_t value_distance(const char *a, const char *b);
