# SPDX-License-Identifier: Apache-2.0
"""Who held the Lease when, and what the replicas wrote: from the audit log and the stand-in's log of requests."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

RENEW_DEADLINE = 10.0  # seconds after a renewal was sent in which it covers writes
ON_THE_WAY = 1.0  # seconds at most from a process to the log of a busy server: writes are to leave in time
KUBE_WRITES = ("create", "update", "patch", "delete", "deletecollection")
EKS_WRITES = ("Create", "Update", "Delete", "Tag", "Untag")


class Hold(NamedTuple):
    """The Lease from the moment `at` on, until the next one; times are seconds since 1970."""

    at: float
    holder: str  # "" for nobody
    renewed: float


class Write(NamedTuple):
    at: float  # when the server received it
    by: str  # the holder's identity
    what: str


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def holds(audit: Iterable[dict], lease: str) -> list[Hold]:
    """What was written to the Lease of that name with success, in order."""
    rows = []
    for record in audit:
        target = record.get("objectRef", {})
        if (target.get("resource"), target.get("name")) != ("leases", lease) or "requestObject" not in record:
            continue
        if record["verb"] in ("create", "update") and record["responseStatus"]["code"] < 300:
            spec = record["requestObject"]["spec"]
            at = seconds(record["requestReceivedTimestamp"])
            rows.append(Hold(at, spec.get("holderIdentity") or "", seconds(spec["renewTime"])))
    return sorted(rows)


def kube_writes(audit: Iterable[dict], identities: dict[str, str]) -> list[Write]:
    """All that the users (by name: their identity) asked to write but the Lease, granted or not."""
    rows = []
    for record in audit:
        by = identities.get(record["user"].get("username"))
        if by and record["verb"] in KUBE_WRITES and record.get("objectRef", {}).get("resource") != "leases":
            what = f"{record['verb']} {record['requestURI'].partition('?')[0]}"
            rows.append(Write(seconds(record["requestReceivedTimestamp"]), by, what))
    return rows


def eks_writes(requests: Iterable[dict], identities: dict[str, str]) -> list[Write]:
    """All that was asked of EKS with the access keys (by id: their identity), granted or not."""
    return [
        Write(row["at"], identities[row["accessKeyId"]], f"{row['operation']} {row['key'] or row['target']}")
        for row in requests
        if row["operation"].startswith(EKS_WRITES)
    ]


def outside(rows: list[Hold], writes: Iterable[Write]) -> list[str]:
    """The writes that left while another or nobody held the Lease, or too long after a renewal."""
    starts = [row.at for row in rows]
    wrong = []
    for write in writes:
        left = write.at - ON_THE_WAY
        held = rows[max(0, bisect_right(starts, left) - 1) : bisect_right(starts, write.at)]
        if not any(row.holder == write.by and left <= row.renewed + RENEW_DEADLINE for row in held):
            wrong.append(f"{write} under {held}")
    return wrong
