# SPDX-License-Identifier: Apache-2.0
"""What the API server, or whatever stands between it and the operator, can do wrong. See docs/faults.md.

Every fault is met by an operator with sanitizers and 120 settled bindings, through a proxy that speaks HTTP/1.1
(test_faults_silent.py has HTTP/2). While it lasts and after it nothing is
deleted and no association is lost; an edit made during it and one made after it arrive within 20 s of its end.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy

import pytest
from lib import faults, kube
from lib.fault_proxy import FaultProxy
from lib.fault_rig import LEASES, MIB, Rig
from lib.faults import (
    EXPIRED, Answer, CutBody, CutEvent, Drip, DripEvent, Edit, Events, Hang, Instead, Opened, Reset, ResetAfter,
)  # fmt: skip

from child import wait_for

COUNT = 120  # more than a page
BINDINGS = "/podidentitybindings[?]"
NO_LEASE = "^(?!.*/leases)"
MEMORY = 128 * MIB  # RssAnon with AddressSanitizer; 51 MiB were seen
Fault = Callable[[FaultProxy], Iterator[Callable[[], object]]]


def done(*rules: faults.Rule, times: int = 2) -> Callable[[], bool]:
    return lambda: all(rule.hits >= min(times, rule.count or times) for rule in rules)


# ---- watches -------------------------------------------------------------------------------------


def expired_as_error_event(proxy):
    rule = proxy.add(Opened((EXPIRED,)), watch=True)
    proxy.send(EXPIRED, end=True)
    yield done(rule, times=3)


def expired_as_answer(proxy):
    rule = proxy.add(Answer(410, faults.status(410, "Expired")), watch=True)
    proxy.cut_watches()
    yield done(rule, times=3)


def watch_cut(proxy):
    proxy.cut_watches()
    yield lambda: len(proxy.open) == 2


def event_cut_in_the_middle(proxy):
    yield done(proxy.add(CutEvent(), path=BINDINGS, count=2))


def event_dripping(proxy):
    yield done(proxy.add(DripEvent(0.001), path=BINDINGS, count=1))


def event_with_wrong_json(proxy):
    yield done(proxy.add(Events(lambda event: [event[: len(event) // 2] + b"\n"]), path=BINDINGS, count=2))


def event_of_no_object(proxy):
    yield done(proxy.add(Events(lambda event: [b'{"type":"MODIFIED","object":null}\n']), path=BINDINGS, count=2))


def event_of_5_mb(proxy):
    def padded(event: bytes) -> list[bytes]:
        document = json.loads(event)
        document["object"]["metadata"].setdefault("annotations", {})["filler"] = "x" * 5_000_000
        return [json.dumps(document).encode() + b"\n"]

    yield done(proxy.add(Events(padded), path=BINDINGS, count=3), times=3)


def events_duplicated(proxy):
    yield done(proxy.add(Events(lambda event: [event, event]), watch=True), times=2)


def events_replayed(proxy):
    """After each event all that came before it, and each of them as a deletion too."""
    seen: list[bytes] = []

    def replay(event: bytes) -> list[bytes]:
        document = json.loads(event)
        if document["type"] in ("ADDED", "MODIFIED"):
            seen.extend((event, faults.event("DELETED", document["object"])))
        return [event, *seen[:-2]]

    rule = proxy.add(Events(replay), path=BINDINGS)
    yield lambda: rule.hits >= 2 and len(seen) >= 4


def watches_that_open_and_close(proxy):
    rule = proxy.add(Opened(), watch=True)
    proxy.end_watches()
    yield done(rule, times=4)


def watches_that_open_and_break(proxy):
    rule = proxy.add(Opened(gently=False), watch=True)
    proxy.cut_watches()
    yield done(rule, times=4)


def watches_refused(proxy):
    rule = proxy.add(Reset(), watch=True)
    proxy.cut_watches()
    yield done(rule, times=4)


# ---- every request -------------------------------------------------------------------------------


def all_answered(*arguments, times: int = 4, **headers: str):
    def fault(proxy):
        rule = proxy.add(Answer(*arguments, headers=headers))
        proxy.cut_watches()
        yield done(rule, times=times)

    return fault


THROTTLED = faults.status(429, "TooManyRequests", retryAfterSeconds=1)
EVERYTHING = {
    "everything_429": all_answered(429, THROTTLED, **{"Retry-After": "1"}),
    "everything_500": all_answered(500, faults.status(500, "InternalError")),
    "everything_503_html": all_answered(503, faults.HTML, "text/html"),
    "everything_401": all_answered(401, faults.status(401, "Unauthorized")),
    "everything_403": all_answered(403, faults.status(403, "Forbidden")),
    "everything_404_bare": all_answered(404, b"404 page not found\n", "text/plain"),
    "everything_200_html": all_answered(200, faults.HTML, "text/html"),
    "everything_200_empty": all_answered(200),
}


# ---- writes --------------------------------------------------------------------------------------


def write_reset_before(proxy):
    yield done(proxy.add(Reset(), method="PATCH|POST", count=3), times=3)


def write_reset_after(proxy):
    yield done(proxy.add(ResetAfter(), method="PATCH|POST", count=3), times=1)


def write_answered_with_html(proxy):
    yield done(proxy.add(Instead(200, faults.HTML, "text/html"), method="PATCH", count=2), times=1)


def write_conflicts(proxy):
    yield done(proxy.add(Answer(409, faults.status(409, "Conflict")), method="PATCH", count=2))


def write_hangs(proxy):
    yield done(proxy.add(Hang(), method="PATCH", count=2), times=1)


def lease_reset_after(proxy):
    yield done(proxy.add(ResetAfter(), path="/leases", method="PUT", count=2))


ON_THE_STREAM = [
    expired_as_error_event, expired_as_answer, watch_cut, event_cut_in_the_middle, event_dripping,
    event_with_wrong_json, event_of_no_object, event_of_5_mb, events_duplicated, events_replayed,
    watches_that_open_and_close, watches_that_open_and_break, watches_refused,
    write_reset_before, write_reset_after, write_answered_with_html, write_conflicts, write_hangs, lease_reset_after,
]  # fmt: skip
STREAM = {**{function.__name__: function for function in ON_THE_STREAM}, **EVERYTHING}


# ---- lists: with a server that does not send the first state in a watch --------------------------


def listing(rule_of: Callable[[FaultProxy], faults.Rule], times: int = 2) -> Fault:
    """The watches are told to list anew; the lists have the fault."""

    def fault(proxy):
        rule = rule_of(proxy)
        proxy.send(EXPIRED, end=True)
        yield done(rule, times=times)

    return fault


def edited(change: Callable[[dict], None], path: str = "limit=") -> Callable[[FaultProxy], faults.Rule]:
    def function(document: dict) -> dict:
        document = deepcopy(document)
        change(document)
        return document

    return lambda proxy: proxy.add(Edit(function), path=path, watch=False)


def no_items(document):
    document["items"] = None
    document["metadata"].pop("continue", None)
    document["metadata"].pop("remainingItemCount", None)


def no_version(document):
    del document["metadata"]["resourceVersion"]


def other_kind(document):
    document["kind"] = "PodList"


def of_20_mb(document):
    for item in document["items"]:
        item["metadata"].setdefault("annotations", {})["filler"] = "x" * (20_000_000 // len(document["items"]))


CONTINUE_EXPIRED = Answer(410, faults.status(410, "Expired", "The provided continue parameter is too old"))
LISTS = {
    "list_expired": listing(lambda p: p.add(Answer(410, faults.status(410, "Expired")), path="limit=")),
    "list_continue_expired": listing(lambda p: p.add(CONTINUE_EXPIRED, path="continue=")),
    "list_items_null": listing(edited(no_items)),
    "list_without_version": listing(edited(no_version)),
    "list_of_another_kind": listing(edited(other_kind)),
    "list_cut_by_reset": listing(lambda p: p.add(CutBody(0.5), path="limit=")),
    "list_cut_gently": listing(lambda p: p.add(CutBody(0.5, gently=True), path="limit=")),
    "list_with_wrong_json": listing(lambda p: p.add(Instead(200, b'{"kind":"List","items":[{'), path="limit=")),
    "list_html": listing(lambda p: p.add(Answer(200, faults.HTML, "text/html"), path="limit=")),
    "list_empty": listing(lambda p: p.add(Answer(200), path="limit=")),
    "list_404_bare": listing(lambda p: p.add(Answer(404, b"404 page not found\n", "text/plain"), path="limit=")),
    "list_dripping": listing(lambda p: p.add(Drip(), path="limit=", count=2), times=1),
    "list_hangs": listing(lambda p: p.add(Hang(), path="limit=", count=2), times=1),
    "list_page_of_20_mb": listing(edited(of_20_mb, path=f"{BINDINGS}limit=")),
}


# ---- the operators -------------------------------------------------------------------------------


@contextmanager
def behind_proxy(cluster, directory, kubeconfig, flags=(), prepare=None, **rig):
    kube.install_crd(cluster)
    with FaultProxy(cluster) as proxy:
        if prepare:
            prepare(proxy)
        config = kube.kubeconfig_at(kubeconfig(cluster), proxy.url, directory / "kubeconfig")
        with Rig(cluster, directory, config, COUNT, *flags, **rig).running() as running:
            running.proxy = proxy
            yield running


def no_stream(proxy: FaultProxy) -> None:
    """The server does not send the first state in a watch, so it is listed, by pages."""
    refusal = faults.status(422, "Invalid", "sendInitialEvents is forbidden for watch")
    proxy.add(Answer(422, refusal), path="sendInitialEvents")


FLAGS = {"websocket": ("--watch-transport=websocket",), "http": ("--watch-transport=http",), "lists": ()}


@pytest.fixture(scope="module")
def rig(request, blue, operator_kubeconfig, tmp_path_factory):
    """One operator for all faults of a kind; pytest ends it before it starts the next, as both want the Lease."""
    kind = request.param
    prepare = no_stream if kind == "lists" else None
    with behind_proxy(blue, tmp_path_factory.mktemp(kind), operator_kubeconfig, FLAGS[kind], prepare) as running:
        yield running


def forget(rig: Rig) -> None:
    """The watches bring something and end in good order: the waits that earlier faults have taught start anew."""
    before = rig.proxy.events
    rig.touch()
    wait_for(lambda: rig.proxy.events >= before + 2, 20, "an event of each watch")
    rig.proxy.end_watches()
    rig.proxy.wait_watches()


def endure(rig: Rig, fault: Fault, report) -> None:
    proxy, kept = rig.proxy, rig.proxy.rules
    forget(rig)

    @contextmanager
    def lasting():
        try:
            yield from fault(proxy)
        finally:
            proxy.keep(*kept)

    seconds = rig.endure(lasting(), cap=MEMORY)
    report(f"recovered in {seconds:.1f} s", f"RssAnon at most {rig.peak / MIB:.0f} MiB so far")


BY_EITHER = [
    "expired_as_error_event", "expired_as_answer", "watch_cut", "event_cut_in_the_middle", "event_dripping",
    "event_with_wrong_json", "event_of_5_mb", "events_duplicated", "events_replayed", "watches_that_open_and_close",
    "watches_refused", "everything_429", "everything_503_html", "everything_401", "everything_200_html",
]  # fmt: skip


def by(kind: str, names) -> Callable:
    """One operator of the kind lives through all the faults."""

    def both(function):
        over_faults = pytest.mark.parametrize("fault", list(names))
        return pytest.mark.parametrize("rig", [kind], indirect=True, scope="module")(over_faults(function))

    return both


@by("websocket", STREAM)
def test_fault(rig, fault, report):
    endure(rig, STREAM[fault], report)


@by("http", BY_EITHER)
def test_fault_by_http(rig, fault, report):
    endure(rig, STREAM[fault], report)


@by("lists", LISTS)
def test_fault_of_lists(rig, fault, report):
    endure(rig, LISTS[fault], report)
