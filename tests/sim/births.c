/* SPDX-License-Identifier: Apache-2.0 */
/* What a history begins with, before anybody has done anything. */
#include <stdio.h>

#include "tests/sim/people.h"
#include "tests/sim/world.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nMIIblue\n-----END CERTIFICATE-----\n"
#define OTHER_CERTIFICATE "-----BEGIN CERTIFICATE-----\nMIIgreen\n-----END CERTIFICATE-----\n"

static void draw_weather(struct world *world)
{
    static const struct weather skies[] = {
        {.eks_faults = 0,
         .kube_faults = 0,
         .watch_faults = 0,
         .drift = 0,
         .eks_latency = 50,
         .kube_latency = 10,
         .watch_delay = 10,
         .lease_faults = 0},
        {.eks_faults = 30,
         .kube_faults = 20,
         .watch_faults = 100,
         .drift = 100,
         .eks_latency = 200,
         .kube_latency = 30,
         .watch_delay = 100,
         .lease_faults = 100},
        {.eks_faults = 100,
         .kube_faults = 60,
         .watch_faults = 300,
         .drift = 200,
         .eks_latency = 500,
         .kube_latency = 100,
         .watch_delay = 1000,
         .lease_faults = 300},
        {.eks_faults = 250,
         .kube_faults = 200,
         .watch_faults = 600,
         .drift = 300,
         .eks_latency = 1500,
         .kube_latency = 500,
         .watch_delay = 6000,
         .lease_faults = 500},
    };
    static const uint32_t crashes[] = {0, 1, 1, 2, 4};
    static const uint32_t kube_pages[] = {100, 1, 3};
    static const int eks_pages[] = {100, 1, 3};
    struct tape *tape = &world->tape;

    world->weather = skies[tape_choose(tape, 4, "sky")];
    world->weather.crashes = crashes[tape_choose(tape, 5, "crashes")];
    world->weather.no_streams = tape_choose(tape, 3, "streams") == 2;
    world->weather.kube_page = kube_pages[tape_choose(tape, 3, "objects on a page")];
    world->weather.eks_page = eks_pages[tape_choose(tape, 3, "associations on a page")];
    if (tape_chance(tape, 200, "IAM is of no use"))
        world->weather.iam = tape_choose(tape, 2, "how") ? IAM_DENIES : IAM_SILENT;
    world->weather.mode = PLAN_SYNC;
    if (tape_chance(tape, 40, "another mode"))
        world->weather.mode = tape_choose(tape, 2, "mode") ? PLAN_OBSERVE : PLAN_NO_DELETE;
}

/* Others of the same account and region; they sort before ours and after it. */
static void put_others(struct world *world)
{
    static const char *const names[] = {"azure", "green", "yellow"};
    uint32_t count = tape_choose(&world->tape, 4, "other clusters");

    for (uint32_t i = 0; i < count; i++) {
        const struct model_cluster other = {.name = names[i], .ca_data = OTHER_CERTIFICATE};

        model_put_cluster(world->model, &other);
    }
}

void births_put_cluster(struct world *world, const char *status)
{
    model_put_cluster(world->model,
                      &(struct model_cluster){
                          .name = CLUSTER_NAME,
                          .status = status,
                          .ca_data = world->identity == IDENTITY_CERTIFICATE ? CERTIFICATE : NULL});
}

static void draw_cluster(struct world *world)
{
    struct tape *tape = &world->tape;
    struct model_settings *settings = model_settings(world->model);

    world->identity = IDENTITY_ISSUER;
    if (tape_chance(tape, 100, "identity"))
        world->identity = (enum identity)tape_choose(tape, 4, "which identity");
    if (world->identity == IDENTITY_WRONG || world->identity == IDENTITY_UNREADABLE)
        world->tally->sometimes[SOMETIMES_WRONG_CLUSTER]++;
    if (tape_choose(tape, 2, "propagation") == 1)
        settings->propagation_ms = tape_between(tape, 100, 30000, "how long it takes");
    settings->no_ghost_conflict = tape_choose(tape, 4, "ghosts") == 3;
    births_put_cluster(world, "ACTIVE");
    world->finds_cluster = tape_chance(tape, 250, "the cluster's name is auto");
    if (world->finds_cluster)
        put_others(world);
}

static void draw_kube(struct world *world)
{
    static const struct {
        uint64_t first;
        const char *prefix;
    } versions[] = {{1000, ""}, {7, ""}, {96, ""}, {5, "98765432109876543210987"}};
    uint32_t which = tape_choose(&world->tape, 4, "versions");

    kube_init(&world->kube, versions[which].first, versions[which].prefix);
}

void births_draw(struct world *world)
{
    draw_weather(world);
    draw_cluster(world);
    draw_kube(world);
    world->install_after = 5000;
    world->phase_until =
        world->now + tape_between(&world->tape, 15000, 60000, "how long people are busy");
    TRACE(world, "faults: EKS %u, API server %u, watches %u per mille; identity %d, mode %d%s%s",
          world->weather.eks_faults, world->weather.kube_faults, world->weather.watch_faults,
          world->identity, world->weather.mode, world->weather.no_streams ? ", no streams" : "",
          world->finds_cluster ? ", cluster to be found" : "");
}
