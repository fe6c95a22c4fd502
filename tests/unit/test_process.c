/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/strbuf.h"

#define LONG_MS 30000
#define CAP 4096
#define THREADS 4
#define RUNS 25

struct world {
    char folder[64];
    char path[96]; /* a file in it */
};

static int make_world(void **state)
{
    struct world *world = mem_alloc(sizeof *world);
    snprintf(world->folder, sizeof world->folder, "/tmp/process-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/file", world->folder);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;
    unlink(world->path);
    assert_int_equal(rmdir(world->folder), 0);
    mem_free(world);
    return 0;
}

static void write_file(const struct world *world, const char *text, mode_t mode)
{
    FILE *file = fopen(world->path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    fclose(file);
}

/* ---- what is left behind: nothing ---- */

static size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static bool is_alone(void)
{
    siginfo_t how;
    return waitid(P_ALL, 0, &how, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* Of the process that wrote its number into the file. */
static bool is_gone(const struct world *world)
{
    FILE *file = fopen(world->path, "r");
    char text[32] = "";
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    long number = strtol(text, NULL, 10);
    assert_true(number > 1);
    return kill((pid_t)number, 0) < 0 && errno == ESRCH;
}

/* ---- running ---- */

static int run(struct process_command command, const char *const *argv,
               struct process_output *ret_output, struct error *err)
{
    command.argv = argv;
    command.deadline_ms = command.deadline_ms > 0 ? command.deadline_ms : LONG_MS;
    command.output_cap = command.output_cap > 0 ? command.output_cap : CAP;
    command.stop = command.stop > 0 ? command.stop : -1;
    return process_run(&command, ret_output, err);
}

static int run_shell(struct process_command command, const char *script, const char *argument,
                     struct process_output *ret_output, struct error *err)
{
    const char *const argv[] = {"sh", "-c", script, "sh", argument, NULL};
    return run(command, argv, ret_output, err);
}

static void expect_output(const char *script, const char *expected)
{
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    int done = run_shell((struct process_command){0}, script, NULL, &output, &err);
    if (done < 0)
        fail_msg("%s: %s", script, err.text);
    assert_string_equal(output.bytes, expected);
    assert_int_equal(output.length, strlen(expected));
}

static void expect_error(struct process_command command, const char *script, const char *expected)
{
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    assert_int_equal(run_shell(command, script, NULL, &output, &err), -1);
    assert_string_equal(err.text, expected);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_null(output.bytes);
    assert_true(is_alone());
}

static void gives_what_it_prints(void **state)
{
    (void)state;
    expect_output("printf 'a b'", "a b");
    expect_output("exit 0", "");
    expect_output("echo out; echo aside >&2", "out\n");
    expect_output("cat", ""); /* stdin is at its end */
}

static void takes_arguments_and_environment_as_they_are(void **state)
{
    (void)state;
    static const char *const argv[] = {
        "sh", "-c", "printf '%s|%s|%s' \"$1\" \"$NAME\" \"$HOME\"", "sh", "$(id) 'x' \"*\"", NULL};
    static const char *const environment[] = {"NAME=a b=c", NULL};
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    assert_int_equal(run((struct process_command){.environment = environment}, argv, &output, &err),
                     0);
    assert_string_equal(output.bytes, "$(id) 'x' \"*\"|a b=c|");
}

static void keeps_bytes_of_all_kinds(void **state)
{
    (void)state;
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    assert_int_equal(
        run_shell((struct process_command){0}, "printf 'a\\000b\\377'", NULL, &output, &err), 0);
    assert_int_equal(output.length, 4);
    assert_memory_equal(output.bytes, "a\0b\377", 5);
}

static void says_how_it_ended(void **state)
{
    (void)state;
    expect_error((struct process_command){0}, "exit 3", "sh: exit status 3");
    expect_error((struct process_command){0}, "echo secret; echo first >&2; echo why >&2; exit 255",
                 "sh: exit status 255: why");
    expect_error((struct process_command){0}, "kill -9 $$", "sh: was ended by signal 9 (KILL)");
    expect_error((struct process_command){0}, "echo bye >&2; kill -15 $$",
                 "sh: was ended by signal 15 (TERM): bye");
}

static void makes_stderr_harmless(void **state)
{
    (void)state;
    expect_error((struct process_command){0},
                 "printf 'a\\n\\033[31mred\\tx\\377\\342\\200\\256y \\n\\n' >&2; exit 1",
                 "sh: exit status 1: ?[31mred x??y");
}

static void keeps_the_end_of_a_long_stderr(void **state)
{
    (void)state;
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    const char *script = "i=0; while [ $i -lt 3000 ]; do echo line $i of noise >&2; i=$((i+1)); "
                         "done; exit 1";
    assert_int_equal(run_shell((struct process_command){0}, script, NULL, &output, &err), -1);
    assert_string_equal(err.text, "sh: exit status 1: line 2999 of noise");
    script = "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1";
    assert_int_equal(run_shell((struct process_command){0}, script, NULL, &output, &err), -1);
    assert_int_equal(strspn(strstr(err.text, "1: ") + 3, "x"), 254);
}

/* ---- caps, deadline, stop ---- */

static void refuses_too_much(void **state)
{
    (void)state;
    struct process_command command = {.output_cap = 10};
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    assert_int_equal(run_shell(command, "printf 0123456789", NULL, &output, &err), 0);
    assert_string_equal(output.bytes, "0123456789");
    expect_error(command, "printf 0123456789x", "sh: printed more than 10 bytes to stdout");
    expect_error(command, "yes", "sh: printed more than 10 bytes to stdout");
}

static void ends_at_the_deadline(void **state)
{
    (void)state;
    int64_t start = clock_boot_ms();
    expect_error((struct process_command){.deadline_ms = 200}, "echo soon >&2; sleep 60",
                 "sh: took longer than 200 ms and was killed: soon");
    expect_error((struct process_command){.deadline_ms = 200}, "trap '' TERM; sleep 60; sleep 60",
                 "sh: took longer than 200 ms and was killed");
    assert_true(clock_boot_ms() - start >= 400);
    assert_true(clock_boot_ms() - start < LONG_MS);
}

/* It prints without an end, and so there is always something to read. */
static void ends_at_the_deadline_in_a_flood(void **state)
{
    (void)state;
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    assert_int_equal(
        run_shell((struct process_command){.deadline_ms = 300}, "yes >&2", NULL, &output, &err),
        -1);
    assert_string_equal(err.text, "sh: took longer than 300 ms and was killed: y");
}

static void ends_when_stopped(void **state)
{
    (void)state;
    int stop = eventfd(1, EFD_CLOEXEC);
    assert_true(stop > 0);
    expect_error((struct process_command){.stop = stop}, "sleep 60",
                 "sh: was killed because we end");
    close(stop);
}

/* A subreaper inherits orphans as process 1 does, so what is left behind shows. */
static void kills_grandchildren(void **state)
{
    const struct world *world = *state;
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int deadline = 0; deadline < 2; deadline++) {
        int64_t start = clock_boot_ms();
        const char *script = deadline ? "(sleep 60 & echo $! >\"$1\"; wait)"
                                      : "(sleep 60 & echo $! >\"$1\"); echo done";
        int done = run_shell((struct process_command){.deadline_ms = deadline ? 500 : LONG_MS},
                             script, world->path, &output, &err);
        assert_int_equal(done, deadline ? -1 : 0);
        assert_true(clock_boot_ms() - start < LONG_MS);
        assert_true(is_gone(world));
        assert_true(is_alone());
    }
    assert_string_equal(output.bytes, "done\n");
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- what it inherits ---- */

static void inherits_no_descriptor(void **state)
{
    (void)state;
    int open_in_us = dup(STDOUT_FILENO); /* without O_CLOEXEC, as a library may leave it */
    assert_true(open_in_us > 2);
    expect_output("for f in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$f ] && echo $f; done; "
                  "readlink /proc/$$/fd/0",
                  "/dev/null\n");
    CLEANUP(strbuf_release) struct strbuf script = {0};
    strbuf_format(&script, "[ -e /proc/$$/fd/%d ] && echo open || echo closed", open_in_us);
    expect_output(strbuf_text(&script), "closed\n");
    close(open_in_us);
}

static void works_with_closed_standard_descriptors(void **state)
{
    (void)state;
    int kept[3];
    for (int i = 0; i < 3; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        close(i);
    }
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    int done = run_shell((struct process_command){0}, "cat; echo out; echo why >&2; exit 1", NULL,
                         &output, &err);
    int well = run_shell((struct process_command){0}, "cat; echo out", NULL, &output, &err);
    for (int i = 0; i < 3; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    assert_int_equal(done, -1);
    assert_string_equal(err.text, "sh: exit status 1: why");
    assert_int_equal(well, 0);
    assert_string_equal(output.bytes, "out\n");
}

/* As in the operator: main blocks its signals in every thread and ignores SIGPIPE. */
static void resets_signals(void **state)
{
    (void)state;
    sigset_t blocked, before;
    sigfillset(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    /* The two above 31 are glibc's own, which it sets anew in each program. */
    expect_output("while read -r name mask; do case $name in SigBlk:|SigIgn:) "
                  "echo $name $((0x$mask & 0x7fffffff));; esac; done </proc/$$/status",
                  "SigBlk: 0\nSigIgn: 0\n");
    expect_output("(kill -TERM $(sh -c 'echo $PPID'); sleep 60); echo $?", "143\n");
    signal(SIGPIPE, old);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void has_a_session_of_its_own(void **state)
{
    (void)state;
    expect_output("read -r pid name rest </proc/$$/stat; set -- $rest; "
                  "[ $3 = $$ ] && [ $4 = $$ ] && [ $5 = 0 ] && echo own",
                  "own\n");
}

/* ---- what can't be run ---- */

static void expect_not_run(const char *name, const char *path, enum error_kind kind,
                           const char *words)
{
    const char *const argv[] = {name, NULL};
    CLEANUP(process_output_release) struct process_output output = {0};
    size_t descriptors = count_descriptors();
    struct error err = {0};
    assert_int_equal(run((struct process_command){.path = path}, argv, &output, &err), -1);
    assert_int_equal(err.kind, kind);
    if (strstr(err.text, words) == NULL || strncmp(err.text, name, strlen(name)) != 0)
        fail_msg("\"%s\" lacks \"%s\"", err.text, words);
    assert_int_equal(count_descriptors(), descriptors);
    assert_true(is_alone());
}

static void says_what_is_not_there(void **state)
{
    const struct world *world = *state;
    expect_not_run("no-such-program", NULL, ERROR_NOT_FOUND, "no such program in PATH");
    expect_not_run("sh", "", ERROR_NOT_FOUND, "no such program in PATH");
    expect_not_run("", NULL, ERROR_NOT_FOUND, "no such program in PATH");
    expect_not_run(world->path, NULL, ERROR_NOT_FOUND, "No such file or directory");
    write_file(world, "#!/bin/sh\n", 0644);
    expect_not_run("file", world->folder, ERROR_NOT_FOUND, "no such program in PATH");
}

static void says_what_cannot_be_executed(void **state)
{
    const struct world *world = *state;
    if (getenv("UNDER_VALGRIND"))
        return; /* it opens the file itself, and does not tell what the kernel would have said */
    expect_not_run(world->folder, NULL, ERROR_INVALID, "Permission denied");
    write_file(world, "#!/bin/sh\n", 0644);
    expect_not_run(world->path, NULL, ERROR_INVALID, "Permission denied");
    write_file(world, "#!/no/such/interpreter\n", 0755);
    expect_not_run(world->path, NULL, ERROR_INVALID, "interpreter");
    write_file(world, "echo no first line\n", 0755);
    expect_not_run(world->path, NULL, ERROR_INVALID, "#!");
}

static void looks_in_absolute_parts_of_the_path(void **state)
{
    const struct world *world = *state;
    const char *const argv[] = {"file", NULL};
    CLEANUP(strbuf_release) struct strbuf path = {0};
    CLEANUP(process_output_release) struct process_output output = {0};
    struct error err = {0};
    write_file(world, "#!/bin/sh\necho found\n", 0755);
    strbuf_format(&path, "/no/such:%s:", world->folder);
    assert_int_equal(run((struct process_command){.path = strbuf_text(&path)}, argv, &output, &err),
                     0);
    assert_string_equal(output.bytes, "found\n");
    assert_int_equal(chdir(world->folder), 0);
    expect_not_run("file", ".::", ERROR_NOT_FOUND, "no such program in PATH");
    assert_int_equal(chdir("/"), 0);
}

/* ---- many at once ---- */

static void *run_many(void *argument)
{
    const char *word = argument;
    for (int i = 0; i < RUNS; i++) {
        struct process_output output = {0};
        struct error err = {0};
        if (run_shell((struct process_command){0}, "echo \"$1\"; ls /proc/$$/fd >&2", word, &output,
                      &err) < 0 ||
            strncmp(output.bytes, word, strlen(word)) != 0)
            return argument;
        process_output_release(&output);
    }
    return NULL;
}

static void runs_on_several_threads(void **state)
{
    (void)state;
    static char words[THREADS][8] = {"one", "two", "three", "four"};
    size_t descriptors = count_descriptors();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, words[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(count_descriptors(), descriptors);
    assert_true(is_alone());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_it_prints),
        cmocka_unit_test(takes_arguments_and_environment_as_they_are),
        cmocka_unit_test(keeps_bytes_of_all_kinds),
        cmocka_unit_test(says_how_it_ended),
        cmocka_unit_test(makes_stderr_harmless),
        cmocka_unit_test(keeps_the_end_of_a_long_stderr),
        cmocka_unit_test(refuses_too_much),
        cmocka_unit_test(ends_at_the_deadline),
        cmocka_unit_test(ends_at_the_deadline_in_a_flood),
        cmocka_unit_test(ends_when_stopped),
        cmocka_unit_test_setup_teardown(kills_grandchildren, make_world, end_world),
        cmocka_unit_test(inherits_no_descriptor),
        cmocka_unit_test(works_with_closed_standard_descriptors),
        cmocka_unit_test(resets_signals),
        cmocka_unit_test(has_a_session_of_its_own),
        cmocka_unit_test_setup_teardown(says_what_is_not_there, make_world, end_world),
        cmocka_unit_test_setup_teardown(says_what_cannot_be_executed, make_world, end_world),
        cmocka_unit_test_setup_teardown(looks_in_absolute_parts_of_the_path, make_world, end_world),
        cmocka_unit_test(runs_on_several_threads),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
