/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_log.h"

#include "base/mem.h"

void standin_log_add(struct standin_log *log, const struct standin_log_entry *entry)
{
    if (!log->entries)
        log->entries = mem_array(STANDIN_LOG_MAX, sizeof *log->entries);
    log->entries[log->count++ % STANDIN_LOG_MAX] = *entry;
}

size_t standin_log_kept(const struct standin_log *log)
{
    return log->count < STANDIN_LOG_MAX ? (size_t)log->count : STANDIN_LOG_MAX;
}

const struct standin_log_entry *standin_log_at(const struct standin_log *log, size_t index)
{
    return &log->entries[(log->count - standin_log_kept(log) + index) % STANDIN_LOG_MAX];
}

void standin_log_clear(struct standin_log *log)
{
    log->count = 0;
}

void standin_log_release(struct standin_log *log)
{
    mem_free(log->entries);
    *log = (struct standin_log){0};
}
