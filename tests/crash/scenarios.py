# SPDX-License-Identifier: Apache-2.0
"""What happens in the worlds of the crash points: one coroutine each. See world.py for how they read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lib import kube
from world import ROLE_ARN, Goal, World, until

HURRY = ("--existence-interval=1s", "--describe-interval=1s", "--describe-rate=20", "--absence-grace=1s")
SELECTOR = {"matchLabels": {"team": "data"}}
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}'
BY_HAND = {"tags": {"made": "by hand"}}


@dataclass(frozen=True)
class Scenario:
    name: str
    run: Callable[[World], Awaitable[Goal]]
    flags: tuple[str, ...]


SCENARIOS: dict[str, Scenario] = {}


def scenario(*flags: str):
    def register(function: Callable[[World], Awaitable[Goal]]):
        SCENARIOS[function.__name__] = Scenario(function.__name__, function, flags)
        return function

    return register


async def three(w: World, **spec: object) -> None:
    """Three bindings that are in place, beside what is there."""
    there = w.standin.roles(w.api, w.namespace)
    w.create(*(w.binding(f"b{i}", f"sa{i}", "reader", **spec) for i in range(3)))
    await w.settled(**there, sa0="reader", sa1="reader", sa2="reader")


# ---- bindings come ------------------------------------------------------------------------------


@scenario()
async def create_one(w: World) -> Goal:
    w.begin()
    w.start()
    w.create(w.binding("b0", "sa0", "reader"))
    return w.goal(sa0="reader")


@scenario()
async def create_several(w: World) -> Goal:
    await three(w)
    w.begin()
    w.create(*(w.binding(f"b{i}", f"sa{i}", "writer") for i in range(3, 6)))
    return w.goal(sa0="reader", sa1="reader", sa2="reader", sa3="writer", sa4="writer", sa5="writer")


@scenario()
async def five_are_there_when_it_starts(w: World) -> Goal:
    w.create(*(w.binding(f"b{i}", f"sa{i}", "reader") for i in range(5)))
    w.begin()
    w.start()
    return w.goal(sa0="reader", sa1="reader", sa2="reader", sa3="reader", sa4="reader")


@scenario(*HURRY)
async def half_of_the_calls_are_slow(w: World) -> Goal:
    w.standin.fault(kind="latency", latency="300ms", probability=0.5)
    w.create(*(w.binding(f"b{i}", f"sa{i}", "reader") for i in range(4)))
    w.begin()
    w.start()
    goal = w.goal(sa0="reader", sa1="reader", sa2="reader", sa3="reader")
    await until(lambda: w.reached(goal), 100, str(goal))
    w.patch("b0", role={"name": "writer"})
    return w.goal(sa0="writer", sa1="reader", sa2="reader", sa3="reader")


@scenario()
async def answers_of_eks_are_lost(w: World) -> Goal:
    for name in ("CreatePodIdentityAssociation", "DescribePodIdentityAssociation", "ListPodIdentityAssociations"):
        w.standin.fault(name, kind="reset", afterEffect=True, nth=2, count=1)
    w.create(*(w.binding(f"b{i}", f"sa{i}", "reader") for i in range(3)))
    w.begin()
    w.start()
    return w.goal(sa0="reader", sa1="reader", sa2="reader")


@scenario(*HURRY)
async def reads_of_eks_lag(w: World) -> Goal:
    w.standin.settings(propagation="1s")
    await three(w)
    w.begin()
    w.create(w.binding("b3", "sa3", "reader"))
    w.patch("b0", role={"name": "writer"})
    w.delete("b1")
    return w.goal(sa0="writer", sa2="reader", sa3="reader")


# ---- bindings change ----------------------------------------------------------------------------


@scenario()
async def role_change(w: World) -> Goal:
    await three(w)
    w.standin.put_role("archiver", path="/path/to/")  # else who asks first, IAM or EKS, decides of its path
    w.begin()
    w.patch("b0", role={"name": "writer"})
    w.patch("b1", role={"name": "path/to/archiver"})
    return w.goal(sa0="writer", sa1="path/to/archiver", sa2="reader")


@scenario()
async def rename_of_the_service_account(w: World) -> Goal:
    await three(w)
    w.begin()
    w.patch("b0", serviceAccount={"name": "renamed"})
    return w.goal(renamed="reader", sa1="reader", sa2="reader")


@scenario(*HURRY)
async def selector_adds(w: World) -> Goal:
    w.create(w.binding("b0", SELECTOR, "reader"), w.account("sa0", team="data"), w.account("sa1"))
    await w.settled(sa0="reader")
    w.begin()
    w.create(w.account("sa2", team="data"))
    w.label("sa1", team="data")
    return w.goal(sa0="reader", sa1="reader", sa2="reader")


@scenario(*HURRY)
async def selector_drops(w: World) -> Goal:
    w.create(w.binding("b0", SELECTOR, "reader"), *(w.account(f"sa{i}", team="data") for i in range(3)))
    await w.settled(sa0="reader", sa1="reader", sa2="reader")
    w.begin()
    w.remove_account("sa0")
    w.label("sa1", team=None)
    return w.goal(sa2="reader")


@scenario()
async def tags_change(w: World) -> Goal:
    await three(w, tags={"team": "data", "stage": "test"})
    w.begin()
    w.patch("b0", tags={"team": "web", "stage": None, "cost": "7"})
    w.patch("b1", tags=None)
    return w.goal(sa0="reader", sa1="reader", sa2="reader")


@scenario()
async def target_role_is_set_and_cleared(w: World) -> Goal:
    await three(w)
    w.begin()
    w.patch("b0", targetRole={"arn": "arn:aws:iam::444455556666:role/far"})
    w.patch("b1", targetRole={"arn": "arn:aws:iam::444455556666:role/far"})

    def chained():
        row = w.standin.association(w.api, w.namespace, "sa0")
        return row["targetRoleArn"] and w.reached(w.goal(sa0="reader", sa1="reader", sa2="reader"))

    await until(chained, 100, "the target role")
    w.patch("b0", targetRole=None)
    return w.goal(sa0="reader", sa1="reader", sa2="reader")


@scenario()
async def session_policy_without_session_tags(w: World) -> Goal:
    await three(w)
    w.begin()
    w.patch("b0", sessionTags="Disabled", sessionPolicy=POLICY)
    w.patch("b1", sessionTags="Disabled")
    return w.goal(sa0="reader", sa1="reader", sa2="reader")


@scenario()
async def suspend_off(w: World) -> Goal:
    await three(w)
    w.patch("b0", suspend=True, role={"name": "writer"})
    w.create(w.binding("b3", "sa3", "reader", suspend=True))
    await w.settled({"b0": "Suspended", "b3": "Suspended"}, sa0="reader", sa1="reader", sa2="reader")
    w.begin()
    w.patch("b0", suspend=False)
    w.patch("b3", suspend=False)
    return w.goal(sa0="writer", sa1="reader", sa2="reader", sa3="reader")


# ---- bindings go --------------------------------------------------------------------------------


@scenario()
async def deletion(w: World) -> Goal:
    await three(w)
    w.begin()
    w.delete("b0")
    return w.goal(sa1="reader", sa2="reader")


@scenario()
async def deletion_of_several(w: World) -> Goal:
    await three(w)
    w.begin()
    w.delete("b0", "b1")
    w.create(w.binding("b3", "sa3", "reader"))
    return w.goal(sa2="reader", sa3="reader")


@scenario()
async def prune_of_all(w: World) -> Goal:
    w.create(*(w.binding(f"b{i}", f"sa{i}", "reader") for i in range(5)))
    await w.settled(sa0="reader", sa1="reader", sa2="reader", sa3="reader", sa4="reader")
    w.begin()
    kube.expect(200, *w.api.api("DELETE", f"{kube.BINDINGS}/namespaces/{w.namespace}/podidentitybindings"))
    return w.goal()


@scenario()
async def deletion_of_the_namespace(w: World) -> Goal:
    await three(w)
    w.begin()
    kube.expect(200, *w.api.api("DELETE", f"/api/v1/namespaces/{w.namespace}"))
    return w.goal()


@scenario()
async def deleted_and_made_again(w: World) -> Goal:
    await three(w)
    w.begin()
    w.delete("b0")
    await until(lambda: "b0" not in w.bindings(), 100, "b0 to go")
    w.create(w.binding("b0", "sa0", "writer"))
    return w.goal(sa0="writer", sa1="reader", sa2="reader")


@scenario()
async def retain_deletion(w: World) -> Goal:
    await three(w)
    w.begin()
    w.patch("b0", deletionPolicy="Retain")

    def retained():
        return "podbind.dev/retain" in w.standin.association(w.api, w.namespace, "sa0")["tags"]

    await until(retained, 100, "the tag podbind.dev/retain")
    w.delete("b0")
    return w.goal(sa0="reader", sa1="reader", sa2="reader")


# ---- who holds what -----------------------------------------------------------------------------


@scenario()
async def take_over_of_a_retained_one(w: World) -> Goal:
    await three(w, deletionPolicy="Retain")
    w.delete("b0", "b1")
    await until(lambda: list(w.bindings()) == ["b2"], 100, "two bindings to go")
    w.begin()
    w.create(w.binding("new0", "sa0", "reader"), w.binding("new1", "sa1", "writer"))
    return w.goal(sa0="reader", sa1="writer", sa2="reader")


@scenario(*HURRY)
async def restored_from_a_backup(w: World) -> Goal:
    """The same names with other UIDs; one of them with another role than before."""
    await three(w)
    w.stop()
    for name in ("b0", "b1", "b2"):
        w.forget(name)
    w.create(w.binding("b0", "sa0", "reader"), w.binding("b1", "sa1", "writer"))
    w.create(w.binding("b2", "sa2", "reader"))
    w.begin()
    w.start()
    return w.goal(sa0="reader", sa1="writer", sa2="reader")


@scenario()
async def conflict_ends_with_the_older(w: World) -> Goal:
    await three(w)
    await asyncio.sleep(1.1)  # creationTimestamp has seconds
    w.create(w.binding("newer", "sa0", "writer"))
    await w.settled({"newer": "Conflict"}, sa0="reader", sa1="reader", sa2="reader")
    w.begin()
    w.delete("b0")
    return w.goal(sa0="writer", sa1="reader", sa2="reader")


@scenario()
async def adoption_of_the_same_access(w: World) -> Goal:
    w.put("sa3", "reader", **BY_HAND)
    w.put("sa4", "other", stays=True, **BY_HAND)
    await three(w)
    w.begin()
    w.create(*(w.binding(f"b{i}", f"sa{i}", "reader", adoption="SameAccess") for i in (3, 4)))
    return w.goal({"b4": "KeyTaken"}, sa0="reader", sa1="reader", sa2="reader", sa3="reader", sa4="other")


@scenario()
async def adoption_always(w: World) -> Goal:
    w.put("sa0", "other", **BY_HAND)
    w.put("sa1", "reader", tags={"podbind.dev/owner": "another/podbind", "podbind.dev/binding": "gone"})
    w.create(*(w.binding(f"b{i}", f"sa{i}", "reader", adoption="Always") for i in range(2)))
    w.standin.allow(w.api.name, "adoption")
    w.begin()
    w.start()
    return w.goal(sa0="reader", sa1="reader")


@scenario(*HURRY)
async def a_taken_key_is_freed(w: World) -> Goal:
    w.put("sa3", "other", **BY_HAND)
    w.put("sa4", "other", stays=True, **BY_HAND)
    await three(w)
    w.create(w.binding("b3", "sa3", "reader"), w.binding("b4", "sa4", "reader"))
    taken = {"b3": "KeyTaken", "b4": "KeyTaken"}
    await w.settled(taken, sa0="reader", sa1="reader", sa2="reader", sa3="other", sa4="other")
    w.begin()
    w.standin.delete_association(w.api, w.namespace, "sa3")
    return w.goal({"b4": "KeyTaken"}, sa0="reader", sa1="reader", sa2="reader", sa3="reader", sa4="other")


# ---- drift: while it is away, as whoever writes takes changes of the next minute for late answers --


@scenario(*HURRY)
async def deleted_behind_its_back(w: World) -> Goal:
    await three(w)
    w.stop()
    w.standin.delete_association(w.api, w.namespace, "sa0")
    w.standin.delete_association(w.api, w.namespace, "sa1")
    w.begin()
    w.start()
    return w.goal(sa0="reader", sa1="reader", sa2="reader")


@scenario(*HURRY)
async def changed_behind_its_back(w: World) -> Goal:
    await three(w, tags={"team": "data"})
    w.stop()
    w.standin.change_association(w.api, w.namespace, "sa0", roleArn=f"{ROLE_ARN}other")
    tags = w.standin.association(w.api, w.namespace, "sa1")["tags"]
    w.standin.change_association(w.api, w.namespace, "sa1", tags={**tags, "team": "web", "more": "yes"})
    w.begin()
    w.start()
    return w.goal(sa0="reader", sa1="reader", sa2="reader")


@scenario(*HURRY)
async def all_at_once(w: World) -> Goal:
    w.create(w.binding("chosen", SELECTOR, "reader"), w.account("c0", team="data"))
    w.create(*(w.binding(f"b{i}", f"sa{i}", "reader") for i in range(3)))
    await w.settled(c0="reader", sa0="reader", sa1="reader", sa2="reader")
    w.begin()
    w.patch("b0", role={"name": "writer"})
    w.patch("b1", serviceAccount={"name": "renamed"})
    w.delete("b2")
    w.create(w.account("c1", team="data"), w.binding("b3", "sa3", "reader"))
    return w.goal(c0="reader", c1="reader", sa0="writer", renamed="reader", sa3="reader")
