/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/exec_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/utf8.h"
#include "kube/exec_cache.h"
#include "kube/kubeconfig_exec.h"
#include "kube/watch_tls.h"

#define DEADLINE_MS 20000
#define LONGEST_WAIT_MS 60000 /* the clock of a wait stands still while the machine sleeps */
#define HINT_MAX 200

struct exec_source {
    struct exec_source_settings settings;
    pthread_mutex_t lock; /* of all below but stop_event */
    pthread_cond_t changed;
    struct exec_cache cache;
    bool answered, stopped;
    bool failing; /* the thread's own */
    int stop_event;
    pthread_t thread;
    bool running;
};

static uint64_t make_random(void)
{
    uint64_t random = 0;
    while (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        continue; /* only a signal can interrupt so short a read */
    return random;
}

/* ---- one run: the thread, without the lock ---- */

static bool sets_same(const char *variable, const char *other)
{
    size_t length = strcspn(variable, "=");
    return strncmp(variable, other, length + 1) == 0;
}

static bool is_replaced(const char *variable, char *const *list, const char *info)
{
    if (sets_same(info, variable))
        return true;
    for (; *list != NULL; list++) {
        if (sets_same(*list, variable))
            return true;
    }
    return false;
}

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words != NULL && words[count] != NULL)
        count++;
    return count;
}

/* Ours without what is replaced, the kubeconfig's, and the question. An array of borrowed texts. */
static const char **make_environment(const struct exec_source *source, const char *info)
{
    const struct kubeconfig_exec *exec = source->settings.config->exec;
    const char *const *ours = source->settings.environment;
    const char *const *theirs = (const char *const *)exec->env;
    const char **all = mem_array(count_words(ours) + count_words(theirs) + 2, sizeof *all);
    size_t count = 0;
    for (; ours != NULL && *ours != NULL; ours++) {
        if (!is_replaced(*ours, exec->env, info))
            all[count++] = *ours;
    }
    for (; *theirs != NULL; theirs++)
        all[count++] = *theirs;
    all[count] = info;
    return all;
}

static const char *our_path(const struct exec_source *source)
{
    const char *const *ours = source->settings.environment;
    for (; ours != NULL && *ours != NULL; ours++) {
        if (strncmp(*ours, "PATH=", 5) == 0)
            return *ours + 5;
    }
    return NULL;
}

static int run_program(const struct exec_source *source, struct process_output *ret_output,
                       struct error *err)
{
    const struct kubeconfig_exec *exec = source->settings.config->exec;
    CLEANUP(strbuf_release) struct strbuf info = {0};
    strbuf_str(&info, "KUBERNETES_EXEC_INFO=");
    exec_credential_info(source->settings.config, &info);
    CLEANUP_FREE const char **environment = make_environment(source, strbuf_text(&info));
    const struct process_command command = {
        .argv = (const char *const *)exec->argv,
        .environment = environment,
        .path = our_path(source),
        .deadline_ms = DEADLINE_MS,
        .output_cap = EXEC_CREDENTIAL_CAP,
        .stop = source->stop_event,
    };
    return process_run(&command, ret_output, err);
}

/* A key that does not belong to its certificate is better refused here than at each connection. */
static int check_certificate(const struct exec_credential *credential, struct error *err)
{
    const struct watch_tls_settings settings = {
        .name = "any", .cert_pem = credential->cert_pem, .key_pem = credential->key_pem};
    CLEANUP(watch_tls_release) struct watch_tls tls = {0};
    if (*credential->cert_pem == '\0')
        return 0;
    return watch_tls_init(&tls, &settings, err);
}

/* Where to get it, as the kubeconfig says, on one line. */
static void add_hint(const struct kubeconfig_exec *exec, struct error *err)
{
    const struct error plain = *err;
    CLEANUP_FREE char *hint =
        mem_strndup(exec->install_hint, utf8_cut(exec->install_hint, HINT_MAX));
    for (char *c = hint; *c != '\0'; c++)
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? ' ' : *c;
    if (*hint != '\0')
        error_set(err, plain.kind, "%s (%s)", plain.text, hint);
}

static int run_plugin(const struct exec_source *source, struct exec_credential **ret_credential,
                      struct error *err)
{
    const struct kubeconfig_exec *exec = source->settings.config->exec;
    CLEANUP(process_output_release) struct process_output output = {0};
    struct exec_credential *credential = NULL;
    if (run_program(source, &output, err) < 0) {
        if (err->kind == ERROR_NOT_FOUND)
            add_hint(exec, err);
        return -1;
    }
    if (exec_credential_read(output.bytes, output.length, exec->api_version, &credential, err) < 0)
        return error_wrap(err, "%s", exec->argv[0]);
    if (check_certificate(credential, err) < 0) {
        exec_credential_drop(credential);
        return error_wrap(err, "%s", exec->argv[0]);
    }
    *ret_credential = credential;
    return 0;
}

/* ---- the thread ---- */

static void tell(struct exec_source *source, const struct error *error)
{
    bool failed = error->kind != ERROR_NONE;
    if (source->settings.told != NULL && (failed || source->failing))
        source->settings.told(source->settings.context, error);
    source->failing = failed;
}

/* Runs the plugin once. Called with the lock, which is open meanwhile. */
static void renew(struct exec_source *source)
{
    struct exec_credential *credential = NULL;
    struct error err = {0};
    exec_cache_started(&source->cache, clock_boot_ms());
    pthread_mutex_unlock(&source->lock);
    int done = run_plugin(source, &credential, &err);
    uint64_t random = make_random();
    if (done < 0)
        error_wrap(&err, "user \"%s\": the credential plugin", source->settings.config->exec->user);
    pthread_mutex_lock(&source->lock);
    if (done == 0)
        exec_cache_take(&source->cache, credential, clock_boot_ms(), clock_wall_us(), random, &err);
    else
        exec_cache_failed(&source->cache, &err, clock_boot_ms(), random);
    source->answered = true;
    bool stopped = source->stopped;
    pthread_cond_broadcast(&source->changed);
    pthread_mutex_unlock(&source->lock);
    if (!stopped)
        tell(source, &err);
    pthread_mutex_lock(&source->lock);
}

static void wait_until(struct exec_source *source, int64_t due_ms)
{
    int64_t wait_ms = due_ms - clock_boot_ms();
    struct timespec until;
    wait_ms = wait_ms < 0 ? 0 : wait_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait_ms;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&source->changed, &source->lock, &until);
}

static void *thread_main(void *argument)
{
    struct exec_source *source = argument;
    pthread_mutex_lock(&source->lock);
    while (!source->stopped) {
        int64_t due_ms = exec_cache_due(&source->cache);
        if (due_ms <= clock_boot_ms())
            renew(source);
        else
            wait_until(source, due_ms);
    }
    pthread_mutex_unlock(&source->lock);
    return NULL;
}

/* ---- life ---- */

struct exec_source *exec_source_new(const struct exec_source_settings *settings)
{
    struct exec_source *source = mem_alloc(sizeof *source);
    pthread_condattr_t attributes;
    source->settings = *settings;
    pthread_mutex_init(&source->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&source->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    exec_cache_init(&source->cache, clock_boot_ms());
    source->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return source;
}

int exec_source_start(struct exec_source *source, struct error *err)
{
    if (source->stop_event < 0 || pthread_create(&source->thread, NULL, thread_main, source) != 0)
        return error_set(err, ERROR_TRANSIENT, "the credential plugin's thread can't be started");
    source->running = true;
    return 0;
}

void exec_source_stop(struct exec_source *source)
{
    pthread_mutex_lock(&source->lock);
    source->stopped = true;
    pthread_cond_broadcast(&source->changed);
    pthread_mutex_unlock(&source->lock);
    eventfd_write(source->stop_event, 1);
}

void exec_source_free(struct exec_source *source)
{
    if (source == NULL)
        return;
    exec_source_stop(source);
    if (source->running)
        pthread_join(source->thread, NULL);
    exec_cache_release(&source->cache);
    if (source->stop_event >= 0)
        close(source->stop_event);
    pthread_cond_destroy(&source->changed);
    pthread_mutex_destroy(&source->lock);
    mem_free(source);
}

/* ---- for everybody ---- */

void exec_source_await(struct exec_source *source)
{
    pthread_mutex_lock(&source->lock);
    while (!source->answered && !source->stopped)
        pthread_cond_wait(&source->changed, &source->lock);
    pthread_mutex_unlock(&source->lock);
}

int exec_source_take(struct exec_source *source, int64_t now_ms,
                     struct exec_credential **ret_credential, struct error *err)
{
    pthread_mutex_lock(&source->lock);
    struct exec_credential *credential = exec_cache_current(&source->cache, now_ms, err);
    if (credential != NULL)
        *ret_credential = exec_credential_hold(credential);
    pthread_mutex_unlock(&source->lock);
    return credential != NULL ? 0 : -1;
}

void exec_source_reject(struct exec_source *source, uint64_t number)
{
    uint64_t random = make_random();
    pthread_mutex_lock(&source->lock);
    exec_cache_rejected(&source->cache, number, clock_boot_ms(), random);
    pthread_cond_broadcast(&source->changed);
    pthread_mutex_unlock(&source->lock);
}
