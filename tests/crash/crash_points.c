/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_points - kills its process with SIGKILL at a chosen point of what it says to servers.
 *
 * Loaded with LD_PRELOAD. It stands before SSL_write and SSL_read, and before send and recv where
 * these are not called from within the former. A call has these points, in this order:
 *
 *     before a write    the server has heard nothing of it
 *     after a write     the server has heard it, this process has not heard the answer
 *     after a read      the answer has come, and nobody has looked at it
 *
 * Calls that carry nothing (would block, closed) have no point after them. What is read of a watch
 * (libwebsockets) has none either: events of the whole cluster come there, so that the count would
 * be chance; a kill right after one is a kill before the next write. Nor has a TLS handshake.
 *
 * The file that CRASH_POINTS names holds a struct board: who runs the process maps it too, reads
 * the number of points so far and says at which one to kill. It outlives the process, so the count
 * goes on over restarts.
 */
#undef _FORTIFY_SOURCE /* its recv() is an inline one, and this file defines recv() */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct board {
    _Atomic uint64_t points;  /* passed so far */
    _Atomic uint64_t kill_at; /* 0: never */
    char where[240];          /* of the kill: text, ends with NUL */
};

typedef int ssl_write(void *ssl, const void *data, int length);
typedef int ssl_read(void *ssl, void *data, int size);
typedef int ssl_write_ex(void *ssl, const void *data, size_t length, size_t *written);
typedef int ssl_read_ex(void *ssl, void *data, size_t size, size_t *got);
typedef int ssl_connect(void *ssl);
typedef ssize_t socket_send(int socket, const void *data, size_t length, int flags);
typedef ssize_t socket_recv(int socket, void *data, size_t size, int flags);

/* These are the ones that others call in place of the libraries' own. */
ssl_write SSL_write;
ssl_read SSL_read;
ssl_write_ex SSL_write_ex;
ssl_read_ex SSL_read_ex;
ssl_connect SSL_connect;
socket_send send;
socket_recv recv;

static struct board *board;
static _Thread_local bool within_tls;

static struct {
    ssl_write *ssl_write;
    ssl_read *ssl_read;
    ssl_write_ex *ssl_write_ex;
    ssl_read_ex *ssl_read_ex;
    ssl_connect *ssl_connect;
    socket_send *send;
    socket_recv *recv;
} real;

static void find(void *ret_function, const char *name)
{
    *(void **)ret_function = dlsym(RTLD_NEXT, name); /* NULL where the library is not loaded */
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CRASH_POINTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = file >= 0 ? mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                          : MAP_FAILED;

    find(&real.ssl_write, "SSL_write");
    find(&real.ssl_read, "SSL_read");
    find(&real.ssl_write_ex, "SSL_write_ex");
    find(&real.ssl_read_ex, "SSL_read_ex");
    find(&real.ssl_connect, "SSL_connect");
    find(&real.send, "send");
    find(&real.recv, "recv");
    if (map != MAP_FAILED)
        board = map;
    if (file >= 0)
        close(file);
}

static bool is_of_a_watch(void *caller)
{
    Dl_info of;

    return dladdr(caller, &of) && of.dli_fname && strstr(of.dli_fname, "libwebsockets");
}

static void describe(const char *moment, const char *data, size_t length)
{
    char text[100];
    size_t used = 0;

    while (used < length && used < sizeof text - 1 && data[used] >= ' ' && data[used] <= '~') {
        text[used] = data[used];
        used++;
    }
    text[used] = '\0';
    snprintf(board->where, sizeof board->where, "%s, %s, %zu bytes: %s", moment,
             within_tls ? "TLS" : "plain", length, text);
}

static void point(const char *moment, const void *data, size_t length)
{
    if (!board || atomic_fetch_add(&board->points, 1) + 1 != atomic_load(&board->kill_at))
        return;
    describe(moment, data, length);
    kill(getpid(), SIGKILL);
    pause(); /* until it arrives */
}

int SSL_write(void *ssl, const void *data, int length)
{
    int written;

    within_tls = true;
    point("before a write", data, (size_t)length);
    written = real.ssl_write(ssl, data, length);
    if (written > 0)
        point("after a write", data, (size_t)written);
    within_tls = false;
    return written;
}

int SSL_read(void *ssl, void *data, int size)
{
    int got;

    within_tls = true;
    got = real.ssl_read(ssl, data, size);
    if (got > 0 && !is_of_a_watch(__builtin_return_address(0)))
        point("after a read", data, (size_t)got);
    within_tls = false;
    return got;
}

int SSL_write_ex(void *ssl, const void *data, size_t length, size_t *written)
{
    int done;

    within_tls = true;
    point("before a write", data, length);
    done = real.ssl_write_ex(ssl, data, length, written);
    if (done > 0)
        point("after a write", data, *written);
    within_tls = false;
    return done;
}

int SSL_read_ex(void *ssl, void *data, size_t size, size_t *got)
{
    int done;

    within_tls = true;
    done = real.ssl_read_ex(ssl, data, size, got);
    if (done > 0 && !is_of_a_watch(__builtin_return_address(0)))
        point("after a read", data, *got);
    within_tls = false;
    return done;
}

int SSL_connect(void *ssl)
{
    int done;

    within_tls = true;
    done = real.ssl_connect(ssl);
    within_tls = false;
    return done;
}

ssize_t send(int socket, const void *data, size_t length, int flags)
{
    ssize_t written;

    if (within_tls)
        return real.send(socket, data, length, flags);
    point("before a write", data, length);
    written = real.send(socket, data, length, flags);
    if (written > 0)
        point("after a write", data, (size_t)written);
    return written;
}

ssize_t recv(int socket, void *data, size_t size, int flags)
{
    ssize_t got = real.recv(socket, data, size, flags);

    if (!within_tls && got > 0)
        point("after a read", data, (size_t)got);
    return got;
}
