/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold once nobody disturbs any more. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "tests/sim/candidate.h"
#include "tests/sim/invariant.h"
#include "tests/sim/place.h"
#include "tests/sim/replica.h"

#define TOLD_MS (10 * 1000) /* from a question to IAM until status says what came of it */
#define ACCOUNT_COUNT (sizeof accounts / sizeof *accounts)

/* All that people ever name. */
static const char *const accounts[] = {"sa-0", "sa-1", "sa-2", "sa-3", "sa-4"};

/* ---- the stores ---- */

static void check_stores(const struct replica *replica)
{
    struct world *world = replica->world;
    struct view stored = replica_view(replica), live = world_view(world);

    if (stored.binding_count != live.binding_count || stored.account_count != live.account_count) {
        world_fail(world, "store-equal", "%s stores %zu bindings and %zu accounts, not %zu and %zu",
                   replica_name(replica), stored.binding_count, stored.account_count,
                   live.binding_count, live.account_count);
        return;
    }
    for (size_t i = 0; i < live.binding_count; i++)
        if (strcmp(stored.bindings[i]->uid, live.bindings[i]->uid) != 0 ||
            strcmp(stored.bindings[i]->resource_version, live.bindings[i]->resource_version) != 0)
            world_fail(world, "store-equal", "%s is stored at %s, not %s", live.bindings[i]->name,
                       stored.bindings[i]->resource_version, live.bindings[i]->resource_version);
    for (size_t i = 0; i < live.account_count; i++)
        if (strcmp(stored.accounts[i]->resource_version, live.accounts[i]->resource_version) != 0)
            world_fail(world, "store-equal", "account %s is stored at %s, not %s",
                       live.accounts[i]->name, stored.accounts[i]->resource_version,
                       live.accounts[i]->resource_version);
}

/* ---- one key ---- */

static bool may_adopt(const struct binding *binding, const struct model_association *there)
{
    return binding->adoption == ADOPTION_ALWAYS || (binding->adoption == ADOPTION_SAME_ACCESS &&
                                                    expect_difference(binding, there)[0] == '\0');
}

/* What is not as this binding, which holds the key, wants it. */
static const char *difference(const struct binding *binding, const struct model_association *there)
{
    CLEANUP(strbuf_release) struct strbuf wanted = {0}, tags = {0};
    const char *what;

    if (!there)
        return "existence";
    if (!expect_ours(there, OWNER))
        return "owner";
    what = expect_difference(binding, there);
    expect_tags(binding, OWNER, &wanted);
    expect_pairs(there, &tags);
    if (what[0] == '\0' && strcmp(strbuf_text(&wanted), strbuf_text(&tags)) != 0)
        return "tags";
    return what;
}

/* How a key of a binding should stand: "" in place, or the reason why not. */
static const char *standing(const struct world *world, const struct binding *binding,
                            const char *account)
{
    struct view view = world_view(world);
    const struct model_association *there = world_key(world, binding->namespace, account);

    if (strcmp(binding->namespace, OWN_NAMESPACE) == 0)
        return "Refused";
    if (expect_holder(&view, binding->namespace, account) != binding)
        return "Conflict";
    if (there && there->owner_arn[0] != '\0')
        return "AddOnOwned";
    if (there && !expect_ours(there, OWNER) && !may_adopt(binding, there))
        return "KeyTaken";
    if (world->cluster_deleting && difference(binding, there)[0] != '\0')
        return "ClusterDeleting";
    if (binding->suspend && difference(binding, there)[0] != '\0')
        return "Suspended";
    return "";
}

static void check_key(struct world *world, const struct binding *binding, const char *account)
{
    const struct model_association *there = world_key(world, binding->namespace, account);
    const char *what = difference(binding, there);

    if (standing(world, binding, account)[0] == '\0' && what[0] != '\0')
        world_fail(world, "desired-equal", "%s/%s, held by %s, differs in its %s",
                   binding->namespace, account, binding->name, what);
}

/* ---- what nobody asks for ---- */

/* Its new key is not in place yet, so it keeps the old one. */
static bool waits_to_move(const struct world *world, const struct binding *binding)
{
    return binding->selector_count == 0 &&
           standing(world, binding, binding->service_account)[0] != '\0';
}

static bool may_stay(const struct world *world, const struct model_association *one)
{
    const char *uid = expect_tag(one, "podbind.dev/binding");
    const struct binding *binding = kube_binding_by_uid(&world->kube, uid, strlen(uid));
    struct view view = world_view(world);

    if (expect_tag(one, "podbind.dev/retain") || world->cluster_deleting)
        return true;
    if (!binding)
        return strncmp(uid, "ffffffff", 8) == 0 || marks_get(&world->retained, "%s", uid) >= 0 ||
               marks_get(&world->lost, "%s", uid) >= 0 || marks_get(&world->left, "%s", uid) >= 0;
    return !binding->deleting &&
           (binding->suspend || binding->retain || expect_refusal(binding)[0] != '\0' ||
            strcmp(binding->namespace, one->namespace) != 0 ||
            expect_names(&view, binding, one->service_account) || waits_to_move(world, binding));
}

static bool is_orphan(const struct world *world, const struct model_association *one)
{
    const char *uid = expect_tag(one, "podbind.dev/binding");

    return !expect_tag(one, "podbind.dev/retain") &&
           !kube_binding_by_uid(&world->kube, uid, strlen(uid));
}

static void check_leftovers(struct world *world)
{
    struct view view = world_view(world);
    const struct model_association *one;

    for (size_t i = 0; (one = world_association_at(world, i)); i++)
        if (!expect_ours(one, OWNER) || expect_holder(&view, one->namespace, one->service_account))
            continue;
        else if (may_stay(world, one))
            world->tally->sometimes[SOMETIMES_ORPHAN_AT_REST] +=
                !world->trial && is_orphan(world, one);
        else
            world_fail(world, "nothing-left", "%s of ours stands under %s/%s, and nobody wants it",
                       one->id, one->namespace, one->service_account);
}

/* ---- status ---- */

struct verdict {
    const char *refused, *missing; /* the first reason of either kind, or "" */
    int wanted, in_place;
};

static void judge_key(const struct world *world, const struct binding *binding, const char *account,
                      struct verdict *verdict)
{
    const char *reason = standing(world, binding, account);
    bool refused = strcmp(reason, "Refused") == 0 || strcmp(reason, "Conflict") == 0;

    verdict->wanted++;
    verdict->in_place += reason[0] == '\0';
    if (refused && verdict->refused[0] == '\0')
        verdict->refused = reason;
    if (reason[0] != '\0' && verdict->missing[0] == '\0')
        verdict->missing = reason;
}

static struct verdict judge(const struct world *world, const struct binding *binding)
{
    struct verdict verdict = {.refused = expect_refusal(binding), .missing = ""};
    struct view view = world_view(world);

    if (verdict.refused[0] != '\0')
        return verdict;
    if (binding->selector_count == 0)
        judge_key(world, binding, binding->service_account, &verdict);
    for (size_t i = 0; binding->selector_count > 0 && i < view.account_count; i++)
        if (strcmp(view.accounts[i]->namespace, binding->namespace) == 0 &&
            expect_names(&view, binding, view.accounts[i]->name))
            judge_key(world, binding, view.accounts[i]->name, &verdict);
    return verdict;
}

static const char *reason_of(const struct binding *binding, const struct verdict *verdict)
{
    if (verdict->refused[0] != '\0')
        return verdict->refused;
    if (verdict->missing[0] != '\0')
        return verdict->missing;
    if (verdict->wanted == 0)
        return "NothingSelected";
    return binding->suspend ? "Suspended" : "Ready";
}

static void add_row(struct strbuf *rows, const struct model_association *there)
{
    const char *const fields[] = {there->namespace, there->service_account, there->role_arn,
                                  there->target_role_arn, there->disable_session_tags ? "D" : "E"};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        strbuf_add(rows, fields[i], strlen(fields[i]) + 1);
    strbuf_format(rows, "%s\n", there->policy);
}

/* The fingerprint of what EKS really gives, worked out a second time. */
static void check_access(struct world *world, const struct binding *binding)
{
    CLEANUP(strbuf_release) struct strbuf rows = {0};
    struct view view = world_view(world);
    uint8_t digest[DIGEST_SIZE];
    char text[9] = "none";

    for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
        const struct model_association *there = world_key(world, binding->namespace, accounts[i]);

        if (there && expect_names(&view, binding, accounts[i]))
            add_row(&rows, there);
    }
    digest_sha256(strbuf_text(&rows), rows.length, digest);
    if (rows.length > 0)
        snprintf(text, sizeof text, "%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
    if (strcmp(kube_said(&world->kube, binding)->access, text) != 0)
        world_fail(world, "status-right", "%s says access %s, not %s", binding->name,
                   kube_said(&world->kube, binding)->access, text);
}

static void check_progress(struct world *world, const struct binding *binding, bool ready)
{
    const uint8_t *conditions = binding->status.conditions;
    bool stalled = conditions[CONDITION_STALLED] == CONDITION_TRUE;
    bool reconciling = conditions[CONDITION_RECONCILING] == CONDITION_TRUE;
    bool waits = strcmp(binding->status.ready_reason, "Suspended") == 0 ||
                 strcmp(binding->status.ready_reason, "ClusterDeleting") == 0;

    if (ready ? stalled || reconciling : stalled == waits || reconciling != waits)
        world_fail(world, "status-right", "%s (%s) is%s stalled and%s reconciling", binding->name,
                   binding->status.ready_reason, stalled ? "" : " not", reconciling ? "" : " not");
}

/* By then people have mended every role. Where IAM never told, that is what is said. */
static void check_trust(struct world *world, const struct binding *binding)
{
    enum condition_status expected =
        world->weather.iam == IAM_ANSWERS ? CONDITION_TRUE : CONDITION_UNKNOWN;
    enum condition_status status =
        (enum condition_status)binding->status.conditions[CONDITION_ROLE_TRUSTED];

    if (status != expected)
        world_fail(world, "status-right", "%s says RoleTrusted=%s; it is %s", binding->name,
                   condition_status_name(status), condition_status_name(expected));
}

static void note_rest(struct world *world, const struct binding *binding, bool ready,
                      const char *reason)
{
    uint64_t *sometimes = world->tally->sometimes;

    sometimes[ready ? SOMETIMES_READY_AT_REST : SOMETIMES_UNREADY_AT_REST]++;
    sometimes[SOMETIMES_ADD_ON_AT_REST] += strcmp(reason, "AddOnOwned") == 0;
    sometimes[SOMETIMES_TAKEN_AT_REST] += strcmp(reason, "KeyTaken") == 0;
    sometimes[SOMETIMES_CONFLICT_AT_REST] += strcmp(reason, "Conflict") == 0;
    sometimes[SOMETIMES_CONFLICT_RESOLVED] +=
        ready && marks_get(&world->told_conflict, "%s", binding->uid) >= 0;
}

static void check_status(struct world *world, const struct binding *binding)
{
    const struct kube_said *said = kube_said(&world->kube, binding);
    struct verdict verdict = judge(world, binding);
    const char *reason = reason_of(binding, &verdict);
    bool ready = verdict.refused[0] == '\0' && verdict.missing[0] == '\0';
    char bound[32];

    snprintf(bound, sizeof bound, "%d/%d", verdict.in_place, verdict.wanted);
    if (binding->status.observed_generation != binding->generation)
        world_fail(world, "status-right", "%s was observed at generation %d, not %d", binding->name,
                   (int)binding->status.observed_generation, (int)binding->generation);
    else if ((binding->status.conditions[CONDITION_READY] == CONDITION_TRUE) != ready ||
             strcmp(binding->status.ready_reason, reason) != 0)
        world_fail(world, "status-right", "%s says Ready=%s, %s; it is %s, %s", binding->name,
                   condition_status_name(binding->status.conditions[CONDITION_READY]),
                   binding->status.ready_reason, ready ? "True" : "False", reason);
    else if (strcmp(said->bound, bound) != 0)
        world_fail(world, "status-right", "%s says BOUND %s, not %s", binding->name, said->bound,
                   bound);
    check_progress(world, binding, ready);
    if (ready && !world->failed && !world->trial_failed)
        check_access(world, binding);
    if (verdict.refused[0] == '\0' && verdict.wanted > 0)
        check_trust(world, binding);
    if (!world->trial)
        note_rest(world, binding, ready, reason);
}

/* ---- the whole ---- */

/* Rule W5: such a key is tried again at most hourly, and may be as another wants it for as long. */
static bool is_contested(const struct world *world, const struct binding *binding)
{
    struct view view = world_view(world);

    for (size_t i = 0; i < ACCOUNT_COUNT; i++)
        if (expect_names(&view, binding, accounts[i]) &&
            marks_get(&world->contested, "%s/%s", binding->namespace, accounts[i]) >= 0)
            return strcmp(binding->status.ready_reason, "Contested") == 0;
    return false;
}

static void check_binding(struct world *world, const struct binding *binding)
{
    struct view view = world_view(world);

    if (binding->deleting) {
        if (world->weather.mode == PLAN_SYNC || world->cluster_deleting)
            world_fail(world, "nothing-left", "%s is still being deleted", binding->name);
        return;
    }
    if (is_contested(world, binding)) {
        world->rests_contested = true;
        return;
    }
    for (size_t i = 0; i < ACCOUNT_COUNT; i++)
        if (expect_holder(&view, binding->namespace, accounts[i]) == binding)
            check_key(world, binding, accounts[i]);
    check_status(world, binding);
}

static void check_blind(struct world *world)
{
    for (size_t i = 0; i < world->kube.binding_count; i++) {
        const struct binding *binding = world->kube.bindings[i];

        if (!binding->deleting && (binding->status.observed_generation != binding->generation ||
                                   binding->status.conditions[CONDITION_READY] != CONDITION_FALSE))
            world_fail(world, "status-right", "%s does not say that the cluster is not verified",
                       binding->name);
    }
}

static void check_place(struct world *world, const struct place *place)
{
    if (!place->replica || place->replica->dead)
        world_fail(world, "desired-equal", "%s is not alive at rest", place->name);
    else
        check_stores(place->replica);
}

static void check_leader(struct world *world)
{
    size_t leaders = 0;

    for (size_t i = 0; i < world->place_count; i++)
        leaders += candidate_holds_until(&world->places[i]) > world->now;
    if (leaders != 1)
        world_fail(world, "lease", "%zu replicas lead at rest", leaders);
}

/* A person's word counts in every mode, and whatever is known of EKS. */
static void check_abandoned(struct world *world)
{
    for (size_t i = 0; i < world->kube.binding_count; i++) {
        const struct binding *binding = world->kube.bindings[i];

        if (binding->deleting && binding->has_finalizer && binding->abandon)
            world_fail(world, "abandoned-goes", "%s is abandoned, and still has our finalizer",
                       binding->name);
    }
}

void rest_check(struct world *world)
{
    check_leader(world);
    for (size_t i = 0; i < world->place_count; i++)
        check_place(world, &world->places[i]);
    check_abandoned(world);
    if (world->failed || world->trial_failed)
        return;
    if (world->identity == IDENTITY_WRONG || world->identity == IDENTITY_UNREADABLE) {
        check_blind(world);
        return;
    }
    if (world->weather.mode == PLAN_OBSERVE)
        return;
    for (size_t i = 0; i < world->kube.binding_count; i++)
        check_binding(world, world->kube.bindings[i]);
    if (world->weather.mode == PLAN_SYNC)
        check_leftovers(world);
}

/* ---- what is waited for ---- */

/* An operator that a fault made believe that IAM does not answer asks once more in a while, and is
 * then told that it may not. */
static bool waits_for_iam(const struct world *world)
{
    for (size_t i = 0; i < world->place_count; i++)
        if (world->weather.iam == IAM_DENIES && world->places[i].replica &&
            world->places[i].replica->sync.roles.failures > 0)
            return true;
    return false;
}

/* A role that was asked for while it was broken, or with a wrong answer, is asked for again in ten
 * minutes at the latest. */
static bool waits_for_role(const struct world *world)
{
    for (size_t i = 0; i < world->place_count; i++) {
        const struct place *place = &world->places[i];
        const struct roles *roles = place->replica ? &place->replica->sync.roles : NULL;
        int64_t now = place_clock(place), mended_at = now - (world->now - world->mended_at);

        if (!roles || place->candidate.lease.state != LEASE_LEADING)
            continue;
        for (size_t r = 0; r < roles->count; r++) {
            const struct roles_entry *role = roles->items[r];
            bool told = role->asked_at >= mended_at && now >= role->asked_at + TOLD_MS;

            if (role->wanted && role->asked_at > 0 && !told)
                return true;
        }
    }
    return false;
}

/* Spent deletions stand on the Lease for ten minutes, and are taken off then. That is waited for in
 * one history of eight: it makes them twice as long. */
static bool waits_for_budget(const struct world *world)
{
    const char *spent = world->kube.lease.deletions;

    return spent && spent[0] != '\0' && world->awaits_budget;
}

bool rest_waits(const struct world *world)
{
    return waits_for_budget(world) || waits_for_iam(world) || waits_for_role(world);
}
