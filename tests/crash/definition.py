# SPDX-License-Identifier: Apache-2.0
"""The definition itself goes, or has gone: one after the other, on a cluster of their own."""

from __future__ import annotations

from crowd import GROUPS, NAMED, RUNNING, STARTED, Crowd
from lib import kube
from world import until

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/podidentitybindings.podbind.dev"


async def the_definition_is_deleted(w: Crowd) -> None:
    """All bindings are terminating, because the definition is: none of it is what somebody wanted of a binding."""
    await w.fill()
    kube.expect(200, *w.api.api("DELETE", CRD))
    await w.is_held()
    await w.watched(RUNNING)
    assert w.held() == w.ids
    assert len(w.bindings()) == NAMED + GROUPS


async def the_definition_is_made_again_empty(w: Crowd) -> None:
    await w.fill()
    w.stop()
    for name in w.bindings():
        w.forget(name)
    w.api.cluster.kubectl("delete", "crd", "podidentitybindings.podbind.dev", "--timeout=60s")
    kube.install_crd(w.api.cluster)
    w.start()
    await w.watched(STARTED)
    assert w.held() == w.ids


async def the_definition_goes_while_it_runs(w: Crowd) -> None:
    """Past the finalizers, as by the loss of etcd, and comes back empty a little later."""
    await w.fill()
    w.operator.pause()
    for name in w.bindings():
        w.forget(name)
    w.api.cluster.kubectl("delete", "crd", "podidentitybindings.podbind.dev", "--timeout=60s")
    w.operator.resume()
    await w.watched(RUNNING)
    kube.install_crd(w.api.cluster)
    await w.watched(RUNNING)
    await until(lambda: w.operator.get("/readyz")[0] == 200, 60, "the operator to be ready again")
    await w.watched(RUNNING)
    assert w.held().keys() == w.ids.keys()


DEFINITION = {
    function.__name__: function
    for function in (the_definition_is_made_again_empty, the_definition_goes_while_it_runs, the_definition_is_deleted)
}
