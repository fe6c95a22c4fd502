/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"

static void what_holds_is_passed_over(void **state)
{
    int looked = 0;

    (void)state;
    CANNOT_HAPPEN(looked++ > 0, "it was not looked at before");
    assert_int_equal(looked, 1);
}

static void what_cannot_happen_ends_the_process_with_one_line(void **state)
{
    char said[300] = "";
    int ends[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka's handler would go on with the tests */
        CANNOT_HAPPEN(ends[0] >= 0, "two and two are four");
        _exit(77);
    }
    close(ends[1]);
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(said, "podbind: cannot happen (tests/unit/test_bug.c:"));
    assert_non_null(strstr(said, "): two and two are four\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_holds_is_passed_over),
        cmocka_unit_test(what_cannot_happen_ends_the_process_with_one_line),
    };

    return cmocka_run_group_tests_name("bug", tests, NULL, NULL);
}
