/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wire_credentials.h"

#include <stdio.h>
#include <string.h>

#include "aws/aws_error.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* ---- the log ---- */

static void name_source(struct wire_credentials *wire)
{
    snprintf(wire->told_name, sizeof wire->told_name, "%s",
             credentials_source_name(&wire->credentials));
}

/* The first ones, those after a failure, and those of another source; renewals only for debugging.
 */
static void say_good(struct wire_credentials *wire)
{
    const char *name = credentials_source_name(&wire->credentials);
    bool news = !wire->told_good || strcmp(wire->told_name, name) != 0;
    int64_t expires_us = credentials_expiry(&wire->credentials);
    char expires[CLOCK_TEXT_SIZE] = "never";

    if (expires_us > 0)
        clock_format_s(expires_us, expires);
    log_line(news ? LOG_INFO : LOG_DEBUG, "AWS credentials are there", "source", name, "expire",
             expires, NULL);
    name_source(wire);
    wire->told_good = true;
    error_clear(&wire->told_bad);
}

/* Each failure once, however often it is met in a row. */
static void say_bad(struct wire_credentials *wire, const struct error *error)
{
    bool news = wire->told_good || strcmp(wire->told_bad.text, error->text) != 0;

    log_line(news ? LOG_WARN : LOG_DEBUG, "no AWS credentials", "source",
             credentials_source_name(&wire->credentials), "error", error->text, NULL);
    name_source(wire);
    wire->told_good = false;
    wire->told_bad = *error;
}

static void say(struct wire_credentials *wire, int result, const struct error *error)
{
    if (result < 0)
        say_bad(wire, error);
    else if (result == 0)
        say_good(wire);
}

/* ---- the fetch ---- */

static const char *path_of(const char *const *environment)
{
    for (const char *const *at = environment; at && *at; at++)
        if (strncmp(*at, "PATH=", 5) == 0)
            return *at + 5;
    return NULL;
}

static void run_program(struct wire_credentials *wire, const struct credentials_fetch *fetch,
                        int64_t wall_us)
{
    const struct process_command command = {
        .argv = fetch->argv,
        .environment = wire->environment,
        .path = path_of(wire->environment),
        .deadline_ms = CREDENTIALS_PROGRAM_MS,
        .output_cap = CREDENTIALS_PROGRAM_CAP,
    };
    struct error failure = {0}, err = {0};

    if (process_task_start(wire->program, &command, &failure) < 0)
        say(wire, credentials_output(&wire->credentials, "", 0, &failure, wall_us, &err), &err);
}

static void start_due(struct wire_credentials *wire, int64_t wall_us)
{
    CLEANUP(credentials_fetch_release) struct credentials_fetch fetch = {.owned_url = NULL};
    struct error err = {0};

    if (!credentials_fetch_due(&wire->credentials, wall_us))
        return;
    if (credentials_request(&wire->credentials, wall_us, &fetch, &err) < 0) {
        say_bad(wire, &err);
        return;
    }
    fetch.http.context = wire->context;
    switch (fetch.what) {
    case CREDENTIALS_NOTHING:
        say_good(wire);
        break;
    case CREDENTIALS_LOCAL:
        http_start(wire->engine, wire->local, &fetch.http);
        break;
    case CREDENTIALS_AWS:
        http_start(wire->engine, wire->aws, &fetch.http);
        break;
    case CREDENTIALS_PROGRAM:
        run_program(wire, &fetch, wall_us);
        break;
    }
}

/* The refused request was signed at `wall_us` too, but for the seconds that its answer took. */
static void learn_clock(struct wire_credentials *wire, const struct http_answer *answer,
                        int64_t wall_us, struct error *err)
{
    int64_t offset_us = aws_client_time(wire->client, ENDPOINT_EKS, 0);

    if (aws_error_is_signature(err))
        aws_client_learn(wire->client, ENDPOINT_EKS, answer, wall_us, wall_us - offset_us, err);
}

void wire_credentials_take(struct wire_credentials *wire, struct http_answer *answer,
                           int64_t wall_us)
{
    struct error err = {0};
    int result = credentials_answer(&wire->credentials, answer, wall_us, &err);

    learn_clock(wire, answer, wall_us, &err);
    say(wire, result, &err);
}

void wire_credentials_turn(struct wire_credentials *wire, int64_t wall_us)
{
    CLEANUP(process_output_release) struct process_output output = {.bytes = NULL};
    struct error failure = {0}, err = {0};

    if (process_task_take(wire->program, &output, &failure)) {
        int result = credentials_output(&wire->credentials, output.bytes ? output.bytes : "",
                                        output.length, &failure, wall_us, &err);
        say(wire, result, &err);
    }
    start_due(wire, wall_us);
}

/* ---- life ---- */

static void program_ended(void *context)
{
    http_wake(context);
}

void wire_credentials_init(struct wire_credentials *wire,
                           const struct wire_credentials_settings *settings, int64_t wall_us)
{
    struct http_settings local = {0};
    struct error err = {0};

    credentials_peer(&local);
    local.user_agent = settings->user_agent;
    local.ca_file = settings->ca_file;
    *wire = (struct wire_credentials){
        .engine = settings->engine,
        .local = http_peer_new(&local),
        .aws = settings->aws,
        .client = settings->client,
        .program = process_task_new(program_ended, settings->engine),
        .environment = settings->environment,
        .context = settings->context,
    };
    if (credentials_init(&wire->credentials, settings->from,
                         &settings->client->endpoints[ENDPOINT_STS], &err) < 0)
        say_bad(wire, &err);
    else if (credentials_need(&wire->credentials, wall_us) == CREDENTIALS_FRESH)
        say_good(wire);
}

void wire_credentials_release(struct wire_credentials *wire)
{
    process_task_free(wire->program);
    http_peer_free(wire->local);
    credentials_release(&wire->credentials);
    *wire = (struct wire_credentials){.engine = NULL};
}
