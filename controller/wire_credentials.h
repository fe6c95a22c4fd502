/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_credentials - keeps the AWS credentials fresh: does what aws/credentials asks for, over the
 * worker's HTTP engine or with a program on a thread of its own, and says in the log when they
 * come, fail and come again. Never a secret.
 *
 * Where STS refuses a signature for its time, the client learns from it what time EKS has: before
 * there is anything to sign with, nobody else can tell.
 *
 * On the worker's thread, but for the program's. `wall_us` is the time as EKS has it.
 */
#pragma once

#include <stdbool.h>

#include "aws/aws_client.h"
#include "aws/credentials.h"
#include "base/http.h"
#include "base/process_task.h"

/* All fields but `credentials` are private. */
struct wire_credentials {
    struct credentials credentials;
    struct http *engine;
    struct http_peer *local;   /* for container endpoint and instance metadata: no proxy */
    struct http_peer *aws;     /* borrowed */
    struct aws_client *client; /* borrowed */
    struct process_task *program;
    const char *const *environment; /* borrowed: the programs' */
    void *context;
    bool told_good;
    struct error told_bad;                 /* the failure that was logged last */
    char told_name[CREDENTIALS_NAME_SIZE]; /* the source then */
};

struct wire_credentials_settings {
    struct http *engine;
    struct http_peer *aws; /* for STS */
    const struct credentials_environment *from;
    struct aws_client *client; /* with the address of STS */
    const char *user_agent;
    const char *ca_file;            /* NULL: the system's */
    const char *const *environment; /* ours, ended by NULL, for the programs of profiles */
    void *context;                  /* of the exchanges */
};

/* A wrong setting is no failure here: every call then says so, and so does the log. */
void wire_credentials_init(struct wire_credentials *wire,
                           const struct wire_credentials_settings *settings, int64_t wall_us);
/* With the engine's exchanges ended. Zeroed is fine. */
void wire_credentials_release(struct wire_credentials *wire);

/* Takes what a program printed, and starts what is due. Never waits. */
void wire_credentials_turn(struct wire_credentials *wire, int64_t wall_us);
/* The answer to an exchange that has the settings' context. */
void wire_credentials_take(struct wire_credentials *wire, struct http_answer *answer,
                           int64_t wall_us);
