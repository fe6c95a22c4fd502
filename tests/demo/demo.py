#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Blue and green on this machine: two real Kubernetes control planes, podbind in each, one folder of YAML
for both. AWS is a stand-in. At a terminal it stays up until Ctrl-C; otherwise it takes all down and exits.

It needs nothing but what `make demo` builds before. Exit status: 0 when blue and green end up with the same
access, 1 when they don't or when something did not work.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from lib import kube  # noqa: E402
from lib.operator import Operator  # noqa: E402
from lib.standin import Standin  # noqa: E402

from child import Failed, wait_for  # noqa: E402
from cluster import ControlPlane, binaries  # noqa: E402

NAMES = ("blue", "green")
EXAMPLES = "examples/blue-green/"
# EKS is looked at more often than by default, so that what is changed by hand is mended in seconds.
HURRY = ("--existence-interval=2s", "--describe-interval=2s", "--describe-rate=10")
BINDING = ("read-dynamodb", "app", "app-sa")  # the binding, its namespace and its service account
ROLE, OTHER_ROLE = "read-dynamodb-role", "write-dynamodb-role"


def role_of(association: dict | None) -> str:
    return association["roleArn"].split(":role/")[-1] if association else "-"


def differences(blue: dict[str, dict], green: dict[str, dict]) -> list[str]:
    """What keeps the two from giving the same access: bindings by namespace/name on each cluster. Empty when
    every binding is there on both, Ready on both, and shows one and the same ACCESS."""
    found = [] if blue or green else ["there is no binding at all"]
    for name in sorted({*blue, *green}):
        for cluster, rows in (("blue", blue), ("green", green)):
            if name not in rows:
                found.append(f"{name} is missing on {cluster}")
            elif kube.conditions(rows[name]).get("Ready", {}).get("status") != "True":
                found.append(f"{name} is not Ready on {cluster}")
        access = [rows.get(name, {}).get("status", {}).get("access", "") for rows in (blue, green)]
        if name in blue and name in green and (access[0] != access[1] or not access[0]):
            found.append(f"{name} has ACCESS '{access[0]}' on blue and '{access[1]}' on green")
    return found


def table(rows: Iterable[Iterable[str]]) -> str:
    cells = [list(map(str, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


class Screen:
    """Numbered steps, the commands as one would type them, and what they print."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.number = 0
        colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.bold, self.dim, self.plain = ("\033[1m", "\033[2m", "\033[0m") if colours else ("", "", "")

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def step(self, text: str) -> None:
        self.number += 1
        clock = f"{self.dim}  [{self.seconds():.0f} s]{self.plain}"
        print(f"\n{self.bold}{self.number}. {text}{self.plain}{clock}", flush=True)

    def say(self, text: str) -> None:
        print(f"   {text}", flush=True)

    def command(self, text: str) -> None:
        print(f"   {self.bold}$ {text}{self.plain}", flush=True)

    def output(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            print(f"     {line}", flush=True)


class World:
    """Both clusters, the stand-in, one operator each; and one kubeconfig with a context for each cluster."""

    def __init__(self, directory: Path, screen: Screen, stack: ExitStack):
        self.directory, self.screen, self.stack = directory, screen, stack
        self.kubeconfig = directory / "kubeconfig"
        self.bin_dir = binaries()
        self.clusters = {name: ControlPlane(name, directory / name, self.bin_dir) for name in NAMES}
        self.standin = Standin(directory / "standin.log", list(NAMES))
        self.operators: dict[str, Operator] = {}

    # Coming up

    def start_clusters(self) -> None:
        for cluster in self.clusters.values():
            self.stack.callback(cluster.stop)
            cluster.launch()
        for cluster in self.clusters.values():
            cluster.wait_ready()
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(self.merged_kubeconfig(), indent=1) + "\n")

    def merged_kubeconfig(self) -> dict:
        merged = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
        for name, cluster in self.clusters.items():
            one = json.loads(cluster.kubeconfig().read_text())
            merged["clusters"].append({**one["clusters"][0], "name": name})
            merged["users"].append({**one["users"][0], "name": name})
            merged["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
        return {**merged, "current-context": NAMES[0]}

    def start_operator(self, name: str) -> None:
        flags = [f"--cluster-name=eks-{name}", *HURRY]
        self.screen.command(f"podbind controller {' '.join(flags)} &")
        context = [f"--kubeconfig={self.kubeconfig}", f"--context={name}"]
        log = self.directory / f"podbind-{name}.log"
        operator = Operator(f"podbind of {name}", [*context, *flags], log, self.standin.aws_environment(name))
        self.stack.callback(operator.terminate)
        operator.start()
        self.operators[name] = operator

    # What is typed

    def kubectl(self, name: str, *words: str, show: bool = True) -> str:
        """Shows the command and what it prints; show=False only runs it."""
        argv = ["kubectl", "--context", name, *words]
        if show:
            self.screen.command(shlex.join(argv))
        env = {
            "PATH": f"{self.bin_dir}:{os.environ['PATH']}",
            "HOME": str(self.directory),
            "KUBECONFIG": str(self.kubeconfig),
        }
        run = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=env, timeout=120, check=False)
        if run.returncode:
            raise Failed(f"{shlex.join(argv)} ended with {run.returncode}: {run.stderr or run.stdout}")
        if show:
            self.screen.output(run.stdout)
        return run.stdout

    def both(self, *words: str) -> None:
        for name in NAMES:
            self.kubectl(name, *words)

    def wait_ready(self) -> None:
        self.both("wait", "--for=condition=Ready", "--timeout=60s", "pib", "--all", "-A")

    # What there is to see

    def bindings(self, name: str) -> dict[str, dict]:
        rows = kube.list_bindings(self.clusters[name])
        return {f"{row['metadata']['namespace']}/{row['metadata']['name']}": row for row in rows}

    def association(self, name: str) -> dict | None:
        return self.standin.association(self.clusters[name], BINDING[1], BINDING[2])

    def show_eks(self) -> None:
        rows = [("EKS CLUSTER", "NAMESPACE", "SERVICE ACCOUNT", "ROLE", "ASSOCIATION")]
        for name, cluster in self.clusters.items():
            for (namespace, account), row in sorted(self.standin.associations(cluster).items()):
                rows.append((f"eks-{name}", namespace, account, role_of(row), row["associationId"]))
        self.screen.output(table(rows))


# The steps


def bring_up(world: World, screen: Screen) -> None:
    screen.step("Two Kubernetes control planes, blue and green")
    world.start_clusters()
    for name, cluster in world.clusters.items():
        screen.say(f"{name}: {cluster.server}")
    screen.step("A stand-in for AWS, with the EKS clusters eks-blue and eks-green")
    world.stack.enter_context(world.standin)
    screen.say(f"{world.standin.url}")
    screen.step("podbind in each: its CustomResourceDefinition, and one operator")
    for name in NAMES:
        world.kubectl(name, "apply", "-f", str(kube.CRD.relative_to(ROOT)))
        world.kubectl(name, "create", "namespace", kube.OPERATOR_NAMESPACE)
        world.start_operator(name)
    for operator in world.operators.values():
        operator.wait_ready()
    screen.say("Both say on /readyz that they are ready.")


def apply_folder(world: World, screen: Screen) -> None:
    screen.step("The same folder for both. Nothing in it names a cluster")
    world.both("apply", "-f", EXAMPLES)
    world.wait_ready()
    screen.step("What blue and green say, and what EKS holds")
    world.both("get", "pib", "-A")
    world.show_eks()


def change_role(world: World, screen: Screen) -> None:
    screen.step(f"A change: {BINDING[2]} shall have {OTHER_ROLE}, on both")
    patch = json.dumps({"spec": {"role": {"name": OTHER_ROLE}}}, separators=(",", ":"))
    world.both("patch", "pib", BINDING[0], "-n", BINDING[1], "--type=merge", "-p", patch)
    world.both("wait", "--for=condition=Ready", "--timeout=60s", f"pib/{BINDING[0]}", "-n", BINDING[1])
    world.both("get", "pib", BINDING[0], "-n", BINDING[1])
    world.show_eks()
    for name in NAMES:
        if role_of(world.association(name)) != OTHER_ROLE:
            raise Failed(f"expected {OTHER_ROLE} in eks-{name}, found {world.association(name)}")


def restart_green(world: World, screen: Screen) -> None:
    screen.step("A restart of podbind on green")
    operator, green = world.operators["green"], world.clusters["green"]
    before = world.standin.associations(green)
    screen.command(f"kill {operator.pid}")
    if status := operator.terminate():
        raise Failed(f"expected exit status 0 of {operator.name} on SIGTERM, got {status}")
    operator.start()
    operator.wait_ready()
    in_place = 'podbind_associations{state="in_place"}'
    wait_for(lambda: operator.metrics().get(in_place) == len(before), 30, "podbind to find its associations")
    if world.standin.associations(green) != before:
        raise Failed(f"expected green untouched by the restart: it had {before}")
    screen.say(f"It found its {len(before)} associations in place and changed none.")
    screen.say("For a minute after a write of its own, podbind takes what is missing for EKS being slow to show it.")
    screen.say("The new one has written nothing yet, so the next step need not wait for that.")


def repair_drift(world: World, screen: Screen) -> None:
    screen.step("Drift: someone deletes the association in eks-green by hand")
    lost = world.association("green")
    green = world.clusters["green"]
    path = f"_standin/clusters/eks-green/associations/{BINDING[1]}/{BINDING[2]}"
    screen.command(f"curl -X DELETE {world.standin.url}/{path}")
    start = time.monotonic()
    world.standin.delete_association(green, BINDING[1], BINDING[2])
    screen.say(f"{lost['associationId']} is gone. Waiting for podbind to see it ...")
    made = wait_for(lambda: world.association("green"), 60, "the association that podbind makes anew")
    if made["roleArn"] != lost["roleArn"] or made["associationId"] == lost["associationId"]:
        raise Failed(f"expected a new association with {lost['roleArn']}, found {made}")
    screen.say(f"{made['associationId']} took its place {time.monotonic() - start:.1f} s later.")
    world.show_eks()


def delete_on_blue(world: World, screen: Screen) -> None:
    screen.step("A deletion on blue. Green must keep what it has")
    before = world.association("green")
    world.kubectl("blue", "delete", "pib", BINDING[0], "-n", BINDING[1])
    world.show_eks()
    if world.association("blue"):
        raise Failed(f"expected no association of {BINDING[2]} in eks-blue, found {world.association('blue')}")
    if world.association("green") != before:
        raise Failed(f"expected green untouched: it had {before}, it has {world.association('green')}")
    screen.say("Gone from eks-blue; eks-green is as it was.")
    found = differences(world.bindings("blue"), world.bindings("green"))
    screen.say(f"Now blue and green differ: {'; '.join(found)}.")
    if not found:
        raise Failed(f"expected blue and green to differ while {BINDING[0]} is on green only")


def apply_again(world: World, screen: Screen) -> None:
    screen.step("The folder once more: everything as it stands in the files")
    world.both("apply", "-f", EXAMPLES)
    world.wait_ready()
    world.both("get", "pib", "-A")
    world.show_eks()


def stay_up(world: World, screen: Screen) -> None:
    screen.step("It stays up. In another terminal:")
    print(f"""
     export KUBECONFIG={world.kubeconfig}
     export PATH={world.bin_dir}:$PATH
     cd {ROOT}
     kubectl --context blue get pib -A
     kubectl --context green get pib -A -o wide
     kubectl --context green edit pib {BINDING[0]} -n {BINDING[1]}
     curl {world.standin.url}/_standin/associations
     curl http://{world.operators["blue"].address}/metrics
     tail -f {world.directory}/podbind-blue.log

   Ctrl-C ends it.""", flush=True)
    try:
        while True:
            for child in (*world.operators.values(), world.standin):
                child.check()
            time.sleep(1)
    except KeyboardInterrupt:
        print()


def verdict(world: World) -> tuple[bool, str]:
    blue, green = (world.bindings(name) for name in NAMES)
    found = differences(blue, green)
    if found:
        return False, f"blue and green do NOT give the same access: {'; '.join(found)}"
    shown = ", ".join(f"{name} {row['status']['access']}" for name, row in sorted(blue.items()))
    return True, f"blue and green give the same access ({shown})"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that goes at the end, its servers' last writes notwithstanding."""
    with tempfile.TemporaryDirectory(prefix="podbind-demo-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def play(world: World, screen: Screen) -> None:
    try:
        for step in (bring_up, apply_folder, change_role, restart_green, repair_drift, delete_on_blue, apply_again):
            step(world, screen)
    except Failed:
        for operator in world.operators.values():
            print(f"\nthe end of the log of {operator.name}:\n{operator.tail()}", file=sys.stderr)
        raise


def show(screen: Screen) -> int:
    with scratch() as directory, ExitStack() as stack:
        world = World(directory, screen, stack)
        play(world, screen)
        same, sentence = verdict(world)
        if sys.stdin.isatty() and sys.stdout.isatty():
            print(f"\n{sentence}", flush=True)
            stay_up(world, screen)
        screen.step("Taking everything down")
        stack.close()
        screen.say(f"Done after {screen.seconds():.0f} s.")
    print(f"\n{sentence}", flush=True)
    return 0 if same else 1


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    signal.signal(signal.SIGTERM, interrupt)
    print("podbind: one folder of YAML, two clusters, the same access", flush=True)
    try:
        binaries()  # says what it builds, if anything
        return show(Screen())
    except Failed as error:
        print(f"\nmake demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
