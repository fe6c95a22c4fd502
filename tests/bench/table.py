# SPDX-License-Identifier: Apache-2.0
"""The figures against their marks: rows for people and for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

FEW_CALLS = 5  # besides one Create a binding and one List a hundred: the cluster, a second look
EARLY_STATUS = 0.1  # the share of status writes that may come before the last finalizer
LAG_MS = 100  # from the last finalizer to the last association
MIB = 1024  # in KiB


@dataclass
class Row:
    scope: str  # "N = 100", "callgrind", ...
    figure: str
    value: float | None
    unit: str
    mark: float | None = None  # the most that is wanted; None: a figure to know
    ratio: bool = False  # means nothing on a busy machine
    verdict: str = ""  # met, missed, busy, or "" without a mark

    def judge(self, busy: bool) -> Row:
        if busy and (self.ratio or self.mark is not None) and self.scope != "callgrind":
            self.verdict = "busy"
            if self.ratio:
                self.value = None
        elif self.mark is not None and self.value is not None:
            self.verdict = "met" if self.value <= self.mark else "missed"
        return self


def bound_seconds(figures: dict) -> float:
    """The mean of before and after: the API server gets faster or slower in between."""
    return (figures["bound_before"]["seconds"] + figures["bound_after"]["seconds"]) / 2


def rows_of_run(figures: dict) -> list[Row]:
    """One N. lint: table"""
    n = figures["bindings"]
    run, rest, again, deletion = (figures[name] for name in ("converge", "rest", "restart", "deletion"))
    large = n == 5000
    lag = run["last_association_seconds"] - run["last_finalizer_seconds"]

    def row(figure: str, value: float | None, unit: str, mark: float | None = None, ratio: bool = False) -> Row:
        return Row(f"N = {n:,}", figure, value, unit, mark, ratio)

    writes = sum(run["kubernetes_writes"].values())
    return [
        row("first EKS call after start", run["first_eks_call_ms"], "ms", 150),
        row("last association after start", run["last_association_seconds"], "s"),
        row("last Ready after start", run["last_ready_seconds"], "s"),
        row("bound: 2N bare patches, before", figures["bound_before"]["seconds"], "s"),
        row("bound: 2N bare patches, after", figures["bound_after"]["seconds"], "s"),
        row("last Ready / bound", run["last_ready_seconds"] / bound_seconds(figures), "x", 1.25, ratio=True),
        row("status writes before the last finalizer", run["status_before_last_finalizer"] / n, "of N", EARLY_STATUS),
        row("last association after the last finalizer", lag * 1000, "ms", LAG_MS),
        row("Kubernetes writes a binding, the Lease's apart", writes / n, "", 2),
        row("EKS calls", sum(run["eks_calls"].values()), "", n + math.ceil(n / 100) + FEW_CALLS),
        row("CPU until the last Ready", run["cpu_seconds"], "s", 3 if large else None),
        row("RssAnon, most", run["rss_anon_peak_kib"] / MIB, "MiB", 10 if large else None),
        row("VmHWM", run["vm_hwm_kib"] / MIB, "MiB", 20 if large else None),
        row("at rest: wake-ups a second", rest["wake_ups_per_second"], "", 2),
        row("at rest: CPU", rest["cpu_ms_per_second"], "ms/s"),
        row("RssAnon, 5 s later", run["rss_anon_kib"] / MIB, "MiB"),
        row("no-change pass: time", figures["passes"]["ms_per_pass"], "ms"),
        row("no-change pass: CPU, all of the process", figures["passes"]["cpu_ms_per_pass"], "ms"),
        row("no-change passes: Kubernetes writes", sum(figures["passes"]["kubernetes_writes"].values()), "", 0),
        row("restart: /readyz after start", again["ready_seconds"], "s"),
        row("restart: all Ready in its own eyes", again["known_seconds"], "s"),
        row("restart: CPU until then", again["cpu_seconds"], "s"),
        row("restart: EKS calls", sum(again["eks_calls"].values()), ""),
        row("restart: Kubernetes writes, the Lease's apart", sum(again["kubernetes_writes"].values()), "", 0),
        row("restart: RssAnon", again["rss_anon_kib"] / MIB, "MiB"),
        row("deletion of all: until the last is gone", deletion["seconds"], "s"),
        row("deletion of all: CPU", deletion["cpu_seconds"], "s"),
        row("used by others, at most", max(figures["others_share"].values()) * 100, "%"),
    ]  # fmt: skip


def rows_of_slope(runs: list[dict]) -> list[Row]:
    """Bytes a binding: between the two largest runs of at least 1,000, so that what every process needs falls
    out. malloc gives back only whole free pages at the top of its heaps, so what a run left free is in RssAnon:
    after a restart there was no growing and shrinking, and that figure has the mark."""
    runs = [run for run in runs if run["bindings"] >= 1000][-2:]
    if len(runs) < 2:
        return []
    between = runs[1]["bindings"] - runs[0]["bindings"]
    scope = f"N = {runs[0]['bindings']:,} to {runs[1]['bindings']:,}"

    def slope(part: str, name: str) -> float:
        return (runs[1][part][name] - runs[0][part][name]) * 1024 / between

    return [
        Row(scope, "bytes a binding, after a restart", slope("restart", "rss_anon_kib"), "B", 1024),
        Row(scope, "bytes a binding, 5 s after the first run", slope("converge", "rss_anon_kib"), "B"),
        Row(scope, "bytes a binding, most during the first run", slope("converge", "rss_anon_peak_kib"), "B"),
    ]


def rows_of_throttled(figures: dict) -> list[Row]:
    """The rate limit is the bound here, not the machine: so the ratios mean something on a busy one, too."""
    bound, rows = figures["bound_seconds"], []
    scope = f"N = {figures['bindings']:,}, throttled"
    for name in ("created", "deleted"):
        part = figures[name]
        rows += [
            Row(scope, f"{name}: until the last", part["seconds"], "s"),
            Row(scope, f"{name}: last / bound of {number(bound)} s", part["seconds"] / bound, "x", 1.1),
            Row(scope, f"{name}: calls throttled", part["throttled_share"] * 100, "%", 5),
        ]
    return rows


def rows_of_crowd(crowd: dict, alone: dict) -> list[Row]:
    scope = f"N = {crowd['bindings']:,}, {crowd['accounts']:,} ServiceAccounts"
    run, without = crowd["converge"], alone["converge"]

    def more(name: str, scale: float = 1) -> float:
        return (run[name] - without[name]) / scale

    restart = crowd["restart"]["rss_anon_kib"] - alone["restart"]["rss_anon_kib"]
    return [
        Row(scope, "last Ready: more than without", more("last_ready_seconds"), "s"),
        Row(scope, "first EKS call: more than without", more("first_eks_call_ms"), "ms"),
        Row(scope, "CPU until the last Ready: more than without", more("cpu_seconds"), "s"),
        Row(scope, "RssAnon, most: more than without", more("rss_anon_peak_kib", MIB), "MiB"),
        Row(scope, "RssAnon after a restart: more than without", restart / MIB, "MiB"),
        Row(scope, "RssAnon after a restart: bytes a ServiceAccount", restart * 1024 / crowd["accounts"], "B"),
    ]


def rows_of_core(core: dict) -> list[Row]:
    rows = []
    for case, figures in core.items():
        counts = list(figures["instructions"])
        largest, smallest = counts[-1], counts[0]
        spent = figures["instructions"][largest] / largest
        rows.append(Row("callgrind", f"{case}: instructions a binding, N = {largest:,}", spent, ""))
        if figures["exponents"]:
            name = f"{case}: exponent, most between {smallest:,} and {largest:,}"
            rows.append(Row("callgrind", name, max(figures["exponents"]), "", 1.05))
    return rows


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:,.3g}"


def show(rows: list[Row]) -> str:
    lines, scope = [], ""
    for row in rows:
        if row.scope != scope:
            scope = row.scope
            lines += ["", scope]
        mark = f"<= {number(row.mark)}" if row.mark is not None else ""
        lines.append(f"  {row.figure:56} {number(row.value):>9} {row.unit:5} {mark:>10}  {row.verdict}".rstrip())
    return "\n".join(lines)


def as_json(rows: list[Row]) -> list[dict]:
    return [asdict(row) for row in rows]
