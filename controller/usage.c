/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The beginning of a small file; "" when it can't be read. */
static void read_start(const char *path, char *ret_text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, ret_text, size - 1);

    ret_text[length > 0 ? length : 0] = '\0';
    if (file >= 0)
        close(file);
}

/* Moves past one number; negative when there is none. */
static double next_number(const char **at)
{
    char *end;
    unsigned long long number = strtoull(*at, &end, 10);

    if (end == *at)
        return -1;
    *at = end;
    return (double)number;
}

static double cpu_seconds(void)
{
    struct timespec used;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) < 0)
        return -1;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* proc(5), /proc/self/statm: all pages, resident pages. */
static void read_memory(struct usage *ret_usage)
{
    double page = (double)sysconf(_SC_PAGESIZE);
    char line[256];
    const char *at = line;

    read_start("/proc/self/statm", line, sizeof line);
    ret_usage->virtual_bytes = next_number(&at) * page;
    ret_usage->resident_bytes = next_number(&at) * page;
}

static double count_open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double count = -1; /* without the one of opendir() */

    if (!folder)
        return -1;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static double open_files_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : -1;
}

void usage_read(struct usage *ret_usage)
{
    ret_usage->cpu_seconds = cpu_seconds();
    ret_usage->open_files = count_open_files();
    ret_usage->open_files_limit = open_files_limit();
    read_memory(ret_usage);
}

/* proc(5), field 22 of /proc/self/stat: clock ticks since boot. Field 2, the name, may hold
 * anything. */
static double start_ticks(void)
{
    char line[1024];

    read_start("/proc/self/stat", line, sizeof line);
    const char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? next_number(&at) : -1;
}

double usage_start_seconds(void)
{
    struct timespec boot, wall;
    double ticks = start_ticks();

    if (ticks < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0 ||
        clock_gettime(CLOCK_REALTIME, &wall) < 0)
        return -1;
    return (double)(wall.tv_sec - boot.tv_sec) + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9 +
           ticks / (double)sysconf(_SC_CLK_TCK);
}
