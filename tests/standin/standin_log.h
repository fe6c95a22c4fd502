/* SPDX-License-Identifier: Apache-2.0 */
/* standin_log - the last requests, in order of arrival. A zeroed log is empty. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/standin/model.h"

#define STANDIN_LOG_MAX 10000

struct standin_log_entry {
    int64_t at_ms;
    int64_t delay_ms;
    enum model_operation operation;
    enum model_fate fate;
    int status;
    char code[MODEL_CODE_SIZE]; /* of the error; "": none */
    char method[8];
    char target[200];    /* longer ones are cut, as are keys */
    char key[200];       /* "namespace/serviceAccount" where the request names them */
    char access_key[64]; /* that signed it, or claimed to; "": no signature */
};

struct standin_log {
    struct standin_log_entry *entries; /* a ring */
    uint64_t count;                    /* ever added */
};

void standin_log_add(struct standin_log *log, const struct standin_log_entry *entry);
/* How many are kept. */
size_t standin_log_kept(const struct standin_log *log);
/* The i-th oldest of those kept. */
const struct standin_log_entry *standin_log_at(const struct standin_log *log, size_t index);
void standin_log_clear(struct standin_log *log);
void standin_log_release(struct standin_log *log);
