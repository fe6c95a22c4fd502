/* SPDX-License-Identifier: Apache-2.0 */
/* api_private - what the parts of the API server offer each other. */
#pragma once

#include "tests/sim/api.h"
#include "tests/sim/api_request.h"

/* One request on its way. */
struct api_passage {
    struct api *api;
    const struct api_request *request;
    const struct errand *errand;
    struct http_answer *answer;
};

/* The request makes no sense: 400, and the history fails. */
void api_reject(struct api_passage *passage, const char *why);
/* What kube_world said. `name` "": a list. */
void api_refuse_as(struct api_passage *passage, const struct error *error, const char *group,
                   const char *resource, const char *name);

/* How the state of a binding is written this time. */
struct api_style api_style_of(struct api *api, const struct binding *binding);
/* The JSON of the status that a state of a binding has; NULL: none was written yet. */
const char *api_status_at(const struct api *api, const char *uid, uint64_t version);
void api_keep_status(struct api *api, const char *uid, uint64_t version, char *owned_json);

/* ---- api_lease.c ---- */

void api_use_lease(struct api_passage *passage);

/* ---- api_patch.c ---- */

void api_patch_binding(struct api_passage *passage);
void api_write_api_event(struct api_passage *passage);
