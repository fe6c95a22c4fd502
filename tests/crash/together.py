# SPDX-License-Identifier: Apache-2.0
"""All that was selected, in one loop: most of it is waiting."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from crowd import Crowd
from definition import DEFINITION
from points import Runs
from triggers import TRIGGERS
from world import Api, slots

from cluster import ControlPlane

numbers = itertools.count(1)


async def survive(api: Api, directory: Path, run, most: int) -> str:
    """What went wrong, or "". At most so many may be deleted, and nothing of others."""
    async with slots.one():
        name = f"{run.__name__[:45].strip('_').replace('_', '-')}-{next(numbers)}"
        world = Crowd(api, directory, name)
        try:
            await world.open()
            await run(world)
            assert world.deletes() <= most, f"{world.deletes()} were deleted, at most {most} may be"
            assert world.foreign() == world.kept, "others' associations were changed"
        except Exception as error:  # noqa: BLE001  of this one; the others go on
            return f"{type(error).__name__}: {error}\nits log:\n{world.operator.tail(30)}"
        finally:
            world.close()
    return ""


class Outcomes:
    """runs: of the crash points; troubles: of what must not make it delete, by name."""

    def __init__(self, asked: list[tuple[str, dict]]):
        self.points: dict[str, list[int]] = {}
        self.names: list[str] = []
        self.troubles: dict[str, str] = {}
        for function, params in asked:
            if function == "test_a_kill_changes_nothing":
                self.points.setdefault(params["name"], []).append(params["index"])
            elif "name" in params:
                self.names.append(params["name"])

    def run(self, cluster: ControlPlane, own_cluster: ControlPlane | None, directory: Path) -> Outcomes:
        self.runs = Runs(cluster, directory)
        asyncio.run(self._all(self.runs.api, own_cluster and Api(own_cluster), directory))
        return self

    async def _all(self, api: Api, own: Api | None, directory: Path) -> None:
        triggers = (self._trigger(api, directory, name) for name in self.names if name in TRIGGERS)
        await asyncio.gather(self._definition(own, directory), *triggers, self.runs.all(self.points))

    async def _trigger(self, api: Api, directory: Path, name: str) -> None:
        self.troubles[name] = await survive(api, directory, TRIGGERS[name].run, TRIGGERS[name].most)

    async def _definition(self, api: Api | None, directory: Path) -> None:
        for name in self.names if api else ():
            if name in DEFINITION:
                self.troubles[name] = await survive(api, directory, DEFINITION[name], 0)
