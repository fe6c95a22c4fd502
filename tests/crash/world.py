# SPDX-License-Identifier: Apache-2.0
"""The world of one run of a scenario: a namespace and a Lease of its own, a stand-in of its own, an operator that
is started again whenever the shim has killed it. Many worlds live on one API server at once.

A scenario is a coroutine on a World:

    w.create(w.binding("b0", "sa0", "reader"))
    await w.settled(sa0="reader")       # starts the operator and waits
    w.begin()                           # from here on the points count
    w.patch("b0", role={"name": "writer"})
    return w.goal(sa0="writer")         # what must come out of it
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from board import Board
from lib import ROOT, kube
from lib.operator import Operator
from lib.standin import Standin

from child import Ended, Failed
from cluster import ControlPlane

SHIM = ROOT / "build" / "crash_points.so"
ROLE_ARN = "arn:aws:iam::111122223333:role/"
SOON = 0.05
IDENTITY = "podbind-0"  # kept: whoever is started again takes its Lease back at once
LEASE = ("--lease-duration=30s", "--lease-renew-deadline=20s", "--lease-retry-period=5s")  # on a busy machine
WRITES = ("Create", "Update", "Delete", "Tag", "Untag")
SHOWN = ("role", "roleARN", "serviceAccounts", "wanted", "inPlace", "bound", "clusterName")
WAITING = dict.fromkeys(("Reconciling", "Stalled"), "one of Reconciling and Stalled")  # which one: time tells
NEIGHBOURS = {  # what is there in every world and must not change
    ("elsewhere", "by-hand"): {"roleArn": f"{ROLE_ARN}somebody-elses", "tags": {"made": "by hand"}},
    ("elsewhere", "by-another"): {
        "roleArn": f"{ROLE_ARN}somebody-elses",
        "tags": {"podbind.dev/owner": "11111111-2222-3333-4444-555555555555/podbind", "podbind.dev/binding": "gone"},
    },
}


class Api:
    """Stands in for a ControlPlane in the helpers of `kube`: one connection for all, as one thread asks."""

    def __init__(self, cluster: ControlPlane):
        self.cluster, self.name = cluster, cluster.name
        self.kubeconfig = cluster.directory / "crash.kubeconfig"
        if not self.kubeconfig.exists():
            cluster.write_kubeconfig_for_token(self.kubeconfig, self._token())
        self._connection = cluster.connection()

    def _token(self) -> str:
        """Of a ServiceAccount that may do all: the chart's rights name one Lease, and here are many."""
        subject = {"kind": "ServiceAccount", "name": "crash", "namespace": "kube-system"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        bound = {"kind": "ClusterRoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1",
                 "metadata": {"name": "crash"}, "roleRef": role, "subjects": [subject]}  # fmt: skip
        kube.kubectl_apply(self.cluster, [kube.service_account("kube-system", "crash"), bound])
        return self.cluster.token("kube-system", "crash", 24 * 3600)

    def api(self, method: str, path: str, body: object = None, content_type: str = "application/json"):
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        data = None if body is None else json.dumps(body)
        try:
            return self._ask(method, path, data, headers)
        except (OSError, HTTPException):  # the server may end a connection that was idle
            self._connection.close()
            self._connection = self.cluster.connection()
            return self._ask(method, path, data, headers)

    def _ask(self, method: str, path: str, data: str | None, headers: dict[str, str]):
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if text.startswith("{") else text


@dataclass
class Goal:
    """What a scenario must lead to: the role by service account; the reason of Ready by binding."""

    roles: dict[str, str]
    reasons: dict[str, str] = field(default_factory=dict)


class Slots:
    """So many runs work at once. One that has waited long only waits: it makes room for the next."""

    PATIENCE = 3  # seconds

    def __init__(self, count: int):
        self._count, self._loop = count, None
        self._mine: ContextVar[bool] = ContextVar("mine")

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        if self._loop is not asyncio.get_running_loop():  # a semaphore belongs to one
            self._loop, self._free = asyncio.get_running_loop(), asyncio.Semaphore(self._count)
        await self._free.acquire()
        self._mine.set(True)
        try:
            yield
        finally:
            self.leave()

    def leave(self) -> None:
        if self._mine.get(False):
            self._mine.set(False)
            self._free.release()


slots = Slots(6)


async def until(predicate: Callable[[], object], seconds: float, what: str, every: float = SOON) -> None:
    start, last = time.monotonic(), ""
    while True:
        try:
            if predicate():
                return
        except Ended:
            raise
        except (Failed, OSError, HTTPException) as error:  # not yet
            last = f"; last: {error}"
        waited = time.monotonic() - start
        if waited > seconds:
            raise Failed(f"waited {seconds:g} s for {what}{last}")
        if waited > Slots.PATIENCE:
            slots.leave()
        await asyncio.sleep(every if waited <= Slots.PATIENCE else 10 * every)


class World:
    def __init__(self, api: Api, directory: Path, name: str, flags: tuple[str, ...] = (), kubeconfig: Path | None = None):
        self.api, self.namespace, self.kills = api, name, []
        self.plan: list[int] = []  # at which points from begin() on, then from each restart on
        self.uids: dict[str, str] = {}
        self.foreign_accounts: set[str] = set()
        self.standin = Standin(directory / f"{name}.standin.log", [api.name])
        self.board = Board(directory / f"{name}.board")
        self.begun_at = self.counted = 0
        self.on_kill: Callable[[World], None] | None = None
        self._keeper: asyncio.Task | None = None
        argv = [
            f"--kubeconfig={kubeconfig or api.kubeconfig}", f"--cluster-name=eks-{api.name}",
            f"--watch-namespaces={name}", f"--lease-name={name}", f"--lease-identity={IDENTITY}", *LEASE, *flags,
        ]  # fmt: skip
        env = {**self.standin.aws_environment(), **self.board.environment(SHIM)}
        self.operator = Operator("podbind", argv, directory / f"{name}.log", env)

    # Life

    async def open(self) -> None:
        self.standin.start()
        kube.expect(201, *self.api.api("POST", "/api/v1/namespaces", kube.namespace(self.namespace)))
        await until(self.standin.listens, 20, "the stand-in", every=0.01)
        for (namespace, account), row in NEIGHBOURS.items():
            self.standin.put_association(self.api, namespace, account, **row)
        self.kept = self.foreign()

    def close(self) -> None:
        if self._keeper:
            self._keeper.cancel()
        self.operator.kill()
        self.standin.kill()
        self.board.close()

    def start(self) -> None:
        self.operator.start()
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())

    def stop(self) -> None:
        """As a machine that loses power."""
        if self._keeper:
            self._keeper.cancel()
        self._keeper = None
        self.operator.kill()

    def told(self, flag: str, value: str) -> None:
        """From the next start on."""
        argv = [word for word in self.operator.argv if not word.startswith(f"--{flag}=")]
        self.operator.argv = [*argv, f"--{flag}={value}"]
        self.standin.follow(self.api.name, f"--{flag}={value}")

    def begin(self) -> None:
        """From here on the points count. Before start(): from its first one on."""
        self.begun_at = self.board.points
        self.board.arm(self.plan[0] if self.plan else 0)

    async def _keep(self) -> None:
        """Starts the operator again when the shim has killed it, with the next point of the plan."""
        while True:
            await asyncio.sleep(0.02)
            if self.operator.running():
                continue
            where = self.board.take_kill()
            if not where:
                return  # check() tells
            self.kills.append(where)
            if self.on_kill:
                self.on_kill(self)
            self.board.arm(self.plan[len(self.kills)] if len(self.kills) < len(self.plan) else 0)
            self.operator.start()

    def check(self) -> None:
        """Raises when the operator has ended and nobody wanted it to."""
        if self._keeper is not None and self._keeper.done():
            if not self._keeper.cancelled() and self._keeper.exception():
                raise self._keeper.exception()
            self.operator.check()

    # What people do

    def binding(self, name: str, account: str | dict, role: str, **spec: object) -> dict:
        return kube.binding(self.namespace, name, account, role, **spec)

    def create(self, *objects: dict) -> None:
        for row in objects:
            kind = "serviceaccounts" if row["kind"] == "ServiceAccount" else "podidentitybindings"
            answer = kube.expect(201, *self.api.api("POST", self.path(kind), row))
            name = row["metadata"]["name"]
            self.uids[answer["metadata"]["uid"]] = f"{name}#{sum(v.startswith(f'{name}#') for v in self.uids.values())}"

    def patch(self, name: str, **spec: object) -> None:
        kube.patch_binding(self.api, self.namespace, name, **spec)

    def delete(self, *names: str) -> None:
        for name in names:
            kube.delete_binding(self.api, self.namespace, name)

    def forget(self, name: str) -> None:
        """Takes a binding away past its finalizer, as the loss of etcd does. No operator may run."""
        path = f"{self.path('podidentitybindings')}/{name}"
        self.api.api("PATCH", path, {"metadata": {"finalizers": None}}, kube.MERGE_PATCH)
        kube.expect(200, *self.api.api("DELETE", path))

    def account(self, name: str, **labels: str) -> dict:
        return kube.service_account(self.namespace, name, **labels)

    def label(self, name: str, **labels: str | None) -> None:
        path = f"{self.path('serviceaccounts')}/{name}"
        kube.expect(200, *self.api.api("PATCH", path, {"metadata": {"labels": labels}}, kube.MERGE_PATCH))

    def remove_account(self, name: str) -> None:
        kube.expect(200, *self.api.api("DELETE", f"{self.path('serviceaccounts')}/{name}"))

    def path(self, kind: str) -> str:
        group = "/api/v1" if kind == "serviceaccounts" else kube.BINDINGS
        return f"{group}/namespaces/{self.namespace}/{kind}"

    # What others do in EKS

    def put(self, account: str, role: str, stays: bool = False, **members: object) -> None:
        """stays: nobody may touch it from now on."""
        self.standin.put_association(self.api, self.namespace, account, roleArn=ROLE_ARN + role, **members)
        if stays:
            self.foreign_accounts.add(account)
            self.kept = self.foreign()

    # What is, and what must be

    @staticmethod
    def goal(reasons: dict[str, str] | None = None, **roles: str) -> Goal:
        return Goal({name.replace("_", "-"): role for name, role in roles.items()}, reasons or {})

    def bindings(self) -> dict[str, dict]:
        return {row["metadata"]["name"]: row for row in kube.list_bindings(self.api, self.namespace)}

    def reached(self, goal: Goal) -> bool:
        """EKS holds the roles, each binding is Ready or has the other reason that the goal names, none is going."""
        self.check()
        if self.standin.roles(self.api, self.namespace) != goal.roles:
            return False
        rows = self.bindings()
        reasons = {name: kube.conditions(row).get("Ready", {}).get("reason") for name, row in rows.items()}
        going = any("deletionTimestamp" in row["metadata"] for row in rows.values())
        return not going and reasons == {**dict.fromkeys(rows, "Ready"), **goal.reasons}

    async def settled(self, reasons: dict[str, str] | None = None, **roles: str) -> None:
        """Starts the operator where it does not run, and waits for what the goal says."""
        if self._keeper is None:
            self.start()
        goal = self.goal(reasons, **roles)
        await until(lambda: self.reached(goal), 100, f"{goal} in {self.namespace}")

    # The end state

    def foreign(self) -> dict:
        rows = self.standin.associations(self.api)
        return {key: row for key, row in rows.items() if key[0] != self.namespace or key[1] in self.foreign_accounts}

    def snapshot(self) -> dict:
        """All that must be the same at the end of every run of the scenario."""
        rows = self.standin.associations(self.api)
        mine = {key[1]: row for key, row in rows.items() if key[0] == self.namespace}
        return {
            "bindings": {name: self._told(row, mine) for name, row in self.bindings().items()},
            "associations": {name: self._held(row) for name, row in mine.items()},
            "others are as they were": self.foreign() == self.kept,
            "made and deleted": self._calls("Create", "Delete"),
        }

    def _held(self, row: dict) -> dict:
        tags = dict(row["tags"])
        if "podbind.dev/binding" in tags:
            tags["podbind.dev/binding"] = self.uids.get(tags["podbind.dev/binding"], "of nobody")
        names = ("roleArn", "targetRoleArn", "policy", "disableSessionTags", "ownerArn", "state")
        return {**{name: row.get(name) for name in names}, "tags": tags}

    def _told(self, row: dict, held: dict) -> dict:
        metadata, status = row["metadata"], row.get("status", {})
        return {
            "is": self.uids.get(metadata["uid"]),
            "finalizers": metadata.get("finalizers", []),
            "going": "deletionTimestamp" in metadata,
            "observed": status.get("observedGeneration") == metadata["generation"],
            "conditions": {WAITING.get(k, k): (v["status"], v["reason"]) for k, v in kube.conditions(row).items()},
            "rows": {at["serviceAccount"]: at.get("state") for at in status.get("associations", [])},
            "ids": all(held.get(at["serviceAccount"], {}).get("associationId") == at.get("id")
                       for at in status.get("associations", [])),
            "access": status.get("access") == self._access(status, held),
            **{name: status.get(name) for name in SHOWN},
        }  # fmt: skip

    def _access(self, status: dict, held: dict) -> str | None:
        """The digest that the status should show: of what EKS holds now."""
        digest = hashlib.sha256()
        for name in sorted(at["serviceAccount"] for at in status.get("associations", [])):
            row = held.get(name, {})
            mode = "D" if row.get("disableSessionTags") else "E"
            parts = (row.get("roleArn") or "", row.get("targetRoleArn") or "", mode, row.get("policy") or "")
            digest.update("\0".join((self.namespace, name, *parts)).encode() + b"\n")
        return digest.hexdigest()[:8] if status.get("associations") else status.get("access")

    def _calls(self, *verbs: str) -> dict[str, int]:
        """How often such calls had effect, by what they were asked of: a key; of a Delete, which names an id, no more."""
        done = Counter()
        for row in self.standin.requests():
            if row["operation"].startswith(verbs) and row["status"] == 200:
                done[f"{row['operation']} {row['key'] or ''}".replace(self.namespace, "app")] += 1
        return dict(done)
