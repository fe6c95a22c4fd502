/* SPDX-License-Identifier: Apache-2.0 */
/* usage - what this process uses, read from the kernel. A figure that can't be read is negative. */
#pragma once

struct usage {
    double cpu_seconds;    /* user and system, of all threads */
    double resident_bytes; /* RSS */
    double virtual_bytes;
    double open_files;
    double open_files_limit;
};

void usage_read(struct usage *ret_usage);

/* Unix time at which the process started. Moves when the wall clock is set: ask once and keep it.
 */
double usage_start_seconds(void);
