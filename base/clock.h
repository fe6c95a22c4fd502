/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - the two clocks, and their text forms. Decisions take time as an argument; only
 * controller/, kube/ and aws/ shells read it here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds since boot, counting sleep (CLOCK_BOOTTIME): for every duration and deadline. */
int64_t clock_boot_ms(void);
/* Microseconds since 1970 (CLOCK_REALTIME): for what people read and for signatures. */
int64_t clock_wall_us(void);

#define CLOCK_TEXT_SIZE 32
/* "2026-11-22T19:28:09Z" (metav1.Time). */
void clock_format_s(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE]);
/* "2026-11-22T19:28:09.123456Z": exactly six digits, as metav1.MicroTime demands. */
void clock_format_us(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE]);
/* Reads RFC 3339 in UTC with any fraction, "Z" or "+00:00". Returns false on anything else. */
bool clock_parse(const char *text, int64_t *ret_wall_us);
