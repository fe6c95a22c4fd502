/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the EKS model share: a world with the clusters blue and green. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/standin/model.h"

#define ROLE "arn:aws:iam::111122223333:role/reader"
#define OTHER_ROLE "arn:aws:iam::111122223333:role/team/a/writer"
#define TARGET "arn:aws:iam::444455556666:role/target"

struct world {
    struct model *model;
    struct model_answer answer;
    char id[MODEL_ID_SIZE];
    char arn[256];
};

static inline int setup(void **state)
{
    struct world *world = mem_alloc(sizeof *world);

    world->model = model_new();
    model_put_cluster(world->model, &(struct model_cluster){.name = "blue"});
    model_put_cluster(world->model, &(struct model_cluster){.name = "green"});
    *state = world;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *world = *state;

    model_free(world->model);
    mem_free(world);
    return 0;
}

static inline const struct model_error *call(struct world *world, struct model_request request)
{
    if (!request.cluster)
        request.cluster = "blue";
    model_call(world->model, &request, &world->answer);
    return &world->answer.error;
}

#define CALL(world, ...) call((world), (struct model_request){__VA_ARGS__})
#define OK(error) assert_string_equal((error)->message, "")

static inline void refused(const struct model_error *error, int status, const char *code,
                           const char *message)
{
    assert_string_equal(error->message, message);
    assert_string_equal(error->code, code);
    assert_int_equal(error->status, status);
}

static inline void create(struct world *world, const char *service_account, int64_t now_ms)
{
    OK(CALL(world, MODEL_CREATE, .now_ms = now_ms, .namespace = "app",
            .service_account = service_account, .role_arn = ROLE));
    memcpy(world->id, world->answer.association->id, sizeof world->id);
    snprintf(world->arn, sizeof world->arn, "%s", world->answer.association->arn);
}

static inline size_t listed(struct world *world, int64_t now_ms)
{
    OK(CALL(world, MODEL_LIST, .now_ms = now_ms));
    return world->answer.association_count;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
