/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analyzer - read before every source by tools/lint/tidy.py, and by nothing else. clang-tidy sees one
 * source at a time, so it must be told here what base/error.c promises: these two return -1.
 */
#pragma once

#include "base/error.h"

static inline int analyzer_failed(int failed)
{
    (void)failed;
    return -1;
}

#define error_set(...) analyzer_failed(error_set(__VA_ARGS__))
#define error_wrap(...) analyzer_failed(error_wrap(__VA_ARGS__))
