# SPDX-License-Identifier: Apache-2.0
"""What has made others delete everything: bad reads, bad starts, people who delete all at once, an operator that is
killed while it deletes. The stand-in counts: nothing goes that must stay, and never more than the budget."""

from __future__ import annotations

import pytest
from definition import DEFINITION
from triggers import TRIGGERS

pytestmark = pytest.mark.chosen


@pytest.mark.parametrize("name", TRIGGERS)
def test_no_more_than_the_budget_goes(outcomes, name):
    trouble = outcomes.troubles[name]
    assert not trouble, trouble


@pytest.mark.parametrize("name", DEFINITION)
def test_nothing_goes_with_the_definition(outcomes, name):
    trouble = outcomes.troubles[name]
    assert not trouble, trouble
