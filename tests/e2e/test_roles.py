# SPDX-License-Identifier: Apache-2.0
"""RoleTrusted: what podbind reads of a role in IAM, and that nothing waits for it."""

from __future__ import annotations

import time

from lib import kube

from child import wait_for

ROLE_ARN = "arn:aws:iam::111122223333:role/"
BLUE = "arn:aws:eks:us-west-2:111122223333:cluster/eks-blue"


def trust(**condition: object) -> dict:
    statement = {
        "Sid": "Pods",
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


PINNED = trust(ArnEquals={"aws:SourceArn": BLUE})


def apply_reader(cluster, namespace: str, name: str = "reader", role: str = "reader-role") -> None:
    kube.kubectl_apply(cluster, kube.binding(namespace, name, f"{name}-sa", role))


def look_again(cluster, namespace: str, name: str = "reader") -> None:
    """As the documents tell people who have mended something."""
    cluster.kubectl("annotate", "pib", name, "-n", namespace, "--overwrite", f"podbind.dev/reconcile-at={time.time()}")


def says(bound: dict, *words: str) -> str:
    row = kube.conditions(bound)["RoleTrusted"]
    for word in words:
        assert word in row["message"], row
    return row["reason"]


def role_calls(standin) -> int:
    return sum(standin.counters().get("GetRole", {}).values())


def status_writes(cluster, namespace: str, name: str = "reader") -> int:
    """How often the binding was written: for its finalizer and its status, each once, and what came later."""
    bound = kube.get_binding(cluster, namespace, name)
    return sum(row.get("subresource") == "status" for row in bound["metadata"]["managedFields"])


def test_a_trust_pinned_to_blue_is_told_on_green(blue, green, standin, operator, namespace):
    app = namespace(blue)
    namespace(green)
    standin.put_role("reader-role", trust=PINNED)
    operator(blue)
    operator(green)
    for cluster in (blue, green):
        apply_reader(cluster, app)
    assert says(kube.wait_condition(blue, app, "reader", "RoleTrusted", "True")) == "RoleTrusted"
    bound = kube.wait_condition(green, app, "reader", "RoleTrusted", "False")
    assert says(bound, "service account 'reader-sa'", "Pods", "aws:SourceArn", BLUE) == "RoleNotTrusted"
    assert kube.conditions(bound)["Ready"]["status"] == "True", "it is told, and stops nothing"
    assert standin.roles(green, app) == {"reader-sa": "reader-role"}
    told = wait_for(
        lambda: "Warning  RoleNotTrusted" in (text := green.kubectl("describe", "pib", "reader", "-n", app).stdout) and text,
        10, "the Event",
    )  # fmt: skip
    assert told.count("Warning  RoleNotTrusted") == 1

    standin.put_role("reader-role", trust=trust(ArnLike={"aws:SourceArn": BLUE.replace("blue", "*")}))
    look_again(green, app)
    kube.wait_condition(green, app, "reader", "RoleTrusted", "True")
    assert kube.conditions(kube.get_binding(blue, app, "reader"))["RoleTrusted"]["status"] == "True"


def test_a_thousandth_binding_asks_iam_no_more(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    kube.kubectl_apply(blue, [kube.binding(app, f"b{i}", f"sa-{i}", "reader-role") for i in range(20)])
    kube.wait_all_ready(blue, app, 20)
    for row in kube.list_bindings(blue, app):
        assert kube.conditions(row)["RoleTrusted"]["status"] == "True"
        assert int(row["metadata"]["generation"]) == 1
    assert role_calls(standin) == 1


def test_iam_that_denies_is_told_and_not_asked_again(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.put_role("reader-role", getDenied=True)
    operator(blue)
    apply_reader(blue, app)
    kube.wait_condition(blue, app, "reader")
    bound = kube.wait_condition(blue, app, "reader", "RoleTrusted", "Unknown")
    assert says(bound, "allow iam:GetRole to podbind to see this") == "AccessDenied"
    version = bound["metadata"]["resourceVersion"]
    apply_reader(blue, app, "other")
    kube.wait_condition(blue, app, "other")
    assert role_calls(standin) == 1
    standin.put_role("reader-role")
    look_again(blue, app)
    kube.wait_condition(blue, app, "reader", "RoleTrusted", "True")
    kube.wait_condition(blue, app, "other", "RoleTrusted", "True")
    assert version != kube.get_binding(blue, app, "reader")["metadata"]["resourceVersion"]


def test_without_iam_the_first_binding_waits_two_seconds_and_no_other(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    standin.fault("GetRole", kind="hang")
    began = time.monotonic()
    apply_reader(blue, app, "first", "role-1")
    kube.wait_condition(blue, app, "first")
    first = time.monotonic() - began
    assert first < 5, "its status waits for IAM, for as long as one call may take"
    bound = kube.get_binding(blue, app, "first")
    assert says(bound, "IAM does not answer") == "IAMUnavailable"
    began = time.monotonic()
    for i in range(2, 7):
        apply_reader(blue, app, f"b{i}", f"role-{i}")
        kube.wait_condition(blue, app, f"b{i}")
    assert time.monotonic() - began < 5 * 1.5, "nothing waits any more"
    assert role_calls(standin) <= 2
    assert standin.roles(blue, app) == {"first-sa": "role-1", **{f"b{i}-sa": f"role-{i}" for i in range(2, 7)}}

    standin.clear_faults()
    look_again(blue, app, "first")
    for name in ("first", "b6"):
        kube.wait_condition(blue, app, name, "RoleTrusted", "True")


def test_where_no_address_of_iam_answers_all_is_ready(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue, AWS_ENDPOINT_URL_IAM="http://127.0.0.1:9")
    apply_reader(blue, app)
    kube.wait_condition(blue, app, "reader", seconds=10)
    bound = kube.wait_condition(blue, app, "reader", "RoleTrusted", "Unknown", "IAMUnavailable")
    assert says(bound, "Nothing else depends on it") == "IAMUnavailable"
    assert role_calls(standin) == 0


def test_a_bare_name_of_a_role_with_a_path_is_told_what_to_write(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.settings(anyRole=False)
    standin.put_role("reader", path="/team/a/")
    operator(blue)
    apply_reader(blue, app, role="reader")
    bound = kube.wait_condition(blue, app, "reader", "RoleTrusted", "False")
    assert says(bound, f"there is no role {ROLE_ARN}reader", 'write "team/a/reader"') == "RoleNotFound"
    bound = kube.wait_condition(blue, app, "reader", "Ready", "False", "WaitingForPropagation")
    assert 'write "team/a/reader"' in kube.conditions(bound)["Ready"]["message"]
    kube.patch_binding(blue, app, "reader", role={"name": "team/a/reader"})
    kube.wait_condition(blue, app, "reader")
    kube.wait_condition(blue, app, "reader", "RoleTrusted", "True")


def test_a_role_that_comes_later_is_found(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.put_role("reader-role", missing=True)
    operator(blue)
    apply_reader(blue, app)
    bound = kube.wait_condition(blue, app, "reader", "RoleTrusted", "Unknown")
    assert says(bound, "IAM has no role named 'reader-role' yet") == "RoleNotFound"
    standin.put_role("reader-role")
    kube.wait_condition(blue, app, "reader", seconds=60)
    kube.wait_condition(blue, app, "reader", "RoleTrusted", "True")


def test_two_writes_and_quiet_after_a_restart(blue, standin, operator, namespace):
    app = namespace(blue)
    first = operator(blue)
    apply_reader(blue, app)
    bound = kube.wait_condition(blue, app, "reader", "RoleTrusted", "True")
    writes = [row["manager"] for row in bound["metadata"]["managedFields"]]
    assert first.terminate() == 0
    calls = role_calls(standin)
    operator(blue)
    wait_for(lambda: role_calls(standin) > calls, 20, "the role to be read again")
    time.sleep(1)
    after = kube.get_binding(blue, app, "reader")
    assert after["metadata"]["resourceVersion"] == bound["metadata"]["resourceVersion"], "nothing has changed"
    assert [row["manager"] for row in after["metadata"]["managedFields"]] == writes
