# SPDX-License-Identifier: Apache-2.0
"""What a Role grants and what an audit log shows as used, in the same words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import product

import yaml

from cluster import ControlPlane


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource. name is "" where a rule does not limit it to one object."""

    group: str
    resource: str
    verb: str
    name: str = ""

    def __str__(self) -> str:
        of = f" {self.name}" if self.name else ""
        return f"{self.verb} {self.resource}{of} of {self.group or 'the core group'}"


def granted(manifests: str) -> set[Right]:
    """Each right that the Roles and ClusterRoles give."""
    rights: set[Right] = set()
    for document in yaml.safe_load_all(manifests):
        for rule in (document or {}).get("rules", []):
            assert "*" not in str(rule), f"a rule that can't be checked: {rule}"
            names = rule.get("resourceNames", [""])
            rights |= {Right(*parts) for parts in product(rule["apiGroups"], rule["resources"], rule["verbs"], names)}
    return rights


def records_of(cluster: ControlPlane, user: str) -> list[dict]:
    """What the user asked for. Its API server may have ended."""
    with cluster.audit_log.open() as lines:
        rows = [json.loads(line) for line in lines if user in line and line.endswith("\n")]
    return [row for row in rows if row["user"].get("username") == user]


def used(records: Iterable[dict]) -> set[Right]:
    """Each right that an allowed request used, by the name and without."""
    rights: set[Right] = set()
    for record in records:
        about = record.get("objectRef")
        if about and record["annotations"].get("authorization.k8s.io/decision") == "allow":
            resource = about["resource"] + (f"/{about['subresource']}" if "subresource" in about else "")
            right = Right(about.get("apiGroup", ""), resource, record["verb"])
            rights |= {right, Right(right.group, right.resource, right.verb, about.get("name", ""))}
    return rights


def refused(cluster: ControlPlane, records: Iterable[dict]) -> set[str]:
    """What was answered with 403, whoever refused it. An API server that is not ready yet has not read its
    roles: what it refuses then does not count."""

    def counts(record: dict) -> bool:
        at = datetime.fromisoformat(record["requestReceivedTimestamp"]).timestamp()
        starting = any(start <= at <= ready for start, ready in cluster.startups)
        return record.get("responseStatus", {}).get("code") == 403 and not starting

    return {f"{row['verb']} {row['requestURI']}: {row['responseStatus']['message']}" for row in records if counts(row)}
