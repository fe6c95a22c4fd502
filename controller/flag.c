/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/flag.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MEMBER(name) offsetof(struct options, name)

const struct flag flag_table[] = {
    {.name = "config",
     .argument = "FILE",
     .fallback = "",
     .type = &flag_file,
     .member = MEMBER(config),
     .help = "YAML file of settings, a flat map of these names without dashes in front"},
    {.name = "kubeconfig",
     .argument = "FILE",
     .fallback = "",
     .type = &flag_file,
     .member = MEMBER(kubeconfig),
     .help =
         "how to reach the API server. Without it: KUBECONFIG, then what Kubernetes mounts into "
         "a pod, then ~/.kube/config"},
    {.name = "context",
     .argument = "NAME",
     .fallback = "",
     .type = &flag_text,
     .member = MEMBER(context),
     .help = "context of the kubeconfig. Without it: its current-context"},
    {.name = "cluster-name",
     .argument = "NAME",
     .fallback = "",
     .type = &flag_cluster,
     .member = MEMBER(cluster_name),
     .help =
         "name of the EKS cluster that this API server belongs to; auto: the one in this region "
         "and account whose OIDC issuer is this API server's. A cluster that is itself named "
         "auto can't be named so; it is found as the others are. Required"},
    {.name = "aws-region",
     .argument = "REGION",
     .fallback = "",
     .type = &flag_region,
     .member = MEMBER(aws_region),
     .help = "region of the cluster. Without it: AWS_REGION, then AWS_DEFAULT_REGION, then the "
             "profile's, then the instance's own"},
    {.name = "instance",
     .argument = "NAME",
     .fallback = "podbind",
     .type = &flag_instance,
     .member = MEMBER(instance),
     .help = "tells apart several podbinds in one cluster; part of the owner tag on every "
             "association, so not to be changed later"},
    {.name = "mode",
     .argument = "MODE",
     .fallback = "sync",
     .type = &flag_word,
     .member = MEMBER(mode),
     .words = {"sync", "no-delete", "observe"},
     .help = "sync: create, change and delete. no-delete: never delete. observe: write nothing to "
             "EKS"},
    {.name = "watch-namespaces",
     .argument = "A,B",
     .fallback = "",
     .type = &flag_namespaces,
     .member = MEMBER(watch_namespaces),
     .help = "only the bindings of these namespaces. Without it: all"},
    {.name = "watch-transport",
     .argument = "TRANSPORT",
     .fallback = "auto",
     .type = &flag_word,
     .member = MEMBER(watch_transport),
     .words = {"auto", "websocket", "http"},
     .help = "how watches reach the API server. auto: WebSockets, and HTTP where these do not get "
             "through"},
    {.name = "existence-interval",
     .argument = "TIME",
     .fallback = "5m",
     .type = &flag_duration,
     .member = MEMBER(existence_interval_ms),
     .least = "1s",
     .most = "24h",
     .help = "time between two full lists of the associations"},
    {.name = "describe-interval",
     .argument = "TIME",
     .fallback = "10m",
     .type = &flag_duration,
     .member = MEMBER(describe_interval_ms),
     .least = "1s",
     .most = "24h",
     .help = "least time between two looks at the content of one association"},
    {.name = "describe-rate",
     .argument = "NUMBER",
     .fallback = "1",
     .type = &flag_decimal,
     .member = MEMBER(describe_rate),
     .least = "0.01",
     .most = "100",
     .help = "looks at associations a second, all together"},
    {.name = "absence-grace",
     .argument = "TIME",
     .fallback = "5m",
     .type = &flag_duration,
     .member = MEMBER(absence_grace_ms),
     .least = "0",
     .most = "24h",
     .help = "how long a selected service account must be gone, or not match, before its "
             "association is deleted"},
    {.name = "max-in-flight",
     .argument = "NUMBER",
     .fallback = "32",
     .type = &flag_whole,
     .member = MEMBER(max_in_flight),
     .least = "1",
     .most = "256",
     .help = "calls under way at once to EKS, and as many to Kubernetes"},
    {.name = "lease-name",
     .argument = "NAME",
     .fallback = "podbind",
     .type = &flag_object_name,
     .member = MEMBER(lease_name),
     .help = "name of the Lease by which replicas agree on which of them works"},
    {.name = "lease-namespace",
     .argument = "NAMESPACE",
     .fallback = "",
     .type = &flag_namespace,
     .member = MEMBER(lease_namespace),
     .help = "namespace of the Lease, and podbind's own: its service accounts are never bound. "
             "Without it: POD_NAMESPACE, then the pod's own, then podbind-system"},
    {.name = "lease-identity",
     .argument = "ID",
     .fallback = "",
     .type = &flag_identity,
     .member = MEMBER(lease_identity),
     .help = "name of this replica in the Lease. Without it: POD_UID, else the host name and a "
             "random number"},
    {.name = "lease-duration",
     .argument = "TIME",
     .fallback = "15s",
     .type = &flag_duration,
     .member = MEMBER(lease_duration_ms),
     .least = "6s",
     .most = "10m",
     .help = "after so long without a sign of life another replica takes over; whole seconds"},
    {.name = "lease-renew-deadline",
     .argument = "TIME",
     .fallback = "10s",
     .type = &flag_duration,
     .member = MEMBER(lease_renew_deadline_ms),
     .least = "5s",
     .most = "10m",
     .help = "after so long without renewing the Lease this replica stops; less than "
             "--lease-duration"},
    {.name = "lease-retry-period",
     .argument = "TIME",
     .fallback = "2s",
     .type = &flag_duration,
     .member = MEMBER(lease_retry_period_ms),
     .least = "100ms",
     .most = "1m",
     .help = "time between two tries to get or renew the Lease"},
    {.name = "listen-address",
     .argument = "ADDRESS",
     .fallback = "0.0.0.0:8080",
     .type = &flag_address,
     .member = MEMBER(listen),
     .help = "where /healthz, /readyz and /metrics are served"},
    {.name = "log-format",
     .argument = "FORMAT",
     .fallback = "json",
     .type = &flag_word,
     .member = MEMBER(log_format),
     .words = {"json", "text"},
     .help = "form of the log lines on standard error"},
    {.name = "log-level",
     .argument = "LEVEL",
     .fallback = "info",
     .type = &flag_word,
     .member = MEMBER(log_level),
     .words = {"error", "warn", "info", "debug"},
     .help = "the least important lines that are written"},
};
const size_t flag_count = sizeof flag_table / sizeof *flag_table;

size_t flag_index(const struct flag *flag)
{
    return (size_t)(flag - flag_table);
}

const struct flag *flag_find(const char *name, size_t length)
{
    for (size_t i = 0; i < flag_count; i++)
        if (strlen(flag_table[i].name) == length && memcmp(flag_table[i].name, name, length) == 0)
            return &flag_table[i];
    return NULL;
}

const struct flag *flag_nearest(const char *name, size_t length)
{
    CLEANUP_FREE char *text = mem_strndup(name, length);
    const struct flag *nearest = flag_table;

    for (size_t i = 1; i < flag_count; i++)
        if (value_distance(text, flag_table[i].name) < value_distance(text, nearest->name))
            nearest = &flag_table[i];
    return nearest;
}

void flag_variable(const struct flag *flag, char ret_name[FLAG_VARIABLE_SIZE])
{
    snprintf(ret_name, FLAG_VARIABLE_SIZE, "PODBIND_%s", flag->name);
    for (char *at = ret_name; *at; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}
