/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_world - the inside of struct model, shared by the model's own sources only.
 *
 * An association is a record: its states from the newest back, each with the time from which reads
 * show it. The newest is the truth, which writes go by; a newest without a state is a deletion.
 * Older states are dropped once nothing can show them any more, and a deleted record goes at the
 * first call after its deletion became visible.
 */
#pragma once

#include "tests/standin/model.h"

struct model_version {
    struct model_version *older;
    int64_t visible_ms;
    struct model_association *state; /* owned; NULL: deleted */
};

struct model_record {
    struct model_version *newest;
    uint64_t sequence;                    /* order of creation, the position in a paged List */
    uint64_t create_digest;               /* of the parameters it was created with */
    uint64_t update_token, update_digest; /* of the last Update with a token; 0: none */
};

/* What is searched for lies together: a look-up in 5,000 rows touches no record. */
struct model_row {
    uint64_t id_hash;
    uint64_t key_hash;
    uint64_t create_token; /* hash of the clientRequestToken; 0: none */
    struct model_record *record;
};

struct model_place { /* a cluster and what it holds */
    struct model_cluster *facts;
    struct model_row *rows; /* by sequence */
    size_t count, capacity;
    size_t living;      /* records whose truth is no deletion */
    int64_t sweep_from; /* the earliest visible_ms of a deletion */
};

struct model_known_role {
    struct model_role *facts;
    bool implied; /* nobody put it: exists only while any_role holds */
};

struct model_bucket {
    double tokens;
    int64_t filled_ms;
    bool started;
};

struct model {
    struct model_settings settings;
    struct model_place **places; /* by name */
    size_t place_count, place_capacity;
    struct model_known_role *roles;
    size_t role_count, role_capacity;
    struct model_fault *faults;
    size_t fault_count, fault_capacity;
    struct model_counter *counters;
    size_t counter_count, counter_capacity;
    struct model_bucket mutations, reads;
    uint64_t sequence;
    uint64_t ids;      /* handed out so far */
    const void **page; /* what an answer's list points to */
    size_t page_capacity;
    char caller_arn[256], assumed_arn[256], user_id[96];
};

/* ---- model_block.c: one block of memory a thing ---- */

/* Copies a struct of `size` bytes, the texts at these offsets (NULL becomes "") and tags, which are
 * sorted by key, into one block; the caller points its tag member at *ret_tags. */
void *model_block(const void *source, size_t size, const size_t *texts, size_t text_count,
                  const struct model_tag *tags, size_t tag_count,
                  const struct model_tag **ret_tags);
struct model_cluster *model_cluster_block(const struct model_cluster *cluster);
struct model_role *model_role_block(const struct model_role *role);
/* FNV-1a, continued from `hash` (0 to begin), the final NUL included. NULL is not "". */
uint64_t model_hash(uint64_t hash, const char *text);
/* A number spread over all 64 bits. */
uint64_t model_mix(uint64_t number);
/* The page with room for `count` pointers. */
const void **model_page(struct model *model, size_t count);

/* ---- model_record.c ---- */

/* NULL when there is none, or when it lies in another region than asked for. */
struct model_place *model_place(struct model *model, const char *name, const char *region);
void model_place_free(struct model_place *place);
/* Drops the deleted records that nothing shows any more. */
void model_sweep(struct model_place *place, int64_t now_ms);
/* NULL when the id, the key or the token is unknown. Deleted ones are found too. */
struct model_record *model_find_id(const struct model_place *place, const char *id);
struct model_record *model_find_key(const struct model_place *place, const char *namespace,
                                    const char *service_account);
struct model_record *model_find_token(const struct model_place *place, uint64_t token);
/* NULL when deleted. */
const struct model_association *model_truth(const struct model_record *record);
/* What reads show at that time; NULL: nothing. */
const struct model_association *model_shown(const struct model_record *record, int64_t now_ms);
/* The last state there was, of a deleted record too. */
const struct model_association *model_last(const struct model_record *record);
/* A new record with a first state. */
struct model_record *model_add(struct model *model, struct model_place *place,
                               const struct model_association *state, uint64_t create_token,
                               int64_t visible_ms);
/* A new state (NULL: deleted), made from `state` with arn and external id computed. */
void model_write(struct model_place *place, struct model_record *record,
                 const struct model_association *state, int64_t now_ms, int64_t visible_ms);
/* A free id. */
void model_new_id(struct model *model, const struct model_place *place, uint64_t random,
                  char ret_id[MODEL_ID_SIZE]);

/* ---- model_check.c: what EKS refuses. 0, or -1 with the error filled ---- */

int model_refuse(struct model_error *err, int status, const char *code, const char *cluster,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The request's cluster by name, swept. */
struct model_place *model_check_cluster(struct model *model, const struct model_request *request,
                                        struct model_error *err);
/* The request's association, not deleted. */
struct model_record *model_check_association(struct model *model,
                                             const struct model_request *request,
                                             struct model_place **ret_place,
                                             struct model_error *err);
int model_check_id(const struct model_request *request, struct model_error *err);
int model_check_name(const char *parameter, const char *value, const char *cluster,
                     struct model_error *err);
int model_check_page(const struct model *model, const struct model_request *request,
                     uint64_t *ret_after, size_t *ret_most, struct model_error *err);
int model_check_tags(const struct model_tag *tags, size_t count, const char *code,
                     const char *cluster, struct model_error *err);
int model_check_policy(const struct model_request *request, const char *policy, bool tags_disabled,
                       struct model_error *err);
/* Also remembers an implied role. */
int model_check_role(struct model *model, const struct model_place *place,
                     const struct model_request *request, struct model_error *err);
int model_check_target(const struct model_request *request, struct model_error *err);
void model_next_token(uint64_t after, char ret_token[MODEL_TOKEN_SIZE]);
const char *model_caller(struct model *model, const struct model_request *request);

/* ---- the operations: 0, or -1 with answer->error filled ---- */

int model_create(struct model *model, const struct model_request *request,
                 struct model_answer *answer);
int model_update(struct model *model, const struct model_request *request,
                 struct model_answer *answer);
int model_delete(struct model *model, const struct model_request *request,
                 struct model_answer *answer);
int model_describe(struct model *model, const struct model_request *request,
                   struct model_answer *answer);
int model_list(struct model *model, const struct model_request *request,
               struct model_answer *answer);
int model_tag(struct model *model, const struct model_request *request,
              struct model_answer *answer);
int model_untag(struct model *model, const struct model_request *request,
                struct model_answer *answer);
int model_list_tags(struct model *model, const struct model_request *request,
                    struct model_answer *answer);
int model_describe_cluster(struct model *model, const struct model_request *request,
                           struct model_answer *answer);
int model_list_clusters(struct model *model, const struct model_request *request,
                        struct model_answer *answer);
int model_get_caller_identity(struct model *model, const struct model_request *request,
                              struct model_answer *answer);
int model_get_role(struct model *model, const struct model_request *request,
                   struct model_answer *answer);
/* With and without a web identity: whom the session is, and how long; the host makes its keys. */
int model_assume_role(struct model *model, const struct model_request *request,
                      struct model_answer *answer);

/* ---- model_role.c ---- */

struct model_arn { /* of a role; parts point into the text */
    const char *partition, *account, *path, *name;
    size_t partition_length, account_length, path_length;
};
/* Returns false when the text is no role ARN. */
bool model_arn_parse(const char *text, struct model_arn *ret_arn);
/* The role that an ARN names, NULL when there is none; with any_role it comes to be so. */
const struct model_role *model_role_named(struct model *model, const struct model_arn *arn,
                                          int64_t now_ms);
