# SPDX-License-Identifier: Apache-2.0
"""The operator is killed with SIGKILL at chosen points of what it says to the API server and to EKS, and started
again. What comes out is what comes out without a kill: the bindings with their conditions and finalizers, the
associations with their content, what was made and deleted how often, and everybody else's as it was."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import pytest
from points import POINTS, Runs, run
from scenarios import SCENARIOS
from world import Api

EVERY = 7  # of all points, `make test` takes one in so many
ALL = list(itertools.product(SCENARIOS, range(POINTS)))


def rows(points: list[tuple[str, int]]):
    marks = [[pytest.mark.chosen] if number % EVERY == EVERY // 2 else [] for number in range(len(points))]
    return [pytest.param(*row, id=f"{row[0]}-{row[1]}", marks=mark) for row, mark in zip(points, marks, strict=True)]


@pytest.fixture
def runs(outcomes) -> Runs:
    """Of all points that were selected, with the runs that they are compared with."""
    return outcomes.runs


@pytest.mark.parametrize(("name", "index"), rows(ALL))
def test_a_kill_changes_nothing(runs, name, index):
    first = runs.first[name]
    assert not first.trouble, f"without a kill: {first.trouble}"
    point = runs.points[name, index]
    assert not point.trouble, f"killed at {point.plan}: {point.trouble}"
    if not point.reached:
        pytest.skip(f"point {point.plan[0]} of {first.points} was not reached")


@pytest.mark.chosen
def test_where_the_kills_were(runs, request, capsys):
    """Enough of them, and each kind."""
    reached = [row for row in runs.points.values() if row.reached]
    kinds = Counter(", ".join(row.kills[0].split(", ")[:2]) for row in reached)
    twice = sum(len(row.kills) > 1 for row in reached)
    seconds = sorted(row.seconds for row in runs.points.values())
    with capsys.disabled():
        print("\n  points without a kill: " + ", ".join(f"{k} {v.points}" for k, v in runs.first.items()))
        print(f"  {len(reached)} of {len(runs.points)} points were reached, {twice} with a second kill; median "
              f"{seconds[len(seconds) // 2]:.1f} s\n  " + "; ".join(f"{n} {kind}" for kind, n in kinds.most_common()))
    asked = len(runs.points)
    wanted = 400 if asked == len(ALL) else 60 if asked >= 60 else 0
    assert len(reached) >= wanted
    moments = {kind.split(",")[0] for kind in kinds}
    assert not wanted or moments == {"before a write", "after a write", "after a read"}


def leak(world):
    world.put("nobodys", "reader", tags={"podbind.dev/owner": "x/podbind", "podbind.dev/binding": "x"})


def touch(world):
    world.standin.change_association(world.api, "elsewhere", "by-hand", tags={"made": "by podbind"})


def lose(world):
    world.standin.fault("CreatePodIdentityAssociation", kind="error", error="AccessDeniedException")


@pytest.mark.chosen
@pytest.mark.parametrize("harm", [leak, touch, lose], ids=lambda function: function.__name__)
def test_harm_done_at_the_kill_is_seen(cluster, tmp_path, harm):
    """The comparison itself: what a crash may leave behind makes a run fail."""
    scenario = SCENARIOS["create_one"]

    async def both():
        first = await run(Api(cluster), tmp_path, scenario, [])
        return first, await run(Api(cluster), tmp_path, scenario, [5], first.end, on_kill=harm, seconds=4)

    first, harmed = asyncio.run(both())
    assert not first.trouble
    assert harmed.reached
    assert "the end state of the run without a kill" in harmed.trouble
