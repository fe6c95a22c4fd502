/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the outcome share: a scene, and what its binding "reader" is told. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/outcome.h"
#include "tests/unit/scene.h"

#define NOW 1000000
#define WALL_US INT64_C(1764000000123456)
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct stage {
    struct scene scene;
    struct outcome_context context;
    struct outcome outcome;
};

static inline void stage_init(struct stage *stage)
{
    *stage = (struct stage){
        .context = {
            .now = NOW, .wall_us = WALL_US, .blind_reason = "", .blind_message = "", .hold = ""}};
    scene_init(&stage->scene);
}

static inline void stage_release(struct stage *stage)
{
    outcome_release(&stage->outcome);
    scene_release(&stage->scene);
}

static inline const struct binding_status *judge(struct stage *stage)
{
    stage->context.cluster = &stage->scene.cluster;
    stage->context.mirror = &stage->scene.mirror;
    outcome_release(&stage->outcome);
    scene_desire(&stage->scene);
    outcome_make(scene_claim(&stage->scene, "reader"), &stage->context, &stage->outcome);
    return &stage->outcome.status;
}

static inline struct binding *add_reader(struct stage *stage)
{
    struct binding binding = scene_binding("reader");

    return scene_add_binding(&stage->scene, &binding);
}

static inline struct mirror_entry *add_ours(struct stage *stage, const char *account)
{
    struct association association = scene_association(account, "uid-reader");

    return scene_add_association(&stage->scene, &association);
}

static inline void is(const struct binding_status *status, enum binding_condition_type type,
                      enum condition_status expected, const char *reason)
{
    const struct binding_condition *condition = &status->conditions[type];

    if (condition->status != expected)
        fail_msg("%s is %s, expected %s", condition_type_name(type),
                 condition_status_name(condition->status), condition_status_name(expected));
    assert_string_equal(condition->reason, reason);
}

static inline void says(const struct binding_status *status, enum binding_condition_type type,
                        const char *words)
{
    if (!strstr(status->conditions[type].message, words))
        fail_msg("'%s' does not say '%s'", status->conditions[type].message, words);
}
