/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/aside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void *aside_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("podbind-sim: shared memory");
        exit(2);
    }
    return memory;
}

pid_t aside_start(void (*run)(void *context), void *context)
{
    pid_t process;

    fflush(NULL);
    process = fork();
    if (process < 0) {
        perror("podbind-sim: a process");
        exit(2);
    }
    if (process > 0)
        return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run(context);
    exit(0);
}

pid_t aside_wait(pid_t process, char ret_how[ASIDE_HOW_SIZE])
{
    int status = 0;
    pid_t ended;

    do
        ended = waitpid(process, &status, 0);
    while (ended < 0 && errno == EINTR);
    ret_how[0] = '\0';
    if (WIFSIGNALED(status))
        snprintf(ret_how, ASIDE_HOW_SIZE, "signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        snprintf(ret_how, ASIDE_HOW_SIZE, "status %d", WEXITSTATUS(status));
    return ended;
}

struct timed {
    void (*run)(void *context);
    void *context;
    unsigned seconds;
};

static void run_timed(void *context)
{
    const struct timed *timed = context;

    alarm(timed->seconds);
    timed->run(timed->context);
}

bool aside_run(void (*run)(void *context), void *context, unsigned seconds,
               char ret_how[ASIDE_HOW_SIZE])
{
    struct timed timed = {run, context, seconds};

    aside_wait(aside_start(run_timed, &timed), ret_how);
    return ret_how[0] == '\0';
}
