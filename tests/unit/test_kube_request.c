/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "kube/kube_answer.h"
#include "kube/kube_request.h"
#include "tests/unit/aws_cases.h"

#define STATUS(code, reason, details)                                                              \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"so it is\",\"reason\":\"" reason    \
    "\",\"code\":" #code ",\"details\":{" details "}}"
#define READER "\"group\":\"podbind.dev\",\"kind\":\"podidentitybindings\",\"name\":\"reader\""

struct world {
    struct kubeconfig config;
    struct kube_client client;
    char token_path[64];
};

static int make_world(void **state)
{
    struct world *world = mem_alloc(sizeof *world);
    kubeconfig_init(&world->config);
    mem_free(world->config.server);
    world->config.server = mem_strdup("https://kube.example:6443");
    kube_client_init(&world->client, &world->config, "podbind/0 (linux/amd64)");
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;
    kube_client_release(&world->client);
    kubeconfig_release(&world->config);
    if (world->token_path[0] != '\0')
        unlink(world->token_path);
    mem_free(world);
    return 0;
}

static void write_token(struct world *world, const char *token)
{
    if (world->token_path[0] == '\0') {
        snprintf(world->token_path, sizeof world->token_path, "/tmp/token-XXXXXX");
        int file = mkstemp(world->token_path);
        assert_true(file >= 0);
        close(file);
        mem_free(world->config.token_file);
        world->config.token_file = mem_strdup(world->token_path);
    }
    FILE *file = fopen(world->token_path, "w");
    assert_non_null(file);
    fputs(token, file);
    fclose(file);
}

/* ---- paths ---- */

static void writes_paths(void **state)
{
    (void)state;
    static const struct {
        struct kube_path path;
        const char *text;
    } rows[] = {
        {{.version = "v1", .resource = "serviceaccounts"}, "/api/v1/serviceaccounts"},
        {{.version = "v1", .namespace = "app", .resource = "serviceaccounts", .name = "app-sa"},
         "/api/v1/namespaces/app/serviceaccounts/app-sa"},
        {{.version = "v1", .resource = "namespaces", .name = "kube-system"},
         "/api/v1/namespaces/kube-system"},
        {{.group = "podbind.dev",
          .version = "v1alpha1",
          .namespace = "app",
          .resource = "podidentitybindings",
          .name = "reader",
          .subresource = "status"},
         "/apis/podbind.dev/v1alpha1/namespaces/app/podidentitybindings/reader/status"},
        {{.group = "coordination.k8s.io",
          .version = "v1",
          .namespace = "podbind-system",
          .resource = "leases",
          .name = ""},
         "/apis/coordination.k8s.io/v1/namespaces/podbind-system/leases"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};
        struct error err;
        assert_int_equal(kube_path_write(&rows[i].path, &text, &err), 0);
        assert_string_equal(strbuf_text(&text), rows[i].text);
    }
}

static void lets_no_other_text_into_a_path(void **state)
{
    (void)state;
    static const struct kube_path paths[] = {
        {.version = "v1", .resource = "serviceaccounts", .namespace = "../secrets"},
        {.version = "v1", .resource = "serviceaccounts", .namespace = "app", .name = "a/b"},
        {.version = "v1", .resource = "serviceaccounts", .namespace = "app", .name = "a?b"},
        {.version = "v1", .resource = "serviceaccounts", .namespace = "app", .name = "%2e%2e"},
        {.version = "v1", .resource = "serviceaccounts", .name = "a", .subresource = "s/t"},
        {.version = "v1", .resource = "serviceaccounts", .subresource = "status"},
        {.version = "v1", .resource = ""},
        {.version = "v1"},
        {.version = "", .resource = "serviceaccounts"},
        {.resource = "serviceaccounts"},
        {.group = "a b", .version = "v1", .resource = "serviceaccounts"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};
        struct error err;
        assert_int_equal(kube_path_write(&paths[i], &text, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_int_equal(text.length, 0);
    }
}

static void encodes_queries(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf query = {0};
    kube_query_add(&query, "limit", "100");
    kube_query_add(&query, "continue", "a=b&c d+/");
    assert_string_equal(strbuf_text(&query), "limit=100&continue=a%3Db%26c%20d%2B%2F");
}

/* ---- requests ---- */

static bool has_header(const struct kube_request *request, const char *header)
{
    for (const char *const *line = request->http.headers; *line != NULL; line++) {
        if (strcmp(*line, header) == 0)
            return true;
    }
    return false;
}

static size_t count_headers(const struct kube_request *request)
{
    size_t count = 0;
    while (request->http.headers[count] != NULL)
        count++;
    return count;
}

static const struct kube_call get_reader = {
    .method = "GET",
    .path = {.group = "podbind.dev",
             .version = "v1alpha1",
             .namespace = "app",
             .resource = "podidentitybindings",
             .name = "reader"},
};
static const struct kube_call patch_reader = {
    .method = "PATCH",
    .path = {.group = "podbind.dev",
             .version = "v1alpha1",
             .namespace = "app",
             .resource = "podidentitybindings",
             .name = "reader"},
    .content_type = KUBE_MERGE_PATCH,
    .body = "{}",
    .body_length = 2,
    .metadata_only = true,
};

static void makes_requests(void **state)
{
    struct world *world = *state;
    struct kube_request request;
    struct error err;
    struct kube_call list = get_reader;
    list.path.name = "";
    list.query = "limit=100";
    assert_int_equal(kube_request_make(&world->client, &list, 0, &request, &err), 0);
    assert_string_equal(request.http.method, "GET");
    assert_string_equal(request.http.url, "https://kube.example:6443/apis/podbind.dev/v1alpha1/"
                                          "namespaces/app/podidentitybindings?limit=100");
    assert_null(request.http.body);
    assert_true(has_header(&request, "Accept: application/json"));
    assert_int_equal(count_headers(&request), 1);
    kube_request_release(&request);

    mem_free(world->config.token);
    world->config.token = mem_strdup("abc");
    assert_int_equal(kube_request_make(&world->client, &patch_reader, 0, &request, &err), 0);
    assert_string_equal(request.http.method, "PATCH");
    assert_string_equal(request.http.body, "{}");
    assert_int_equal(request.http.body_length, 2);
    assert_true(has_header(&request, "Accept: application/json;as=PartialObjectMetadata;"
                                     "g=meta.k8s.io;v=v1, application/json"));
    assert_true(has_header(&request, "Authorization: Bearer abc"));
    assert_true(has_header(&request, "Content-Type: application/merge-patch+json"));
    assert_int_equal(count_headers(&request), 3);
    kube_request_release(&request);

    const struct kube_call raw = {.method = "GET", .raw_path = "/.well-known/openid-configuration"};
    assert_int_equal(kube_request_make(&world->client, &raw, 0, &request, &err), 0);
    assert_string_equal(request.http.url,
                        "https://kube.example:6443/.well-known/openid-configuration");
    kube_request_release(&request);
}

static void speaks_to_the_server_of_the_kubeconfig(void **state)
{
    struct world *world = *state;
    struct http_settings settings;
    kube_client_settings(&world->client, &settings);
    assert_null(settings.ca_pem);
    assert_null(settings.cert_pem);
    assert_null(settings.server_name);
    assert_string_equal(settings.proxy, ""); /* never one from the environment */
    assert_string_equal(settings.user_agent, "podbind/0 (linux/amd64)");
    assert_true(settings.http2);
}

/* ---- the token ---- */

static void assert_token(struct world *world, int64_t now_ms, const char *expected)
{
    const char *token;
    struct error err;
    if (kube_client_token(&world->client, now_ms, &token, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(token, expected);
}

static void reads_the_token_again_after_a_minute(void **state)
{
    struct world *world = *state;
    write_token(world, "first\n");
    assert_token(world, 1000, "first");
    write_token(world, "second\n");
    assert_token(world, 60999, "first");
    assert_token(world, 61000, "second");
}

static void reads_the_token_again_after_a_401(void **state)
{
    struct world *world = *state;
    write_token(world, "first");
    assert_token(world, 0, "first");
    write_token(world, "second");
    struct http_answer answer = aws_cases_answer(401, STATUS(401, "Unauthorized", ""));
    json_t *object;
    struct error err;
    assert_int_equal(kube_answer_read(&world->client, &get_reader, &answer, &object, NULL, &err),
                     -1);
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_token(world, 1, "second");
    aws_cases_release(&answer);
}

static void keeps_the_token_while_the_file_is_gone(void **state)
{
    struct world *world = *state;
    write_token(world, "first");
    assert_token(world, 0, "first");
    unlink(world->token_path);
    assert_token(world, 100000, "first");
    write_token(world, "second");
    assert_token(world, 100001, "second");
}

static void refuses_bad_tokens(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"", "\n", "a b", "a\nb", "a\r\nX-Evil: 1", "\xc3\xa4"};
    const char *token = NULL;
    struct error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_token(world, bad[i]);
        assert_int_equal(kube_client_token(&world->client, 0, &token, &err), -1);
        assert_int_equal(err.kind, ERROR_DENIED);
    }
    CLEANUP_FREE char *large = mem_alloc(12 * 1024 + 2);
    memset(large, 'a', 12 * 1024 + 1);
    write_token(world, large);
    assert_int_equal(kube_client_token(&world->client, 0, &token, &err), -1);
    large[12 * 1024] = '\0';
    write_token(world, large);
    assert_token(world, 0, large);
}

static void a_missing_token_file_says_so(void **state)
{
    struct world *world = *state;
    struct kube_request request;
    struct error err;
    write_token(world, "first");
    unlink(world->token_path);
    assert_int_equal(kube_request_make(&world->client, &get_reader, 0, &request, &err), -1);
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_non_null(strstr(err.text, world->token_path));
}

/* ---- answers ---- */

static void maps_answers_to_kinds(void **state)
{
    struct world *world = *state;
    static const struct {
        int status;
        const char *body;
        enum error_kind read, write;
    } rows[] = {
        {401, STATUS(401, "Unauthorized", ""), ERROR_DENIED, ERROR_DENIED},
        {403, STATUS(403, "Forbidden", READER), ERROR_DENIED, ERROR_DENIED},
        {403, "", ERROR_DENIED, ERROR_DENIED},
        {404, STATUS(404, "NotFound", READER), ERROR_NOT_FOUND, ERROR_NOT_FOUND},
        {409, STATUS(409, "Conflict", READER), ERROR_CONFLICT, ERROR_CONFLICT},
        {409, STATUS(409, "AlreadyExists", READER), ERROR_CONFLICT, ERROR_CONFLICT},
        {410, STATUS(410, "Expired", ""), ERROR_GONE, ERROR_GONE},
        {410, "", ERROR_GONE, ERROR_GONE},
        {400, STATUS(400, "BadRequest", ""), ERROR_INVALID, ERROR_INVALID},
        {406, "", ERROR_INVALID, ERROR_INVALID},
        {415, "", ERROR_INVALID, ERROR_INVALID},
        {422, STATUS(422, "Invalid", READER), ERROR_INVALID, ERROR_INVALID},
        {429, STATUS(429, "TooManyRequests", ""), ERROR_THROTTLED, ERROR_THROTTLED},
        {429, "", ERROR_THROTTLED, ERROR_THROTTLED},
        {408, "", ERROR_TRANSIENT, ERROR_UNKNOWN},
        {500, STATUS(500, "InternalError", ""), ERROR_TRANSIENT, ERROR_UNKNOWN},
        {502, "<html>bad gateway</html>", ERROR_TRANSIENT, ERROR_UNKNOWN},
        {503, STATUS(503, "ServiceUnavailable", ""), ERROR_TRANSIENT, ERROR_UNKNOWN},
        {504, STATUS(504, "Timeout", ""), ERROR_TRANSIENT, ERROR_UNKNOWN},
        {504, STATUS(504, "Timeout", "\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]"),
         ERROR_GONE, ERROR_UNKNOWN},
        {302, "", ERROR_TRANSIENT, ERROR_UNKNOWN},
        {200, "<html>sign in</html>", ERROR_TRANSIENT, ERROR_UNKNOWN},
        {200, "", ERROR_TRANSIENT, ERROR_UNKNOWN},
        {200, "[]", ERROR_TRANSIENT, ERROR_UNKNOWN},
        {200, "{\"kind\":\"PodIdentityBin", ERROR_TRANSIENT, ERROR_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_answer answer = aws_cases_answer(rows[i].status, rows[i].body);
        json_t *object = NULL;
        struct error err;
        assert_int_equal(
            kube_answer_read(&world->client, &get_reader, &answer, &object, NULL, &err), -1);
        if (err.kind != rows[i].read)
            fail_msg("row %zu, read: %s", i, error_kind_name(err.kind));
        assert_int_equal(err.status, rows[i].status);
        assert_int_equal(
            kube_answer_read(&world->client, &patch_reader, &answer, &object, NULL, &err), -1);
        if (err.kind != rows[i].write)
            fail_msg("row %zu, write: %s", i, error_kind_name(err.kind));
        assert_null(object);
        aws_cases_release(&answer);
    }
}

/* Anything less than this is no evidence that the object is gone. */
static void believes_only_a_status_that_names_the_object(void **state)
{
    struct world *world = *state;
    static const char *const bodies[] = {
        "",
        "404 page not found\n",
        "<html>404</html>",
        "{}",
        "{\"kind\":\"Status\",\"code\":404}",
        STATUS(404, "", READER),
        STATUS(404, "NotFound", ""),
        STATUS(404, "NotFound", "\"kind\":\"podidentitybindings\",\"name\":\"reader\""),
        STATUS(404, "NotFound",
               "\"group\":\"podbind.dev\",\"kind\":\"podidentitybindings\",\"name\":\"other\""),
        STATUS(404, "NotFound", "\"group\":\"podbind.dev\",\"kind\":\"pods\",\"name\":\"reader\""),
        STATUS(404, "NotFound", "\"group\":\"podbind.dev\",\"kind\":\"podidentitybindings\""),
        STATUS(404, "NotFound", "\"kind\":\"namespaces\",\"name\":\"app\""),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct http_answer answer = aws_cases_answer(404, bodies[i]);
        json_t *object;
        struct error err;
        assert_int_equal(
            kube_answer_read(&world->client, &get_reader, &answer, &object, NULL, &err), -1);
        if (err.kind != ERROR_TRANSIENT)
            fail_msg("%s: %s", bodies[i], error_kind_name(err.kind));
        aws_cases_release(&answer);
    }
}

static void a_collection_is_never_not_found(void **state)
{
    struct world *world = *state;
    struct kube_call list = get_reader;
    list.path.name = "";
    struct http_answer answer = aws_cases_answer(
        404, STATUS(404, "NotFound", "\"group\":\"podbind.dev\",\"kind\":\"podidentitybindings\""));
    json_t *object;
    struct error err;
    assert_int_equal(kube_answer_read(&world->client, &list, &answer, &object, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    aws_cases_release(&answer);
}

static void hands_out_what_the_server_said(void **state)
{
    struct world *world = *state;
    struct http_answer answer =
        aws_cases_answer(429, STATUS(429, "TooManyRequests", READER ",\"retryAfterSeconds\":7"));
    json_t *object;
    struct kube_status status;
    struct error err;
    assert_int_equal(kube_answer_read(&world->client, &get_reader, &answer, &object, &status, &err),
                     -1);
    assert_int_equal(err.retry_after_ms, 7000);
    assert_string_equal(err.code, "TooManyRequests");
    assert_string_equal(err.text, "GET podidentitybindings app/reader: so it is (429 "
                                  "TooManyRequests)");
    assert_int_equal(status.code, 429);
    assert_string_equal(status.kind, "podidentitybindings");
    assert_string_equal(status.name, "reader");
    answer.retry_after_ms = 2000; /* the header wins */
    kube_answer_read(&world->client, &get_reader, &answer, &object, &status, &err);
    assert_int_equal(err.retry_after_ms, 2000);
    aws_cases_release(&answer);
}

static void hands_out_the_object(void **state)
{
    struct world *world = *state;
    struct http_answer answer = aws_cases_answer(201, "{\"metadata\":{\"resourceVersion\":\"5\"}}");
    CLEANUP_JSON json_t *object = NULL;
    struct error err;
    assert_int_equal(kube_answer_read(&world->client, &patch_reader, &answer, &object, NULL, &err),
                     0);
    assert_string_equal(json_text(json_at(object, "metadata", NULL), "resourceVersion"), "5");
    aws_cases_release(&answer);
}

static void a_read_without_an_answer_had_no_effect(void **state)
{
    struct world *world = *state;
    struct http_answer answer = {0};
    json_t *object;
    struct error err;
    error_set(&answer.error, ERROR_UNKNOWN, "timed out");
    assert_int_equal(kube_answer_read(&world->client, &get_reader, &answer, &object, NULL, &err),
                     -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_int_equal(kube_answer_read(&world->client, &patch_reader, &answer, &object, NULL, &err),
                     -1);
    assert_int_equal(err.kind, ERROR_UNKNOWN);
    assert_string_equal(err.text, "PATCH podidentitybindings app/reader: timed out");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_paths),
        TEST(lets_no_other_text_into_a_path),
        TEST(encodes_queries),
        TEST(makes_requests),
        TEST(speaks_to_the_server_of_the_kubeconfig),
        TEST(reads_the_token_again_after_a_minute),
        TEST(reads_the_token_again_after_a_401),
        TEST(keeps_the_token_while_the_file_is_gone),
        TEST(refuses_bad_tokens),
        TEST(a_missing_token_file_says_so),
        TEST(maps_answers_to_kinds),
        TEST(believes_only_a_status_that_names_the_object),
        TEST(a_collection_is_never_not_found),
        TEST(hands_out_what_the_server_said),
        TEST(hands_out_the_object),
        TEST(a_read_without_an_answer_had_no_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
