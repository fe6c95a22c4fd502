/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - what the user wants of `podbind controller`: from flags, environment and a file into
 * one struct. Nothing else in podbind reads any of them.
 *
 * Each setting is a flag, an environment variable (--cluster-name is PODBIND_CLUSTER_NAME) and a
 * key of the YAML file given by --config (cluster-name: ...). Flag before variable before file
 * before default. An empty variable counts as unset; of a flag given twice the last one counts.
 * Unknown flags and keys are errors that name the nearest known one; unknown PODBIND_* variables
 * are left alone, for Kubernetes makes some for a Service called podbind.
 *
 * The AWS settings are those of the SDKs: from the environment, else from the profile in use
 * (aws/profile). Where neither names a region the instance is asked for it, once
 * (aws/region_source): reading may take seconds then. A profile that can't be read is an error,
 * whatever else is set: it may ask for FIPS.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/arn.h"
#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "controller/value.h"
#include "kube/watcher.h"
#include "reconcile/plan.h"

struct options_names {
    char **names;
    size_t count;
};

/* Texts are owned and never NULL after a success. */
/* As cluster name: find the cluster whose issuer is this API server's. */
#define OPTIONS_CLUSTER_AUTO "auto"

struct options {
    bool help; /* --help was given: nothing else is filled in */

    char *config;
    char *kubeconfig;                        /* a file; "" for what Kubernetes mounts into a pod */
    char *context;                           /* "" for the kubeconfig's current one */
    char *kubernetes_host, *kubernetes_port; /* of the environment; used without a kubeconfig */

    char *cluster_name; /* well-formed (aws/arn.h), or OPTIONS_CLUSTER_AUTO */
    struct arn_region aws_region;
    const char *aws_region_from; /* "--aws-region", "AWS_REGION", "profile", ...; static */
    char *instance;
    enum plan_mode mode;
    struct options_names watch_namespaces; /* none: all */

    enum watcher_choice watch_transport;

    int64_t existence_interval_ms;
    int64_t describe_interval_ms;
    double describe_rate; /* a second */
    int64_t absence_grace_ms;
    int max_in_flight; /* calls under way at once to EKS; the same number to Kubernetes */

    char *lease_name;
    char *lease_namespace; /* also podbind's own: its service accounts are never bound */
    char *lease_identity;
    int64_t lease_duration_ms; /* whole seconds */
    int64_t lease_renew_deadline_ms;
    int64_t lease_retry_period_ms;

    struct value_address listen;
    enum log_format log_format;
    enum log_level log_level;

    /* Borrowed from the environment, the profile's part of aws_endpoints from aws_profile. */
    struct credentials_environment aws_credentials;
    struct endpoint_settings aws_endpoints;
    char *aws_profile[ENDPOINT_SETTING_COUNT];
    char *aws_ca_bundle; /* a PEM file that holds certificates; "" for the system's */
};

/* Where settings come from. */
struct options_source {
    int argc; /* arguments after "controller" */
    char *const *argv;
    const char *(*variable)(const char *name); /* as getenv() */
    const char *root; /* "": before the path of the mounted namespace; else only in tests */
};

/* The arguments, and the real environment and files. */
struct options_source options_source(int argc, char *const *argv);

/* Fails with ERROR_INVALID and a sentence that says where the value came from and what was
 * expected. ret_options is untouched then. */
int options_read(const struct options_source *source, struct options *ret_options,
                 struct error *err);
void options_release(struct options *options);

/* True when objects of this namespace count: it is named, or none is. */
bool options_watches(const struct options_names *names, const char *namespace);

/* What `podbind controller --help` prints. */
void options_help(struct strbuf *ret_text);
