/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/sim_wire.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "controller/wire_eks.h"
#include "controller/wire_iam.h"
#include "tests/sim/place.h"
#include "tests/sim/sim_wire_private.h"

#define REGION "us-west-2"
#define TOKEN "sha256~sim.token-of_the.operator"
#define SKEW_MAX_US (INT64_C(300) * 1000000)
#define SERVER "https://kube.example:6443"

static const struct options_names everywhere = {0};

/* ---- life ---- */

static void set_up_kube(struct sim_wire *wire, const char *ca_pem)
{
    CLEANUP(strbuf_release) struct strbuf ca = {0}, text = {0};
    CLEANUP(kubeconfig_paths_release) struct kubeconfig_paths paths = {0};
    struct error err = {0};

    digest_base64_encode(ca_pem, strlen(ca_pem), &ca);
    strbuf_format(&text,
                  "apiVersion: v1\nkind: Config\ncurrent-context: sim\n"
                  "contexts:\n- name: sim\n  context: {cluster: sim, user: podbind}\n"
                  "clusters:\n- name: sim\n  cluster: {server: '" SERVER "'%s%s%s}\n"
                  "users:\n- name: podbind\n  user: {token: '" TOKEN "'}\n",
                  ca.length > 0 ? ", certificate-authority-data: '" : "", strbuf_text(&ca),
                  ca.length > 0 ? "'" : "");
    if (kubeconfig_parse(text.text, text.length, "sim", "", &wire->config, &paths, &err) < 0)
        world_fail(wire->world, "wire", "the kubeconfig is refused: %s", err.text);
    kube_client_init(&wire->client, &wire->config, "podbind/sim (linux/amd64)");
}

static void set_up_aws(struct sim_wire *wire)
{
    static const struct credentials_environment environment = {
        .access_key_id = SIM_KEY_ID, .secret_access_key = SIM_SECRET, .session_token = SIM_SESSION};
    struct error err = {0};

    if (credentials_init(&wire->credentials, &environment, NULL, &err) < 0)
        world_fail(wire->world, "wire", "the AWS settings are refused: %s", err.text);
}

static uint64_t throw_dice(const struct world *world)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < world->tape.next; i++)
        hash = (hash ^ world->tape.words[i]) * 0x100000001b3;
    return hash;
}

struct sim_wire *sim_wire_new(struct world *world)
{
    static const uint32_t garbled[] = {0, 10, 40, 150};
    struct sim_wire *wire = mem_alloc(sizeof *wire);
    uint64_t seed = throw_dice(world);

    wire->world = world;
    wire->rough = world->way == WORLD_ROUGH;
    tape_init(&wire->dice, seed);
    wire->garbled = garbled[tape_choose(&wire->dice, 4, "how much is garbled")];
    api_init(&wire->api, world, TOKEN, ~seed);
    sim_wire_prepare_eks(wire, seed);
    set_up_kube(wire, kube_ca_bundle(world));
    set_up_aws(wire);
    return wire;
}

void sim_wire_free(struct sim_wire *wire)
{
    if (!wire)
        return;
    kube_client_release(&wire->client);
    kubeconfig_release(&wire->config);
    credentials_release(&wire->credentials);
    api_release(&wire->api);
    standin_release(&wire->standin);
    tape_release(&wire->dice);
    mem_free(wire);
}

struct aws_client *sim_wire_life_new(struct sim_wire *wire)
{
    const struct endpoint_settings none = {0};
    const struct arn_region region = {REGION};
    struct aws_client *life = NULL;
    struct error err = {0};

    if (!wire)
        return NULL;
    life = mem_alloc(sizeof *life);
    if (aws_client_init(life, &region, &none, &wire->credentials, &err) < 0)
        world_fail(wire->world, "wire", "the AWS client is refused: %s", err.text);
    return life;
}

void sim_wire_life_free(struct aws_client *life)
{
    if (!life)
        return;
    aws_client_release(life);
    mem_free(life);
}

bool sim_wire_may_garble(struct sim_wire *wire)
{
    return wire->rough && !world_is_calm(wire->world) &&
           tape_chance(&wire->dice, wire->garbled, "is it garbled");
}

/* ---- sending ---- */

/* What was kept of the call, with what only its caller still has. */
static struct call whole_call(const struct errand *errand, const struct call *call)
{
    struct call whole = {
        .verb = call->verb, .cluster = errand->work.cluster, .in = errand->work.in};

    if (call->verb == CALL_PATCH_STATUS)
        whole.in.object.status = call->in.object.status;
    if (call->verb == CALL_WRITE_EVENT) {
        whole.in.event.uid = call->in.event.uid;
        whole.in.event.action = call->in.event.action;
        whole.in.event.note = call->in.event.note;
    }
    return whole;
}

static int write_aws(struct wire_errand *sent, const struct call *call, struct error *err)
{
    if (call->verb == CALL_READ_ROLE)
        return wire_iam_write(call, &sent->role, &sent->aws_request, err);
    if (call->verb != CALL_LIST_CLUSTERS &&
        arn_cluster_name_parse(call->cluster, &sent->cluster, err) < 0)
        return -1;
    return wire_eks_write(call, &sent->cluster, &sent->aws_request, err);
}

static int send_aws(struct wire_errand *sent, const struct call *call, struct aws_client *life,
                    int64_t wall_us, struct error *err)
{
    if (write_aws(sent, call, err) < 0)
        return -1;
    return aws_client_sign(life, &sent->aws_request, wall_us, &sent->aws_call, err);
}

static int send_kube(struct sim_wire *wire, struct wire_errand *sent, const struct call *call,
                     int64_t wall_us, struct error *err)
{
    wire_kube_write(call, &sent->kube, "podbind-sim", wall_us);
    return kube_request_make(&wire->client, &sent->kube.request, wire->world->now,
                             &sent->kube_request, err);
}

/* Where nothing is to be lost, AWS's clock goes with everybody's. */
static int64_t wall_of(const struct replica *replica)
{
    return replica->world->way == WORLD_ROUGH ? place_wall_us(replica->place)
                                              : world_wall_us(replica->world);
}

void sim_wire_send(struct world *world, struct errand *errand, const struct call *call)
{
    struct sim_wire *wire = world->wire;
    struct replica *replica = errand->replica;
    struct wire_errand *sent = mem_alloc(sizeof *sent);
    struct call whole = whole_call(errand, call);
    int64_t wall_us = wall_of(replica);
    int result;

    errand->wire = sent;
    sent->signed_us = aws_client_time(
        replica->aws, call->verb == CALL_READ_ROLE ? ENDPOINT_IAM : ENDPOINT_EKS, wall_us);
    sent->kube.namespaces = &everywhere;
    sent->kube.lease_namespace = OWN_NAMESPACE;
    sent->kube.lease_name = LEASE_NAME;
    result = errand_asks_aws(call->verb)
                 ? send_aws(sent, &whole, replica->aws, wall_us, &sent->unsent)
                 : send_kube(wire, sent, &whole, wall_us, &sent->unsent);
    if (result < 0)
        world_fail(world, "wire", "%s can't be written: %s", call_name(call->verb),
                   sent->unsent.text);
}

bool sim_wire_has_effect(const struct world *world, const struct errand *errand)
{
    int64_t off_us = errand->wire->signed_us - world_wall_us(world);

    return !call_is_eks(errand->work.verb) || (off_us >= -SKEW_MAX_US && off_us <= SKEW_MAX_US);
}

void sim_wire_errand_free(struct errand *errand)
{
    struct wire_errand *sent = errand->wire;

    if (!sent)
        return;
    kube_request_release(&sent->kube_request);
    wire_kube_release(&sent->kube);
    aws_client_call_release(&sent->aws_call);
    aws_request_release(&sent->aws_request);
    http_answer_release(&sent->answer);
    mem_free(sent);
    errand->wire = NULL;
}

/* ---- answers ---- */

/* The answer into the call's outputs. True when another request is to be made for it. */
static bool read_answer(struct sim_wire *wire, struct errand *errand)
{
    struct wire_errand *sent = errand->wire;
    struct call *work = &errand->work;

    if (!errand_asks_aws(work->verb))
        return wire_kube_read(&wire->client, &sent->kube, &sent->answer, work);
    if (work->verb == CALL_READ_ROLE) {
        wire_iam_read(&sent->role, &sent->answer, work);
        return false;
    }
    wire_eks_read(&sent->cluster, &sent->answer, work);
    if (work->error.kind != ERROR_NONE)
        work->detail = wire_eks_detail(&work->error);
    return false;
}

/* ReadIdentity asks twice: what the first answer said must not be forgotten over the second. */
static void read_identity(struct sim_wire *wire, struct errand *errand)
{
    struct wire_errand *sent = errand->wire;
    struct world *world = wire->world;

    for (bool again = true; again;) {
        api_serve(&wire->api, &sent->kube_request.http, errand, &sent->answer);
        if (sim_wire_may_garble(wire)) {
            enum garble garble = garble_draw(&wire->dice, false);

            garble_answer(garble, &wire->dice, &sent->answer);
            world->tally->garbles.garbled[garble]++;
        }
        again = read_answer(wire, errand);
        if (!again)
            return;
        http_answer_release(&sent->answer);
        kube_request_release(&sent->kube_request);
        wire_kube_write(&errand->work, &sent->kube, "podbind-sim", world_wall_us(world));
        kube_request_make(&wire->client, &sent->kube.request, world->now, &sent->kube_request,
                          &sent->unsent);
    }
}

static const char *told_id(const struct call *call)
{
    return call->out.association ? call->out.association->id : "";
}

void sim_wire_perform(struct world *world, struct errand *errand)
{
    struct sim_wire *wire = world->wire;
    struct wire_errand *sent = errand->wire;

    if (sent->unsent.kind != ERROR_NONE)
        return;
    world->tally->garbles.answers++;
    sent->served = true;
    if (errand->work.verb == CALL_READ_IDENTITY) {
        read_identity(wire, errand);
        return;
    }
    if (errand_asks_aws(errand->work.verb))
        sim_wire_serve_eks(wire, &sent->aws_call.http, &sent->answer);
    else
        api_serve(&wire->api, &sent->kube_request.http, errand, &sent->answer);
    read_answer(wire, errand);
    if (errand_asks_aws(errand->work.verb))
        eks_note(world, &errand->work, told_id(&errand->work));
    else
        kube_note(world, errand);
}

/* ---- in place of an answer ---- */

static void read_anew(struct sim_wire *wire, struct errand *errand)
{
    call_release(&errand->work);
    errand->wire->kube.stage = 0;
    read_answer(wire, errand);
}

void sim_wire_answer(struct world *world, struct errand *errand, struct http_answer *owned_answer)
{
    struct wire_errand *sent = errand->wire;

    http_answer_release(&sent->answer);
    sent->answer = *owned_answer;
    sent->answer.date_us = world_wall_us(world);
    sent->served = false;
    read_anew(world->wire, errand);
}

/* ---- the way back ---- */

/* For those who judge by what was drawn: what came was no answer. Of a refusal the status is left. */
static void note_garbled(struct errand *errand)
{
    const struct error *error = &errand->work.error;
    bool writes = call_writes(errand->work.verb);

    if (error->kind != ERROR_NONE && (!writes || error->status < 400 || error->status > 499))
        errand->fault = writes ? FAULT_REPLY_LOST : FAULT_LOST;
}

void sim_wire_arrive(struct world *world, struct errand *errand)
{
    struct sim_wire *wire = world->wire;
    struct wire_errand *sent = errand->wire;
    struct call *work = &errand->work;
    struct replica *replica = errand->replica;

    if (sent->served && work->verb != CALL_READ_IDENTITY && sim_wire_may_garble(wire)) {
        enum garble garble = garble_draw(&wire->dice, call_writes(work->verb));

        garble_answer(garble, &wire->dice, &sent->answer);
        world->tally->garbles.garbled[garble]++;
        read_anew(wire, errand);
        TRACE(world, "  ~ garbled: %s", garble_name(garble));
        note_garbled(errand);
    }
    if (errand_asks_aws(work->verb) && work->error.kind != ERROR_NONE)
        aws_client_learn(replica->aws, sent->aws_request.service, &sent->answer, sent->signed_us,
                         wall_of(replica), &work->error);
}
