/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally - what the histories of a run have been through: how often each fault met each call, what
 * people did, how much the operator did. A simulator whose faults never happen proves nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "controller/ports.h"
#include "tests/sim/garble.h"

enum fault {
    FAULT_NONE,
    FAULT_SLOW,              /* takes most of the time that a call may take */
    FAULT_UNREACHED,         /* no connection: surely no effect */
    FAULT_SERVER_ERROR,      /* 500, without effect */
    FAULT_SERVER_ERROR_DONE, /* 500, but it was done */
    FAULT_LOST,              /* the connection broke, without effect */
    FAULT_REPLY_LOST,        /* the connection broke, but it was done */
    FAULT_LATE,              /* timed out; done seconds later */
    FAULT_THROTTLED,         /* 429 */
    FAULT_DENIED,            /* 403, once or for a while */
    FAULT_CONFLICT,          /* a patch answers 409 though nothing has moved */
    FAULT_EXPIRED,           /* a further page answers 410 */
    FAULT_BARE_404,          /* a proxy's 404, without the API server's word */
    FAULT_CLUSTER_MISSING,   /* EKS knows no such cluster, for once */
    FAULT_EMPTY_LIST,        /* 200, items: [], of a resource that has objects or not */
    FAULT_NOT_SERVED,        /* a list answers 404 with a Status, as when no CRD is there */
    FAULT_HTML,              /* 200, and a log-in page in place of JSON */
    FAULT_CUT,               /* 200, and half the answer */
    FAULT_FURTHER_PAGE,      /* the first page came, a further one does not */
    FAULT_STOPPED,           /* the process stood still between gate and sending: not sent */
    FAULT_ADMISSION,         /* a patch is refused for a while, with 422 or 403 */
    FAULT_CRASH_BEFORE,      /* the operator dies instead of calling */
    FAULT_CRASH_AFTER,       /* the operator dies before it learns of the effect */
    FAULT_COUNT,
};

enum watch_fault {
    WATCH_OPENED,
    WATCH_UNKNOWN,   /* 422: no sendInitialEvents here */
    WATCH_REFUSED,   /* no connection, or 5xx */
    WATCH_EXPIRED,   /* 410 */
    WATCH_TOO_LARGE, /* the cache does not have that version yet, and for too long */
    WATCH_ENDED,     /* in good order, with events not sent yet */
    WATCH_BROKEN,    /* while the first state was being sent, or later */
    WATCH_SILENT,    /* brings nothing more, and ends some time later */
    WATCH_REPLAYED,  /* begins with events that were sent before */
    WATCH_STALE,     /* an old watch still brings something after the next was opened */
    WATCH_BOOKMARK,
    WATCH_NOT_SERVED, /* 404: the definition is gone */
    WATCH_WITHDRAWN,  /* ended, because the definition has gone */
    WATCH_EMPTY,      /* the first state is sent as if there were no objects */
    WATCH_FAULT_COUNT,
};

enum deed {
    DEED_CREATE,
    DEED_ROLE,
    DEED_RENAME,
    DEED_SELECTOR,
    DEED_SUSPEND,
    DEED_TAGS,
    DEED_DELETION_POLICY,
    DEED_ADOPTION,
    DEED_DELETE,
    DEED_RECREATE,
    DEED_RECONCILE_AT,
    DEED_FINALIZER,
    DEED_ABANDON,
    DEED_ACCOUNT_CREATE,
    DEED_ACCOUNT_DELETE,
    DEED_RELABEL,
    DEED_NAMESPACE_DELETE,
    DEED_REPLACE,
    DEED_RESTORE,
    DEED_PRUNE,
    DEED_COMES_BACK,
    DEED_DEFINITION_DELETE,
    DEED_DEFINITION_INSTALL,
    DEED_RENAME_BINDING,
    DEED_COMPACT,
    DEED_DENY,
    DEED_RELEASE,
    DEED_ADMISSION,
    DEED_QUOTA,
    DEED_ROLE_BROKEN,
    DEED_CLUSTER_DELETING,
    DRIFT_DELETE,
    DRIFT_ROLE,
    DRIFT_TAGS,
    DRIFT_OWNER_LOST,
    DRIFT_FOREIGN,
    DRIFT_ADD_ON,
    DRIFT_FOREIGN_GONE,
    DRIFT_FOREIGN_ROLE,
    DRIFT_REVERT,
    DRIFT_ADD_ON_AGAIN,
    DRIFT_RIVAL,
    DRIFT_DELETE_AGAIN,
    DRIFT_FIGHT,
    DEED_COUNT,
};

/* States that a good run must have met. */
enum sometimes {
    SOMETIMES_CONFLICT_OURS,    /* Create: 409, and what stands there is ours */
    SOMETIMES_CONFLICT_FOREIGN, /* Create: 409, and it is not */
    SOMETIMES_CONFLICT_GHOST,   /* Create: 409, and nothing stands there any more */
    SOMETIMES_LATE_CREATE,      /* a Create took effect after its caller had died or given up */
    SOMETIMES_LATE_DELETE,
    SOMETIMES_ADOPTED,
    SOMETIMES_HANDED_OVER,
    SOMETIMES_REFUSED_STALE, /* a patch met a newer object */
    SOMETIMES_LEASE_DENIED,  /* a write was due while the lease was too short for it */
    SOMETIMES_LEASE_LOST,
    SOMETIMES_LEASE_PASSED_ON,    /* given up by one, taken by another */
    SOMETIMES_LEASE_TAKEN_OVER,   /* from one that did not renew it */
    SOMETIMES_LEASE_TAKEN_BACK,   /* by the next process of the same identity */
    SOMETIMES_TWO_BELIEVE,        /* one begins to lead, and the other has not noticed yet */
    SOMETIMES_FAILOVER_IN_FLIGHT, /* one begins to lead while writes of another life are under way */
    SOMETIMES_LATE_CREATE_BESIDE,   /* a late Create lands while another replica makes a pass */
    SOMETIMES_LEASE_GONE_AT_SEND,   /* the lease went between the gate and the sending */
    SOMETIMES_LEASE_GONE_AT_EFFECT, /* ... or between the sending and the effect */
    SOMETIMES_PAUSED,
    SOMETIMES_WAKES_DEPOSED, /* a paused leader wakes up, and another leads */
    SOMETIMES_TOLD_TO_END,
    SOMETIMES_CLOCK_JUMPED,
    SOMETIMES_WATCH_BEHIND,      /* a watch lands on a cache that is behind what was seen */
    SOMETIMES_STREAM_CATCHES_UP, /* a first state begins with what is old already */
    SOMETIMES_RELISTED,
    SOMETIMES_LET_GO,   /* a finalizer was taken away */
    SOMETIMES_RETAINED, /* ... and what it had made stayed */
    SOMETIMES_STOPPED,  /* a Describe just before a Delete forbade it */
    SOMETIMES_HELD,     /* the deletion budget holds Deletes back */
    SOMETIMES_RELEASED, /* ... and one goes that a person let through */
    SOMETIMES_WRONG_CLUSTER,
    SOMETIMES_FOUND,             /* a search came to our cluster */
    SOMETIMES_PASSED_OVER,       /* ... and to one that could not be read */
    SOMETIMES_EMPTY_BELIEVED,    /* there were bindings in store, and now there are none */
    SOMETIMES_STALE_EVENT,       /* something of an older watch comes */
    SOMETIMES_NEW_UID,           /* a new whole state has a known name under another uid */
    SOMETIMES_RESTORED,          /* what a lost binding had is handed over to another */
    SOMETIMES_RETAINED_TAKEN,    /* what was retained is handed over */
    SOMETIMES_CAME_BACK_WAITING, /* a name could be taken again only when the old one had gone */
    SOMETIMES_DEFINITION_ENDING, /* a pass was made while the definition was terminating */
    SOMETIMES_DEFINITION_GONE,   /* a list or watch met that there is none */
    SOMETIMES_EVENT_REFUSED,     /* an Event in a namespace that is being deleted */
    SOMETIMES_UNDONE,            /* somebody undid our write of one key for the third time */
    SOMETIMES_FINALIZER_REFUSED, /* by admission */
    SOMETIMES_ORPHAN_AT_REST,
    SOMETIMES_ADD_ON_AT_REST,
    SOMETIMES_TAKEN_AT_REST,
    SOMETIMES_CONFLICT_AT_REST,
    SOMETIMES_CONFLICT_RESOLVED, /* a binding that was told Conflict is Ready at rest */
    SOMETIMES_ABANDONED,         /* a finalizer went because a person said so */
    SOMETIMES_CLUSTER_DELETING,  /* ... because the cluster is being deleted */
    SOMETIMES_CONTESTED,         /* a status says so */
    SOMETIMES_DISTRUSTED,        /* ... that the role does not trust this cluster */
    SOMETIMES_UNREADY_AT_REST,
    SOMETIMES_READY_AT_REST,
    SOMETIMES_COUNT,
};

#define TALLY_CALLS 8192 /* of a history; one with more counts as one with so many */
#define TALLY_PASSES 2048

/* Counters only: the tallies of several processes are added up. */
/* What can meet a fault: the calls of the ports, and those of the lease thread. */
enum { TALLY_LEASE_GET = CALL_VERB_COUNT, TALLY_LEASE_CREATE, TALLY_LEASE_UPDATE, TALLY_VERBS };

struct tally {
    uint64_t faults[FAULT_COUNT][TALLY_VERBS];
    uint64_t calls[CALL_VERB_COUNT];
    uint64_t watches[WATCH_FAULT_COUNT][RESOURCE_COUNT];
    uint64_t deeds[DEED_COUNT];
    uint64_t sometimes[SOMETIMES_COUNT];
    struct garble_tally garbles;
    uint64_t histories, crashed, repeated;
    uint64_t seconds;               /* of virtual time */
    uint64_t calls_of[TALLY_CALLS]; /* histories with so many port calls */
    uint64_t passes_of[TALLY_PASSES];
};

void tally_history(struct tally *tally, uint32_t calls, uint32_t passes, bool crashed);
void tally_add(struct tally *tally, const struct tally *other);
/* Prints it all on standard output. `seconds` is the wall time of the run. */
void tally_print(const struct tally *tally, double seconds);
/* The last line of that. */
void tally_summary(const struct tally *tally, double seconds, struct strbuf *ret_text);
/* A run of so many histories proves little when it met too little: one sentence a shortfall. */
#define TALLY_GOALS_FROM 20000
void tally_shortfalls(const struct tally *tally, struct strbuf *ret_text);

const char *fault_name(enum fault fault);
const char *deed_name(enum deed deed);
const char *watch_fault_name(enum watch_fault fault);
