# SPDX-License-Identifier: Apache-2.0
"""EKS lets only so many calls a second through: podbind finds out how many, and wastes few."""

from __future__ import annotations

import json
import time

from lib import kube

from child import wait_for

MANY = 60
RATE, BURST = 10, 10
CREATE, DELETE = "CreatePodIdentityAssociation", "DeletePodIdentityAssociation"
THROTTLED = "ThrottlingException"


def apply_many(cluster, namespace: str, count: int) -> None:
    rows = [kube.binding(namespace, f"b{i:04}", f"sa{i:04}", "role") for i in range(count)]
    cluster.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": rows}))


def share_throttled(standin, operation: str) -> float:
    calls = standin.counters()[operation]
    return calls.get(THROTTLED, 0) / sum(calls.values())


def test_a_rate_limit_is_kept_to_and_used(blue, standin, operator, namespace, report):
    app = namespace(blue)
    standin.settings(rate=RATE, burst=BURST, latency="30ms")
    operator(blue)
    bound = (MANY - BURST) / RATE
    apply_many(blue, app, MANY)
    started = time.monotonic()
    kube.wait_all_ready(blue, app, MANY)
    created = time.monotonic() - started
    assert len(standin.roles(blue, app)) == MANY
    assert standin.counters()[CREATE]["ok"] == MANY
    released = f"podbind.dev/release-deletions={MANY}"
    blue.kubectl("annotate", "lease", "podbind", "-n", kube.OPERATOR_NAMESPACE, "--overwrite", released)
    blue.kubectl("delete", "podidentitybindings", "--all", "-n", app, "--wait=false")
    started = time.monotonic()
    wait_for(lambda: not kube.list_bindings(blue, app), 60, "all bindings to go")
    deleted = time.monotonic() - started
    assert standin.roles(blue, app) == {}
    assert standin.counters()[DELETE]["ok"] == MANY
    shares = [share_throttled(standin, operation) for operation in (CREATE, DELETE)]
    report(f"bound {bound:.1f} s, created {created:.1f} s, deleted {deleted:.1f} s; "
           f"throttled {shares[0]:.1%}, {shares[1]:.1%}")  # fmt: skip
    assert max(shares) < 0.2
    assert created < 3 * bound
    assert deleted < 3 * bound


def test_one_that_always_fails_delays_no_other(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.settings(rate=RATE, burst=BURST)
    standin.control("PUT", "roles/bad", {"passDenied": True})
    operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "a-bad", "a-bad", "bad"))
    kube.wait_condition(blue, app, "a-bad", reason="PassRoleDenied", status="False")
    started = time.monotonic()
    apply_many(blue, app, MANY)
    wait_for(lambda: len(standin.roles(blue, app)) == MANY, 30, "all others to be associated")
    assert time.monotonic() - started < 3 * MANY / RATE
    assert "a-bad" not in standin.roles(blue, app)
    assert standin.counters()[CREATE]["AccessDeniedException"] <= 4


def test_waits_as_long_as_eks_asks(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "first", "first", "role"))
    kube.wait_condition(blue, app, "first")
    standin.fault(CREATE, kind="error", error=THROTTLED, status=429, retryAfter="4s", count=1)
    kube.kubectl_apply(blue, kube.binding(app, "second", "second", "role"))
    wait_for(lambda: THROTTLED in standin.counters()[CREATE], 20, "a throttled call")
    kube.kubectl_apply(blue, kube.binding(app, "third", "third", "role"))
    kube.wait_condition(blue, app, "second")
    kube.wait_condition(blue, app, "third")
    calls = [row for row in standin.requests() if row["operation"] == CREATE]
    refused = next(row["at"] for row in calls if row["error"] == THROTTLED)
    after = [row["at"] - refused for row in calls if row["at"] > refused]
    assert len(after) == 2
    assert min(after) >= 3.9
