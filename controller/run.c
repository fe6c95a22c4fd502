/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/run.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "controller/health.h"
#include "controller/leader.h"
#include "controller/metrics.h"
#include "controller/transport.h"
#include "controller/vitals.h"
#include "controller/wire.h"
#include "controller/work.h"
#include "kube/exec_source.h"
#include "kube/kubeconfig.h"

#define WATCHDOG_MS 4500 /* from the signal to the end, whatever hangs */
#define RELEASE_MS 1500  /* of it, kept for giving the lease up */
#define STALE_MS 30000   /* a thread that did not turn for so long hangs */
#define GIVE_BACK_MS 1000
#define SIGNAL_LOST SIGUSR1

#define USER_AGENT "podbind/" PODBIND_VERSION " (linux)"

struct process {
    const struct options *options;
    struct kubeconfig kube;
    struct exec_source *plugin; /* of the kubeconfig; NULL: none */
    struct kube_client client;  /* the worker's */
    struct loop *loop;
    struct health *health;
    struct watcher *watcher;
    struct wire *wire;
    struct leader *leader;
    struct sync_settings settings;
    struct sync sync;
    struct vitals vitals;
    pthread_t worker;
    bool working;
    bool has_passed;      /* since memory was given back */
    int64_t give_back_at; /* not before, ms since boot */
};

/* ---- settings ---- */

static int load_kubeconfig(struct process *process, struct error *err)
{
    const struct options *options = process->options;

    if (options->kubeconfig[0] != '\0')
        return kubeconfig_load(options->kubeconfig, options->context, &process->kube, err);
    return kubeconfig_in_cluster("", options->kubernetes_host, options->kubernetes_port,
                                 &process->kube, err);
}

static void plugin_told(void *context, const struct error *error)
{
    const struct process *process = context;

    if (error->kind == ERROR_NONE)
        log_line(LOG_INFO, "the credential plugin works again", "api_server", process->kube.server,
                 NULL);
    else
        log_line(LOG_WARN, "no new credential for the API server", "error", error->text, NULL);
}

static void set_up_client(struct process *process)
{
    const struct exec_source_settings plugin = {.config = &process->kube,
                                                .environment = (const char *const *)environ,
                                                .context = process,
                                                .told = plugin_told};

    kube_client_init(&process->client, &process->kube, USER_AGENT);
    if (!process->kube.exec)
        return;
    process->plugin = exec_source_new(&plugin);
    kube_client_use_plugin(&process->client, process->plugin);
}

static struct sync_settings sync_settings_of(const struct options *options)
{
    return (struct sync_settings){
        .cluster_name =
            strcmp(options->cluster_name, OPTIONS_CLUSTER_AUTO) == 0 ? "" : options->cluster_name,
        .own_namespace = options->lease_namespace,
        .mode = options->mode,
        .absence_grace_ms = options->absence_grace_ms,
        .window = (size_t)options->max_in_flight,
        .observe = {.instance = options->instance,
                    .region = options->aws_region.text,
                    .existence_interval_ms = options->existence_interval_ms,
                    .describe_interval_ms = options->describe_interval_ms,
                    .rotation_ms = (int64_t)(1000 / options->describe_rate),
                    .window = (size_t)options->max_in_flight},
        .budget = {.lease_namespace = options->lease_namespace,
                   .lease_name = options->lease_name,
                   .floor = GUARD_FLOOR},
    };
}

/* ---- the worker ---- */

/* What a pass has freed lies between what is kept, where malloc holds on to it: several hundred
 * bytes a binding. */
static void give_back(struct process *process)
{
    int64_t now = clock_boot_ms();

    if (!process->has_passed || now < process->give_back_at)
        return;
    mem_give_back();
    process->has_passed = false;
    process->give_back_at = now + GIVE_BACK_MS;
}

static void passed(void *context, const struct sync *sync)
{
    struct process *process = context;

    vitals_passed(&process->vitals, sync);
    process->has_passed = true;
    give_back(process);
}

static void waiting(void *context, const struct sync *sync)
{
    struct process *process = context;

    vitals_waiting(&process->vitals, sync);
    give_back(process);
}

static void *work(void *argument)
{
    struct process *process = argument;
    const struct work_listener listener = {process, passed, waiting};

    if (process->plugin)
        exec_source_await(process->plugin); /* rather than fail, and back off, without it */
    work_run(&process->sync, &listener);
    return NULL;
}

/* ---- the health port: asked on the loop's thread ---- */

/* 0: there is no such thread. */
static bool turned(const char *thread, int64_t heartbeat, struct strbuf *ret_sentence)
{
    if (heartbeat == 0 || clock_boot_ms() < heartbeat + STALE_MS)
        return true;
    strbuf_format(ret_sentence, "the %s thread hangs\n", thread);
    return false;
}

static bool is_alive(void *context, struct strbuf *ret_sentence)
{
    struct process *process = context;

    return turned("worker", inbox_heartbeat(wire_inbox(process->wire)), ret_sentence) &&
           turned("lease", leader_heartbeat(process->leader), ret_sentence) &&
           turned("loop", loop_heartbeat(process->loop), ret_sentence) &&
           turned("watch", watcher_heartbeat(process->watcher), ret_sentence);
}

static bool is_ready(void *context, struct strbuf *ret_sentence)
{
    struct process *process = context;
    char why[640];

    if (vitals_ready(&process->vitals, why, sizeof why))
        return true;
    strbuf_str(ret_sentence, why);
    return false;
}

/* ---- start ---- */

static void lease_lost(void)
{
    kill(getpid(), SIGNAL_LOST);
}

/* Main alone takes them, in sigtimedwait(). */
static sigset_t signals_taken(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGNAL_LOST);
    return signals;
}

void run_hold_signals(void)
{
    sigset_t signals = signals_taken();

    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* whoever started us may have ignored it: plugins must be reaped */
}

/* Credentials are in memory: they must not land in a core file, or be read by another process. */
static void guard_memory(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

static int set_up(struct process *process, struct error *err)
{
    const struct options *options = process->options;
    const struct health_settings health = {
        .context = process, .alive = is_alive, .ready = is_ready, .metrics = metrics_render};
    struct wire_settings wire = {.options = options,
                                 .client = &process->client,
                                 .user_agent = USER_AGENT,
                                 .counted = vitals_counted,
                                 .clock_off = vitals_clock_off};
    struct leader_settings leader = {
        .options = options, .kube = &process->kube, .user_agent = USER_AGENT, .lost = lease_lost};

    if (load_kubeconfig(process, err) < 0)
        return -1;
    set_up_client(process);
    process->loop = loop_new(NULL, err);
    if (!process->loop)
        return -1;
    process->health = health_new(process->loop, &options->listen, &health, err);
    if (!process->health)
        return -1;
    process->watcher = transport_new(options, &process->kube, process->loop, USER_AGENT, err);
    if (!process->watcher)
        return -1;
    wire.watcher = process->watcher;
    process->wire = wire_new(&wire, err);
    if (!process->wire)
        return -1;
    leader.plugin = process->plugin;
    leader.watcher = process->watcher;
    leader.inbox = wire_inbox(process->wire);
    process->leader = leader_new(&leader, err);
    if (!process->leader)
        return -1;
    process->settings = sync_settings_of(options);
    sync_init(&process->sync, &process->settings, wire_ports(process->wire));
    return 0;
}

static int start(struct process *process, struct error *err)
{
    if (process->plugin && exec_source_start(process->plugin, err) < 0)
        return -1;
    if (loop_start(process->loop, err) < 0 || leader_start(process->leader, err) < 0)
        return -1;
    if (pthread_create(&process->worker, NULL, work, process) != 0)
        return error_set(err, ERROR_TRANSIENT, "the worker can't be started");
    process->working = true;
    return 0;
}

/* ---- end ---- */

/* Waits for the worker. A second signal, or the watchdog's time, ends the process at once. */
static void join_worker(struct process *process, const sigset_t *signals, int64_t deadline,
                        int code)
{
    const struct timespec slice = {.tv_nsec = 20 * 1000 * 1000}, none = {0};

    while (process->working && pthread_tryjoin_np(process->worker, NULL) != 0) {
        if (sigtimedwait(signals, NULL, &none) > 0 || clock_boot_ms() >= deadline) {
            log_line(LOG_WARN, "ending without waiting any longer", NULL);
            _exit(code);
        }
        nanosleep(&slice, NULL);
    }
    process->working = false;
}

static void stop(struct process *process, const sigset_t *signals, int code)
{
    int64_t deadline = clock_boot_ms() + WATCHDOG_MS;

    if (process->wire)
        inbox_stop(wire_inbox(process->wire));
    if (process->plugin)
        exec_source_stop(process->plugin);
    join_worker(process, signals, deadline - RELEASE_MS, code);
    if (process->leader)
        leader_stop(process->leader, deadline);
}

static void tear_down(struct process *process)
{
    if (process->loop)
        loop_stop(process->loop);
    if (process->wire) {
        sync_release(&process->sync);
        wire_close(process->wire);
    }
    watcher_free(process->watcher);
    leader_free(process->leader);
    if (process->loop)
        loop_free(process->loop);
    health_free(process->health);
    wire_free(process->wire);
    kube_client_release(&process->client);
    exec_source_free(process->plugin);
    kubeconfig_release(&process->kube);
    vitals_release(&process->vitals);
}

static void say_start(const struct process *process)
{
    const struct options *options = process->options;

    log_line(LOG_INFO, "podbind starts", "version", PODBIND_VERSION, "cluster",
             options->cluster_name, "region", options->aws_region.text, "region_from",
             options->aws_region_from, "instance", options->instance, "api_server",
             process->kube.server, "credentials", wire_credentials_source(process->wire),
             "identity", options->lease_identity, "watches",
             watch_transport_name(watcher_transport(process->watcher)), NULL);
}

static int wait_for_signal(const sigset_t *signals)
{
    int number;

    do
        number = sigwaitinfo(signals, NULL);
    while (number < 0);
    if (number == SIGNAL_LOST) {
        log_line(LOG_ERROR, "the lease is lost", NULL);
        return 1;
    }
    log_line(LOG_INFO, "ending", "signal", number == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
    return 0;
}

int run_controller(const struct options *options)
{
    struct process process = {.options = options};
    sigset_t signals = signals_taken();
    struct error err = {0};
    int code = 1;

    guard_memory();
    vitals_init(&process.vitals);
    if (set_up(&process, &err) == 0 && start(&process, &err) == 0) {
        say_start(&process);
        code = wait_for_signal(&signals);
    } else {
        log_line(LOG_ERROR, "podbind can't start", "error", err.text, NULL);
    }
    stop(&process, &signals, code);
    tear_down(&process);
    return code;
}
