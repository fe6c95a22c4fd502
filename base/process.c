/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#define DEFAULT_PATH "/usr/bin:/bin"
#define PATH_CAP 4096
#define LAST_LINE_MAX 256
#define LOOK_MS 20

enum ending { END_EXITED, END_DEADLINE, END_STOPPED, END_TOO_MUCH, END_UNSEEN };

/* One run. `out` and `errors` are our ends of the pipes, `out_end` and `errors_end` the program's;
 * -1: closed. */
struct run {
    const struct process_command *command;
    int64_t until_ms;
    int out, errors, out_end, errors_end, life;
    pid_t pid; /* 0: none */
    struct process_output output;
    char tail[PROCESS_STDERR_TAIL];
    size_t tail_length;
    siginfo_t how;
};

void process_output_release(struct process_output *output)
{
    if (output->bytes != NULL)
        explicit_bzero(output->bytes, output->length);
    mem_free(output->bytes);
    *output = (struct process_output){0};
}

static void close_one(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

static void run_release(struct run *run)
{
    close_one(&run->out);
    close_one(&run->errors);
    close_one(&run->out_end);
    close_one(&run->errors_end);
    close_one(&run->life);
    process_output_release(&run->output);
}

/* ---- finding the program ---- */

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Fills ret_path. A part of the path that is relative would be whatever folder we are in. */
static int find_program(const struct process_command *command, struct strbuf *ret_path,
                        struct error *err)
{
    const char *name = command->argv[0];
    if (strchr(name, '/') != NULL) {
        strbuf_str(ret_path, name);
        return access(name, F_OK) == 0 ? 0
                                       : error_set(err, ERROR_NOT_FOUND, "%s: cannot be run: %s",
                                                   name, strerrordesc_np(errno));
    }
    const char *part = command->path != NULL ? command->path : DEFAULT_PATH;
    for (size_t length; *part != '\0'; part += length + (part[length] == ':')) {
        length = strcspn(part, ":");
        if (*part != '/')
            continue;
        strbuf_clear(ret_path);
        strbuf_add(ret_path, part, length);
        strbuf_char(ret_path, '/');
        strbuf_str(ret_path, name);
        if (*name != '\0' && strbuf_ok(ret_path) && is_program(strbuf_text(ret_path)))
            return 0;
    }
    return error_set(err, ERROR_NOT_FOUND, "%s: there is no such program in PATH", name);
}

/* ---- starting it ---- */

/* Above 2 even where one of the standard descriptors is closed in this process. */
static int lift(int *descriptor)
{
    if (*descriptor > STDERR_FILENO)
        return 0;
    int above = fcntl(*descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close_one(descriptor);
    *descriptor = above;
    return above < 0 ? -1 : 0;
}

static int open_pipe(int *ret_reading, int *ret_writing)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *ret_reading = ends[0];
    *ret_writing = ends[1];
    return lift(ret_reading) < 0 || lift(ret_writing) < 0 ||
                   fcntl(*ret_reading, F_SETFL, O_NONBLOCK) < 0
               ? -1
               : 0;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSID);
}

static int set_descriptors(posix_spawn_file_actions_t *actions, const struct run *run)
{
    int failed = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(actions, run->out_end, STDOUT_FILENO);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(actions, run->errors_end, STDERR_FILENO);
    if (failed == 0)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return failed;
}

/* Returns 0 or an errno. posix_spawn() is safe in a process with threads: nothing of ours runs
 * between its clone and the exec, which it waits for. */
static int spawn(struct run *run, const char *path)
{
    static char *const empty[] = {NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    int failed = set_attributes(&attributes);
    if (failed == 0)
        failed = set_descriptors(&actions, run);
    if (failed == 0)
        failed = posix_spawn(
            &run->pid, path, &actions, &attributes, (char *const *)run->command->argv,
            run->command->environment != NULL ? (char *const *)run->command->environment : empty);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

static const char *hint_for(int number)
{
    switch (number) {
    case ENOENT:
        return " (the interpreter that it names is not there)";
    case ENOEXEC:
        return " (expected a program, or a script that begins with #! and its interpreter)";
    default:
        return "";
    }
}

static int not_started(const char *name, int number, struct error *err)
{
    bool for_now = number == EAGAIN || number == ENOMEM || number == EMFILE || number == ENFILE ||
                   number == ETXTBSY;
    return error_set(err, for_now ? ERROR_TRANSIENT : ERROR_INVALID, "%s: cannot be run: %s%s",
                     name, strerrordesc_np(number), hint_for(number));
}

static int start(struct run *run, struct error *err)
{
    const char *name = run->command->argv[0];
    CLEANUP(strbuf_release) struct strbuf path = STRBUF_CAPPED(PATH_CAP);
    if (find_program(run->command, &path, err) < 0)
        return -1;
    if (open_pipe(&run->out, &run->out_end) < 0 || open_pipe(&run->errors, &run->errors_end) < 0)
        return error_set(err, ERROR_TRANSIENT, "%s: cannot be run: no pipe: %s", name,
                         strerrordesc_np(errno));
    int failed = spawn(run, strbuf_text(&path));
    close_one(&run->out_end);
    close_one(&run->errors_end);
    if (failed != 0) {
        run->pid = 0;
        return not_started(name, failed, err);
    }
    run->life = pidfd_open(run->pid, 0);
    return 0;
}

/* ---- what it prints ---- */

/* Reads what is there into `bytes`. Returns false at the end of the pipe, which is then closed. */
static bool read_some(int *descriptor, char *bytes, size_t size, size_t *ret_count)
{
    ssize_t count;
    do
        count = read(*descriptor, bytes, size);
    while (count < 0 && errno == EINTR);
    *ret_count = count > 0 ? (size_t)count : 0;
    if (count > 0 || (count < 0 && errno == EAGAIN))
        return true;
    close_one(descriptor);
    return false;
}

/* Returns false when there is more than the cap. One byte above it is room to see that. */
static bool read_output(struct run *run)
{
    struct process_output *output = &run->output;
    for (size_t count = 1; run->out >= 0 && count > 0; output->length += count) {
        if (output->length > run->command->output_cap)
            return false;
        if (!read_some(&run->out, output->bytes + output->length,
                       run->command->output_cap + 1 - output->length, &count))
            break;
    }
    return output->length <= run->command->output_cap;
}

static void keep_tail(struct run *run, const char *bytes, size_t length)
{
    size_t over = run->tail_length + length > sizeof run->tail
                      ? run->tail_length + length - sizeof run->tail
                      : 0;
    memmove(run->tail, run->tail + over, run->tail_length - over);
    run->tail_length -= over;
    memcpy(run->tail + run->tail_length, bytes, length);
    run->tail_length += length;
}

/* As much as one look brings: a program that prints without an end must not keep us here. */
static void read_errors(struct run *run)
{
    char bytes[PROCESS_STDERR_TAIL / 2];
    for (size_t looks = 64, count = 1; looks > 0 && run->errors >= 0 && count > 0; looks--) {
        if (!read_some(&run->errors, bytes, sizeof bytes, &count))
            return;
        keep_tail(run, bytes, count);
    }
}

/* ---- its end ---- */

static int wait_for(idtype_t type, pid_t pid, siginfo_t *ret_how, int options)
{
    int done;
    do
        done = waitid(type, (id_t)pid, ret_how, options);
    while (done < 0 && errno == EINTR);
    return done;
}

/* Without a pidfd. */
static bool has_ended(const struct run *run)
{
    siginfo_t how = {0};
    return run->life < 0 &&
           (wait_for(P_PID, run->pid, &how, WEXITED | WNOHANG | WNOWAIT) < 0 || how.si_pid != 0);
}

/* Waits for something to read, for the end of the program, the stop or the deadline. */
static enum ending follow(struct run *run)
{
    int64_t longest_ms = run->life >= 0 ? INT32_MAX : LOOK_MS;
    for (;;) {
        bool ended = has_ended(run);
        struct pollfd places[] = {{.fd = run->life, .events = POLLIN},
                                  {.fd = run->command->stop, .events = POLLIN},
                                  {.fd = run->out, .events = POLLIN},
                                  {.fd = run->errors, .events = POLLIN}};
        int64_t wait_ms = run->until_ms - clock_boot_ms();
        if (wait_ms <= 0)
            return END_DEADLINE;
        if (poll(places, 4, ended ? 0 : (int)(wait_ms > longest_ms ? longest_ms : wait_ms)) < 0)
            continue;
        read_errors(run);
        if (!read_output(run))
            return END_TOO_MUCH;
        if (ended || places[0].revents != 0)
            return END_EXITED;
        if (places[1].revents != 0)
            return END_STOPPED;
    }
}

/* The group is killed while the program is still a zombie: until then its number is nobody else's.
 * As process 1 of a container we inherit its orphans, so everything of the group is reaped. */
static enum ending end_all(struct run *run, enum ending ending)
{
    siginfo_t rest;
    if (ending == END_EXITED && wait_for(P_PID, run->pid, &run->how, WEXITED | WNOWAIT) < 0)
        return END_UNSEEN;
    kill(-run->pid, SIGKILL);
    while (wait_for(P_PGID, run->pid, &rest, WEXITED) == 0)
        continue;
    return ending;
}

/* The last line of stderr that is not blank, without what could forge or colour a log. */
static void add_last_line(const struct run *run, struct strbuf *text)
{
    size_t end = run->tail_length;
    while (end > 0 && memchr(" \t\r\n", run->tail[end - 1], 4) != NULL)
        end--;
    const char *before = memrchr(run->tail, '\n', end);
    size_t at = before != NULL ? (size_t)(before - run->tail) + 1 : 0;
    if (end > at)
        strbuf_str(text, ": ");
    while (at < end && text->length < LAST_LINE_MAX) {
        uint32_t point = 0;
        size_t size = utf8_read(run->tail + at, end - at, &point);
        if (size == 0 || utf8_is_hidden(point))
            strbuf_char(text, point == '\t' ? ' ' : '?');
        else
            strbuf_add(text, run->tail + at, size);
        at += size > 0 ? size : 1;
    }
}

static int judge(const struct run *run, enum ending ending, struct error *err)
{
    const char *name = run->command->argv[0];
    CLEANUP(strbuf_release) struct strbuf said = {0};
    add_last_line(run, &said);
    const char *line = strbuf_text(&said);
    switch (ending) {
    case END_DEADLINE:
        return error_set(err, ERROR_TRANSIENT, "%s: took longer than %lld ms and was killed%s",
                         name, (long long)run->command->deadline_ms, line);
    case END_STOPPED:
        return error_set(err, ERROR_TRANSIENT, "%s: was killed because we end%s", name, line);
    case END_TOO_MUCH:
        return error_set(err, ERROR_TRANSIENT, "%s: printed more than %zu bytes to stdout%s", name,
                         run->command->output_cap, line);
    case END_UNSEEN:
        return error_set(err, ERROR_TRANSIENT, "%s: its end could not be seen%s", name, line);
    case END_EXITED:
        break;
    }
    int status = run->how.si_status;
    if (run->how.si_code != CLD_EXITED)
        return error_set(err, ERROR_TRANSIENT, "%s: was ended by signal %d (%s)%s", name, status,
                         sigabbrev_np(status) != NULL ? sigabbrev_np(status) : "real-time", line);
    if (status != 0)
        return error_set(err, ERROR_TRANSIENT, "%s: exit status %d%s", name, status, line);
    return 0;
}

int process_run(const struct process_command *command, struct process_output *ret_output,
                struct error *err)
{
    CLEANUP(run_release)
    struct run run = {.command = command,
                      .until_ms = clock_boot_ms() + command->deadline_ms,
                      .out = -1,
                      .errors = -1,
                      .out_end = -1,
                      .errors_end = -1,
                      .life = -1};
    run.output.bytes = mem_alloc(command->output_cap + 2);
    if (start(&run, err) < 0)
        return -1;
    enum ending ending = end_all(&run, follow(&run));
    if (ending == END_EXITED && !read_output(&run)) /* what came with its last breath */
        ending = END_TOO_MUCH;
    read_errors(&run);
    if (judge(&run, ending, err) < 0)
        return -1;
    run.output.bytes[run.output.length] = '\0';
    *ret_output = run.output;
    run.output = (struct process_output){0};
    return 0;
}
