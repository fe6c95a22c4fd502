# SPDX-License-Identifier: Apache-2.0
"""Runs scenarios: once without a kill, which tells what the end is and how many points there are; then with kills
at points spread evenly over these. Many at once."""

from __future__ import annotations

import asyncio
import difflib
import itertools
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scenarios import SCENARIOS, Scenario
from world import Api, World, slots, until

from child import Failed
from cluster import ControlPlane

POINTS = 16  # of each scenario
WORLDS = 48  # alive at once
QUIET = 1.0  # seconds in which nothing changes: the end
SETTLES = 120  # who comes after another deletes nothing for 75 s
numbers = itertools.count(1)


@dataclass
class Run:
    """What came out of a run. trouble: why it is not as it must be."""

    scenario: str
    plan: list[int]
    kills: list[str] = field(default_factory=list)
    points: int = 0
    end: dict = field(default_factory=dict)
    trouble: str = ""
    seconds: float = 0

    @property
    def reached(self) -> bool:
        return bool(self.kills)


def spread(count: int, index: int) -> list[int]:
    """The plan of the index-th of POINTS runs. Every third dies a second time, while it starts again."""
    first = 1 + index * (count - 1) // POINTS
    return [first, 1 + 2 * index] if index % 3 == 2 else [first]


def difference(wanted: dict, found: dict) -> str:
    texts = [json.dumps(side, indent=1, sort_keys=True).splitlines() for side in (wanted, found)]
    return "\n".join(difflib.unified_diff(*texts, "without a kill", "with it", lineterm="", n=2))


async def quiet(world: World) -> None:
    """Until nothing has changed for a while."""
    last, since = world.snapshot(), time.monotonic()
    while time.monotonic() < since + QUIET:
        await asyncio.sleep(0.1)
        world.check()
        now = world.snapshot()
        if now != last:
            last, since = now, time.monotonic()


async def follow(world: World, scenario: Scenario, wanted: dict | None, seconds: float) -> None:
    goal = await scenario.run(world)
    if wanted is None:
        await until(lambda: world.reached(goal), SETTLES, str(goal))
        world.counted = world.board.points - world.begun_at
        await quiet(world)
        return

    def same() -> bool:
        world.check()
        return world.snapshot() == wanted

    await until(same, seconds, "the end state of the run without a kill")
    await asyncio.sleep(0.3)
    if not same():
        raise Failed("the end state was reached and left again")


async def run(
    api: Api, directory: Path, scenario: Scenario, plan: list[int], wanted: dict | None = None,
    on_kill: Callable[[World], None] | None = None, seconds: float = SETTLES,
) -> Run:  # fmt: skip
    result, start = Run(scenario.name, plan), time.monotonic()
    name = f"{scenario.name.replace('_', '-')}-{next(numbers)}"
    world = World(api, directory, name, scenario.flags)
    world.plan, world.on_kill = plan, on_kill
    try:
        await world.open()
        await follow(world, scenario, wanted, seconds)
        result.points, result.end = world.counted, world.snapshot()
    except Exception as error:  # noqa: BLE001  of this one; the others go on
        differs = difference(wanted, world.snapshot()) if wanted and world.standin.running() else ""
        result.trouble = f"{error}\n{differs}\nkilled: {world.kills}\nits log:\n{world.operator.tail(30)}"
    finally:
        result.kills, result.seconds = world.kills, time.monotonic() - start
        world.close()
    return result


class Runs:
    """Of the chosen points: {scenario: [index, ...]}."""

    def __init__(self, cluster: ControlPlane, directory: Path):
        self.api, self.directory = Api(cluster), directory
        self.alive = asyncio.Semaphore(WORLDS)
        self.first: dict[str, Run] = {}
        self.points: dict[tuple[str, int], Run] = {}

    async def one(self, scenario: Scenario, plan: list[int], wanted: dict | None = None) -> Run:
        async with self.alive, slots.one():
            return await run(self.api, self.directory, scenario, plan, wanted)

    async def point(self, name: str, index: int) -> None:
        first = self.first[name]
        plan = spread(first.points, index)
        self.points[name, index] = await self.one(SCENARIOS[name], plan, first.end)

    async def scenario(self, name: str, indexes: Iterable[int]) -> None:
        self.first[name] = await self.one(SCENARIOS[name], [])
        if not self.first[name].trouble:
            await asyncio.gather(*(self.point(name, index) for index in indexes))

    async def all(self, chosen: dict[str, list[int]]) -> Runs:
        await asyncio.gather(*(self.scenario(name, indexes) for name, indexes in chosen.items()))
        return self
