/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in's signature check. The signatures come from botocore 1.44.5, and one from the public
 * Signature Version 4 test suite (get-vanilla). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The stand-in is a program: its sources are in no library. */
#include "tests/standin/standin_canonical.c" // NOLINT(bugprone-suspicious-include)
#include "tests/standin/standin_sigv4.c"     // NOLINT(bugprone-suspicious-include)

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NOW_MS 1440938160000 /* 2015-08-30T12:36:00Z */
#define EKS "eks.us-west-2.amazonaws.com"
#define TAGS                                                                                       \
    "/tags/arn%3Aaws%3Aeks%3Aus-west-2%3A111122223333%3Apodidentityassociation%2Fprod%2F"          \
    "a-abcdefghijklmnop1"
#define SCOPE "AKIDEXAMPLE/20150830/us-west-2/eks/aws4_request"

struct vector {
    const char *method, *target, *host, *scope, *signed_headers, *signature;
    const char *content_type, *token, *body;
};

static const struct vector vectors[] = {
    {.method = "GET",
     .target = "/clusters/prod/pod-identity-associations?namespace=ns1&serviceAccount=sa%201"
               "&maxResults=1&nextToken=t0k%2B%2F%3D%20x",
     .host = EKS,
     .scope = SCOPE,
     .signed_headers = "host;x-amz-date;x-amz-security-token",
     .signature = "4bb0f680c8e40f7310551d435e84bb393f119d3a55636ab9f55093dc42c7847c",
     .token = "tok/en+=="},
    {.method = "POST",
     .target = TAGS,
     .host = EKS,
     .scope = SCOPE,
     .signed_headers = "content-type;host;x-amz-date",
     .signature = "e8d407b49bff8c47466ddb38d6482b1ba3712dc3973e925616231a65ac6a6727",
     .content_type = "application/json",
     .body = "{\"tags\":{\"x\":\"y\"}}"},
    {.method = "DELETE",
     .target = TAGS "?tagKeys=c%2Fd&tagKeys=a%20b",
     .host = EKS,
     .scope = SCOPE,
     .signed_headers = "host;x-amz-date",
     .signature = "9b64789782035f16c9ffcfe25ea71de506c8eda8aa7a9ed4eeffa0e322aeff85"},
    {.method = "POST",
     .target = "/",
     .host = "iam.amazonaws.com",
     .scope = "AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request",
     .signed_headers = "content-type;host;x-amz-date",
     .signature = "6fb67408b719158ad0d69391e541a35fd01b109fb4960586d82984d00f001a0c",
     .content_type = "application/x-www-form-urlencoded; charset=utf-8",
     .body = "Action=GetRole&Version=2010-05-08&RoleName=r%2Ba%3Db"},
    {.method = "GET",
     .target = "/",
     .host = "example.amazonaws.com",
     .scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request",
     .signed_headers = "host;x-amz-date",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
};

struct trial { /* a vector as a request, open to changes */
    char authorization[512];
    struct standin_header headers[8];
    struct standin_request request;
    struct standin_credential credential;
    int64_t now_ms;
    struct standin_sigv4 result;
};

static void header(struct trial *trial, const char *name, const char *value)
{
    trial->headers[trial->request.header_count++] = (struct standin_header){name, value};
}

static void prepare(struct trial *trial, const struct vector *vector)
{
    *trial = (struct trial){.now_ms = NOW_MS};
    snprintf(trial->authorization, sizeof trial->authorization,
             "AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=%s, Signature=%s", vector->scope,
             vector->signed_headers, vector->signature);
    header(trial, "Host", vector->host);
    header(trial, "X-Amz-Date", "20150830T123600Z");
    header(trial, "Authorization", trial->authorization);
    header(trial, "User-Agent", "not signed");
    if (vector->content_type)
        header(trial, "Content-Type", vector->content_type);
    if (vector->token)
        header(trial, "X-Amz-Security-Token", vector->token);
    trial->request.method = vector->method;
    trial->request.target = vector->target;
    trial->request.headers = trial->headers;
    trial->request.body = vector->body ? vector->body : "";
    trial->request.body_length = strlen(trial->request.body);
    snprintf(trial->credential.key_id, sizeof trial->credential.key_id, "AKIDEXAMPLE");
    snprintf(trial->credential.secret, sizeof trial->credential.secret,
             "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    snprintf(trial->credential.session_token, sizeof trial->credential.session_token, "%s",
             vector->token ? vector->token : "");
}

static void expect(struct trial *trial, enum standin_sigv4_fault fault)
{
    enum standin_sigv4_fault found =
        standin_sigv4_verify(&trial->request, &trial->credential, 1, trial->now_ms, &trial->result);

    if (found != fault)
        print_error("%s\n", strbuf_text(&trial->result.message));
    standin_sigv4_release(&trial->result);
    assert_int_equal(found, fault);
}

static void accepts_what_botocore_signs(void **state)
{
    struct trial trial;

    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        prepare(&trial, &vectors[i]);
        expect(&trial, STANDIN_SIGV4_FINE);
        assert_string_equal(trial.result.key_id, "AKIDEXAMPLE");
    }
    prepare(&trial, &vectors[3]);
    expect(&trial, STANDIN_SIGV4_FINE);
    assert_string_equal(trial.result.region, "us-east-1");
    assert_string_equal(trial.result.service, "iam");
}

static void refuses_any_changed_part(void **state)
{
    struct trial trial;

    (void)state;
    prepare(&trial, &vectors[1]);
    trial.request.body = "{\"tags\":{\"x\":\"z\"}}";
    expect(&trial, STANDIN_SIGV4_MISMATCH);
    prepare(&trial, &vectors[1]);
    trial.request.method = "PUT";
    expect(&trial, STANDIN_SIGV4_MISMATCH);
    prepare(&trial, &vectors[2]);
    trial.request.target = TAGS "?tagKeys=c%2Fd&tagKeys=a%20c";
    expect(&trial, STANDIN_SIGV4_MISMATCH);
    prepare(&trial, &vectors[2]);
    trial.request.target = "/tags/arn:aws:eks:us-west-2:111122223333:podidentityassociation%2Fprod"
                           "%2Fa-abcdefghijklmnop1?tagKeys=c%2Fd&tagKeys=a%20b";
    expect(&trial, STANDIN_SIGV4_MISMATCH);
    prepare(&trial, &vectors[1]);
    trial.headers[4].value = "text/plain";
    expect(&trial, STANDIN_SIGV4_MISMATCH);
    prepare(&trial, &vectors[1]);
    trial.credential.secret[0] = 'x';
    expect(&trial, STANDIN_SIGV4_MISMATCH);
    prepare(&trial, &vectors[1]);
    trial.authorization[strlen(trial.authorization) - 1] = '8';
    expect(&trial, STANDIN_SIGV4_MISMATCH);
}

static void does_not_mind_the_order_of_a_query(void **state)
{
    struct trial trial;

    (void)state;
    prepare(&trial, &vectors[2]);
    trial.request.target = TAGS "?tagKeys=a%20b&tagKeys=c%2fd";
    expect(&trial, STANDIN_SIGV4_FINE);
}

static void tells_who_may_not(void **state)
{
    struct trial trial;

    (void)state;
    prepare(&trial, &vectors[0]);
    trial.credential.key_id[0] = 'B';
    expect(&trial, STANDIN_SIGV4_UNKNOWN);
    prepare(&trial, &vectors[0]);
    trial.credential.session_token[0] = '\0';
    expect(&trial, STANDIN_SIGV4_UNKNOWN);
    prepare(&trial, &vectors[2]);
    trial.credential.session_token[0] = 't';
    expect(&trial, STANDIN_SIGV4_UNKNOWN);
    prepare(&trial, &vectors[0]);
    trial.credential.expires_ms = NOW_MS;
    expect(&trial, STANDIN_SIGV4_EXPIRED);
    prepare(&trial, &vectors[0]);
    trial.credential.expires_ms = NOW_MS + 1;
    expect(&trial, STANDIN_SIGV4_FINE);
}

static void allows_five_minutes_of_skew(void **state)
{
    struct trial trial;

    (void)state;
    prepare(&trial, &vectors[0]);
    trial.now_ms += 300000;
    expect(&trial, STANDIN_SIGV4_FINE);
    trial.now_ms += 1;
    expect(&trial, STANDIN_SIGV4_SKEWED);
    trial.now_ms = NOW_MS - 300001;
    expect(&trial, STANDIN_SIGV4_SKEWED);
}

static void refuses_incomplete_authorizations(void **state)
{
    static const char *const broken[] = {
        "",
        "Bearer abc",
        "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host;x-amz-date",
        "AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=00",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-west-2/eks/aws3_request, "
        "SignedHeaders=host;x-amz-date, Signature=00",
        "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=x-amz-date, Signature=00",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150831/us-west-2/eks/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=00",
    };
    struct trial trial;

    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        prepare(&trial, &vectors[2]);
        trial.headers[2].value = broken[i];
        expect(&trial, STANDIN_SIGV4_MALFORMED);
    }
    prepare(&trial, &vectors[2]);
    trial.headers[2].name = "X-Authorization";
    expect(&trial, STANDIN_SIGV4_MISSING);
    prepare(&trial, &vectors[2]);
    header(&trial, "Content-Type", "text/plain"); /* present and not signed */
    expect(&trial, STANDIN_SIGV4_MALFORMED);
    prepare(&trial, &vectors[2]);
    trial.headers[1].value = "30 Aug 2015";
    expect(&trial, STANDIN_SIGV4_MALFORMED);
}

static void content_digest_must_be_of_the_body(void **state)
{
    struct trial trial;

    (void)state;
    prepare(&trial, &vectors[2]);
    header(&trial, "X-Amz-Content-SHA256", "00");
    snprintf(trial.authorization, sizeof trial.authorization,
             "AWS4-HMAC-SHA256 Credential=%s, "
             "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=00",
             SCOPE);
    expect(&trial, STANDIN_SIGV4_MALFORMED);
}

static void makes_canonical_paths(void **state)
{
    static const char *const cases[][2] = {
        {"", "/"},
        {"/", "/"},
        {"//", "/"},
        {"/.", "/"},
        {"/a//b/", "/a/b/"},
        {"/./a/../b", "/b"},
        {"/..", "/"},
        {"/a%2Fb%3a", "/a%252Fb%253a"},
        {"/a b+:~", "/a%20b%2B%3A~"},
        {"/\xe1\x88\xb4", "/%E1%88%B4"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strbuf out = {0};

        standin_canonical_path(&out, cases[i][0], strlen(cases[i][0]));
        assert_string_equal(strbuf_text(&out), cases[i][1]);
        strbuf_release(&out);
    }
}

static void makes_canonical_queries(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"b=1&a=2", "a=2&b=1"},
        {"a=2&a=1", "a=1&a=2"},
        {"a", "a="},
        {"a-=1&a=2", "a=2&a-=1"},
        {"&&a=1&", "a=1"},
        {"a=b=c", "a=b%3Dc"},
        {"a=%7e%2f%zz", "a=~%2F%25zz"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strbuf out = {0};

        standin_canonical_query(&out, cases[i][0]);
        assert_string_equal(strbuf_text(&out), cases[i][1]);
        strbuf_release(&out);
    }
}

static void makes_canonical_headers(void **state)
{
    static const struct standin_header headers[] = {
        {"My-B", "  two   words "}, {"my-a", "1"}, {"MY-A", "2"}, {"my-a-c", ""}};
    const struct standin_request request = {.headers = headers, .header_count = COUNT(headers)};
    struct strbuf out = {0};

    (void)state;
    standin_canonical_headers(&out, &request, "my-b;my-a;my-a-c");
    assert_string_equal(strbuf_text(&out), "my-a:1,2\nmy-a-c:\nmy-b:two words\n");
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_botocore_signs),
        cmocka_unit_test(refuses_any_changed_part),
        cmocka_unit_test(does_not_mind_the_order_of_a_query),
        cmocka_unit_test(tells_who_may_not),
        cmocka_unit_test(allows_five_minutes_of_skew),
        cmocka_unit_test(refuses_incomplete_authorizations),
        cmocka_unit_test(content_digest_must_be_of_the_body),
        cmocka_unit_test(makes_canonical_paths),
        cmocka_unit_test(makes_canonical_queries),
        cmocka_unit_test(makes_canonical_headers),
    };

    return cmocka_run_group_tests_name("standin_sigv4", tests, NULL, NULL);
}
