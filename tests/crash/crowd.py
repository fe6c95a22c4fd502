# SPDX-License-Identifier: Apache-2.0
"""A world with 70 associations, twice what the deletion budget lets go at once, whose operator reaches the API
server and EKS through proxies that lie when they are told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path

from eks_door import EksDoor
from lib import faults, kube
from lib.fault_proxy import FaultProxy
from world import Api, World, slots, until

from child import Failed

NAMED = 40  # bindings of one service account each
GROUPS, EACH = 5, 6  # bindings with a selector, and the service accounts that each selects
BUDGET = 20  # of 70 associations: the floor
HURRY = ("--existence-interval=1s", "--describe-interval=1s", "--describe-rate=20", "--absence-grace=1s")
RUNNING = 8  # seconds in which one that runs would have deleted
STARTED = 90  # ... and one that was started, which deletes nothing for 75 s
ACCOUNTS = "/serviceaccounts[?]"
BINDINGS = "/podidentitybindings[?]"
RELEASE = "podbind.dev/release-deletions"


class Crowd(World):
    def __init__(self, api: Api, directory: Path, name: str, *flags: str):
        self.proxy = FaultProxy(api.cluster)
        config = kube.kubeconfig_at(api.kubeconfig, self.proxy.url, directory / f"{name}.kubeconfig")
        super().__init__(api, directory, name, (*HURRY, *flags), config)
        self.door = EksDoor(self.standin.port)
        self.operator.env["AWS_ENDPOINT_URL"] = self.door.url
        self.servers = contextlib.ExitStack()
        self.ids: dict[str, str] = {}

    async def open(self) -> None:
        await super().open()
        self.servers.enter_context(self.proxy)
        self.servers.enter_context(self.door)

    def close(self) -> None:
        super().close()
        self.servers.close()

    # What is there

    @staticmethod
    def team(group: int) -> dict:
        return {"matchLabels": {"team": f"t{group}"}}

    def accounts(self) -> list[str]:
        return [f"g{group}-{i}" for group in range(GROUPS) for i in range(EACH)]

    async def fill(self) -> None:
        """All of it, in place."""
        for name in self.accounts():
            self.create(self.account(name, team=f"t{name[1]}"))
        self.create(*(self.binding(f"b{i:02d}", f"sa{i:02d}", "reader") for i in range(NAMED)))
        self.create(*(self.binding(f"g{i}", self.team(i), "reader") for i in range(GROUPS)))
        self.start()
        await self.whole()
        self.ids = self.held()

    def held(self) -> dict[str, str]:
        rows = self.standin.associations(self.api).items()
        return {key[1]: row["associationId"] for key, row in rows if key[0] == self.namespace}

    def is_whole(self) -> bool:
        self.check()
        ready = [kube.conditions(row).get("Ready", {}).get("reason") == "Ready" for row in self.bindings().values()]
        return len(ready) == NAMED + GROUPS and all(ready) and len(self.held()) == NAMED + GROUPS * EACH

    async def whole(self) -> None:
        await until(self.is_whole, 60, f"all of {self.namespace} to be in place")

    async def stays_whole(self) -> None:
        """After the harm: each association is the one that it was."""
        self.proxy.clear()
        self.door.list_answer = None
        await self.whole()
        if self.held() != self.ids:
            raise Failed("associations were lost and made again")

    def deletes(self) -> int:
        """That had effect."""
        return sum(row["operation"].startswith("Delete") and row["status"] == 200 for row in self.standin.requests())

    # What happens

    async def watched(self, seconds: float) -> None:
        """Time goes by; the operator runs all the while."""
        slots.leave()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check()
            await asyncio.sleep(0.2)

    async def met(self, *rules: faults.Rule, times: int = 1) -> None:
        await until(lambda: all(rule.hits >= times for rule in rules), 30, "the fault to be met")

    def relist(self) -> None:
        """The watches are told that their history is gone."""
        self.proxy.send(faults.EXPIRED, end=True)

    async def restarted(self) -> None:
        self.stop()
        self.start()

    async def prune(self) -> None:
        """All bindings, while the operator is paused: it sees all of it at once."""
        self.operator.pause()
        kube.expect(200, *self.api.api("DELETE", self.path("podidentitybindings")))
        self.operator.resume()

    async def is_held(self) -> None:
        """The bindings that are to go say that they are held."""

        def told():
            rows = [kube.conditions(row).get("Ready", {}) for row in self.bindings().values()]
            return sum(row.get("reason") == "DeletionHeld" for row in rows) >= 1

        await until(told, 100, "DeletionHeld")

    def lease(self) -> dict:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{kube.OPERATOR_NAMESPACE}/leases/{self.namespace}"
        return kube.expect(200, *self.api.api("GET", path))

    def release(self, number: int) -> None:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{kube.OPERATOR_NAMESPACE}/leases/{self.namespace}"
        patch = {"metadata": {"annotations": {RELEASE: str(number)}}}
        kube.expect(200, *self.api.api("PATCH", path, patch, kube.MERGE_PATCH))


# ---- lies of the API server ---------------------------------------------------------------------


def without_objects(event: bytes) -> list[bytes]:
    """A first state that is whole and empty."""
    return [] if json.loads(event)["type"] == "ADDED" else [event]


def every_second_object():
    """A first state that says it is whole and lacks half."""
    seen = {"count": 0}

    def function(event: bytes) -> list[bytes]:
        if json.loads(event)["type"] != "ADDED":
            return [event]
        seen["count"] += 1
        return [event] if seen["count"] % 2 else []

    return function
