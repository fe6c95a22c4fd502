/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include <string.h>

#include "aws/credentials_container.h"
#include "base/clock.h"
#include "base/mem.h"

#define SECOND_US 1000000LL
#define MIN_SPACING_US (60 * SECOND_US)
#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS 30000
#define CONNECT_MS 1000

struct credentials_source {
    const char *name;
    bool (*is_configured)(const struct credentials_environment *from);
    int (*init)(struct credentials *credentials, const struct credentials_environment *from,
                struct error *err);
    /* NULL for a source that gives its credentials in init and needs no exchange. */
    int (*request)(struct credentials *credentials, struct credentials_fetch *fetch,
                   struct error *err);
    int (*parse)(const char *bytes, size_t length, struct credentials_set *ret_set,
                 struct error *err);
};

/* ---- one set ---- */

static void wipe(char *owned)
{
    if (owned)
        explicit_bzero(owned, strlen(owned));
    mem_free(owned);
}

void credentials_set_release(struct credentials_set *set)
{
    mem_free(set->access_key_id);
    wipe(set->secret_key);
    wipe(set->session_token);
    *set = (struct credentials_set){.expires_us = 0};
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7F)
            return false;
    return true;
}

int credentials_set_check(const struct credentials_set *set, const char *const names[3],
                          struct error *err)
{
    const char *values[] = {set->access_key_id, set->secret_key, set->session_token};

    for (int i = 0; i < 3; i++) {
        if (i < 2 && !*values[i])
            return error_set(err, ERROR_INVALID, "%s is missing or empty", names[i]);
        if (!is_printable(values[i]) || (i == 0 && strpbrk(values[i], "/,=")))
            return error_set(err, ERROR_INVALID,
                             "%s is malformed: expected printable characters without spaces and "
                             "line breaks%s",
                             names[i], i == 0 ? ", none of / , =" : "");
    }
    return 0;
}

/* ---- the sources ---- */

static bool is_set(const char *text)
{
    return text && *text;
}

static bool environment_is_configured(const struct credentials_environment *from)
{
    return is_set(from->access_key_id);
}

static int environment_init(struct credentials *credentials,
                            const struct credentials_environment *from, struct error *err)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN"};
    CLEANUP(credentials_set_release)
    struct credentials_set set = {
        .access_key_id = mem_strdup(from->access_key_id),
        .secret_key = mem_strdup(from->secret_access_key ? from->secret_access_key : ""),
        .session_token = mem_strdup(from->session_token ? from->session_token : ""),
    };

    if (credentials_set_check(&set, names, err) < 0)
        return -1;
    credentials->set = set;
    set = (struct credentials_set){.expires_us = 0};
    return 0;
}

static bool container_is_configured(const struct credentials_environment *from)
{
    return is_set(from->container_relative_uri) || is_set(from->container_full_uri);
}

/* In the SDKs' order; the first one configured is used. */
static const struct credentials_source sources[] = {
    {"environment variables", environment_is_configured, environment_init, NULL, NULL},
    {"container endpoint", container_is_configured, credentials_container_init,
     credentials_container_request, credentials_container_parse},
};

static const struct credentials_source *pick(const struct credentials_environment *from)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (sources[i].is_configured(from))
            return &sources[i];
    return NULL;
}

/* ---- the state machine ---- */

static void renew_view(struct credentials *credentials)
{
    credentials->view = (struct sigv4_credentials){
        .access_key_id = credentials->set.access_key_id,
        .secret_key = credentials->set.secret_key,
        .session_token = credentials->set.session_token,
    };
}

int credentials_init(struct credentials *credentials, const struct credentials_environment *from,
                     struct error *err)
{
    *credentials = (struct credentials){
        .source = pick(from),
        .backoff = {.base_ms = BACKOFF_BASE_MS, .cap_ms = BACKOFF_CAP_MS},
    };
    if (!credentials->source)
        error_set(&credentials->last, ERROR_DENIED,
                  "no AWS credentials: expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                  "AWS_CONTAINER_CREDENTIALS_FULL_URI as EKS Pod Identity sets it");
    else if (credentials->source->init(credentials, from, &credentials->last) < 0)
        error_wrap(&credentials->last, "AWS credentials from %s", credentials->source->name);
    renew_view(credentials);
    credentials->broken = credentials->last.kind != ERROR_NONE;
    if (!credentials->broken)
        return 0;
    *err = credentials->last;
    return -1;
}

void credentials_release(struct credentials *credentials)
{
    credentials_set_release(&credentials->set);
    mem_free(credentials->url);
    mem_free(credentials->token_file);
    wipe(credentials->token);
    *credentials = (struct credentials){.source = NULL};
}

const char *credentials_source_name(const struct credentials *credentials)
{
    return credentials->source ? credentials->source->name : "none";
}

enum credentials_need credentials_need(const struct credentials *credentials, int64_t wall_us)
{
    const struct credentials_set *set = &credentials->set;

    if (!set->access_key_id || credentials->rejected)
        return CREDENTIALS_NEEDED;
    if (set->expires_us == 0)
        return CREDENTIALS_FRESH;
    if (wall_us >= set->expires_us - CREDENTIALS_MARGIN_US)
        return CREDENTIALS_NEEDED;
    return wall_us >= set->expires_us - CREDENTIALS_RENEW_US ? CREDENTIALS_SOON : CREDENTIALS_FRESH;
}

const struct sigv4_credentials *credentials_current(const struct credentials *credentials,
                                                    int64_t wall_us, struct error *err)
{
    if (credentials_need(credentials, wall_us) != CREDENTIALS_NEEDED)
        return &credentials->view;
    if (credentials->last.kind != ERROR_NONE)
        *err = credentials->last;
    else
        error_set(err, ERROR_TRANSIENT, "waiting for AWS credentials from %s",
                  credentials_source_name(credentials));
    return NULL;
}

bool credentials_fetch_due(const struct credentials *credentials, int64_t wall_us)
{
    /* Farther ahead than any wait of ours: the clock was set back. */
    bool clock_jumped = credentials->not_before_us - wall_us > 2 * MIN_SPACING_US;

    return credentials->source && credentials->source->request && !credentials->broken &&
           !credentials->fetching && (wall_us >= credentials->not_before_us || clock_jumped) &&
           credentials_need(credentials, wall_us) != CREDENTIALS_FRESH;
}

static void wait_longer(struct credentials *credentials, int64_t wall_us)
{
    int64_t wait_ms = backoff_next(&credentials->backoff, (uint64_t)wall_us);

    credentials->not_before_us = wall_us + wait_ms * 1000;
}

/* Every failure to fetch is tried again. */
static int failed(struct credentials *credentials, int64_t wall_us, struct error *err)
{
    wait_longer(credentials, wall_us);
    err->kind = ERROR_TRANSIENT;
    error_wrap(err, "AWS credentials from %s", credentials->source->name);
    credentials->last = *err;
    return -1;
}

int credentials_request(struct credentials *credentials, int64_t wall_us,
                        struct credentials_fetch *ret_fetch, struct error *err)
{
    CLEANUP(credentials_fetch_release) struct credentials_fetch fetch = {.http = {.method = "GET"}};

    if (!credentials_fetch_due(credentials, wall_us))
        return error_set(err, ERROR_BUG, "AWS credentials are not to be fetched now");
    if (credentials->source->request(credentials, &fetch, err) < 0)
        return failed(credentials, wall_us, err);
    credentials->fetching = true;
    *ret_fetch = fetch;
    ret_fetch->http.headers = (const char *const *)ret_fetch->owned_headers;
    fetch = (struct credentials_fetch){.http = {.method = NULL}};
    return 0;
}

void credentials_fetch_release(struct credentials_fetch *fetch)
{
    for (size_t i = 0; i < sizeof fetch->owned_headers / sizeof *fetch->owned_headers; i++)
        wipe(fetch->owned_headers[i]);
    *fetch = (struct credentials_fetch){.http = {.method = NULL}};
}

static int read_answer(const struct credentials *credentials, const struct http_answer *answer,
                       int64_t wall_us, struct credentials_set *ret_set, struct error *err)
{
    char expires[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE];

    if (answer->error.kind != ERROR_NONE) {
        *err = answer->error;
        return -1;
    }
    if (answer->status != 200)
        return error_set(err, ERROR_DENIED,
                         "answered %d: expected 200; is there a Pod Identity association for "
                         "podbind's own ServiceAccount?",
                         answer->status);
    if (credentials->source->parse(strbuf_text(&answer->body), answer->body.length, ret_set, err) <
        0)
        return -1;
    if (ret_set->expires_us - CREDENTIALS_MARGIN_US > wall_us)
        return 0;
    clock_format_s(ret_set->expires_us, expires);
    clock_format_s(wall_us, now);
    return error_set(err, ERROR_DENIED, "gave credentials that expire at %s; it is %s here",
                     expires, now);
}

int credentials_answer(struct credentials *credentials, struct http_answer *answer, int64_t wall_us,
                       struct error *err)
{
    CLEANUP(credentials_set_release) struct credentials_set set = {.expires_us = 0};

    credentials->fetching = false;
    int result = read_answer(credentials, answer, wall_us, &set, err);
    if (answer->body.text)
        explicit_bzero(answer->body.text, answer->body.capacity);
    if (result < 0)
        return failed(credentials, wall_us, err);

    credentials_set_release(&credentials->set);
    credentials->set = set;
    set = (struct credentials_set){.expires_us = 0};
    renew_view(credentials);
    if (!credentials->rejected)
        backoff_reset(&credentials->backoff); /* else these may be rejected like the last ones */
    credentials->rejected = false;
    credentials->not_before_us = wall_us + MIN_SPACING_US;
    error_clear(&credentials->last);
    return 0;
}

void credentials_peer(const struct credentials *credentials, struct http_settings *ret_settings)
{
    (void)credentials; /* web identity will need the peer of STS, with its proxy */
    *ret_settings = (struct http_settings){.proxy = "", .connect_ms = CONNECT_MS};
}

bool credentials_reject(struct credentials *credentials, int64_t wall_us)
{
    if (!credentials->source || !credentials->source->request)
        return false;
    if (!credentials->rejected)
        wait_longer(credentials, wall_us);
    credentials->rejected = true;
    return true;
}
