/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_admin - the hands behind the stand-in: requests under /_standin/, each a function from
 * the table in standin_admin.c. All run under the stand-in's lock.
 */
#pragma once

#include "base/json.h"
#include "tests/standin/standin_private.h"
#include "tests/standin/standin_writer.h"

/* A request under /_standin/, taken apart. `writer` writes the reply's body; a function that
 * writes nothing answers {}. */
struct standin_hand {
    struct standin *standin;
    const struct standin_request *request;
    struct standin_reply *reply;
    struct standin_url url; /* segments[0] is "_standin" */
    json_t *body;           /* NULL when there is none */
    struct standin_writer writer;
    int64_t now_ms;
};

/* Ends the request with an error instead. Returns -1. */
int standin_hand_refuse(struct standin_hand *hand, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Refuses a member that is not among `names` (separated by spaces). */
int standin_hand_known(struct standin_hand *hand, const json_t *object, const char *names);
/* Each leaves *ret_value alone when the member is absent, and refuses another type. Texts are
 * borrowed from the body; null is "". Durations are texts ("2s") or seconds. */
int standin_hand_text(struct standin_hand *hand, const json_t *object, const char *name,
                      const char **ret_value);
int standin_hand_flag(struct standin_hand *hand, const json_t *object, const char *name,
                      bool *ret_value);
int standin_hand_number(struct standin_hand *hand, const json_t *object, const char *name,
                        double *ret_value);
int standin_hand_duration(struct standin_hand *hand, const json_t *object, const char *name,
                          int64_t *ret_ms);
/* An object of texts. The array is the caller's, its texts are the body's; NULL when absent. */
int standin_hand_tags(struct standin_hand *hand, const json_t *object, const char *name,
                      struct model_tag **ret_owned_tags, size_t *ret_count);

/* What can be done: 0, or -1 after refusing. */
int standin_get_associations(struct standin_hand *hand);
int standin_get_cluster_associations(struct standin_hand *hand);
int standin_get_association(struct standin_hand *hand);
int standin_post_association(struct standin_hand *hand);
int standin_put_association(struct standin_hand *hand);
int standin_patch_association(struct standin_hand *hand);
int standin_delete_association(struct standin_hand *hand);
int standin_get_clusters(struct standin_hand *hand);
int standin_put_cluster(struct standin_hand *hand);
int standin_delete_cluster(struct standin_hand *hand);
int standin_put_role(struct standin_hand *hand);
int standin_delete_role(struct standin_hand *hand);
int standin_get_faults(struct standin_hand *hand);
int standin_put_faults(struct standin_hand *hand);
int standin_post_fault(struct standin_hand *hand);
int standin_delete_faults(struct standin_hand *hand);
int standin_get_settings(struct standin_hand *hand);
int standin_put_settings(struct standin_hand *hand);
int standin_get_counters(struct standin_hand *hand);
int standin_reset_counters(struct standin_hand *hand);
int standin_get_requests(struct standin_hand *hand);
int standin_delete_requests(struct standin_hand *hand);
int standin_get_credentials(struct standin_hand *hand);
int standin_get_policy(struct standin_hand *hand);
int standin_put_policy(struct standin_hand *hand);
int standin_delete_policy(struct standin_hand *hand);
int standin_delete_actions(struct standin_hand *hand);
