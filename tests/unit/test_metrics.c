/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/metrics.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What a scrape shows, with a newline put in front so that lines can be searched whole. */
static char *scrape(void)
{
    struct strbuf text = {0};

    strbuf_char(&text, '\n');
    metrics_render(&text);
    assert_true(strbuf_ok(&text));
    return strbuf_take(&text);
}

static void assert_line(const char *line)
{
    CLEANUP_FREE char *text = scrape();
    CLEANUP(strbuf_release) struct strbuf whole = {0};

    strbuf_format(&whole, "\n%s\n", line);
    if (!strstr(text, strbuf_text(&whole)))
        fail_msg("no line \"%s\" in\n%s", line, text);
}

static void assert_absent(const char *part)
{
    CLEANUP_FREE char *text = scrape();

    if (strstr(text, part))
        fail_msg("\"%s\" stands in\n%s", part, text);
}

/* The value of the series that the line starts with, labels included; -1 when there is none. */
static double value_of(const char *series)
{
    CLEANUP_FREE char *text = scrape();
    CLEANUP(strbuf_release) struct strbuf start = {0};

    strbuf_format(&start, "\n%s ", series);
    const char *at = strstr(text, strbuf_text(&start));
    return at ? strtod(at + start.length, NULL) : -1;
}

static int clean(void **state)
{
    (void)state;
    metrics_reset();
    return 0;
}

static void counters_add_up_by_labels(void **state)
{
    (void)state;
    metrics_add(METRIC_EKS_CALLS, 1, "CreatePodIdentityAssociation", "ok", NULL);
    metrics_add(METRIC_EKS_CALLS, 2, "CreatePodIdentityAssociation", "ok", NULL);
    metrics_add(METRIC_EKS_CALLS, 1, "CreatePodIdentityAssociation", "denied", NULL);
    assert_line("# TYPE podbind_eks_calls_total counter");
    assert_line("# HELP podbind_eks_calls_total Calls to EKS, by what became of them.");
    assert_line(
        "podbind_eks_calls_total{operation=\"CreatePodIdentityAssociation\",outcome=\"ok\"} 3");
    assert_line(
        "podbind_eks_calls_total{operation=\"CreatePodIdentityAssociation\",outcome=\"denied\"} 1");
}

static void gauges_go_up_and_down(void **state)
{
    (void)state;
    metrics_set(METRIC_LEADER, 1, "podbind", NULL);
    assert_line("leader_election_master_status{name=\"podbind\"} 1");
    metrics_set(METRIC_LEADER, 0, "podbind", NULL);
    assert_line("leader_election_master_status{name=\"podbind\"} 0");
    metrics_add(METRIC_ORPHANS, 2, NULL);
    metrics_add(METRIC_ORPHANS, -1, NULL);
    assert_line("podbind_orphans 1");
}

static void what_has_no_labels_is_there_from_the_start(void **state)
{
    (void)state;
    assert_line("podbind_orphans 0");
    assert_line("podbind_last_successful_pass_timestamp_seconds 0");
    assert_line("podbind_dropped_samples_total 0");
    assert_absent("\npodbind_eks_calls_total{");
}

static void numbers_are_written_so_that_they_read_back(void **state)
{
    static const struct {
        double value;
        const char *line;
    } rows[] = {
        {1795375689.123456, "podbind_last_successful_pass_timestamp_seconds 1795375689.123456"},
        {0.1, "podbind_last_successful_pass_timestamp_seconds 0.1"},
        {1.0 / 3, "podbind_last_successful_pass_timestamp_seconds 0.3333333333333333"},
        {9007199254740992, "podbind_last_successful_pass_timestamp_seconds 9007199254740992"},
        {INFINITY, "podbind_last_successful_pass_timestamp_seconds +Inf"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        metrics_set(METRIC_LAST_PASS, rows[i].value, NULL);
        assert_line(rows[i].line);
    }
}

static void histograms_count_what_is_not_above(void **state)
{
    (void)state;
    metrics_observe(METRIC_RECONCILE_SECONDS, 0.005, "pass", NULL);
    metrics_observe(METRIC_RECONCILE_SECONDS, 0.3, "pass", NULL);
    metrics_observe(METRIC_RECONCILE_SECONDS, 61.5, "pass", NULL);
    assert_line("# TYPE controller_runtime_reconcile_time_seconds histogram");
#define BUCKET "controller_runtime_reconcile_time_seconds_bucket{controller=\"pass\",le="
    assert_line(BUCKET "\"0.005\"} 1");
    assert_line(BUCKET "\"0.25\"} 1");
    assert_line(BUCKET "\"0.3\"} 2");
    assert_line(BUCKET "\"60\"} 2");
    assert_line(BUCKET "\"+Inf\"} 3");
    assert_line("controller_runtime_reconcile_time_seconds_sum{controller=\"pass\"} 61.805");
    assert_line("controller_runtime_reconcile_time_seconds_count{controller=\"pass\"} 3");
}

static void replacing_takes_old_rows_away(void **state)
{
    static const struct metrics_row first[] = {{"Associated", 3}, {"KeyTaken", 1}};
    static const struct metrics_row second[] = {{"Associated", 4}, {"Associated", 1}};

    (void)state;
    metrics_replace(METRIC_BINDINGS, first, COUNT(first));
    assert_line("podbind_bindings{reason=\"KeyTaken\"} 1");
    metrics_replace(METRIC_BINDINGS, second, COUNT(second));
    assert_line("podbind_bindings{reason=\"Associated\"} 5");
    assert_absent("KeyTaken");
}

static void label_values_are_escaped_cut_and_plain(void **state)
{
    char line[256];

    (void)state;
    metrics_add(METRIC_RELISTS, 1, "a\"b\\c\nd\x7f\xc3\xa9", NULL);
    assert_line("podbind_relists_total{resource=\"a\\\"b\\\\c_d___\"} 1");
    metrics_reset();
    snprintf(line, sizeof line, "%0100d", 0);
    metrics_add(METRIC_RELISTS, 1, line, NULL);
    snprintf(line, sizeof line, "podbind_relists_total{resource=\"%064d\"} 1", 0);
    assert_line(line);
}

static void too_many_label_values_become_other(void **state)
{
    char name[16];

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof name, "r%d", i);
            metrics_add(METRIC_RELISTS, 1, name, NULL);
        }
    assert_line("podbind_relists_total{resource=\"r63\"} 2");
    assert_absent("resource=\"r64\"");
    assert_line("podbind_relists_total{resource=\"other\"} 1872");
}

static void samples_that_do_not_fit_are_counted_as_dropped(void **state)
{
    static const struct metrics_row row = {"x", 1};

    (void)state;
    metrics_add(METRIC_EKS_CALLS, 1, "one label too few", NULL);
    metrics_add(METRIC_RELISTS, 1, "one", "too many", NULL);
    metrics_add(METRIC_RELISTS, 1, "a", "b", "c", "d", "e", "f", NULL);
    metrics_add(METRIC_RELISTS, -1, "a counter never goes down", NULL);
    metrics_set(METRIC_RELISTS, 1, "a counter is not set", NULL);
    metrics_observe(METRIC_ORPHANS, 1, NULL);
    metrics_set(METRIC_ORPHANS, NAN, NULL);
    metrics_replace(METRIC_RELISTS, &row, 1);
    assert_line("podbind_dropped_samples_total 8");
    assert_absent("podbind_relists_total{");
}

static void the_process_tells_what_it_uses(void **state)
{
    (void)state;
    assert_true(value_of("process_cpu_seconds_total") > 0);
    assert_true(value_of("process_resident_memory_bytes") > 1e6);
    assert_true(value_of("process_virtual_memory_bytes") >=
                value_of("process_resident_memory_bytes"));
    assert_true(value_of("process_max_fds") >= value_of("process_open_fds"));
    assert_true(value_of("podbind_build_info{version=\"" PODBIND_VERSION "\"}") == 1);

    double started = value_of("process_start_time_seconds");
    assert_true(started <= (double)time(NULL) + 1 && started > (double)time(NULL) - 600);
    assert_true(value_of("process_start_time_seconds") == started);
}

static void open_files_are_counted_exactly(void **state)
{
    FILE *one = fopen("/dev/null", "re");
    int open = 0;

    (void)state;
    if (getenv("UNDER_VALGRIND"))
        skip(); /* which has some open itself */
    for (int handle = 0; handle < 1024; handle++)
        open += fcntl(handle, F_GETFD) >= 0;
    assert_true(value_of("process_open_fds") == open);
    fclose(one);
    assert_true(value_of("process_open_fds") == open - 1);
}

/* Every line of a full scrape has the form of the text format, and no metric is declared twice. */
static void every_line_is_well_formed(void **state)
{
    metrics_add(METRIC_REST_CALLS, 1, "200", "GET", "127.0.0.1:6443", NULL);
    metrics_observe(METRIC_RECONCILE_SECONDS, 1, "pass", NULL);
    CLEANUP_FREE char *text = scrape();
    char name[128], type[16], seen[4096] = "", entry[140];

    (void)state;
    for (char *line = text + 1; *line; line += strlen(line) + 1) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "# TYPE %127s %15s", name, type) == 2) {
            snprintf(entry, sizeof entry, "%s;", name);
            assert_null(strstr(seen, entry));
            assert_true(strlen(seen) + strlen(entry) < sizeof seen);
            memcpy(seen + strlen(seen), entry, strlen(entry) + 1);
        } else if (line[0] != '#') {
            const char *number = strrchr(line, ' ');
            char *end;

            assert_non_null(number);
            strtod(number + 1, &end);
            assert_true(*end == '\0' && end > number + 1);
            assert_true(strncmp(line, name, strlen(name)) == 0);
        }
    }
}

#define THREADS 4
#define ROUNDS 5000

static void *hammer(void *argument)
{
    static const struct metrics_row rows[] = {{"a", 1}, {"b", 2}};

    for (int i = 0; i < ROUNDS; i++) {
        metrics_add(METRIC_EKS_CALLS, 1, "ListPodIdentityAssociations", "ok", NULL);
        metrics_observe(METRIC_RECONCILE_SECONDS, 0.01, "pass", NULL);
        metrics_replace(METRIC_BINDINGS, rows, COUNT(rows));
    }
    return argument;
}

static void threads_lose_nothing(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
    for (int i = 0; i < 100; i++) {
        CLEANUP_FREE char *text = scrape();

        assert_true(!strstr(text, "reason=\"a\"") == !strstr(text, "reason=\"b\""));
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_line("podbind_eks_calls_total{operation=\"ListPodIdentityAssociations\",outcome=\"ok\"} "
                "20000");
    assert_line("controller_runtime_reconcile_time_seconds_count{controller=\"pass\"} 20000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(counters_add_up_by_labels, clean),
        cmocka_unit_test_setup(gauges_go_up_and_down, clean),
        cmocka_unit_test_setup(what_has_no_labels_is_there_from_the_start, clean),
        cmocka_unit_test_setup(numbers_are_written_so_that_they_read_back, clean),
        cmocka_unit_test_setup(histograms_count_what_is_not_above, clean),
        cmocka_unit_test_setup(replacing_takes_old_rows_away, clean),
        cmocka_unit_test_setup(label_values_are_escaped_cut_and_plain, clean),
        cmocka_unit_test_setup(too_many_label_values_become_other, clean),
        cmocka_unit_test_setup(samples_that_do_not_fit_are_counted_as_dropped, clean),
        cmocka_unit_test_setup(the_process_tells_what_it_uses, clean),
        cmocka_unit_test_setup(open_files_are_counted_exactly, clean),
        cmocka_unit_test_setup(every_line_is_well_formed, clean),
        cmocka_unit_test_setup_teardown(threads_lose_nothing, clean, clean),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
