/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "tests/standin/standin_options.h"
#include "tests/standin/standin_server.h"

/* Blocked before any thread starts, so that only the wait below takes them. */
static void block_signals(sigset_t *ret_ending)
{
    const struct sigaction ignored = {.sa_handler = SIG_IGN};

    sigemptyset(ret_ending);
    sigaddset(ret_ending, SIGTERM);
    sigaddset(ret_ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_ending, NULL);
    sigaction(SIGPIPE, &ignored, NULL);
}

static uint64_t random_seed(void)
{
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = (uint64_t)clock_wall_us();
    return seed;
}

static int run(struct standin *standin, const struct standin_options *options, struct error *err)
{
    struct standin_server *server = NULL;
    sigset_t ending;
    int which = 0;

    block_signals(&ending);
    server = standin_server_start(standin, options->port, options->threads, err);
    if (!server)
        return -1;
    printf("listening on 127.0.0.1:%u\n", (unsigned)standin_server_port(server));
    fflush(stdout);
    sigwait(&ending, &which);
    standin_server_stop(server);
    return 0;
}

int main(int argc, char **argv)
{
    struct standin standin;
    struct standin_options options = {0};
    struct error error = {0};
    int result = 0;

    standin_init(&standin, random_seed());
    result = standin_options_read(argc, argv, &standin, &options, &error);
    if (result == 0 && options.help)
        fputs(standin_usage, stdout);
    else if (result == 0)
        result = run(&standin, &options, &error);
    standin_release(&standin);
    if (result < 0)
        fprintf(stderr, "podbind-standin: %s\n", error.text);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
