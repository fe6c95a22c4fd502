/* SPDX-License-Identifier: Apache-2.0 */
/* The annotations of the Lease. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "crds/pairs.h"
#include "kube/kube_request.h"
#include "tests/sim/api_private.h"
#include "tests/sim/errand.h"

static void answer_lease(struct api_passage *passage)
{
    const struct kube_world *kube = &passage->api->world->kube;
    CLEANUP(strbuf_release) struct strbuf annotations = {0};
    char version[KUBE_VERSION_SIZE];
    struct pair pairs[2];
    size_t count = 0;

    if (kube->lease.deletions && kube->lease.deletions[0] != '\0')
        pairs[count++] = (struct pair){LEASE_DELETIONS, kube->lease.deletions};
    if (kube->lease.release && kube->lease.release[0] != '\0')
        pairs[count++] = (struct pair){LEASE_RELEASE, kube->lease.release};
    pairs_write(pairs, count, &annotations);
    api_object_bare("Lease", "coordination.k8s.io/v1", LEASE_NAME,
                    kube_version_text(kube, kube->lease.version, version), 0,
                    count > 0 ? strbuf_text(&annotations) : NULL, &passage->answer->body);
}

static void get_lease(struct api_passage *passage)
{
    struct error error = {0};

    if (passage->api->world->kube.lease.there) {
        answer_lease(passage);
        return;
    }
    kube_refuse(&error, 404, "NotFound", true, false);
    api_refuse_as(passage, &error, "coordination.k8s.io", "leases", LEASE_NAME);
}

/* NULL: it stays as it is; "": it goes. */
static const char *read_annotation(const json_t *annotations, const char *name)
{
    const json_t *value = json_object_get(annotations, name);

    return json_is_null(value) ? "" : json_string_value(value);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void patch_lease(struct api_passage *passage, const json_t *metadata)
{
    const struct lease_in *meant = &passage->errand->work.in.lease;
    const json_t *annotations = json_at(metadata, "annotations", NULL);
    const struct lease_in in = {.resource_version = json_text(metadata, "resourceVersion"),
                                .deletions = read_annotation(annotations, LEASE_DELETIONS),
                                .release = read_annotation(annotations, LEASE_RELEASE)};
    struct error error = {0};

    if (!same(in.resource_version, meant->resource_version) ||
        !same(in.deletions, meant->deletions) || !same(in.release, meant->release))
        world_fail(passage->api->world, "wire", "the Lease is patched as was not meant: %s",
                   passage->request->body);
    if (kube_write_lease(passage->api->world, &in, &error) < 0)
        api_refuse_as(passage, &error, "coordination.k8s.io", "leases", LEASE_NAME);
    else
        answer_lease(passage);
}

void api_use_lease(struct api_passage *passage)
{
    const struct api_request *request = passage->request;
    struct error ignored;

    if (strcmp(request->method, "GET") == 0) {
        get_lease(passage);
        return;
    }
    CLEANUP_JSON json_t *document = json_parse(request->body, request->body_length, &ignored);
    const json_t *metadata = json_at(document, "metadata", NULL);

    if (json_text(metadata, "resourceVersion")[0] == '\0' ||
        strcmp(api_request_header(request, "content-type"), KUBE_MERGE_PATCH) != 0)
        api_reject(passage, "no merge patch that it can use");
    else
        patch_lease(passage, metadata);
}
