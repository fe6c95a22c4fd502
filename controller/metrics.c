/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "controller/exposition.h"
#include "controller/usage.h"

#define MAX_LABELS 3
#define MAX_BUCKETS 40
#define MAX_SERIES 64 /* of one metric, besides the one of "other" */
#define OTHER "other"

/* ---- the table ---- */

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct definition {
    const char *name;
    enum kind kind;
    const char *labels[MAX_LABELS + 1]; /* ended by NULL */
    const char *help;
};

static const struct definition definitions[METRIC_COUNT] = {
    [METRIC_RECONCILES] = {"controller_runtime_reconcile_total",
                           COUNTER,
                           {"controller", "result"},
                           "Passes over the whole set, by how they ended."},
    [METRIC_RECONCILE_SECONDS] = {"controller_runtime_reconcile_time_seconds",
                                  HISTOGRAM,
                                  {"controller"},
                                  "How long a pass took."},
    [METRIC_REST_CALLS] = {"rest_client_requests_total",
                           COUNTER,
                           {"code", "method", "host"},
                           "Requests to the Kubernetes API server, watches left out."},
    [METRIC_LEADER] = {"leader_election_master_status",
                       GAUGE,
                       {"name"},
                       "1 while this replica holds the Lease, else 0."},
    [METRIC_EKS_CALLS] = {"podbind_eks_calls_total",
                          COUNTER,
                          {"operation", "outcome"},
                          "Calls to EKS, by what became of them."},
    [METRIC_IAM_CALLS] = {"podbind_iam_calls_total",
                          COUNTER,
                          {"operation", "outcome"},
                          "Calls to IAM, by what became of them."},
    [METRIC_BINDINGS] = {"podbind_bindings",
                         GAUGE,
                         {"reason"},
                         "PodIdentityBindings, by the reason of their condition Ready."},
    [METRIC_BINDINGS_NOT_READY] =
        {"podbind_bindings_not_ready",
         GAUGE,
         {"reason"},
         "PodIdentityBindings whose condition Ready is not True, by its reason."},
    [METRIC_ASSOCIATIONS] = {"podbind_associations",
                             GAUGE,
                             {"state"},
                             "Associations that are wanted, by state."},
    [METRIC_ORPHANS] = {"podbind_orphans",
                        GAUGE,
                        {NULL},
                        "Associations of ours that no binding wants."},
    [METRIC_HELD_DELETIONS] = {"podbind_held_deletions",
                               GAUGE,
                               {NULL},
                               "Deletions in EKS that the deletion budget holds back."},
    [METRIC_DELETION_BUDGET] = {"podbind_deletion_budget_left",
                                GAUGE,
                                {NULL},
                                "Deletions in EKS that are left of the budget of ten minutes."},
    [METRIC_WATCH_TRANSPORT] = {"podbind_watch_transport",
                                GAUGE,
                                {"transport"},
                                "1 for the transport that watches take, else 0."},
    [METRIC_REFUSED_BINDINGS] = {"podbind_refused_bindings",
                                 GAUGE,
                                 {NULL},
                                 "Bindings whose finalizer or status the API server refuses."},
    [METRIC_WATCH_CONNECTS] = {"podbind_watch_connects_total",
                               COUNTER,
                               {"resource"},
                               "Watches that were opened."},
    [METRIC_WATCH_ENDS] = {"podbind_watch_ends_total",
                           COUNTER,
                           {"resource", "cause"},
                           "Watches that ended, by cause."},
    [METRIC_RELISTS] = {"podbind_relists_total",
                        COUNTER,
                        {"resource"},
                        "Times a resource had to be listed from scratch."},
    [METRIC_UNREADABLE_OBJECTS] = {"podbind_unreadable_objects_total",
                                   COUNTER,
                                   {"resource"},
                                   "Objects from the API server that could not be read."},
    [METRIC_LAST_PASS] = {"podbind_last_successful_pass_timestamp_seconds",
                          GAUGE,
                          {NULL},
                          "Unix time at which the last pass without errors ended, 0 before it."},
    [METRIC_DROPPED_SAMPLES] =
        {"podbind_dropped_samples_total",
         COUNTER,
         {NULL},
         "Samples that did not fit their metric; not 0 is a bug in podbind."},
};

/* Those of controller-runtime. */
static const double buckets[MAX_BUCKETS] = {
    0.005, 0.01, 0.025, 0.05, 0.1,  0.15, 0.2,  0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6,
    0.7,   0.8,  0.9,   1,    1.25, 1.5,  1.75, 2,    2.5, 3,    3.5, 4,    4.5, 5,
    6,     7,    8,     9,    10,   15,   20,   25,   30,  40,   50,  60,
};

/* ---- the registry ---- */

struct series {
    char *labels;     /* name="value",name="value": the key, as it is rendered */
    double value;     /* of a histogram: the sum */
    uint64_t *counts; /* histogram: one a bucket, and one beyond; else NULL */
};

struct family {
    struct series *series; /* sorted by labels */
    size_t count, capacity;
};

static struct family families[METRIC_COUNT];
static double start_seconds;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t label_count(const struct definition *definition)
{
    size_t count = 0;

    while (definition->labels[count])
        count++;
    return count;
}

static size_t find_place(const struct family *family, const char *labels)
{
    size_t low = 0, high = family->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(family->series[middle].labels, labels) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct series *find(const struct family *family, const char *labels)
{
    size_t at = find_place(family, labels);
    bool there = at < family->count && strcmp(family->series[at].labels, labels) == 0;

    return there ? &family->series[at] : NULL;
}

static struct series *insert(struct family *family, const char *labels)
{
    size_t at = find_place(family, labels);

    MEM_GROW(family->series, family->count, family->capacity);
    memmove(&family->series[at + 1], &family->series[at],
            (family->count - at) * sizeof *family->series);
    family->count++;
    family->series[at] = (struct series){.labels = mem_strdup(labels)};
    return &family->series[at];
}

static void write_labels(const struct definition *definition, const char *const *values,
                         struct strbuf *ret_text)
{
    for (size_t i = 0; definition->labels[i]; i++)
        exposition_label(ret_text, definition->labels[i], values ? values[i] : OTHER);
}

/* The series of these label values, made if need be; that of "other" when there are too many. */
static struct series *take_series(enum metric metric, const char *const *values)
{
    const struct definition *definition = &definitions[metric];
    struct family *family = &families[metric];
    CLEANUP(strbuf_release) struct strbuf labels = {0};

    write_labels(definition, values, &labels);
    struct series *series = find(family, strbuf_text(&labels));
    if (series || family->count < MAX_SERIES)
        return series ? series : insert(family, strbuf_text(&labels));
    strbuf_clear(&labels);
    write_labels(definition, NULL, &labels);
    series = find(family, strbuf_text(&labels));
    return series ? series : insert(family, strbuf_text(&labels));
}

static void family_clear(struct family *family)
{
    for (size_t i = 0; i < family->count; i++) {
        mem_free(family->series[i].labels);
        mem_free(family->series[i].counts);
    }
    mem_free(family->series);
    *family = (struct family){0};
}

/* ---- samples ---- */

enum verb { ADD, SET, OBSERVE };

static void observe(struct series *series, double value)
{
    size_t bucket = 0;

    if (!series->counts)
        series->counts = mem_array(MAX_BUCKETS + 1, sizeof *series->counts);
    while (bucket < MAX_BUCKETS && value > buckets[bucket])
        bucket++;
    series->counts[bucket]++;
    series->value += value;
}

static bool fits(const struct definition *definition, enum verb verb, double value)
{
    switch (definition->kind) {
    case COUNTER:
        return verb == ADD && value >= 0;
    case GAUGE:
        return verb != OBSERVE && !isnan(value);
    case HISTOGRAM:
        return verb == OBSERVE && value >= 0;
    }
    return false;
}

static void record(enum metric metric, enum verb verb, double value, const char *const *values)
{
    struct series *series = take_series(metric, values);

    if (verb == OBSERVE)
        observe(series, value);
    else
        series->value = verb == SET ? value : series->value + value;
}

static void sample(enum metric metric, enum verb verb, double value, va_list labels)
{
    const struct definition *definition = &definitions[metric];
    const char *values[MAX_LABELS + 1] = {NULL};
    const char *label;
    size_t count = 0;

    while (count <= MAX_LABELS && (label = va_arg(labels, const char *)))
        values[count++] = label;
    pthread_mutex_lock(&lock);
    if (count == label_count(definition) && fits(definition, verb, value))
        record(metric, verb, value, values);
    else
        record(METRIC_DROPPED_SAMPLES, ADD, 1, NULL);
    pthread_mutex_unlock(&lock);
}

void metrics_add(enum metric metric, double amount, ...)
{
    va_list labels;

    va_start(labels, amount);
    sample(metric, ADD, amount, labels);
    va_end(labels);
}

void metrics_set(enum metric metric, double value, ...)
{
    va_list labels;

    va_start(labels, value);
    sample(metric, SET, value, labels);
    va_end(labels);
}

void metrics_observe(enum metric metric, double value, ...)
{
    va_list labels;

    va_start(labels, value);
    sample(metric, OBSERVE, value, labels);
    va_end(labels);
}

void metrics_replace(enum metric metric, const struct metrics_row *rows, size_t count)
{
    const struct definition *definition = &definitions[metric];

    pthread_mutex_lock(&lock);
    if (definition->kind == GAUGE && label_count(definition) == 1) {
        family_clear(&families[metric]);
        for (size_t i = 0; i < count; i++)
            record(metric, ADD, rows[i].value, &rows[i].label);
    } else {
        record(METRIC_DROPPED_SAMPLES, ADD, 1, NULL);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- rendering ---- */

static void render_histogram(struct strbuf *out, const char *name, const struct series *series)
{
    uint64_t total = 0;

    for (size_t i = 0; i <= MAX_BUCKETS; i++) {
        total += series->counts[i];
        exposition_bucket(out, name, series->labels, i < MAX_BUCKETS ? &buckets[i] : NULL, total);
    }
    exposition_sample(out, name, "_sum", series->labels, series->value);
    exposition_sample(out, name, "_count", series->labels, (double)total);
}

static void render_family(struct strbuf *out, enum metric metric)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const struct definition *definition = &definitions[metric];
    const struct family *family = &families[metric];

    exposition_head(out, definition->name, kinds[definition->kind], definition->help);
    for (size_t i = 0; i < family->count; i++) {
        if (definition->kind == HISTOGRAM)
            render_histogram(out, definition->name, &family->series[i]);
        else
            exposition_sample(out, definition->name, "", family->series[i].labels,
                              family->series[i].value);
    }
    if (family->count == 0 && !definition->labels[0])
        exposition_sample(out, definition->name, "", "", 0);
}

static void render_figure(struct strbuf *out, const char *name, const char *kind, const char *help,
                          double value)
{
    if (value < 0)
        return;
    exposition_head(out, name, kind, help);
    exposition_sample(out, name, "", "", value);
}

static void render_process(struct strbuf *out)
{
    struct usage usage;

    usage_read(&usage);
    render_figure(out, "process_cpu_seconds_total", "counter",
                  "CPU time used, user and system, in seconds.", usage.cpu_seconds);
    render_figure(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                  usage.resident_bytes);
    render_figure(out, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
                  usage.virtual_bytes);
    render_figure(out, "process_open_fds", "gauge", "Open file descriptors.", usage.open_files);
    render_figure(out, "process_max_fds", "gauge", "Most file descriptors that may be open.",
                  usage.open_files_limit);
    render_figure(out, "process_start_time_seconds", "gauge",
                  "Unix time at which the process started.", start_seconds);
}

static void render_build(struct strbuf *out)
{
    CLEANUP(strbuf_release) struct strbuf labels = {0};

    exposition_label(&labels, "version", PODBIND_VERSION);
    exposition_head(out, "podbind_build_info", "gauge", "Always 1; the labels tell the build.");
    exposition_sample(out, "podbind_build_info", "", strbuf_text(&labels), 1);
}

void metrics_render(struct strbuf *ret_text)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < METRIC_COUNT; i++)
        render_family(ret_text, (enum metric)i);
    if (start_seconds <= 0)
        start_seconds = usage_start_seconds();
    render_build(ret_text);
    render_process(ret_text);
    pthread_mutex_unlock(&lock);
}

void metrics_reset(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < METRIC_COUNT; i++)
        family_clear(&families[i]);
    pthread_mutex_unlock(&lock);
}
