/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench_kube.h"

#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/mem.h"
#include "crds/binding_json.h"
#include "kube/kube_request.h"
#include "kube/kubeconfig.h"
#include "reconcile/outcome.h"
#include "tests/bench/bench_set.h"

#define DEADLINE_MS 60000
#define USER_AGENT "podbind-bench"

enum kind {
    MAKE_BINDING,
    MAKE_ACCOUNT,
    PUT_FINALIZER,
    PUT_STATUS,
    DROP_FINALIZERS,
    DELETE_BINDING
};

struct driver {
    const struct bench_kube_settings *settings;
    struct kubeconfig config;
    struct kube_client client;
    struct http_peer *peer;
    struct http *engine;
    struct bench_set set;
    struct desired desired; /* of the set */
    char **versions; /* of each object, as the last answer said; NULL: a request is under way */
    struct bench_kube_figures *figures;
};

/* One request: what is done to which object. */
struct errand {
    enum kind kind;
    size_t index;
};

/* ---- bodies ---- */

static void write_binding(const char *name, const char *account, struct strbuf *body)
{
    strbuf_format(
        body,
        "{\"apiVersion\":\"" BINDING_GROUP "/" BINDING_VERSION "\",\"kind\":\"" BINDING_KIND
        "\",\"metadata\":{\"name\":\"%s\"},\"spec\":{\"serviceAccount\":{\"name\":\"%s\"},"
        "\"role\":{\"name\":\"reader\"}}}",
        name, account);
}

/* What the operator writes for a binding whose association stands. */
static void write_status(struct driver *driver, size_t index, struct strbuf *body)
{
    const struct outcome_context context = {.cluster = &driver->set.cluster,
                                            .mirror = &driver->set.mirror,
                                            .now = clock_boot_ms(),
                                            .wall_us = clock_wall_us(),
                                            .hold = "",
                                            .blind_reason = "",
                                            .blind_message = ""};
    struct outcome outcome;

    outcome_make(&driver->desired.claims[index], &context, &outcome);
    binding_status_patch(driver->versions[index], &outcome.status, body);
    outcome_release(&outcome);
    driver->figures->status_bytes += body->length;
}

static void write_body(struct driver *driver, const struct errand *errand, struct strbuf *body)
{
    char name[BENCH_NAME_SIZE], account[BENCH_NAME_SIZE];

    bench_names(errand->index, name, account);
    switch (errand->kind) {
    case MAKE_BINDING:
        write_binding(name, account, body);
        break;
    case MAKE_ACCOUNT:
        strbuf_format(body,
                      "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\","
                      "\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}}}",
                      account, name);
        break;
    case PUT_FINALIZER:
        binding_finalizers_patch(driver->versions[errand->index], BINDING_FINALIZER "\n", body);
        driver->figures->finalizer_bytes += body->length;
        break;
    case PUT_STATUS:
        write_status(driver, errand->index, body);
        break;
    case DROP_FINALIZERS:
        strbuf_str(body, "{\"metadata\":{\"finalizers\":null}}");
        break;
    case DELETE_BINDING:
        break;
    }
}

/* ---- requests ---- */

static struct kube_call call_of(const struct driver *driver, const struct errand *errand,
                                const char *name, const struct strbuf *body)
{
    bool creates = errand->kind == MAKE_BINDING || errand->kind == MAKE_ACCOUNT;
    bool deletes = errand->kind == DELETE_BINDING;
    struct kube_path path = {.group = BINDING_GROUP,
                             .version = BINDING_VERSION,
                             .namespace = driver->settings->namespace,
                             .resource = BINDING_PLURAL,
                             .name = creates ? "" : name,
                             .subresource = errand->kind == PUT_STATUS ? "status" : ""};

    if (errand->kind == MAKE_ACCOUNT)
        path = (struct kube_path){.version = "v1",
                                  .namespace = driver->settings->namespace,
                                  .resource = "serviceaccounts"};
    return (struct kube_call){.method = creates   ? "POST"
                                        : deletes ? "DELETE"
                                                  : "PATCH",
                              .path = path,
                              .content_type = creates   ? KUBE_JSON
                                              : deletes ? NULL
                                                        : KUBE_MERGE_PATCH,
                              .body = deletes ? NULL : strbuf_text(body),
                              .body_length = body->length};
}

static int start_errand(struct driver *driver, const struct errand *errand, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf body = {0};
    char name[BENCH_NAME_SIZE], account[BENCH_NAME_SIZE];
    struct kube_request request;
    struct kube_call call;

    bench_names(errand->index, name, account);
    write_body(driver, errand, &body);
    call = call_of(driver, errand, name, &body);
    if (kube_request_make(&driver->client, &call, clock_boot_ms(), &request, err) < 0)
        return -1;
    request.http.deadline_ms = DEADLINE_MS;
    request.http.context = mem_dup(errand, sizeof *errand);
    http_start(driver->engine, driver->peer, &request.http);
    kube_request_release(&request);
    mem_free(driver->versions[errand->index]);
    driver->versions[errand->index] = NULL;
    return 0;
}

/* The first of an object is its own: metadata comes before spec and status. */
static char *version_in(const char *object)
{
    static const char label[] = "\"resourceVersion\":\"";
    const char *found = strstr(object, label);

    if (!found)
        return mem_strdup("");
    found += sizeof label - 1;
    return mem_strndup(found, strcspn(found, "\""));
}

/* Returns the kind of what came back, or -1. */
static int finish_errand(struct driver *driver, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = {0};
    CLEANUP_FREE struct errand *errand = NULL;

    if (!http_next(driver->engine, DEADLINE_MS, &answer))
        return error_set(err, ERROR_UNKNOWN, "no answer within %d s", DEADLINE_MS / 1000);
    errand = answer.context;
    if (answer.status < 200 || answer.status > 299)
        return error_set(err, ERROR_UNKNOWN, "object %zu: status %d: %s%.200s", errand->index,
                         answer.status, answer.error.text, strbuf_text(&answer.body));
    driver->versions[errand->index] = version_in(strbuf_text(&answer.body));
    return (int)errand->kind;
}

/* All of the first kind, then all of the second, without a stop between. An object's second request
 * waits for the answer to its first. */
static int drive(struct driver *driver, const enum kind *kinds, size_t kind_count,
                 struct error *err)
{
    size_t count = driver->settings->count, total = count * kind_count, sent = 0, done = 0;
    int64_t started = clock_boot_ms();

    while (done < total) {
        int kind;

        while (sent < total && sent - done < driver->settings->window) {
            struct errand errand = {kinds[sent / count], sent % count};

            if (!driver->versions[errand.index])
                break;
            if (start_errand(driver, &errand, err) < 0)
                return -1;
            sent++;
        }
        kind = finish_errand(driver, err);
        if (kind < 0)
            return -1;
        done++;
        if (kind == PUT_FINALIZER)
            driver->figures->finalizers_ms = clock_boot_ms() - started;
    }
    driver->figures->wall_ms = clock_boot_ms() - started;
    return 0;
}

/* ---- the modes ---- */

static int drive_mode(struct driver *driver, const char *mode, struct error *err)
{
    static const enum kind create[] = {MAKE_BINDING}, delete[] = {DELETE_BINDING},
                           accounts[] = {MAKE_ACCOUNT}, patches[] = {PUT_FINALIZER, PUT_STATUS},
                           removal[] = {DROP_FINALIZERS, DELETE_BINDING};

    if (strcmp(mode, "create") == 0)
        return drive(driver, create, 1, err);
    if (strcmp(mode, "delete") == 0)
        return drive(driver, delete, 1, err);
    if (strcmp(mode, "accounts") == 0)
        return drive(driver, accounts, 1, err);
    if (strcmp(mode, "remove") == 0)
        return drive(driver, removal, 2, err);
    if (strcmp(mode, "bound") == 0)
        return drive(driver, create, 1, err) < 0 ? -1 : drive(driver, patches, 2, err);
    return error_set(err, ERROR_INVALID,
                     "no mode '%s': expected create, bound, accounts, delete or remove", mode);
}

static void build_set(struct driver *driver)
{
    struct desired_input input = {.cluster = &driver->set.cluster,
                                  .own_namespace = BENCH_OWN_NAMESPACE};

    bench_set_make(BENCH_NAMED, driver->settings->count, &driver->set);
    input.bindings = (const struct binding *const *)driver->set.bindings;
    input.binding_count = driver->set.binding_count;
    desired_build(&input, &driver->desired);
    driver->versions = mem_array(driver->settings->count, sizeof *driver->versions);
    for (size_t i = 0; i < driver->settings->count; i++)
        driver->versions[i] = mem_strdup("");
}

static int connect_driver(struct driver *driver, struct error *err)
{
    struct http_settings http = {0};

    if (kubeconfig_load(driver->settings->kubeconfig, "", &driver->config, err) < 0)
        return -1;
    kube_client_init(&driver->client, &driver->config, USER_AGENT);
    kube_client_settings(&driver->client, &http);
    driver->peer = http_peer_new(&http);
    driver->engine = http_new();
    return 0;
}

static void driver_release(struct driver *driver)
{
    if (driver->engine)
        http_free(driver->engine);
    if (driver->peer)
        http_peer_free(driver->peer);
    for (size_t i = 0; driver->versions && i < driver->settings->count; i++)
        mem_free(driver->versions[i]);
    mem_free(driver->versions);
    desired_release(&driver->desired);
    bench_set_release(&driver->set);
    kube_client_release(&driver->client);
    kubeconfig_release(&driver->config);
}

int bench_kube_run(const char *mode, const struct bench_kube_settings *settings,
                   struct bench_kube_figures *ret_figures, struct error *err)
{
    struct bench_kube_figures figures = {0};
    CLEANUP(driver_release) struct driver driver = {.settings = settings, .figures = &figures};

    if (connect_driver(&driver, err) < 0)
        return -1;
    build_set(&driver);
    if (drive_mode(&driver, mode, err) < 0)
        return -1;
    *ret_figures = figures;
    return 0;
}
