/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - one line an event on stderr, JSON or text. Only controller/ and cli/ log.
 *
 * Keys follow logr: ts, level, msg, then the pairs. Values are escaped and cut at 1 KiB, so no raw
 * control byte and no endless line comes out. Never pass a secret. Safe from any thread.
 */
#pragma once

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_JSON, LOG_TEXT };

void log_setup(enum log_level most, enum log_format format);
bool log_enabled(enum log_level level);

/* Pairs of key and text, ended by NULL: log_line(LOG_INFO, "lease gained", "holder", id, NULL). */
void log_line(enum log_level level, const char *message, ...) __attribute__((sentinel));
