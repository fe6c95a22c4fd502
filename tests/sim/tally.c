/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/tally.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* What a good run has at least. */
#define LEAST_CALLS 150
#define LEAST_PASSES 5
#define LEAST_CRASHED 30 /* percent */
#define LEAST_STATES 25

static const char *const faults[FAULT_COUNT] = {
    [FAULT_NONE] = "undisturbed",
    [FAULT_SLOW] = "slow",
    [FAULT_UNREACHED] = "unreached",
    [FAULT_SERVER_ERROR] = "500",
    [FAULT_SERVER_ERROR_DONE] = "500, done",
    [FAULT_LOST] = "lost",
    [FAULT_REPLY_LOST] = "reply lost",
    [FAULT_LATE] = "late",
    [FAULT_THROTTLED] = "throttled",
    [FAULT_DENIED] = "denied",
    [FAULT_CONFLICT] = "conflict",
    [FAULT_EXPIRED] = "expired",
    [FAULT_BARE_404] = "bare 404",
    [FAULT_CLUSTER_MISSING] = "no cluster",
    [FAULT_EMPTY_LIST] = "empty list",
    [FAULT_NOT_SERVED] = "not served",
    [FAULT_HTML] = "HTML",
    [FAULT_CUT] = "cut",
    [FAULT_FURTHER_PAGE] = "further page",
    [FAULT_STOPPED] = "stopped",
    [FAULT_ADMISSION] = "admission",
    [FAULT_CRASH_BEFORE] = "crash before",
    [FAULT_CRASH_AFTER] = "crash after",
};
static const char *const verbs[TALLY_VERBS] = {
    [CALL_LIST_ASSOCIATIONS] = "List",    [CALL_DESCRIBE_ASSOCIATION] = "Descr",
    [CALL_CREATE_ASSOCIATION] = "Create", [CALL_UPDATE_ASSOCIATION] = "Update",
    [CALL_DELETE_ASSOCIATION] = "Delete", [CALL_TAG_ASSOCIATION] = "Tag",
    [CALL_UNTAG_ASSOCIATION] = "Untag",   [CALL_DESCRIBE_CLUSTER] = "Cluster",
    [CALL_LIST_CLUSTERS] = "Clusters",    [CALL_LIST_OBJECTS] = "list",
    [CALL_GET_BINDING] = "get pib",       [CALL_GET_SERVICE_ACCOUNT] = "get sa",
    [CALL_PATCH_FINALIZERS] = "fin.",     [CALL_PATCH_STATUS] = "status",
    [CALL_WRITE_EVENT] = "event",         [CALL_READ_IDENTITY] = "ident.",
    [CALL_READ_LEASE] = "lease",          [CALL_PATCH_LEASE] = "budget",
    [CALL_READ_DEFINITION] = "crd",       [CALL_READ_ROLE] = "role",
    [TALLY_LEASE_GET] = "l. get",         [TALLY_LEASE_CREATE] = "l. new",
    [TALLY_LEASE_UPDATE] = "l. upd.",
};
static const char *const watch_faults[WATCH_FAULT_COUNT] = {
    [WATCH_OPENED] = "opened",  [WATCH_UNKNOWN] = "422",         [WATCH_REFUSED] = "refused",
    [WATCH_EXPIRED] = "410",    [WATCH_ENDED] = "ended",         [WATCH_BROKEN] = "broken",
    [WATCH_SILENT] = "silent",  [WATCH_REPLAYED] = "replayed",   [WATCH_STALE] = "stale",
    [WATCH_NOT_SERVED] = "404", [WATCH_WITHDRAWN] = "withdrawn", [WATCH_BOOKMARK] = "bookmark",
    [WATCH_EMPTY] = "empty",    [WATCH_TOO_LARGE] = "too large",
};
static const char *const deeds[DEED_COUNT] = {
    [DEED_CREATE] = "create",
    [DEED_ROLE] = "change role",
    [DEED_RENAME] = "rename account",
    [DEED_SELECTOR] = "change selector",
    [DEED_SUSPEND] = "suspend",
    [DEED_TAGS] = "tags",
    [DEED_DELETION_POLICY] = "deletionPolicy",
    [DEED_ADOPTION] = "adoption",
    [DEED_DELETE] = "delete",
    [DEED_RECREATE] = "re-create",
    [DEED_RECONCILE_AT] = "reconcile-at",
    [DEED_ABANDON] = "abandon",
    [DEED_CLUSTER_DELETING] = "cluster DELETING",
    [DEED_FINALIZER] = "another's finalizer",
    [DEED_ACCOUNT_CREATE] = "create account",
    [DEED_ACCOUNT_DELETE] = "delete account",
    [DEED_RELABEL] = "relabel account",
    [DEED_NAMESPACE_DELETE] = "delete namespace",
    [DEED_REPLACE] = "replace when gone",
    [DEED_RESTORE] = "restore a backup",
    [DEED_PRUNE] = "prune",
    [DEED_COMES_BACK] = "comes back",
    [DEED_DEFINITION_DELETE] = "delete definition",
    [DEED_DEFINITION_INSTALL] = "install definition",
    [DEED_RENAME_BINDING] = "rename binding",
    [DEED_COMPACT] = "compaction",
    [DEED_DENY] = "deny for a while",
    [DEED_RELEASE] = "let deletions through",
    [DEED_ADMISSION] = "admission refuses",
    [DEED_QUOTA] = "small quota",
    [DEED_ROLE_BROKEN] = "break a role",
    [DRIFT_DELETE] = "drift: delete ours",
    [DRIFT_ROLE] = "drift: role",
    [DRIFT_TAGS] = "drift: tags",
    [DRIFT_OWNER_LOST] = "drift: owner tag lost",
    [DRIFT_FOREIGN] = "drift: foreign comes",
    [DRIFT_ADD_ON] = "drift: add-on comes",
    [DRIFT_FOREIGN_GONE] = "drift: foreign goes",
    [DRIFT_FIGHT] = "drift: a fight",
    [DRIFT_FOREIGN_ROLE] = "drift: foreign's role",
    [DRIFT_REVERT] = "reverter",
    [DRIFT_ADD_ON_AGAIN] = "add-on owner",
    [DRIFT_RIVAL] = "rival operator",
    [DRIFT_DELETE_AGAIN] = "deletes by hand",
};
static const char *const states[SOMETIMES_COUNT] = {
    [SOMETIMES_CONFLICT_OURS] = "Create 409: ours stands there",
    [SOMETIMES_CONFLICT_FOREIGN] = "Create 409: another's stands there",
    [SOMETIMES_CONFLICT_GHOST] = "Create 409: a ghost",
    [SOMETIMES_LATE_CREATE] = "a Create lands after its caller gave up",
    [SOMETIMES_LATE_DELETE] = "a Delete lands after its caller gave up",
    [SOMETIMES_ADOPTED] = "an association is adopted",
    [SOMETIMES_HANDED_OVER] = "an association is handed over",
    [SOMETIMES_REFUSED_STALE] = "a patch meets a newer object",
    [SOMETIMES_LEASE_DENIED] = "the lease is too short for a write",
    [SOMETIMES_LEASE_LOST] = "the lease is lost",
    [SOMETIMES_LEASE_PASSED_ON] = "the lease is given up, and taken by the other",
    [SOMETIMES_LEASE_TAKEN_OVER] = "the lease is taken from one that did not renew it",
    [SOMETIMES_LEASE_TAKEN_BACK] = "the lease is taken back by the same identity",
    [SOMETIMES_TWO_BELIEVE] = "both replicas believe that they lead",
    [SOMETIMES_FAILOVER_IN_FLIGHT] = "a replica begins to lead, and another's writes are under way",
    [SOMETIMES_LATE_CREATE_BESIDE] = "a late Create lands while the other replica makes a pass",
    [SOMETIMES_LEASE_GONE_AT_SEND] = "the lease is lost between gate and sending",
    [SOMETIMES_LEASE_GONE_AT_EFFECT] = "the lease is lost between sending and effect",
    [SOMETIMES_WAKES_DEPOSED] = "a paused leader wakes up, and another leads",
    [SOMETIMES_TOLD_TO_END] = "a replica is told to end",
    [SOMETIMES_CLOCK_JUMPED] = "a wall clock jumps by an hour",
    [SOMETIMES_PAUSED] = "the operator is paused",
    [SOMETIMES_WATCH_BEHIND] = "a watch lands on a cache that is behind what was seen",
    [SOMETIMES_STREAM_CATCHES_UP] = "a first state begins with what is old, and catches up",
    [SOMETIMES_RELISTED] = "the whole state is taken anew",
    [SOMETIMES_LET_GO] = "a finalizer goes",
    [SOMETIMES_RETAINED] = "a finalizer goes, the association stays",
    [SOMETIMES_STOPPED] = "a Describe stops a Delete",
    [SOMETIMES_HELD] = "the deletion budget holds Deletes back",
    [SOMETIMES_RELEASED] = "a held Delete is let through",
    [SOMETIMES_WRONG_CLUSTER] = "the cluster is the wrong one",
    [SOMETIMES_FOUND] = "the cluster is found by a search",
    [SOMETIMES_PASSED_OVER] = "a search passes over a cluster that can't be read",
    [SOMETIMES_EMPTY_BELIEVED] = "an empty list is believed",
    [SOMETIMES_STALE_EVENT] = "an event of an older watch comes",
    [SOMETIMES_NEW_UID] = "a new whole state has a known name under another uid",
    [SOMETIMES_RESTORED] = "what a lost binding had is handed over",
    [SOMETIMES_RETAINED_TAKEN] = "what was retained is handed over",
    [SOMETIMES_CAME_BACK_WAITING] = "a binding comes back when the old one has gone",
    [SOMETIMES_DEFINITION_ENDING] = "a pass while the definition is terminating",
    [SOMETIMES_DEFINITION_GONE] = "a list or watch meets that the definition is gone",
    [SOMETIMES_EVENT_REFUSED] = "an Event in a namespace that is being deleted",
    [SOMETIMES_UNDONE] = "somebody undoes our write for the third time",
    [SOMETIMES_FINALIZER_REFUSED] = "admission refuses our finalizer",
    [SOMETIMES_ORPHAN_AT_REST] = "an orphan at rest",
    [SOMETIMES_ADD_ON_AT_REST] = "a key is an add-on's at rest",
    [SOMETIMES_TAKEN_AT_REST] = "a key is taken at rest",
    [SOMETIMES_CONFLICT_AT_REST] = "a conflict at rest",
    [SOMETIMES_CONFLICT_RESOLVED] = "a binding told Conflict is Ready at rest",
    [SOMETIMES_ABANDONED] = "a finalizer goes: abandoned",
    [SOMETIMES_CLUSTER_DELETING] = "a finalizer goes: the cluster is being deleted",
    [SOMETIMES_CONTESTED] = "a binding is told that its key is contested",
    [SOMETIMES_DISTRUSTED] = "a binding is told that its role does not trust it",
    [SOMETIMES_UNREADY_AT_REST] = "a binding is not Ready at rest",
    [SOMETIMES_READY_AT_REST] = "a binding is Ready at rest",
};

const char *fault_name(enum fault fault)
{
    return faults[fault];
}

const char *deed_name(enum deed deed)
{
    return deeds[deed];
}

const char *watch_fault_name(enum watch_fault fault)
{
    return watch_faults[fault];
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
    return value < most ? value : most;
}

void tally_history(struct tally *tally, uint32_t calls, uint32_t passes, bool crashed)
{
    tally->calls_of[at_most(calls, TALLY_CALLS - 1)]++;
    tally->passes_of[at_most(passes, TALLY_PASSES - 1)]++;
    tally->histories++;
    tally->crashed += crashed;
}

void tally_add(struct tally *tally, const struct tally *other)
{
    static_assert(sizeof *tally % sizeof(uint64_t) == 0, "counters only");
    uint64_t sums[sizeof *tally / sizeof(uint64_t)], more[sizeof *tally / sizeof(uint64_t)];

    memcpy(sums, tally, sizeof *tally);
    memcpy(more, other, sizeof *other);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        sums[i] += more[i];
    memcpy(tally, sums, sizeof *tally);
}

static uint32_t median(const uint64_t *histories, uint32_t size, uint64_t count)
{
    uint64_t below = 0;

    for (uint32_t value = 0; value < size; value++) {
        below += histories[value];
        if (below > count / 2)
            return value;
    }
    return 0;
}

static uint32_t median_calls(const struct tally *tally)
{
    return median(tally->calls_of, TALLY_CALLS, tally->histories);
}

static uint32_t median_passes(const struct tally *tally)
{
    return median(tally->passes_of, TALLY_PASSES, tally->histories);
}

static double percent_crashed(const struct tally *tally)
{
    return tally->histories ? 100.0 * (double)tally->crashed / (double)tally->histories : 0;
}

static void print_faults(const struct tally *tally)
{
    printf("\n%-14s", "fault × call");
    for (int verb = 0; verb < TALLY_VERBS; verb++)
        printf("%8s", verbs[verb]);
    printf("\n");
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        printf("%-14s", faults[fault]);
        for (int verb = 0; verb < TALLY_VERBS; verb++)
            printf("%8" PRIu64, tally->faults[fault][verb]);
        printf("\n");
    }
    printf("\n%-14s%16s%16s\n", "watch", "bindings", "accounts");
    for (int fault = 0; fault < WATCH_FAULT_COUNT; fault++)
        printf("%-14s%16" PRIu64 "%16" PRIu64 "\n", watch_faults[fault],
               tally->watches[fault][RESOURCE_BINDINGS],
               tally->watches[fault][RESOURCE_SERVICE_ACCOUNTS]);
}

void tally_summary(const struct tally *tally, double seconds, struct strbuf *ret_text)
{
    strbuf_format(ret_text,
                  "%" PRIu64 " histories in %.1f s: %.0f a second; a median of %" PRIu32
                  " port calls and %" PRIu32 " passes; %.0f %% with a crash; %.0f hours of virtual "
                  "time; %" PRIu64 " run twice, to the same trace",
                  tally->histories, seconds, (double)tally->histories / seconds,
                  median_calls(tally), median_passes(tally), percent_crashed(tally),
                  (double)tally->seconds / 3600, tally->repeated);
}

void tally_print(const struct tally *tally, double seconds)
{
    CLEANUP(strbuf_release) struct strbuf summary = STRBUF_CAPPED(1024);

    print_faults(tally);
    printf("\npeople\n");
    for (int deed = 0; deed < DEED_COUNT; deed++)
        printf("  %-24s%9" PRIu64 "%s", deeds[deed], tally->deeds[deed], deed % 3 == 2 ? "\n" : "");
    garble_print(&tally->garbles);
    printf("\n\nsometimes\n");
    for (int state = 0; state < SOMETIMES_COUNT; state++)
        printf("  %9" PRIu64 "  %s\n", tally->sometimes[state], states[state]);
    tally_summary(tally, seconds, &summary);
    printf("\n%s\n", strbuf_text(&summary));
}

void tally_shortfalls(const struct tally *tally, struct strbuf *ret_text)
{
    if (median_calls(tally) < LEAST_CALLS)
        strbuf_format(ret_text, "a median of %" PRIu32 " port calls, expected at least %d\n",
                      median_calls(tally), LEAST_CALLS);
    if (median_passes(tally) < LEAST_PASSES)
        strbuf_format(ret_text, "a median of %" PRIu32 " passes, expected at least %d\n",
                      median_passes(tally), LEAST_PASSES);
    if (percent_crashed(tally) < LEAST_CRASHED)
        strbuf_format(ret_text, "%.1f %% of the histories with a crash, expected at least %d\n",
                      percent_crashed(tally), LEAST_CRASHED);
    if (SOMETIMES_COUNT < LEAST_STATES)
        strbuf_format(ret_text, "%d states to be met are named, expected at least %d\n",
                      SOMETIMES_COUNT, LEAST_STATES);
    for (int state = 0; state < SOMETIMES_COUNT; state++)
        if (tally->sometimes[state] == 0)
            strbuf_format(ret_text, "never met: %s\n", states[state]);
}
