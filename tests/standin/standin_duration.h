/* SPDX-License-Identifier: Apache-2.0 */
/* standin_duration - "100ms", "2s", "1.5m", "1h"; a plain number is seconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Returns false on anything else, on negative ones and on more than a year. */
bool standin_duration_parse(const char *text, int64_t *ret_ms);
