/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

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
    [FAULT_CRASH_BEFORE] = "crash before",
    [FAULT_CRASH_AFTER] = "crash after",
};
static const char *const verbs[CALL_VERB_COUNT] = {
    [CALL_LIST_ASSOCIATIONS] = "List",    [CALL_DESCRIBE_ASSOCIATION] = "Descr",
    [CALL_CREATE_ASSOCIATION] = "Create", [CALL_UPDATE_ASSOCIATION] = "Update",
    [CALL_DELETE_ASSOCIATION] = "Delete", [CALL_TAG_ASSOCIATION] = "Tag",
    [CALL_UNTAG_ASSOCIATION] = "Untag",   [CALL_DESCRIBE_CLUSTER] = "Cluster",
    [CALL_LIST_CLUSTERS] = "Clusters",    [CALL_LIST_OBJECTS] = "list",
    [CALL_GET_BINDING] = "get pib",       [CALL_GET_SERVICE_ACCOUNT] = "get sa",
    [CALL_PATCH_FINALIZERS] = "fin.",     [CALL_PATCH_STATUS] = "status",
    [CALL_WRITE_EVENT] = "event",         [CALL_READ_IDENTITY] = "ident.",
};
static const char *const watch_faults[WATCH_FAULT_COUNT] = {
    [WATCH_OPENED] = "opened",     [WATCH_UNKNOWN] = "422",       [WATCH_REFUSED] = "refused",
    [WATCH_EXPIRED] = "410",       [WATCH_ENDED] = "ended",       [WATCH_BROKEN] = "broken",
    [WATCH_SILENT] = "silent",     [WATCH_REPLAYED] = "replayed", [WATCH_STALE] = "stale",
    [WATCH_BOOKMARK] = "bookmark", [WATCH_EMPTY] = "empty",
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
    [DEED_FINALIZER] = "another's finalizer",
    [DEED_ACCOUNT_CREATE] = "create account",
    [DEED_ACCOUNT_DELETE] = "delete account",
    [DEED_RELABEL] = "relabel account",
    [DEED_NAMESPACE_DELETE] = "delete namespace",
    [DEED_COMPACT] = "compaction",
    [DEED_DENY] = "deny for a while",
    [DEED_QUOTA] = "small quota",
    [DEED_ROLE_BROKEN] = "break a role",
    [DRIFT_DELETE] = "drift: delete ours",
    [DRIFT_ROLE] = "drift: role",
    [DRIFT_TAGS] = "drift: tags",
    [DRIFT_OWNER_LOST] = "drift: owner tag lost",
    [DRIFT_FOREIGN] = "drift: foreign comes",
    [DRIFT_ADD_ON] = "drift: add-on comes",
    [DRIFT_FOREIGN_GONE] = "drift: foreign goes",
    [DRIFT_FOREIGN_ROLE] = "drift: foreign's role",
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
    [SOMETIMES_PAUSED] = "the operator is paused",
    [SOMETIMES_RELISTED] = "the whole state is taken anew",
    [SOMETIMES_LET_GO] = "a finalizer goes",
    [SOMETIMES_RETAINED] = "a finalizer goes, the association stays",
    [SOMETIMES_STOPPED] = "a Describe stops a Delete",
    [SOMETIMES_WRONG_CLUSTER] = "the cluster is the wrong one",
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

void tally_release(struct tally *tally)
{
    mem_free(tally->owned_calls);
    mem_free(tally->owned_passes);
    *tally = (struct tally){0};
}

void tally_history(struct tally *tally, uint32_t calls, uint32_t passes, bool crashed)
{
    MEM_GROW(tally->owned_calls, tally->calls_count, tally->calls_capacity);
    tally->owned_calls[tally->calls_count++] = calls;
    MEM_GROW(tally->owned_passes, tally->passes_count, tally->passes_capacity);
    tally->owned_passes[tally->passes_count++] = passes;
    tally->histories++;
    tally->crashed += crashed;
}

static int by_size(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static uint32_t median(uint32_t *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

static void print_faults(const struct tally *tally)
{
    printf("\n%-14s", "fault × call");
    for (int verb = 0; verb < CALL_VERB_COUNT; verb++)
        printf("%8s", verbs[verb]);
    printf("\n");
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        printf("%-14s", faults[fault]);
        for (int verb = 0; verb < CALL_VERB_COUNT; verb++)
            printf("%8" PRIu64, tally->faults[fault][verb]);
        printf("\n");
    }
    printf("\n%-14s%16s%16s\n", "watch", "bindings", "accounts");
    for (int fault = 0; fault < WATCH_FAULT_COUNT; fault++)
        printf("%-14s%16" PRIu64 "%16" PRIu64 "\n", watch_faults[fault],
               tally->watches[fault][RESOURCE_BINDINGS],
               tally->watches[fault][RESOURCE_SERVICE_ACCOUNTS]);
}

void tally_print(struct tally *tally, double seconds)
{
    print_faults(tally);
    printf("\npeople\n");
    for (int deed = 0; deed < DEED_COUNT; deed++)
        printf("  %-24s%9" PRIu64 "%s", deeds[deed], tally->deeds[deed], deed % 3 == 2 ? "\n" : "");
    printf("\n\nsometimes\n");
    for (int state = 0; state < SOMETIMES_COUNT; state++)
        printf("  %9" PRIu64 "  %s\n", tally->sometimes[state], states[state]);
    printf("\n%" PRIu64 " histories in %.1f s: %.0f a second; a median of %" PRIu32
           " port calls and %" PRIu32 " passes; %.0f %% with a crash; %.0f hours of virtual time; "
           "%" PRIu64 " run twice, to the same trace\n",
           tally->histories, seconds, (double)tally->histories / seconds,
           median(tally->owned_calls, tally->calls_count),
           median(tally->owned_passes, tally->passes_count),
           100.0 * (double)tally->crashed / (double)tally->histories, (double)tally->seconds / 3600,
           tally->repeated);
}
