/* SPDX-License-Identifier: Apache-2.0 */
/* podbind-bench: the parts of `make bench` that Python would be too slow for. Prints JSON. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/bench/bench_apply.h"
#include "tests/bench/bench_core.h"
#include "tests/bench/bench_kube.h"

static const char usage[] =
    "usage: podbind-bench kube create|bound|accounts|delete|remove KUBECONFIG NAMESPACE COUNT WINDOW\n"
    "       podbind-bench core|apply KIND COUNT\n";

static int run_kube(char *const *words)
{
    const struct bench_kube_settings settings = {.kubeconfig = words[1],
                                                 .namespace = words[2],
                                                 .count = strtoul(words[3], NULL, 10),
                                                 .window = strtoul(words[4], NULL, 10)};
    struct bench_kube_figures figures;
    struct error err = {0};

    if (bench_kube_run(words[0], &settings, &figures, &err) < 0) {
        fprintf(stderr, "podbind-bench: %s: %s\n", words[0], err.text);
        return 1;
    }
    printf("{\"seconds\": %.3f, \"finalizer_seconds\": %.3f, \"finalizer_bytes\": %zu, "
           "\"status_bytes\": %zu}\n",
           (double)figures.wall_ms / 1000, (double)figures.finalizers_ms / 1000,
           figures.finalizer_bytes / settings.count, figures.status_bytes / settings.count);
    return 0;
}

static void run_core(struct bench_set *set)
{
    struct bench_core_counts counts;

    bench_core_pass(set, &counts);
    printf("{\"bindings\": %zu, \"wants\": %zu, \"steps\": %zu, \"kept\": %zu, \"created\": %zu, "
           "\"changed\": %zu, \"deleted\": %zu, \"ready\": %zu}\n",
           set->binding_count, counts.wants, counts.steps, counts.kept, counts.created,
           counts.changed, counts.deleted, counts.ready);
}

static void run_apply(struct bench_set *set)
{
    struct bench_apply_counts counts;

    bench_apply(set, &counts);
    printf("{\"bindings\": %zu, \"finalizers\": %zu, \"created\": %zu, \"tagged\": %zu, "
           "\"deleted\": %zu, \"status\": %zu, \"failed\": %zu}\n",
           set->binding_count, counts.calls[CALL_PATCH_FINALIZERS],
           counts.calls[CALL_CREATE_ASSOCIATION], counts.calls[CALL_TAG_ASSOCIATION],
           counts.calls[CALL_DELETE_ASSOCIATION], counts.calls[CALL_PATCH_STATUS], counts.failed);
}

static int run_set(char *const *words)
{
    enum bench_kind kind = bench_kind_named(words[1]);
    struct bench_set set;

    if (kind == BENCH_KIND_COUNT) {
        fprintf(stderr, "podbind-bench: no kind '%s', bench_set.h has them\n", words[1]);
        return 2;
    }
    bench_set_make(kind, strtoul(words[2], NULL, 10), &set);
    if (strcmp(words[0], "core") == 0)
        run_core(&set);
    else
        run_apply(&set);
    bench_set_release(&set);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    mem_adopt_libraries();
    if (argc == 7 && strcmp(argv[1], "kube") == 0)
        return run_kube(argv + 2);
    if (argc == 4 && (strcmp(argv[1], "core") == 0 || strcmp(argv[1], "apply") == 0))
        return run_set(argv + 1);
    fputs(usage, stderr);
    return 2;
}
