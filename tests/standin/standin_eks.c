/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_eks.h"

#include <string.h>

#include "tests/standin/standin_writer.h"

void standin_eks_association(struct standin_writer *writer,
                             const struct model_association *association)
{
    standin_text(writer, "clusterName", association->cluster);
    standin_text(writer, "namespace", association->namespace);
    standin_text(writer, "serviceAccount", association->service_account);
    standin_text(writer, "roleArn", association->role_arn);
    standin_text(writer, "associationArn", association->arn);
    standin_text(writer, "associationId", association->id);
    standin_tags(writer, "tags", association->tags, association->tag_count);
    standin_time(writer, "createdAt", association->created_ms);
    standin_time(writer, "modifiedAt", association->modified_ms);
    standin_text(writer, "ownerArn", association->owner_arn);
    standin_flag(writer, "disableSessionTags", association->disable_session_tags);
    standin_text(writer, "targetRoleArn", association->target_role_arn);
    standin_text(writer, "externalId", association->external_id);
    standin_text(writer, "policy", association->policy);
}

static void write_summary(struct standin_writer *writer,
                          const struct model_association *association)
{
    standin_open(writer, NULL, '{');
    standin_text(writer, "clusterName", association->cluster);
    standin_text(writer, "namespace", association->namespace);
    standin_text(writer, "serviceAccount", association->service_account);
    standin_text(writer, "associationArn", association->arn);
    standin_text(writer, "associationId", association->id);
    standin_text(writer, "ownerArn", association->owner_arn);
    standin_close(writer, '}');
}

static void write_list(struct standin_writer *writer, const struct model_answer *answer)
{
    standin_open(writer, "associations", '[');
    for (size_t i = 0; i < answer->association_count; i++)
        write_summary(writer, answer->associations[i]);
    standin_close(writer, ']');
    standin_text(writer, "nextToken", answer->next_token);
}

static void write_network(struct standin_writer *writer)
{
    standin_open(writer, "kubernetesNetworkConfig", '{');
    standin_text(writer, "serviceIpv4Cidr", "10.100.0.0/16");
    standin_null(writer, "serviceIpv6Cidr");
    standin_text(writer, "ipFamily", "ipv4");
    standin_close(writer, '}');
}

void standin_eks_cluster(struct standin_writer *writer, const struct model_cluster *cluster)
{
    standin_text(writer, "name", cluster->name);
    standin_text(writer, "arn", cluster->arn);
    standin_time(writer, "createdAt", cluster->created_ms);
    standin_text(writer, "version", cluster->version);
    standin_text(writer, "endpoint", cluster->endpoint);
    standin_null(writer, "roleArn");
    write_network(writer);
    standin_open(writer, "identity", '{');
    standin_open(writer, "oidc", '{');
    standin_text(writer, "issuer", cluster->issuer);
    standin_close(writer, '}');
    standin_close(writer, '}');
    standin_text(writer, "status", cluster->status);
    standin_open(writer, "certificateAuthority", '{');
    standin_text(writer, "data", cluster->ca_data);
    standin_close(writer, '}');
    standin_null(writer, "clientRequestToken");
    standin_text(writer, "platformVersion", "eks.5");
    standin_tags(writer, "tags", cluster->tags, cluster->tag_count);
    standin_null(writer, "encryptionConfig");
    standin_null(writer, "connectorConfig");
    standin_null(writer, "computeConfig");
}

static void write_cluster_names(struct standin_writer *writer, const struct model_answer *answer)
{
    standin_open(writer, "clusters", '[');
    for (size_t i = 0; i < answer->cluster_count; i++)
        standin_text(writer, NULL, answer->cluster_names[i]);
    standin_close(writer, ']');
    standin_text(writer, "nextToken", answer->next_token);
}

void standin_eks_answer(enum model_operation operation, const struct model_answer *answer,
                        struct strbuf *out)
{
    struct standin_writer writer = {.out = out};

    standin_open(&writer, NULL, '{');
    if (answer->association) {
        standin_open(&writer, "association", '{');
        standin_eks_association(&writer, answer->association);
        standin_close(&writer, '}');
    }
    if (operation == MODEL_LIST)
        write_list(&writer, answer);
    if (operation == MODEL_LIST_TAGS)
        standin_tags(&writer, "tags", answer->tags, answer->tag_count);
    if (operation == MODEL_DESCRIBE_CLUSTER) {
        standin_open(&writer, "cluster", '{');
        standin_eks_cluster(&writer, answer->cluster);
        standin_close(&writer, '}');
    }
    if (operation == MODEL_LIST_CLUSTERS)
        write_cluster_names(&writer, answer);
    standin_close(&writer, '}');
}

/* Which members an error has beside its message; those of the gateway have none. */
static const struct {
    const char *code;
    const char *members;
} shapes[] = {
    {"ResourceNotFoundException",
     "clusterName nodegroupName fargateProfileName addonName subscriptionId"},
    {"InvalidParameterException",
     "clusterName nodegroupName fargateProfileName addonName subscriptionId"},
    {"InvalidRequestException", "clusterName nodegroupName addonName subscriptionId"},
    {"ResourceInUseException", "clusterName nodegroupName addonName"},
    {"ResourceLimitExceededException", "clusterName nodegroupName subscriptionId"},
    {"ClientException", "clusterName nodegroupName addonName subscriptionId"},
    {"ServerException", "clusterName nodegroupName addonName subscriptionId"},
    {"ThrottlingException", "clusterName"},
};

static const char *members_of(const char *code)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].code, code) == 0)
            return shapes[i].members;
    return "";
}

void standin_eks_error(const struct model_error *error, struct strbuf *out)
{
    struct standin_writer writer = {.out = out};
    bool denied = strcmp(error->code, "AccessDeniedException") == 0;
    char name[32];

    standin_open(&writer, NULL, '{');
    for (const char *at = members_of(error->code); *at;) {
        size_t length = strcspn(at, " ");

        memcpy(name, at, length);
        name[length] = '\0';
        standin_text(&writer, name, strcmp(name, "clusterName") == 0 ? error->cluster_name : NULL);
        at += length + (at[length] == ' ');
    }
    standin_exact(&writer, denied ? "Message" : "message", error->message);
    standin_close(&writer, '}');
}
