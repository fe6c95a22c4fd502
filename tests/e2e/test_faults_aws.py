# SPDX-License-Identifier: Apache-2.0
"""What EKS, or whatever stands between it and the operator, can do wrong. See docs/faults.md.

The claims are those of test_faults_kube.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lib import kube
from lib.fault_rig import Rig

COUNT = 20
LIST, DESCRIBE = "ListPodIdentityAssociations", "DescribePodIdentityAssociation"
CREATE, UPDATE = "CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"
HURRY = ("--existence-interval=1s", "--describe-interval=1s", "--describe-rate=20")


def everywhere(**members: object) -> list[dict]:
    return [{"operation": "*", **members}]


def on(operation: str, **members: object) -> list[dict]:
    return [{"operation": operation, **members}]


FAULTS = {
    "server_error": everywhere(kind="error", error="ServerException", status=500),
    "unavailable": everywhere(kind="error", error="ServiceUnavailableException", status=503),
    "bad_gateway_html": everywhere(kind="garbage", status=502),
    "throttled": everywhere(kind="error", error="ThrottlingException", status=429),
    "throttled_with_retry_after": everywhere(kind="error", error="ThrottlingException", status=429, retryAfter="2s"),
    "access_denied_on_list": on(LIST, kind="error", error="AccessDeniedException", status=403),
    "expired_token": everywhere(kind="error", error="ExpiredTokenException", status=403, count=4),
    "nothing_found_by_list": on(LIST, kind="error", error="ResourceNotFoundException", status=404),
    "nothing_found_without_a_name": everywhere(kind="error", status=404),
    "html": everywhere(kind="garbage"),
    "empty": everywhere(kind="empty"),
    "cut": everywhere(kind="cut"),
    "cut_after_effect": everywhere(kind="cut", afterEffect=True),
    "reset": everywhere(kind="reset"),
    "update_reset_after_effect": on(UPDATE, kind="reset", afterEffect=True, count=2),
    "update_error_after_effect": on(UPDATE, kind="error", status=500, afterEffect=True, count=2),
    "create_reset_after_effect": on(CREATE, kind="reset", afterEffect=True, count=1),
    "hang": everywhere(kind="hang", count=6),
    "hang_after_effect": on(UPDATE, kind="hang", afterEffect=True, count=1),
    "slow": everywhere(kind="latency", latency="3s"),
    "slower_than_the_deadline": on(UPDATE, kind="latency", latency="6s", count=1),
}
MET_ONCE = {"update_reset_after_effect", "update_error_after_effect", "hang_after_effect", "slower_than_the_deadline"}


@pytest.fixture(scope="module")
def rig(blue, operator_kubeconfig, tmp_path_factory) -> Iterator[Rig]:
    kube.install_crd(blue)
    directory = tmp_path_factory.mktemp("aws")
    with Rig(blue, directory, operator_kubeconfig(blue), COUNT, *HURRY).running() as running:
        yield running


def served(rig: Rig) -> int:
    return sum(rule["seen"] for rule in rig.aws.control("GET", "faults"))


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(rig, fault, report):
    @contextmanager
    def lasting():
        rig.aws.control("PUT", "faults", FAULTS[fault])
        try:
            if fault.startswith("create"):
                rig.select()
            yield lambda: served(rig) >= (1 if fault in MET_ONCE or fault.startswith("create") else 3)
        finally:
            rig.aws.clear_faults()

    report(f"recovered in {rig.endure(lasting()):.1f} s")
