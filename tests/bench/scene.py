# SPDX-License-Identifier: Apache-2.0
"""One cluster, one stand-in, N bindings: everything that `make bench` measures end to end."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from lib import ROOT, kube
from lib.operator import Operator
from lib.standin import Standin
from meter import Audit, Machine, Meter, cpu_seconds, wake_ups

from child import Failed
from cluster import ControlPlane

PROGRAM = ROOT / "build" / "podbind-bench"
WINDOW = 32  # --max-in-flight's default: calls under way at once
EVERY = 0.05  # seconds between two samples
REST_SECONDS = 30
SETTLED_SECONDS = 80  # after its start the operator looks at everything again once, 75 s later
FEW_TICKS = 0.1  # CPU seconds
CROWD_NAMESPACES = 50
THROTTLE = {"rate": 10, "burst": 20, "latency": "50ms"}  # of changes a second


class Scene:
    """A fresh control plane and stand-in, until close()."""

    def __init__(self, directory: Path, count: int):
        self.directory, self.count = directory, count
        directory.mkdir(parents=True)
        self.machine, self.others = Machine(), (0.0, 0.0)
        self.cluster = ControlPlane("bench", directory / "cluster")
        self.standin = Standin(directory / "standin.log", ["bench"], f"--quota={max(count, 5000)}")
        self.operator: Operator | None = None

    def __enter__(self) -> Scene:
        self.cluster.__enter__()
        try:
            self.standin.__enter__()
            kube.install_crd(self.cluster)
        except BaseException:
            self.__exit__()
            raise
        self.audit = Audit(self.cluster.audit_log)
        return self

    def __exit__(self, *_: object) -> None:
        if self.operator:
            self.operator.kill()
        self.standin.kill()
        self.cluster.stop()

    # Tools

    def namespace(self, name: str) -> None:
        kube.kubectl_apply(self.cluster, kube.namespace(name))

    def drive(self, mode: str, namespace: str, count: int) -> dict:
        """podbind-bench kube: bare requests as fast as the API server takes them."""
        return self.driven(self.start_drive(mode, namespace, count))

    def start_drive(self, mode: str, namespace: str, count: int) -> subprocess.Popen:
        words = [PROGRAM, "kube", mode, self.cluster.kubeconfig(), namespace, str(count), str(WINDOW)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @staticmethod
    def driven(run: subprocess.Popen) -> dict:
        output, said = run.communicate(timeout=900)
        if run.returncode:
            raise Failed(f"{' '.join(map(str, run.args))}: {said}")
        return json.loads(output)

    def start_operator(self, *flags: str) -> tuple[float, Meter]:
        """Returns when, and a meter on it. What was counted before is forgotten."""
        self.standin.control("POST", "counters/reset")
        self.standin.control("DELETE", "requests")
        self.audit.skip()
        common = [f"--kubeconfig={self.cluster.kubeconfig()}", "--cluster-name=eks-bench"]
        log = self.directory / "podbind.log"
        self.operator = Operator("podbind", [*common, *flags], log, self.standin.aws_environment(), "release")
        started = time.time()
        self.operator.start()
        return started, Meter(self.operator.pid)

    def stop_operator(self) -> None:
        if status := self.operator.terminate():
            raise Failed(f"the operator ended with {status} on SIGTERM; the end of its log:\n{self.operator.tail()}")

    def watch(self, meter: Meter, done: Callable[[], object], seconds: float, what: str) -> None:
        """Samples until it is done. What others took of the machine meanwhile is noted."""
        children = (self.cluster.etcd, self.cluster.apiserver, self.cluster.controllers, self.standin, self.operator)
        self.machine.begin([child.pid for child in children if child.running()])
        end = time.monotonic() + seconds
        while True:
            self.operator.check()
            meter.look()
            self.audit.read()
            if done():
                break
            if time.monotonic() > end:
                raise Failed(f"waited {seconds:g} s for {what}; the operator's log:\n{self.operator.tail()}")
            time.sleep(EVERY)
        self.note_others()

    def note_others(self) -> None:
        self.others = tuple(map(sum, zip(self.others, self.machine.others(), strict=True)))

    def others_share(self) -> float:
        """Of the machine, since this was asked last, while something was measured. So few ticks are no sign."""
        used, had = self.others
        self.others = (0.0, 0.0)
        return round(used / had, 3) if used > FEW_TICKS else 0.0

    def pause(self, meter: Meter, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.watch(meter, lambda: time.monotonic() >= end, seconds + 60, "the time to pass")

    def eks_calls(self) -> dict[str, int]:
        return {name: sum(row.values()) for name, row in sorted(self.standin.counters().items())}

    def eks_times(self, operation: str = "") -> list[float]:
        rows = self.standin.requests()
        return [row["at"] for row in rows if operation in ("", row["operation"])]

    # What is measured

    def bound(self, namespace: str) -> dict:
        """2N bare patches on N fresh bindings, without an operator; the bindings are gone afterwards."""
        self.namespace(namespace)
        children = (self.cluster.etcd, self.cluster.apiserver, self.cluster.controllers, self.standin)
        self.machine.begin([child.pid for child in children])
        figures = self.drive("bound", namespace, self.count)
        self.note_others()
        figures["status"] = self.one_status(namespace)
        self.drive("remove", namespace, self.count)
        return figures

    def one_status(self, namespace: str) -> int:
        """The length of a binding's status as JSON: shows that the bound writes what the operator writes."""
        name = f"b{self.count - 1:06}"
        return len(json.dumps(kube.get_binding(self.cluster, namespace, name)["status"]))

    def converge(self) -> dict:
        """N bindings are there; the operator starts and makes them all Ready."""
        self.namespace("load")
        created = self.drive("create", "load", self.count)["seconds"]
        time.sleep(2)
        started, meter = self.start_operator()
        self.watch(meter, lambda: len(self.audit.status_times) >= self.count, 600, "a status for each binding")
        self.watch(meter, self.all_ready, 300, "all bindings to be Ready")
        ready = max(self.audit.status_times.values())
        creates = self.eks_times("CreatePodIdentityAssociation")
        last_finalizer = max(self.audit.finalizer_times.values())
        early = sum(at < last_finalizer for at in self.audit.status_times.values())
        figures = {
            "created_seconds": created,
            "first_eks_call_ms": round((self.eks_times()[0] - started) * 1000),
            "last_association_seconds": round(creates[-1] - started, 3),
            "last_finalizer_seconds": round(last_finalizer - started, 3),
            "last_ready_seconds": round(ready - started, 3),
            "status_before_last_finalizer": early,
            "cpu_seconds": round(meter.cpu_until(ready), 2),
            "eks_calls": self.eks_calls(),
            "kubernetes_writes": dict(self.audit.writes),
            "refused_writes": dict(self.audit.refused),
            "rss_anon_peak_kib": meter.most_anonymous(),
            "vm_hwm_kib": meter.peak,
            "status_bytes": self.one_status("load"),
        }
        self.pause(meter, 5)
        self.stop_operator()
        return {**figures, "rss_anon_kib": meter.samples[-1][2]}

    def all_ready(self) -> bool:
        rows = kube.list_bindings(self.cluster, "load")
        ready = sum(kube.conditions(row).get("Ready", {}).get("status") == "True" for row in rows)
        held = self.standin.associations(self.cluster)
        if len(rows) != self.count:
            raise Failed(f"{len(rows)} bindings are there, expected {self.count}")
        return ready == self.count and len(held) == self.count

    def rest(self) -> dict:
        """The settled cluster under the running operator, left alone."""
        meter = Meter(self.operator.pid)
        pid = self.operator.pid
        cpu, woken, calls = cpu_seconds(pid), wake_ups(pid), Counter(self.eks_calls())
        time.sleep(REST_SECONDS)
        spent, wakes = cpu_seconds(pid) - cpu, wake_ups(pid) - woken
        meter.look()
        return {
            "wake_ups_per_second": round(wakes / REST_SECONDS, 2),
            "cpu_ms_per_second": round(spent * 1000 / REST_SECONDS, 2),
            "eks_calls": dict(Counter(self.eks_calls()) - calls),
            "rss_anon_kib": meter.samples[-1][2],
        }

    def passes(self, interval: int = 5, wanted: int = 3) -> dict:
        """Passes over the settled cluster that change nothing: a full List each."""
        started, meter = self.start_operator(f"--existence-interval={interval}s", "--describe-rate=0.1")
        self.watch(meter, self.knows_all, 300, "the operator to know all associations")
        self.pause(meter, 2)
        self.audit.skip()
        before, cpu, calls = self.operator.metrics(), cpu_seconds(self.operator.pid), Counter(self.eks_calls())
        self.pause(meter, interval * wanted)
        after, spent = self.operator.metrics(), cpu_seconds(self.operator.pid) - cpu
        name = 'controller_runtime_reconcile_time_seconds_{}{{controller="podidentitybinding"}}'
        count, seconds = (after[name.format(word)] - before[name.format(word)] for word in ("count", "sum"))
        self.stop_operator()
        return {
            "passes": count,
            "ms_per_pass": round(seconds * 1000 / count, 1) if count else None,
            "cpu_ms_per_pass": round(spent * 1000 / count, 1) if count else None,
            "eks_calls": dict(Counter(self.eks_calls()) - calls),
            "kubernetes_writes": dict(self.audit.writes),
        }

    def knows_all(self) -> bool:
        """All bindings are Ready in its own eyes, after a whole pass. Asks the operator."""
        try:
            metrics = self.operator.metrics()
        except OSError:
            return False
        return metrics.get('podbind_bindings{reason="Ready"}') == self.count and bool(
            metrics.get("podbind_last_successful_pass_timestamp_seconds"))  # fmt: skip

    def restart(self) -> dict:
        """The operator starts in a settled cluster. It runs on afterwards."""
        started, meter = self.start_operator()
        self.watch(meter, lambda: self.answers("/readyz"), 300, "the operator to be ready")
        ready = time.time()
        self.watch(meter, self.knows_all, 300, "the operator to know all associations")
        known = self.operator.metrics()["podbind_last_successful_pass_timestamp_seconds"]
        cpu = meter.cpu_until(known)
        calls = self.eks_calls()
        self.pause(meter, SETTLED_SECONDS)
        return {
            "ready_seconds": round(ready - started, 2),
            "known_seconds": round(known - started, 2),
            "cpu_seconds": round(cpu, 2),
            "eks_calls": calls,
            "kubernetes_writes": dict(self.audit.writes),
            "rss_anon_peak_kib": meter.most_anonymous(),
            "rss_anon_kib": meter.samples[-1][2],
            "vm_hwm_kib": meter.peak,
        }

    def answers(self, path: str) -> bool:
        try:
            return self.operator.get(path)[0] == 200
        except OSError:
            return False

    def deletion(self) -> dict:
        """All bindings of the namespace are deleted at once, under the running operator, and are let through."""
        released = f"podbind.dev/release-deletions={self.count}"
        self.cluster.kubectl("annotate", "lease", "podbind", "-n", kube.OPERATOR_NAMESPACE, "--overwrite", released)
        meter = Meter(self.operator.pid)
        meter.look()
        started, cpu = time.time(), meter.samples[0][1]
        self.audit.skip()
        driver = self.start_drive("delete", "load", self.count)
        self.watch(meter, lambda: len(self.audit.finalizer_times) >= self.count, 900, "all finalizers to go")
        asked = self.driven(driver)["seconds"]
        ended = max(self.audit.finalizer_times.values())
        left = kube.list_bindings(self.cluster, "load"), self.standin.associations(self.cluster)
        if any(left):
            raise Failed(f"after the deletion {len(left[0])} bindings and {len(left[1])} associations are left")
        return {
            "asked_seconds": asked,
            "seconds": round(ended - started, 2),
            "cpu_seconds": round(meter.cpu_until(ended) - cpu, 2),
            "kubernetes_writes": dict(self.audit.writes),
            "refused_writes": dict(self.audit.refused),
            "rss_anon_peak_kib": meter.most_anonymous(),
        }

    def throttled(self) -> dict:
        """N bindings are made, and then deleted, under an EKS that lets so many changes a second through."""
        self.standin.settings(**THROTTLE)
        self.namespace("load")
        self.drive("create", "load", self.count)
        time.sleep(2)
        started, meter = self.start_operator()
        self.watch(meter, lambda: len(self.audit.status_times) >= self.count, 600, "a status for each binding")
        self.watch(meter, self.all_ready, 300, "all bindings to be Ready")
        created = self.rationed("CreatePodIdentityAssociation", max(self.audit.status_times.values()) - started)
        self.pause(meter, THROTTLE["burst"] / THROTTLE["rate"] + 1)  # the bucket is full again
        deleted = self.rationed("DeletePodIdentityAssociation", self.deletion()["seconds"])
        self.stop_operator()
        return {"bound_seconds": self.throttle_bound(), "created": created, "deleted": deleted}

    def throttle_bound(self) -> float:
        """What is in the bucket at once, and then as it is filled: nobody is faster."""
        return (self.count - THROTTLE["burst"]) / THROTTLE["rate"]

    def rationed(self, operation: str, seconds: float) -> dict:
        calls = Counter(self.standin.counters()[operation])
        return {"seconds": round(seconds, 2), "calls": dict(calls),
                "throttled_share": round(calls["ThrottlingException"] / calls.total(), 4)}  # fmt: skip

    def crowd(self, accounts: int) -> float:
        """So many ServiceAccounts that no binding names, in other namespaces. Returns how long that took."""
        started = time.monotonic()
        names = [f"crowd-{i:02}" for i in range(CROWD_NAMESPACES)]
        kube.kubectl_apply(self.cluster, [kube.namespace(name) for name in names])
        for name in names:
            self.drive("accounts", name, accounts // CROWD_NAMESPACES)
        return round(time.monotonic() - started, 1)


def measure(directory: Path, count: int, say: Callable[[str], None]) -> dict:
    """All of it for one N."""
    figures: dict = {"bindings": count, "others_share": {}}
    with Scene(directory, count) as scene:
        steps: dict[str, Callable[[], dict]] = {
            "bound_before": lambda: scene.bound("bound-1"),
            "converge": scene.converge,
            "bound_after": lambda: scene.bound("bound-2"),
            "passes": scene.passes,
            "restart": scene.restart,
            "rest": scene.rest,
            "deletion": scene.deletion,
        }
        for name, step in steps.items():
            started = time.monotonic()
            figures[name] = step()
            figures["others_share"][name] = scene.others_share()
            say(f"  N = {count:,}: {name.replace('_', ' ')}, {time.monotonic() - started:.1f} s")
        scene.stop_operator()
    return figures


def measure_throttled(directory: Path, count: int, say: Callable[[str], None]) -> dict:
    """N bindings made and deleted under a rate limit."""
    with Scene(directory, count) as scene:
        figures = {"bindings": count, **scene.throttled()}
        figures["others_share"] = {"throttled": scene.others_share()}
    say(f"  N = {count:,}, throttled: measured")
    return figures


def measure_crowd(directory: Path, count: int, accounts: int, say: Callable[[str], None]) -> dict:
    """N bindings beside many ServiceAccounts that have nothing to do with them."""
    with Scene(directory, count) as scene:
        seconds = scene.crowd(accounts)
        say(f"  {accounts:,} ServiceAccounts: made in {seconds} s")
        time.sleep(5)
        figures = {"bindings": count, "accounts": accounts, "made_seconds": seconds, "converge": scene.converge()}
        figures["others_share"] = {"converge": scene.others_share()}
        figures["restart"] = scene.restart()
        scene.stop_operator()
    say(f"  {accounts:,} ServiceAccounts: measured")
    return figures
