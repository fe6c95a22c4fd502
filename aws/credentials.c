/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include <string.h>

#include "aws/aws_error.h"
#include "aws/credentials_chain.h"
#include "aws/secret_file.h"
#include "base/mem.h"

#define SECOND_US 1000000LL
#define HOUR_US (60 * 60 * SECOND_US)
#define MIN_SPACING_US (60 * SECOND_US)
#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS 30000
#define CONNECT_MS 1000

/* ---- what may be asked at any time ---- */

const char *credentials_source_name(const struct credentials *credentials)
{
    return credentials->chain.source ? credentials->chain.name : "none";
}

static bool is_fresh(const struct credentials_set *set, int64_t wall_us)
{
    return set->access_key_id &&
           (set->expires_us == 0 || wall_us < set->expires_us - CREDENTIALS_RENEW_US);
}

enum credentials_need credentials_need(const struct credentials *credentials, int64_t wall_us)
{
    const struct credentials_set *set = &credentials->set;

    if (!set->access_key_id || credentials->rejected)
        return CREDENTIALS_NEEDED;
    if (is_fresh(set, wall_us))
        return CREDENTIALS_FRESH;
    return wall_us >= set->expires_us - CREDENTIALS_MARGIN_US ? CREDENTIALS_NEEDED
                                                              : CREDENTIALS_SOON;
}

int64_t credentials_expiry(const struct credentials *credentials)
{
    return credentials->set.expires_us;
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

    if (credentials->broken || credentials->fetching)
        return false;
    if (credentials->busy)
        return true;
    return (wall_us >= credentials->not_before_us || clock_jumped) &&
           credentials_need(credentials, wall_us) != CREDENTIALS_FRESH;
}

/* ---- what changes them ---- */

static void use(struct credentials *credentials, const struct credentials_set *set)
{
    struct credentials_set copy;

    credentials_set_copy(set, &copy);
    credentials_set_release(&credentials->set);
    credentials->set = copy;
    credentials->view = (struct sigv4_credentials){
        .access_key_id = copy.access_key_id,
        .secret_key = copy.secret_key,
        .session_token = copy.session_token,
    };
}

static void wait_longer(struct credentials *credentials, int64_t wall_us)
{
    int64_t wait_ms = backoff_next(&credentials->backoff, (uint64_t)wall_us);

    credentials->not_before_us = wall_us + wait_ms * 1000;
}

/* The kind is never one that tells of what was to be signed, such as ERROR_NOT_FOUND. */
static int refuse(struct credentials *credentials, struct error *err)
{
    const struct credentials_chain *chain = &credentials->chain;

    err->kind = chain->count > 0 ? ERROR_TRANSIENT : chain->source ? ERROR_INVALID : ERROR_DENIED;
    if (chain->source)
        error_wrap(err, "AWS credentials from %s", chain->name);
    credentials->last = *err;
    return -1;
}

/* Every failure to fetch is tried again. */
static int failed(struct credentials *credentials, int64_t wall_us, struct error *err)
{
    credentials->busy = false;
    wait_longer(credentials, wall_us);
    return refuse(credentials, err);
}

static void succeeded(struct credentials *credentials, int64_t wall_us)
{
    use(credentials, &credentials->chain.stages[credentials->chain.count - 1].set);
    credentials->busy = false;
    if (!credentials->rejected)
        backoff_reset(&credentials->backoff); /* else these may be rejected like the last ones */
    credentials->rejected = false;
    credentials->not_before_us = wall_us + MIN_SPACING_US;
    error_clear(&credentials->last);
}

/* ---- the chain ---- */

static int refuse_none(struct error *err)
{
    return error_set(err, ERROR_DENIED,
                     "no AWS credentials: expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                     "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, a profile with credentials, "
                     "or AWS_CONTAINER_CREDENTIALS_FULL_URI as EKS Pod Identity sets it; and "
                     "AWS_EC2_METADATA_DISABLED is true");
}

/* Makes the chain anew where the files have changed, or are at fault. */
static int remake(struct credentials *credentials, struct error *err)
{
    CLEANUP(credentials_chain_release) struct credentials_chain chain = {.source = NULL};
    bool failing = credentials->chain.count == 0;
    int made = credentials_chain_make(credentials->from, &chain, err);

    if (made == 0 && !failing &&
        memcmp(chain.digest, credentials->chain.digest, sizeof chain.digest) == 0)
        return 0;
    credentials_chain_release(&credentials->chain);
    credentials->chain = chain;
    chain = (struct credentials_chain){.source = NULL};
    if (made < 0)
        return -1;
    return credentials->chain.source ? 0 : refuse_none(err);
}

int credentials_init(struct credentials *credentials, const struct credentials_environment *from,
                     const struct endpoint *sts, struct error *err)
{
    *credentials = (struct credentials){
        .from = from,
        .sts = sts,
        .backoff = {.base_ms = BACKOFF_BASE_MS, .cap_ms = BACKOFF_CAP_MS},
    };
    if (remake(credentials, err) < 0) {
        credentials->broken = !credentials_chain_reads_files(&credentials->chain);
        return refuse(credentials, err);
    }
    if (credentials->chain.count == 1 && !credentials->chain.stages[0].method->request)
        use(credentials, &credentials->chain.stages[0].set);
    return 0;
}

void credentials_release(struct credentials *credentials)
{
    credentials_set_release(&credentials->set);
    credentials_chain_release(&credentials->chain);
    *credentials = (struct credentials){.from = NULL};
}

/* ---- a fetch ---- */

/* The first stage to be asked: those before it have something that lasts. */
static size_t first_stage(const struct credentials_chain *chain, int64_t wall_us)
{
    size_t first = chain->count - 1;

    if (!chain->stages[first].method->request)
        return chain->count;
    while (first > 0 && !is_fresh(&chain->stages[first - 1].set, wall_us))
        first--;
    return first;
}

static int begin(struct credentials *credentials, int64_t wall_us, struct error *err)
{
    if (remake(credentials, err) < 0)
        return -1;
    credentials->busy = true;
    credentials->stage = first_stage(&credentials->chain, wall_us);
    if (credentials->stage < credentials->chain.count)
        credentials->chain.stages[credentials->stage].asked = 0;
    return 0;
}

int credentials_request(struct credentials *credentials, int64_t wall_us,
                        struct credentials_fetch *ret_fetch, struct error *err)
{
    CLEANUP(credentials_fetch_release) struct credentials_fetch fetch = {.http = {.method = "GET"}};

    if (!credentials_fetch_due(credentials, wall_us))
        return error_set(err, ERROR_BUG, "AWS credentials are not to be fetched now");
    if (!credentials->busy && begin(credentials, wall_us, err) < 0)
        return failed(credentials, wall_us, err);
    if (credentials->stage == credentials->chain.count) {
        succeeded(credentials, wall_us);
        *ret_fetch = (struct credentials_fetch){.what = CREDENTIALS_NOTHING};
        return 0;
    }
    struct credentials_stage *stage = &credentials->chain.stages[credentials->stage];
    const struct credentials_moment moment = {
        .wall_us = wall_us,
        .sts = credentials->sts,
        .source = credentials->stage > 0 ? &stage[-1].set : NULL,
    };
    if (stage->method->request(stage, &moment, &fetch, err) < 0)
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
        secret_file_wipe(fetch->owned_headers[i]);
    secret_file_wipe(fetch->owned_body);
    mem_free(fetch->owned_url);
    *fetch = (struct credentials_fetch){.http = {.method = NULL}};
}

/* The text has no times: it goes into every status, which would be written anew for each fetch. */
static int check_expiry(const struct credentials_set *set, int64_t wall_us, struct error *err)
{
    int64_t ago_us = wall_us - set->expires_us;

    if (set->expires_us == 0 || ago_us < -CREDENTIALS_MARGIN_US)
        return 0;
    if (ago_us < HOUR_US)
        return error_set(
            err, ERROR_DENIED,
            "gave credentials that are about to expire, or have just expired, by the clock here");
    return error_set(err, ERROR_DENIED,
                     "gave credentials that expired %lld hours ago by the clock here",
                     (long long)(ago_us / HOUR_US));
}

/* As the stage's method has it. */
static int read_answer(struct credentials_stage *stage, const struct http_answer *answer,
                       int64_t wall_us, struct error *err)
{
    CLEANUP(credentials_set_release) struct credentials_set set = {.expires_us = 0};
    int result = stage->method->answer(stage, answer, &set, err);

    if (result != 0)
        return result;
    if (check_expiry(&set, wall_us, err) < 0)
        return -1;
    credentials_set_release(&stage->set);
    stage->set = set;
    set = (struct credentials_set){.expires_us = 0};
    return 0;
}

static int go_on(struct credentials *credentials, int64_t wall_us)
{
    if (++credentials->stage < credentials->chain.count) {
        credentials->chain.stages[credentials->stage].asked = 0;
        return 1;
    }
    succeeded(credentials, wall_us);
    return 0;
}

int credentials_answer(struct credentials *credentials, struct http_answer *answer, int64_t wall_us,
                       struct error *err)
{
    struct credentials_stage *stage = &credentials->chain.stages[credentials->stage];

    credentials->fetching = false;
    stage->drop_source = false;
    int result = read_answer(stage, answer, wall_us, err);
    if (answer->body.text)
        explicit_bzero(answer->body.text, answer->body.capacity);
    if (result == 0)
        return go_on(credentials, wall_us);
    if (result > 0)
        return 1;
    if (stage->drop_source && credentials->stage > 0 && stage[-1].method->request)
        credentials_set_release(&stage[-1].set);
    if (credentials->chain.count > 1)
        error_wrap(err, "%s", stage->method->name);
    return failed(credentials, wall_us, err);
}

int credentials_output(struct credentials *credentials, const char *bytes, size_t length,
                       const struct error *failure, int64_t wall_us, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = {.error = *failure, .status = 200};

    answer.body.cap = CREDENTIALS_PROGRAM_CAP;
    strbuf_add(&answer.body, bytes, length);
    return credentials_answer(credentials, &answer, wall_us, err);
}

void credentials_peer(struct http_settings *ret_settings)
{
    *ret_settings = (struct http_settings){.proxy = "", .connect_ms = CONNECT_MS};
}

/* Comes the set of an answer, or as it stands in the environment or a file? */
static bool are_fetched(const struct credentials_chain *chain)
{
    return chain->stages[chain->count - 1].method->request != NULL;
}

bool credentials_are_written(const struct credentials *credentials)
{
    const struct credentials_chain *chain = &credentials->chain;

    return chain->count > 0 && credentials_chain_reads_files(chain) && !are_fetched(chain);
}

bool credentials_reject(struct credentials *credentials, int64_t wall_us, const struct error *why)
{
    const struct credentials_chain *chain = &credentials->chain;
    struct error told = *why;

    if (chain->count == 0 || (!credentials_chain_reads_files(chain) && !are_fetched(chain)))
        return false;
    if (!credentials->rejected)
        wait_longer(credentials, wall_us);
    credentials->rejected = true;
    refuse(credentials, &told);
    return true;
}
