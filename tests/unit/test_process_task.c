/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process_task.h"

static atomic_int told;

static void ended(void *context)
{
    (void)context;
    atomic_fetch_add(&told, 1);
}

static void start(struct process_task *task, const char *const *argv)
{
    const struct process_command command = {
        .argv = argv, .deadline_ms = 20000, .output_cap = 1024, .stop = -1};
    struct error err;

    if (process_task_start(task, &command, &err) < 0)
        fail_msg("%s", err.text);
}

/* Waits until the program has ended. */
static void take(struct process_task *task, struct process_output *ret_output,
                 struct error *ret_failure)
{
    const struct timespec slice = {.tv_nsec = 2000000};

    for (int i = 0; i < 5000; i++) {
        if (process_task_take(task, ret_output, ret_failure))
            return;
        nanosleep(&slice, NULL);
    }
    fail_msg("the program did not end");
}

static void a_program_runs_beside_us_and_is_taken_once(void **state)
{
    struct process_task *task = process_task_new(ended, NULL);
    CLEANUP(process_output_release) struct process_output output = {.bytes = NULL};
    struct error failure = {0}, err = {0};

    (void)state;
    atomic_store(&told, 0);
    assert_false(process_task_take(task, &output, &failure));
    start(task, (const char *const[]){"/bin/sh", "-c", "sleep 0.2; echo hello", NULL});
    assert_false(process_task_take(task, &output, &failure));
    assert_int_equal(
        process_task_start(task, &(struct process_command){.argv = NULL, .stop = -1}, &err), -1);
    assert_int_equal(err.kind, ERROR_BUG);
    take(task, &output, &failure);
    assert_int_equal(failure.kind, ERROR_NONE);
    assert_string_equal(output.bytes, "hello\n");
    assert_false(process_task_take(task, &output, &failure));
    process_task_free(task);
    assert_int_equal(atomic_load(&told), 1);
}

static void a_failure_is_handed_over_and_the_next_run_is_its_own(void **state)
{
    struct process_task *task = process_task_new(ended, NULL);
    CLEANUP(process_output_release) struct process_output none = {.bytes = NULL};
    CLEANUP(process_output_release) struct process_output some = {.bytes = NULL};
    struct error failure = {0};

    (void)state;
    start(task, (const char *const[]){"/nowhere/program", NULL});
    take(task, &none, &failure);
    assert_int_equal(failure.kind, ERROR_NOT_FOUND);
    start(task, (const char *const[]){"/bin/echo", "again", NULL});
    take(task, &some, &failure);
    assert_int_equal(failure.kind, ERROR_NONE);
    assert_string_equal(some.bytes, "again\n");
    process_task_free(task);
}

static void what_still_runs_is_ended_when_it_is_freed(void **state)
{
    struct process_task *task = process_task_new(ended, NULL);
    int64_t begun = clock_boot_ms();

    (void)state;
    start(task, (const char *const[]){"/bin/sleep", "1000", NULL});
    process_task_free(task);
    assert_true(clock_boot_ms() - begun < 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_runs_beside_us_and_is_taken_once),
        cmocka_unit_test(a_failure_is_handed_over_and_the_next_run_is_its_own),
        cmocka_unit_test(what_still_runs_is_ended_when_it_is_freed),
    };

    return cmocka_run_group_tests_name("process_task", tests, NULL, NULL);
}
