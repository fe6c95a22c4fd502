# SPDX-License-Identifier: Apache-2.0
"""What the chart grants, and docs/iam.md, against what the operators of the whole run used. conftest.py sorts it to the
end."""

from __future__ import annotations

from lib import chart, policy, rights


def test_no_operator_of_the_run_was_refused_anything(operated):
    """A test that takes rights away on purpose does so to another user."""
    records = {cluster: rights.records_of(cluster, chart.USER) for cluster in operated}
    assert operated and all(records.values()), f"an audit log has nothing of {chart.USER}"
    missed = {cluster.directory.name: rights.refused(cluster, rows) for cluster, rows in records.items()}
    assert set().union(*missed.values()) == set(), missed


def test_the_run_used_each_right_of_the_chart(blue, whole_run, operated):
    used = set().union(*(rights.used(rights.records_of(cluster, chart.USER)) for cluster in operated))
    unused = rights.granted(chart.render(blue)) - used
    assert not unused, f"nobody needs {', '.join(map(str, sorted(unused)))}"


def test_the_run_used_each_action_of_the_iam_policy(whole_run, permitted):
    """The other way round, every test looks by itself: nothing was denied."""
    granted = policy.granted(*policy.EXTRAS)
    assert permitted == granted, f"nobody needs {', '.join(sorted(granted - permitted)) or 'less'}"


def test_both_modes_of_the_chart_grant_the_same(blue):
    """So what is exact for one is for the other; test_chart.py sees that the second is enough."""
    narrow = chart.render(blue, "watchNamespaces={app,jobs}")
    assert rights.granted(narrow) == rights.granted(chart.render(blue))
    assert "podidentitybindings/status" not in narrow.partition("kind: Role\n")[0]
