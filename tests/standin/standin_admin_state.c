/* SPDX-License-Identifier: Apache-2.0 */
/* Settings, faults, counters, the request log and the container's credentials, by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/standin/standin_admin.h"
#include "tests/standin/standin_duration.h"

#define FAULT_MEMBERS                                                                              \
    "operation cluster nth count probability kind afterEffect error status message latency "       \
    "retryAfter"
#define SETTING_MEMBERS                                                                            \
    "propagation latency rate burst readRate readBurst quota anyRole ghostConflicts "              \
    "containerToken webIdentityToken credentialsLifetime clockAhead"

/* ---- settings ---- */

int standin_get_settings(struct standin_hand *hand)
{
    const struct model_settings *settings = model_settings(hand->standin->model);
    struct standin_writer *writer = &hand->writer;

    standin_open(writer, NULL, '{');
    standin_exact(writer, "account", settings->account);
    standin_exact(writer, "region", settings->region);
    standin_exact(writer, "partition", settings->partition);
    standin_duration(writer, "propagation", settings->propagation_ms);
    standin_duration(writer, "latency", settings->latency_ms);
    standin_number(writer, "rate", settings->rate);
    standin_number(writer, "burst", settings->burst);
    standin_number(writer, "readRate", settings->read_rate);
    standin_number(writer, "readBurst", settings->read_burst);
    standin_whole(writer, "quota", (int64_t)settings->quota);
    standin_flag(writer, "anyRole", settings->any_role);
    standin_flag(writer, "ghostConflicts", !settings->no_ghost_conflict);
    standin_duration(writer, "credentialsLifetime", hand->standin->credentials_lifetime_ms);
    standin_duration(writer, "clockAhead", hand->standin->clock_ahead_ms);
    standin_close(writer, '}');
    return 0;
}

static int read_settings(struct standin_hand *hand, struct model_settings *settings)
{
    const json_t *body = hand->body;
    double quota = (double)settings->quota;
    bool ghosts = !settings->no_ghost_conflict;

    if (standin_hand_known(hand, body, SETTING_MEMBERS) < 0 ||
        standin_hand_duration(hand, body, "propagation", &settings->propagation_ms) < 0 ||
        standin_hand_duration(hand, body, "latency", &settings->latency_ms) < 0 ||
        standin_hand_number(hand, body, "rate", &settings->rate) < 0 ||
        standin_hand_number(hand, body, "burst", &settings->burst) < 0 ||
        standin_hand_number(hand, body, "readRate", &settings->read_rate) < 0 ||
        standin_hand_number(hand, body, "readBurst", &settings->read_burst) < 0 ||
        standin_hand_number(hand, body, "quota", &quota) < 0 ||
        standin_hand_flag(hand, body, "anyRole", &settings->any_role) < 0 ||
        standin_hand_flag(hand, body, "ghostConflicts", &ghosts) < 0)
        return -1;
    settings->quota = quota < 1e9 ? (size_t)quota : (size_t)1e9;
    settings->no_ghost_conflict = !ghosts;
    return 0;
}

/* A duration that may be less than nothing. */
static int read_clock(struct standin_hand *hand, int64_t *ret_ahead_ms)
{
    const char *text = NULL;
    int64_t ms = 0;

    if (standin_hand_text(hand, hand->body, "clockAhead", &text) < 0)
        return -1;
    if (!text)
        return 0;
    if (!standin_duration_parse(text + (*text == '-'), &ms))
        return standin_hand_refuse(hand, 400, "clockAhead must be a duration such as 1h or -90s");
    *ret_ahead_ms = *text == '-' ? -ms : ms;
    return 0;
}

int standin_put_settings(struct standin_hand *hand)
{
    struct standin *standin = hand->standin;
    struct model_settings settings = *model_settings(standin->model);
    const char *token = standin->container_token, *web_token = NULL;
    int64_t lifetime = standin->credentials_lifetime_ms, ahead = standin->clock_ahead_ms;

    if (read_settings(hand, &settings) < 0 ||
        standin_hand_text(hand, hand->body, "containerToken", &token) < 0 ||
        standin_hand_text(hand, hand->body, "webIdentityToken", &web_token) < 0 ||
        standin_hand_duration(hand, hand->body, "credentialsLifetime", &lifetime) < 0 ||
        read_clock(hand, &ahead) < 0)
        return -1;
    if (strlen(token) >= sizeof standin->container_token)
        return standin_hand_refuse(hand, 400, "containerToken is too long");
    *model_settings(standin->model) = settings;
    memmove(standin->container_token, token, strlen(token) + 1);
    standin->credentials_lifetime_ms = lifetime;
    if (web_token) {
        mem_free(standin->web_token);
        standin->web_token = *web_token ? mem_strdup(web_token) : NULL;
    }
    standin->clock_ahead_ms = ahead;
    return standin_get_settings(hand);
}

/* ---- faults ---- */

static void write_fault(struct standin_writer *writer, const struct model_fault *fault)
{
    bool error = fault->error.status || fault->error.code[0];

    standin_open(writer, NULL, '{');
    standin_exact(writer, "operation", model_operation_name(fault->operation));
    standin_text(writer, "cluster", fault->cluster);
    standin_whole(writer, "nth", (int64_t)fault->nth);
    standin_whole(writer, "count", (int64_t)fault->count);
    standin_number(writer, "probability", fault->probability);
    standin_exact(writer, "kind",
                  fault->fate != MODEL_ANSWER ? model_fate_name(fault->fate)
                  : error                     ? "error"
                                              : "latency");
    standin_flag(writer, "afterEffect", fault->after_effect);
    standin_text(writer, "error", fault->error.code);
    standin_whole(writer, "status", fault->error.status);
    standin_duration(writer, "latency", fault->latency_ms);
    standin_whole(writer, "seen", (int64_t)fault->seen);
    standin_close(writer, '}');
}

int standin_get_faults(struct standin_hand *hand)
{
    size_t count = 0;
    const struct model_fault *faults = model_faults(hand->standin->model, &count);

    standin_open(&hand->writer, NULL, '[');
    for (size_t i = 0; i < count; i++)
        write_fault(&hand->writer, &faults[i]);
    standin_close(&hand->writer, ']');
    return 0;
}

/* "error" and "latency" are answers of their own kind; the others are fates. */
static int read_kind(struct standin_hand *hand, const char *kind, struct model_fault *fault)
{
    bool error = fault->error.status || fault->error.code[0];

    if (!*kind && error)
        kind = "error";
    if (!*kind && fault->latency_ms)
        kind = "latency";
    if (strcmp(kind, "latency") == 0 || (strcmp(kind, "error") == 0 && error))
        return 0;
    if (strcmp(kind, "answer") == 0 || !model_fate_named(kind, &fault->fate))
        return standin_hand_refuse(hand, 400,
                                   "kind must be error (with error or status), latency, hang, "
                                   "reset, garbage, cut or empty");
    return 0;
}

static void copy(char *ret_text, size_t size, const char *text)
{
    snprintf(ret_text, size, "%s", text);
}

static int read_fault(struct standin_hand *hand, const json_t *object, struct model_fault *fault)
{
    const char *operation = "*", *cluster = "", *kind = "", *code = "", *message = "";
    double nth = 0, count = 0, status = 0;

    if (standin_hand_known(hand, object, FAULT_MEMBERS) < 0 ||
        standin_hand_text(hand, object, "operation", &operation) < 0 ||
        standin_hand_text(hand, object, "cluster", &cluster) < 0 ||
        standin_hand_text(hand, object, "kind", &kind) < 0 ||
        standin_hand_text(hand, object, "error", &code) < 0 ||
        standin_hand_text(hand, object, "message", &message) < 0 ||
        standin_hand_number(hand, object, "nth", &nth) < 0 ||
        standin_hand_number(hand, object, "count", &count) < 0 ||
        standin_hand_number(hand, object, "status", &status) < 0 ||
        standin_hand_number(hand, object, "probability", &fault->probability) < 0 ||
        standin_hand_flag(hand, object, "afterEffect", &fault->after_effect) < 0 ||
        standin_hand_duration(hand, object, "latency", &fault->latency_ms) < 0 ||
        standin_hand_duration(hand, object, "retryAfter", &fault->error.retry_after_ms) < 0)
        return -1;
    fault->operation = model_operation_named(operation);
    if (fault->operation == MODEL_OPERATIONS)
        return standin_hand_refuse(hand, 400, "There is no operation '%s'.", operation);
    if (status != 0 && (status < 200 || status > 599))
        return standin_hand_refuse(hand, 400, "status must be between 200 and 599");
    if (nth > 1e15 || count > 1e15)
        return standin_hand_refuse(hand, 400, "nth and count must be small numbers");
    fault->nth = (uint64_t)nth;
    fault->count = (uint64_t)count;
    fault->error.status = (int)status;
    copy(fault->cluster, sizeof fault->cluster, cluster);
    copy(fault->error.code, sizeof fault->error.code, code);
    copy(fault->error.message, sizeof fault->error.message, message);
    return read_kind(hand, kind, fault);
}

/* The body is an array of faults. */
int standin_put_faults(struct standin_hand *hand)
{
    struct model_fault fault;
    size_t count = json_array_size(hand->body);

    if (!json_is_array(hand->body) || count > MODEL_FAULT_MAX)
        return standin_hand_refuse(hand, 400, "Expected an array of at most %d faults",
                                   MODEL_FAULT_MAX);
    for (size_t i = 0; i < count; i++) {
        fault = (struct model_fault){0};
        if (read_fault(hand, json_array_get(hand->body, i), &fault) < 0)
            return -1;
    }
    model_clear_faults(hand->standin->model);
    for (size_t i = 0; i < count; i++) {
        fault = (struct model_fault){0};
        read_fault(hand, json_array_get(hand->body, i), &fault);
        model_put_fault(hand->standin->model, &fault);
    }
    return standin_get_faults(hand);
}

int standin_post_fault(struct standin_hand *hand)
{
    struct model_fault fault = {0};

    if (read_fault(hand, hand->body, &fault) < 0)
        return -1;
    if (!model_put_fault(hand->standin->model, &fault))
        return standin_hand_refuse(hand, 400, "There are %d faults already.", MODEL_FAULT_MAX);
    return standin_get_faults(hand);
}

int standin_delete_faults(struct standin_hand *hand)
{
    model_clear_faults(hand->standin->model);
    return 0;
}

/* ---- counters and requests ---- */

static void write_operation(struct standin_writer *writer, const struct model *model,
                            enum model_operation operation)
{
    size_t count = 0;
    const struct model_counter *counters = model_counters(model, &count);

    if (!model_counted(model, operation, NULL))
        return;
    standin_open(writer, model_operation_name(operation), '{');
    for (size_t i = 0; i < count; i++)
        if (counters[i].operation == operation)
            standin_whole(writer, counters[i].outcome, (int64_t)counters[i].count);
    standin_close(writer, '}');
}

int standin_get_counters(struct standin_hand *hand)
{
    struct standin_writer *writer = &hand->writer;

    standin_open(writer, NULL, '{');
    standin_open(writer, "counters", '{');
    for (size_t i = MODEL_ANY + 1; i < MODEL_OPERATIONS; i++)
        write_operation(writer, hand->standin->model, (enum model_operation)i);
    standin_close(writer, '}');
    standin_whole(writer, "total", (int64_t)model_counted(hand->standin->model, MODEL_ANY, NULL));
    standin_whole(writer, "inFlight", (int64_t)hand->standin->in_flight);
    standin_whole(writer, "mostInFlight", (int64_t)hand->standin->most_in_flight);
    standin_close(writer, '}');
    return 0;
}

int standin_reset_counters(struct standin_hand *hand)
{
    model_reset_counters(hand->standin->model);
    hand->standin->most_in_flight = hand->standin->in_flight;
    return 0;
}

int standin_get_requests(struct standin_hand *hand)
{
    const struct standin_log *log = &hand->standin->log;
    const char *last = standin_parameter(&hand->url, "last");
    size_t kept = standin_log_kept(log), wanted = last ? strtoul(last, NULL, 10) : kept;

    standin_open(&hand->writer, NULL, '[');
    for (size_t i = wanted < kept ? kept - wanted : 0; i < kept; i++) {
        const struct standin_log_entry *entry = standin_log_at(log, i);

        standin_open(&hand->writer, NULL, '{');
        standin_time(&hand->writer, "at", entry->at_ms);
        standin_exact(&hand->writer, "operation", model_operation_name(entry->operation));
        standin_exact(&hand->writer, "method", entry->method);
        standin_exact(&hand->writer, "target", entry->target);
        standin_text(&hand->writer, "key", entry->key);
        standin_text(&hand->writer, "accessKeyId", entry->access_key);
        standin_whole(&hand->writer, "status", entry->status);
        standin_text(&hand->writer, "error", entry->code);
        standin_exact(&hand->writer, "fate", model_fate_name(entry->fate));
        standin_duration(&hand->writer, "delay", entry->delay_ms);
        standin_close(&hand->writer, '}');
    }
    standin_close(&hand->writer, ']');
    return 0;
}

int standin_delete_requests(struct standin_hand *hand)
{
    standin_log_clear(&hand->standin->log);
    return 0;
}

/* ---- credentials, as the container credential provider of the SDKs asks for them ---- */

int standin_get_credentials(struct standin_hand *hand)
{
    struct standin *standin = hand->standin;
    const char *authorization = standin_header(hand->request, "authorization");
    const struct standin_credential *key = NULL;
    char expiration[CLOCK_TEXT_SIZE];

    if (!standin->container_token[0])
        return standin_hand_refuse(hand, 404, "Started without --container-token.");
    if (!authorization || strcmp(authorization, standin->container_token) != 0)
        return standin_hand_refuse(hand, 401, "The Authorization header is not the token.");
    key = standin_mint_key(standin, NULL, standin->credentials_lifetime_ms);
    clock_format_s(key->expires_ms * 1000, expiration);
    standin_open(&hand->writer, NULL, '{');
    standin_exact(&hand->writer, "AccessKeyId", key->key_id);
    standin_exact(&hand->writer, "SecretAccessKey", key->secret);
    standin_exact(&hand->writer, "Token", key->session_token);
    standin_exact(&hand->writer, "Expiration", expiration);
    standin_exact(&hand->writer, "AccountId", model_settings(standin->model)->account);
    standin_close(&hand->writer, '}');
    return 0;
}
