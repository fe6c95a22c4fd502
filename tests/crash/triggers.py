# SPDX-License-Identifier: Apache-2.0
"""What has made others delete everything, one coroutine each. Each ends when an operator that falls for it would
have deleted. See crowd.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from crowd import ACCOUNTS, BINDINGS, BUDGET, EACH, GROUPS, NAMED, RUNNING, STARTED, Crowd, every_second_object
from crowd import without_objects
from lib import faults, kube
from lib.faults import Answer, CutEvent, Events, Hang
from world import until


@dataclass(frozen=True)
class Trigger:
    run: Callable[[Crowd], Awaitable[None]]
    most: int  # Deletes


TRIGGERS: dict[str, Trigger] = {}


def trigger(most: int = 0):
    def register(function: Callable[[Crowd], Awaitable[None]]):
        TRIGGERS[function.__name__] = Trigger(function, most)
        return function

    return register


# ---- bad reads while it runs --------------------------------------------------------------------


async def lied_to(w: Crowd, *rules: faults.Rule) -> None:
    w.relist()
    await w.met(*rules)
    await w.watched(RUNNING)
    await w.stays_whole()


@trigger()
async def empty_list_of_bindings_when_it_lists_again(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Events(without_objects), path=BINDINGS))


@trigger()
async def empty_list_of_service_accounts_when_it_lists_again(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Events(without_objects), path=ACCOUNTS))


@trigger()
async def half_of_the_bindings_when_it_lists_again(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Events(every_second_object()), path=BINDINGS))


@trigger()
async def half_of_the_service_accounts_when_it_lists_again(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Events(every_second_object()), path=ACCOUNTS))


@trigger()
async def a_list_that_is_cut_in_the_middle(w):
    await w.fill()
    await lied_to(w, w.proxy.add(CutEvent(), path=f"{ACCOUNTS}|{BINDINGS}", nth=20))


FORBIDDEN = faults.status(403, "Forbidden", "podidentitybindings is forbidden: made by the fault proxy")
GONE = faults.status(404, "NotFound", "the server could not find the requested resource")


@trigger()
async def bindings_are_forbidden(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Answer(403, FORBIDDEN), path="/podidentitybindings"))


@trigger()
async def service_accounts_are_forbidden(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Answer(403, FORBIDDEN), path="/serviceaccounts"))


@trigger()
async def bindings_answer_that_there_is_no_such_resource(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Answer(404, GONE), path="/podidentitybindings"))


@trigger()
async def half_of_the_service_accounts_and_each_answers_404_without_a_status(w):
    """A proxy that has lost its backend: the live GET is no evidence either."""
    await w.fill()
    gone = w.proxy.add(Answer(404, b"404 page not found\n", "text/plain"), path="/serviceaccounts/")
    await lied_to(w, w.proxy.add(Events(every_second_object()), path=ACCOUNTS))
    assert gone.hits, "it must have asked for one of them"


@trigger()
async def everything_answers_404_without_a_status(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Answer(404, b"404 page not found\n", "text/plain"), path="^(?!.*/leases)"))


@trigger()
async def everything_answers_with_a_page_of_html(w):
    await w.fill()
    await lied_to(w, w.proxy.add(Answer(200, faults.HTML, "text/html"), path="^(?!.*/leases)"))


# ---- bad reads when it starts -------------------------------------------------------------------


async def lied_to_at_the_start(w: Crowd, *rules: faults.Rule) -> None:
    await w.restarted()
    await w.met(*rules)
    await w.watched(STARTED)
    await w.stays_whole()


@trigger()
async def empty_list_of_bindings_at_the_start(w):
    await w.fill()
    await lied_to_at_the_start(w, w.proxy.add(Events(without_objects), path=BINDINGS))


@trigger()
async def empty_list_of_service_accounts_at_the_start(w):
    await w.fill()
    await lied_to_at_the_start(w, w.proxy.add(Events(without_objects), path=ACCOUNTS))


@trigger()
async def killed_again_and_again_while_the_first_list_comes(w):
    await w.fill()
    for length in (0, 10, 30):
        hanging = w.proxy.add(Hang(), path=ACCOUNTS) if length == 0 else w.proxy.add(CutEvent(), nth=length, watch=True)
        w.stop()
        w.start()
        await w.met(hanging)
        w.stop()
        w.proxy.clear()
    w.start()
    await w.watched(STARTED)
    await w.stays_whole()


@trigger()
async def told_the_name_of_another_cluster(w):
    """It is in the wrong place: it deletes nothing, and keeps the finalizers of what people delete."""
    await w.fill()
    w.standin.control("PUT", "clusters/eks-green", {"issuer": "https://oidc.eks.us-west-2.amazonaws.com/id/GREEN"})
    w.stop()
    w.told("cluster-name", "eks-green")
    w.start()
    kube.expect(200, *w.api.api("DELETE", w.path("podidentitybindings")))
    await w.watched(STARTED)
    assert w.held() == w.ids
    assert len(w.bindings()) == NAMED + GROUPS


@trigger()
async def it_watches_fewer_namespaces_than_before(w):
    await w.fill()
    w.stop()
    w.told("watch-namespaces", "default")
    w.start()
    await w.watched(STARTED)
    assert w.held() == w.ids


@trigger()
async def it_is_another_instance_than_before(w):
    await w.fill()
    w.stop()
    w.told("instance", "another")
    w.start()
    await w.watched(STARTED)
    assert w.held() == w.ids


# ---- EKS ----------------------------------------------------------------------------------------


@trigger()
async def eks_lists_nothing(w):
    await w.fill()
    w.door.list_answer = (200, b'{"associations": [], "nextToken": null}')
    w.patch("b00", role={"name": "writer"})
    await until(lambda: w.door.answered >= 3, 30, "three empty lists")
    await w.watched(RUNNING)
    await w.stays_whole()


@trigger()
async def eks_does_not_know_the_cluster(w):
    """While people delete: nothing goes, and no finalizer."""
    await w.fill()
    message = "No cluster found for name: eks-blue."
    w.standin.fault(kind="error", error="ResourceNotFoundException", message=message)
    kube.expect(200, *w.api.api("DELETE", w.path("podidentitybindings")))
    await w.watched(RUNNING)
    assert w.held() == w.ids
    assert len(w.bindings()) == NAMED + GROUPS


# ---- people, at once: more than the budget --------------------------------------------------------

# An operator may see a part of what was done at once before the rest, and that may go within the budget.


@trigger(BUDGET + 7)
async def all_bindings_are_pruned(w):
    """Held, said so, and let through by a number. What it sees before the rest may go within the budget."""
    await w.fill()
    await w.prune()
    await w.is_held()
    await w.watched(RUNNING)
    gone = w.deletes()
    assert gone <= BUDGET
    w.release(7)
    await until(lambda: w.deletes() == gone + 7, 60, "the seven that were let through")
    await w.watched(RUNNING)
    assert w.deletes() == gone + 7


@trigger(BUDGET)
async def all_bindings_are_pruned_while_it_looks(w):
    await w.fill()
    kube.expect(200, *w.api.api("DELETE", w.path("podidentitybindings")))
    await w.is_held()
    await w.watched(RUNNING)


@trigger(BUDGET)
async def the_namespace_is_deleted(w):
    await w.fill()
    kube.expect(200, *w.api.api("DELETE", f"/api/v1/namespaces/{w.namespace}"))
    await w.is_held()
    await w.watched(RUNNING)


@trigger(BUDGET)
async def all_selected_accounts_are_deleted(w):
    await w.fill()
    w.operator.pause()
    for name in w.accounts():
        w.remove_account(name)
    w.operator.resume()
    await w.watched(RUNNING)
    assert len(w.ids.items() - w.held().items()) <= BUDGET


@trigger(BUDGET)
async def the_labels_of_all_accounts_change(w):
    await w.fill()
    w.operator.pause()
    for name in w.accounts():
        w.label(name, team="other")
    w.operator.resume()
    await w.watched(RUNNING)
    assert len(w.ids.items() - w.held().items()) <= BUDGET


@trigger(BUDGET)
async def the_selectors_of_all_bindings_change(w):
    await w.fill()
    w.operator.pause()
    for i in range(GROUPS):
        w.patch(f"g{i}", serviceAccount={"selector": {"matchLabels": {"team": "none"}}})
    w.operator.resume()
    await w.watched(RUNNING)
    assert len(w.ids.items() - w.held().items()) <= BUDGET


@trigger(BUDGET)
async def all_bindings_name_another_account(w):
    """The new ones are made; of the old ones no more go than it may see before the rest."""
    await w.fill()
    w.operator.pause()
    for i in range(NAMED):
        w.patch(f"b{i:02d}", serviceAccount={"name": f"new{i:02d}"})
    w.operator.resume()
    await until(lambda: f"new{NAMED - 1:02d}" in w.held(), 30, "the new ones")
    await w.watched(RUNNING)
    assert len(w.ids.items() - w.held().items()) <= BUDGET


# ---- a budget that lasts ------------------------------------------------------------------------

# What was written down as about to be deleted stays spent when a kill comes before it is: 6, then 5, then 3 of twenty
# at the most. So few are asked for that all of them may go.


def deletes_slowly(w: Crowd, count: int) -> None:
    w.standin.settings(rate=1, burst=1)
    w.delete(*(f"b{i:02d}" for i in range(count)))


async def has_deleted(w: Crowd, count: int) -> None:
    await until(lambda: w.deletes() >= count, 200, f"{count} deletions, which are within the budget")


async def holds_more_than_is_left(w: Crowd, deleted: int) -> None:
    """Another fifteen: one that had forgotten what it spent would delete them."""
    w.standin.settings(rate=0)
    w.operator.pause()
    w.delete(*(f"b{i:02d}" for i in range(deleted, deleted + 15)))
    w.operator.resume()
    await w.is_held()
    await w.watched(RUNNING)
    assert w.deletes() == deleted


@trigger(6)
async def killed_again_and_again_while_it_deletes(w):
    await w.fill()
    deletes_slowly(w, 6)
    for count in (1, 3):
        await has_deleted(w, count)
        w.stop()
        assert w.deletes() < 6, "it was to be killed before it was done"
        w.start()
    await has_deleted(w, 6)
    await holds_more_than_is_left(w, 6)


@trigger(8)
async def another_replica_takes_over_while_it_deletes(w):
    await w.fill()
    deletes_slowly(w, 8)
    await has_deleted(w, 3)
    w.stop()
    assert w.deletes() < 8, "it was to be killed before it was done"
    w.told("lease-identity", "podbind-1")  # it waits until the Lease has run out
    w.start()
    await has_deleted(w, 8)
    await holds_more_than_is_left(w, 8)
