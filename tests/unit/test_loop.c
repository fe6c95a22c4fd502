/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"

static void nap(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* Waits up to 5 s. */
static void await(const atomic_int *value, int expected)
{
    for (int i = 0; i < 5000 && atomic_load(value) != expected; i++)
        nap(1);
    assert_int_equal(atomic_load(value), expected);
}

static struct loop *new_loop(const struct lws_protocols *protocols)
{
    struct error err = {0};
    struct loop *loop = loop_new(protocols, &err);

    if (!loop)
        fail_msg("%s", err.text);
    return loop;
}

static struct loop *running_loop(void)
{
    struct error err = {0};
    struct loop *loop = new_loop(NULL);

    assert_int_equal(loop_start(loop, &err), 0);
    return loop;
}

/* ---- posted work ---- */

struct note {
    atomic_int runs;
    int order[100];
    pthread_t thread;
};

struct numbered {
    struct note *note;
    int number;
};

static void write_down(void *argument)
{
    struct numbered *numbered = argument;
    struct note *note = numbered->note;
    int runs = atomic_load(&note->runs);

    note->order[runs] = numbered->number;
    note->thread = pthread_self();
    atomic_store(&note->runs, runs + 1);
}

static void work_runs_in_order_on_the_loop_thread(void **state)
{
    struct loop *loop = new_loop(NULL);
    struct numbered numbered[100];
    struct note note = {0};
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        numbered[i] = (struct numbered){&note, i};
        loop_post(loop, write_down, &numbered[i]);
        if (i == 49) /* the first half was posted before the start */
            assert_int_equal(loop_start(loop, &err), 0);
    }
    await(&note.runs, 100);
    loop_stop(loop);
    for (int i = 0; i < 100; i++)
        assert_int_equal(note.order[i], i);
    assert_false(pthread_equal(note.thread, pthread_self()));
    loop_free(loop);
}

static void work_runs_at_once(void **state)
{
    struct loop *loop = running_loop();
    struct note note = {0};
    struct numbered one = {&note, 1};
    int64_t start_ms;

    (void)state;
    nap(300); /* asleep by now */
    start_ms = clock_boot_ms();
    loop_post(loop, write_down, &one);
    await(&note.runs, 1);
    assert_in_range(clock_boot_ms() - start_ms, 0, 200); /* not at the next beat */
    loop_free(loop);
}

struct chain {
    struct loop *loop;
    atomic_int left;
};

static void post_again(void *argument)
{
    struct chain *chain = argument;

    if (atomic_fetch_sub(&chain->left, 1) > 1)
        loop_post(chain->loop, post_again, chain);
}

static void work_may_post_work(void **state)
{
    struct chain chain = {.loop = running_loop(), .left = 50};

    (void)state;
    loop_post(chain.loop, post_again, &chain);
    await(&chain.left, 0);
    loop_free(chain.loop);
}

#define POSTERS 4
#define POSTS 2000

static void count(void *argument)
{
    int *counter = argument; /* not atomic: the loop's thread is the only one to touch it */

    ++*counter;
}

struct poster {
    struct loop *loop;
    int *counter;
    pthread_t thread;
};

static void *post_often(void *argument)
{
    struct poster *poster = argument;

    for (int i = 0; i < POSTS; i++)
        loop_post(poster->loop, count, poster->counter);
    return NULL;
}

static void set(void *argument)
{
    atomic_store((atomic_int *)argument, 1);
}

static void many_threads_may_post(void **state)
{
    struct loop *loop = running_loop();
    struct poster posters[POSTERS];
    atomic_int all_done = 0;
    int counter = 0;

    (void)state;
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.loop = loop, .counter = &counter};
        pthread_create(&posters[i].thread, NULL, post_often, &posters[i]);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    loop_post(loop, set, &all_done);
    await(&all_done, 1);
    loop_stop(loop);
    assert_int_equal(counter, POSTERS * POSTS);
    loop_free(loop);
}

static void dawdle(void *argument)
{
    atomic_store((atomic_int *)argument, 1);
    nap(200);
}

static void nothing_runs_after_stop(void **state)
{
    struct loop *loop = running_loop();
    atomic_int first = 0, second = 0, third = 0;

    (void)state;
    loop_post(loop, dawdle, &first);
    await(&first, 1);
    loop_post(loop, set, &second);
    loop_stop(loop); /* waits for the first; the second has not run */
    loop_post(loop, set, &third);
    loop_stop(loop);
    loop_free(loop);
    assert_int_equal(atomic_load(&second), 0);
    assert_int_equal(atomic_load(&third), 0);
}

static void stopping_is_quick_and_starting_optional(void **state)
{
    struct loop *loop = running_loop();
    int64_t start_ms = clock_boot_ms();

    (void)state;
    nap(100);
    loop_free(loop);
    assert_in_range(clock_boot_ms() - start_ms, 100, 700);
    loop_free(new_loop(NULL));
    loop_free(NULL);
}

/* ---- heartbeat ---- */

static void heartbeat_goes_on_at_rest(void **state)
{
    struct loop *loop = running_loop();

    (void)state;
    for (int i = 0; i < 65; i++) {
        nap(100);
        assert_in_range(clock_boot_ms() - loop_heartbeat(loop), 0, 5800);
    }
    loop_free(loop);
}

static void block(void *argument)
{
    nap(1800);
    set(argument);
}

static void heartbeat_stops_when_work_blocks(void **state)
{
    struct loop *loop = running_loop();
    atomic_int over = 0;

    (void)state;
    loop_post(loop, block, &over);
    nap(1600);
    assert_true(clock_boot_ms() - loop_heartbeat(loop) >= 1500);
    await(&over, 1);
    nap(50);
    assert_in_range(clock_boot_ms() - loop_heartbeat(loop), 0, 1000);
    loop_free(loop);
}

struct sleeps {
    long before, after;
    atomic_int step;
};

static void note_sleeps(void *argument)
{
    struct sleeps *sleeps = argument;
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    *(atomic_load(&sleeps->step) ? &sleeps->after : &sleeps->before) = usage.ru_nvcsw;
    atomic_fetch_add(&sleeps->step, 1);
}

static void hardly_wakes_at_rest(void **state)
{
    struct loop *loop = running_loop();
    struct sleeps sleeps = {0};

    (void)state;
    nap(200);
    loop_post(loop, note_sleeps, &sleeps);
    await(&sleeps.step, 1);
    nap(3000);
    loop_post(loop, note_sleeps, &sleeps);
    await(&sleeps.step, 2);
    assert_in_range(sleeps.after - sleeps.before, 1, 3); /* 1 for the asking, 1 beat at most */
    loop_free(loop);
}

/* ---- the context ---- */

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                   size_t length)
{
    if (reason == LWS_CALLBACK_HTTP) {
        lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL);
        return -1;
    }
    return lws_callback_http_dummy(wsi, reason, user, in, length);
}

static const struct lws_protocols http_only[] = {{.name = "http", .callback = on_http}, {0}};

static bool fetch(int port, char ret_answer[512])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char request[] = "GET / HTTP/1.0\r\nHost: x\r\n\r\n";
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ssize_t length = -1;

    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0)
        length = recv(fd, ret_answer, 511, 0);
    close(fd);
    ret_answer[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static void vhosts_are_served_beside_posted_work(void **state)
{
    struct loop *loop = new_loop(http_only);
    struct lws_context_creation_info info = {
        .vhost_name = "here", .iface = "127.0.0.1", .port = 0, .protocols = http_only};
    struct lws_vhost *vhost = lws_create_vhost(loop_context(loop), &info);
    struct error err = {0};
    atomic_int posted = 0;
    char answer[512];

    (void)state;
    assert_non_null(vhost);
    int port = lws_get_vhost_listen_port(vhost);
    assert_int_equal(loop_start(loop, &err), 0);
    for (int i = 0; i < 10; i++) {
        assert_true(fetch(port, answer));
        assert_int_equal(strncmp(answer, "HTTP/1.", 7), 0);
        assert_non_null(strstr(answer, " 404 "));
        assert_non_null(strstr(answer, "server: podbind\r\n"));
        loop_post(loop, set, &posted);
    }
    await(&posted, 1);
    loop_stop(loop);
    loop_free(loop);
    assert_false(fetch(port, answer));
}

static int adopt(void **state)
{
    (void)state;
    mem_adopt_libraries();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_runs_in_order_on_the_loop_thread),
        cmocka_unit_test(work_runs_at_once),
        cmocka_unit_test(work_may_post_work),
        cmocka_unit_test(many_threads_may_post),
        cmocka_unit_test(nothing_runs_after_stop),
        cmocka_unit_test(stopping_is_quick_and_starting_optional),
        cmocka_unit_test(heartbeat_goes_on_at_rest),
        cmocka_unit_test(heartbeat_stops_when_work_blocks),
        cmocka_unit_test(hardly_wakes_at_rest),
        cmocka_unit_test(vhosts_are_served_beside_posted_work),
    };

    return cmocka_run_group_tests_name("loop", tests, adopt, NULL);
}
