/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delays - holds threads up for up to 30 ms at random, where they meet.
 *
 * Loaded with LD_PRELOAD. What relies on one thread being quicker than another holds nearly always
 * on an idle machine, and not where the scheduler takes the core away in between. Here that happens
 * by chance: after a thread is started, after a lock is let go, and around what is said on sockets.
 */
#undef _FORTIFY_SOURCE /* its recv() is an inline one, and this file defines recv() */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_US 30000

/* Of a thousand calls, so many are followed by a delay. */
enum { OF_UNLOCKS = 5, OF_MESSAGES = 30, OF_THREADS = 300 };

typedef int mutex_unlock(pthread_mutex_t *mutex);
typedef int thread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*routine)(void *), void *argument);
typedef ssize_t socket_send(int socket, const void *data, size_t length, int flags);
typedef ssize_t socket_recv(int socket, void *data, size_t size, int flags);
typedef ssize_t file_write(int file, const void *data, size_t length);

static struct {
    mutex_unlock *unlock;
    thread_create *create;
    socket_send *send;
    socket_recv *recv;
    file_write *write;
} real;

/* By whoever calls first: libraries do while they are loaded, before a constructor here would. */
static void find(void *ret_function, const char *name)
{
    void **function = ret_function;

    if (!*function)
        *function = dlsym(RTLD_NEXT, name);
}

/* Each thread has its own sequence (Knuth's constants), so that no lock is needed for it. */
static uint64_t next_random(void)
{
    static _Thread_local uint64_t state;
    struct timespec now;

    if (state == 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        state = (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32;
    }
    state = state * 6364136223846793005U + 1442695040888963407U;
    return state >> 33;
}

/* errno is that of the call before. */
static void delay(unsigned of_thousand)
{
    int error = errno;

    if (next_random() % 1000 < of_thousand)
        nanosleep(&(struct timespec){.tv_nsec = (long)(next_random() % LONGEST_US) * 1000}, NULL);
    errno = error;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int failure;

    find(&real.unlock, "pthread_mutex_unlock");
    failure = real.unlock(mutex);
    delay(OF_UNLOCKS);
    return failure;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                   void *argument)
{
    int failure;

    find(&real.create, "pthread_create");
    failure = real.create(thread, attributes, routine, argument);
    delay(OF_THREADS);
    return failure;
}

ssize_t send(int socket, const void *data, size_t length, int flags)
{
    ssize_t sent;

    find(&real.send, "send");
    delay(OF_MESSAGES);
    sent = real.send(socket, data, length, flags);
    delay(OF_MESSAGES);
    return sent;
}

ssize_t recv(int socket, void *data, size_t size, int flags)
{
    ssize_t got;

    find(&real.recv, "recv");
    got = real.recv(socket, data, size, flags);
    delay(OF_MESSAGES);
    return got;
}

ssize_t write(int file, const void *data, size_t length)
{
    ssize_t written;

    find(&real.write, "write");
    written = real.write(file, data, length);
    delay(OF_MESSAGES);
    return written;
}
