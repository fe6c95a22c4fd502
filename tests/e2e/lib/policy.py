# SPDX-License-Identifier: Apache-2.0
"""The IAM policy of an operator, as docs/iam.md gives it to people: examples/iam/ filled in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from . import ROOT

FOLDER = ROOT / "examples" / "iam"
EXTRAS = ("auto", "adoption")  # what some need besides
PLACES = {"Partition": "aws", "Region": "us-west-2", "Account": "111122223333", "Instance": "podbind", "RolePath": ""}


def read(extra: str = "", **places: str) -> list[dict]:
    """The statements of one file; the places that are not given stay as they are."""
    text = (FOLDER / f"podbind-policy{extra and f'-{extra}'}.json").read_text()
    for name, value in places.items():
        text = text.replace(f"${{{name}}}", value)
    return json.loads(text)["Statement"]


def actions_of(statement: dict) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def granted(*extras: str) -> set[str]:
    """Every action that the files allow."""
    return {action for extra in ("", *extras) for row in read(extra) for action in actions_of(row)}


@dataclass
class Policy:
    """Of the operator of one cluster."""

    places: dict[str, str]
    extras: set[str] = field(default_factory=set)
    without: set[str] = field(default_factory=set)  # actions taken out

    def document(self) -> dict:
        rows = [row for extra in ("", *sorted(self.extras)) for row in read(extra, **PLACES | self.places)]
        for row in rows:
            row["Action"] = [action for action in actions_of(row) if action not in self.without]
        return {"Version": "2012-10-17", "Statement": [row for row in rows if row["Action"]]}
