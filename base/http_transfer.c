/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/http_peer.h"
#include "base/mem.h"

#define ANSWER_MOST ((size_t)4 << 20)
#define HEADERS_MOST ((size_t)64 << 10)
#define URL_MOST ((size_t)16 << 10)
#define DEADLINE_MS 4000
/* libcurl's own buffers, kept by each idle handle: 16 and 64 KiB if nothing is said, where most
 * bodies are below 2 KiB. 16 KiB is the least that it takes for sending. */
#define RECEIVE_BUFFER 4096L
#define SEND_BUFFER 16384L
#define RETRY_AFTER_MOST_MS ((int64_t)3600 * 1000)

/* ---- what comes back ---- */

struct header {
    const char *value;
    size_t length;
};

/* Whatever the server sends, it is printable ASCII here. */
static void copy_value(struct header header, char *ret_text, size_t size)
{
    size_t length = header.length < size ? header.length : size - 1;

    for (size_t i = 0; i < length; i++)
        ret_text[i] = header.value[i] >= ' ' && header.value[i] < 0x7F ? header.value[i] : '?';
    ret_text[length] = '\0';
}

/* Returns 0 for what is no plain number; an HTTP date is none. */
static int64_t whole_number(struct header header, int64_t most)
{
    char text[24], *end;

    if (header.length >= sizeof text || header.length == 0)
        return 0;
    copy_value(header, text, sizeof text);
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (*end || errno || number < 0)
        return 0;
    return number < most ? number : most;
}

static int64_t date_us(struct header header)
{
    char text[48];

    copy_value(header, text, sizeof text);
    time_t seconds = curl_getdate(text, NULL);
    return seconds > 0 ? (int64_t)seconds * 1000000 : 0;
}

static bool is_refusal(const struct http_transfer *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 400;
}

static void keep_header(struct http_transfer *transfer, const char *name, struct header header)
{
    struct http_answer *answer = &transfer->answer;

    if (strcasecmp(name, "content-type") == 0)
        copy_value(header, answer->content_type, sizeof answer->content_type);
    else if (strcasecmp(name, "x-amzn-errortype") == 0)
        copy_value(header, answer->error_type, sizeof answer->error_type);
    else if (strcasecmp(name, "date") == 0 && is_refusal(transfer))
        answer->date_us = date_us(header);
    else if (strcasecmp(name, "x-amz-retry-after") == 0)
        answer->retry_after_ms = whole_number(header, RETRY_AFTER_MOST_MS);
    else if (strcasecmp(name, "retry-after") == 0 && answer->retry_after_ms == 0)
        answer->retry_after_ms = whole_number(header, RETRY_AFTER_MOST_MS / 1000) * 1000;
}

/* "100 Continue" and a proxy's answer come before the one that counts. */
static void forget_headers(struct http_answer *answer)
{
    answer->content_type[0] = '\0';
    answer->error_type[0] = '\0';
    answer->retry_after_ms = 0;
    answer->date_us = 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The empty line after the headers, of a 100 as well. */
static void end_headers(struct http_transfer *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 || !transfer->flow.begun || transfer->flows)
        return;
    transfer->flows = true;
    transfer->ends_ms = transfer->started_ms + transfer->deadline_ms;
    transfer->flow.begun(transfer->answer.context, transfer->answer.content_type);
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    size_t length = size * count;
    const char *colon = memchr(line, ':', length);
    char name[32];

    transfer->header_bytes += length;
    transfer->headers_too_long = transfer->header_bytes > HEADERS_MOST;
    if (transfer->headers_too_long)
        return 0;
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
        forget_headers(&transfer->answer);
    if (length <= 2 && is_space(line[0]))
        end_headers(transfer);
    if (!colon || (size_t)(colon - line) >= sizeof name)
        return length;
    copy_value((struct header){line, (size_t)(colon - line)}, name, sizeof name);
    struct header header = {colon + 1, length - (size_t)(colon + 1 - line)};
    for (; header.length > 0 && is_space(header.value[0]); header.length--)
        header.value++;
    while (header.length > 0 && is_space(header.value[header.length - 1]))
        header.length--;
    keep_header(transfer, name, header);
    return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;

    if (transfer->flows)
        return transfer->flow.bytes(transfer->answer.context, bytes, size * count) ? size * count
                                                                                   : 0;
    strbuf_add(&transfer->answer.body, bytes, size * count);
    return strbuf_ok(&transfer->answer.body) ? size * count : 0;
}

/* Called just before a request goes out on a connection. libcurl sends a request again when a
 * reused connection ends without an answer: for a write that would be a blind repeat. And after a
 * pause of the process (SIGSTOP, a frozen machine) what should have left long ago is not to leave.
 */
static int on_leaving(void *context, char *a, char *b, int c, int d)
{
    struct http_transfer *transfer = context;

    (void)a, (void)b, (void)c, (void)d;
    if ((transfer->left && !transfer->repeatable) || clock_boot_ms() >= transfer->ends_ms)
        return CURL_PREREQFUNC_ABORT;
    transfer->left = true;
    return CURL_PREREQFUNC_OK;
}

/* ---- what goes out ---- */

struct http_transfer *http_transfer_new(struct http_peer *peer)
{
    struct http_transfer *transfer = mem_alloc(sizeof *transfer);

    transfer->peer = http_peer_hold(peer);
    transfer->easy = curl_easy_init();
    http_peer_configure(peer, transfer->easy);
    curl_easy_setopt(transfer->easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    curl_easy_setopt(transfer->easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->fault);
    curl_easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_PREREQFUNCTION, on_leaving);
    curl_easy_setopt(transfer->easy, CURLOPT_PREREQDATA, transfer);
    return transfer;
}

static void forget_request(struct http_transfer *transfer)
{
    if (transfer->body)
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, NULL);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->connect_to);
    mem_free(transfer->body);
    transfer->headers = NULL;
    transfer->connect_to = NULL;
    transfer->body = NULL;
}

void http_transfer_free(struct http_transfer *transfer)
{
    forget_request(transfer);
    curl_easy_cleanup(transfer->easy);
    http_answer_release(&transfer->answer);
    http_peer_drop(transfer->peer);
    mem_free(transfer);
}

static bool refuse(struct http_transfer *transfer, const char *what)
{
    error_set(&transfer->answer.error, ERROR_INVALID, "malformed request: %s", what);
    return false;
}

static bool is_visible(const char *text, bool spaces)
{
    for (; *text; text++)
        if ((unsigned char)*text < (spaces ? 0x20 : 0x21) || *text == 0x7F)
            return false;
    return true;
}

static void add_header(struct http_transfer *transfer, const char *header)
{
    transfer->headers = curl_slist_append(transfer->headers, header);
}

static bool set_headers(struct http_transfer *transfer, const char *const *headers)
{
    bool has_type = false;

    for (; headers && *headers; headers++) {
        const char *colon = strchr(*headers, ':');

        if (!colon || colon == *headers || !is_visible(*headers, true))
            return refuse(transfer, "a header is not 'Name: value' on one line");
        has_type = has_type || strncasecmp(*headers, "content-type:", 13) == 0;
        add_header(transfer, *headers);
    }
    add_header(transfer, "Expect:");
    if (!has_type)
        add_header(transfer, "Content-Type:"); /* or libcurl says that it is a form */
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    return true;
}

static void set_body(struct http_transfer *transfer, const struct http_request *request)
{
    const char *method = request->method;
    bool sends = request->body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                 strcmp(method, "PATCH") == 0;

    if (sends) {
        size_t length = request->body ? request->body_length : 0;

        transfer->body = mem_dup(request->body, length);
        curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->body);
    } else {
        curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
    }
    transfer->repeatable = strcmp(method, "GET") == 0;
    curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST,
                     transfer->repeatable && !sends ? NULL : method);
}

/* The URL says where to connect, the server name whom to expect there: libcurl gets a URL with the
 * name, the real address apart, and the Host header as it would have been. */
static bool set_renamed_url(struct http_transfer *transfer, const char *url)
{
    CLEANUP(strbuf_release) struct strbuf host_header = {0}, connect_to = {0};
    char *host = NULL, *port = NULL, *plain_port = NULL, *renamed = NULL;
    CURLU *parts = curl_url();
    bool ok = curl_url_set(parts, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
              curl_url_set(parts, CURLUPART_HOST, transfer->peer->server_name, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_URL, &renamed, 0) == CURLUE_OK;

    if (ok) {
        curl_url_get(parts, CURLUPART_PORT, &plain_port, 0);
        strbuf_format(&connect_to, "::%s:%s", host, port);
        strbuf_format(&host_header, "Host: %s%s%s", host, plain_port ? ":" : "",
                      plain_port ? plain_port : "");
        add_header(transfer, host_header.text);
        transfer->connect_to = curl_slist_append(NULL, connect_to.text);
        curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
        curl_easy_setopt(transfer->easy, CURLOPT_URL, renamed);
    }
    curl_free(host);
    curl_free(port);
    curl_free(plain_port);
    curl_free(renamed);
    curl_url_cleanup(parts);
    return ok || refuse(transfer, "the URL cannot be read");
}

static bool set_url(struct http_transfer *transfer, const char *url)
{
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return refuse(transfer, "the URL must begin with https:// or http://");
    const char *authority = strstr(url, "://") + 3;
    if (memchr(authority, '@', strcspn(authority, "/?#")))
        return refuse(transfer, "the URL must not hold a user name or password");
    if (!is_visible(url, false) || strlen(url) > URL_MOST)
        return refuse(transfer, "the URL holds a space or control byte, or is too long");
    if (transfer->peer->server_name)
        return set_renamed_url(transfer, url);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
    return true;
}

bool http_transfer_prepare(struct http_transfer *transfer, const struct http_request *request)
{
    size_t cap = request->answer_cap ? request->answer_cap : ANSWER_MOST;

    transfer->deadline_ms = request->deadline_ms > 0 ? request->deadline_ms : DEADLINE_MS;
    transfer->started_ms = clock_boot_ms();
    transfer->ends_ms =
        transfer->started_ms + (request->flow ? request->flow->begin_ms : transfer->deadline_ms);
    transfer->flow = request->flow ? *request->flow : (struct http_flow){0};
    transfer->flows = false;
    transfer->left = false;
    transfer->headers_too_long = false;
    transfer->header_bytes = 0;
    transfer->fault[0] = '\0';
    transfer->answer =
        (struct http_answer){.context = request->context, .body = STRBUF_CAPPED(cap)};
    if (!is_visible(request->method, false) || !*request->method)
        return refuse(transfer, "no method");
    if (!set_url(transfer, request->url) || !set_headers(transfer, request->headers))
        return false;
    set_body(transfer, request);
    return true;
}

/* ---- the end ---- */

static void say(struct http_transfer *transfer, enum error_kind kind, const char *why)
{
    const char *url = "", *path;

    curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
    path = strstr(url, "://");
    size_t origin = path ? (size_t)(path + 3 - url) + strcspn(path + 3, "/?#") : 0;
    error_set(&transfer->answer.error, kind, "%.*s: %s", (int)origin, url, why);
}

void http_transfer_fail(struct http_transfer *transfer, enum error_kind kind, const char *why)
{
    say(transfer, kind, why);
    forget_headers(&transfer->answer);
    strbuf_release(&transfer->answer.body);
    transfer->answer.status = 0;
    transfer->answer.seconds = (double)(clock_boot_ms() - transfer->started_ms) / 1000.0;
}

void http_transfer_overdue(struct http_transfer *transfer)
{
    CLEANUP(strbuf_release) struct strbuf why = {0};
    bool to_begin = transfer->flow.begun && !transfer->flows;

    strbuf_format(&why, transfer->flows ? "not over after %lld ms" : "no answer within %lld ms",
                  (long long)(to_begin ? transfer->flow.begin_ms : transfer->deadline_ms));
    http_transfer_fail(transfer, transfer->left ? ERROR_UNKNOWN : ERROR_TRANSIENT, why.text);
}

static enum error_kind kind_of(const struct http_transfer *transfer, CURLcode result)
{
    if (transfer->left)
        return ERROR_UNKNOWN;
    return result == CURLE_URL_MALFORMAT ? ERROR_INVALID : ERROR_TRANSIENT;
}

/* The length of " after 12 ms" or " after 12 milliseconds" where a text begins so; else 0. */
static size_t length_of_time(const char *text)
{
    size_t length = strlen(" after "), digits;

    if (strncmp(text, " after ", length) != 0)
        return 0;
    digits = strspn(text + length, "0123456789");
    length += digits;
    if (digits > 0 && strncmp(text + length, " milliseconds", 13) == 0)
        return length + 13;
    return digits > 0 && strncmp(text + length, " ms", 3) == 0 ? length + 3 : 0;
}

/* What differs each time would be told anew each time. */
static void forget_times(char *text)
{
    while ((text = strstr(text, " after "))) {
        size_t length = length_of_time(text);

        memmove(text, text + length, strlen(text + length) + 1);
        text += length == 0;
    }
}

static void explain(struct http_transfer *transfer, CURLcode result)
{
    CLEANUP(strbuf_release) struct strbuf why = {0};

    forget_times(transfer->fault);
    if (transfer->headers_too_long) {
        strbuf_format(&why, "the answer's headers are over %zu bytes", HEADERS_MOST);
        http_transfer_fail(transfer, ERROR_INVALID, why.text);
    } else if (!strbuf_ok(&transfer->answer.body)) {
        strbuf_format(&why, "the answer is over %zu bytes", transfer->answer.body.cap);
        http_transfer_fail(transfer, ERROR_INVALID, why.text);
    } else if (result == CURLE_ABORTED_BY_CALLBACK && !transfer->left) {
        http_transfer_overdue(transfer);
    } else if (result == CURLE_ABORTED_BY_CALLBACK) {
        http_transfer_fail(transfer, ERROR_UNKNOWN, "the connection ended before the answer");
    } else {
        http_transfer_fail(transfer, kind_of(transfer, result),
                           transfer->fault[0] ? transfer->fault : curl_easy_strerror(result));
    }
}

void http_transfer_conclude(struct http_transfer *transfer, CURLcode result)
{
    curl_off_t micros = 0;
    long status = 0;

    if (result != CURLE_OK) {
        explain(transfer, result);
        return;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &micros);
    transfer->answer.status = (int)status;
    transfer->answer.seconds = (double)micros / 1e6;
}

void http_transfer_take(struct http_transfer *transfer, struct http_answer *ret_answer)
{
    *ret_answer = transfer->answer;
    transfer->answer = (struct http_answer){0};
    forget_request(transfer);
}
