/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process_task.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct process_task {
    void (*ended)(void *context);
    void *context;
    int stop_event;
    pthread_t thread;
    bool running;     /* started and not yet taken */
    atomic_bool done; /* set by the thread, last: what is below is the owner's again */
    struct process_command command;
    char **argv;
    char *path;
    struct process_output output;
    struct error failure;
};

struct process_task *process_task_new(void (*ended)(void *context), void *context)
{
    struct process_task *task = mem_alloc(sizeof *task);

    task->ended = ended;
    task->context = context;
    task->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return task;
}

static void *run(void *argument)
{
    struct process_task *task = argument;

    process_run(&task->command, &task->output, &task->failure);
    atomic_store(&task->done, true);
    task->ended(task->context);
    return NULL;
}

static void copy_command(struct process_task *task, const struct process_command *command)
{
    size_t count = 0;

    while (command->argv[count])
        count++;
    task->argv = mem_array(count + 1, sizeof *task->argv);
    for (size_t i = 0; i < count; i++)
        task->argv[i] = mem_strdup(command->argv[i]);
    task->path = command->path ? mem_strdup(command->path) : NULL;
    task->command = *command;
    task->command.argv = (const char *const *)task->argv;
    task->command.path = task->path;
    task->command.stop = task->stop_event;
}

static void drop_command(struct process_task *task)
{
    for (char **word = task->argv; word && *word; word++) {
        explicit_bzero(*word, strlen(*word));
        mem_free(*word);
    }
    mem_free(task->argv);
    mem_free(task->path);
    task->argv = NULL;
    task->path = NULL;
}

int process_task_start(struct process_task *task, const struct process_command *command,
                       struct error *err)
{
    if (task->running)
        return error_set(err, ERROR_BUG, "a program is running already");
    atomic_store(&task->done, false);
    error_clear(&task->failure);
    copy_command(task, command);
    if (task->stop_event < 0 || pthread_create(&task->thread, NULL, run, task) != 0) {
        drop_command(task);
        return error_set(err, ERROR_TRANSIENT, "a thread for a program can't be started");
    }
    task->running = true;
    return 0;
}

bool process_task_take(struct process_task *task, struct process_output *ret_output,
                       struct error *ret_failure)
{
    if (!task->running || !atomic_load(&task->done))
        return false;
    pthread_join(task->thread, NULL);
    task->running = false;
    drop_command(task);
    *ret_output = task->output;
    *ret_failure = task->failure;
    task->output = (struct process_output){.bytes = NULL};
    return true;
}

void process_task_free(struct process_task *task)
{
    if (!task)
        return;
    if (task->running) {
        eventfd_write(task->stop_event, 1);
        pthread_join(task->thread, NULL);
    }
    drop_command(task);
    process_output_release(&task->output);
    if (task->stop_event >= 0)
        close(task->stop_event);
    mem_free(task);
}
