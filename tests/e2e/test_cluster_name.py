# SPDX-License-Identifier: Apache-2.0
"""--cluster-name=auto: the operator finds the EKS cluster whose OIDC issuer its API server has."""

from lib import kube

from cluster import issuer_for

AUTO = "--cluster-name=auto"


def message_of(bound: dict) -> str:
    return kube.conditions(bound)["Ready"]["message"]


def name_in_status(cluster, namespace: str) -> str:
    return kube.get_binding(cluster, namespace, "reader")["status"].get("clusterName", "")


def test_each_finds_its_own_cluster(blue, green, standin, operator, namespace):
    for cluster, role in ((blue, "reader-role"), (green, "writer-role")):
        app = namespace(cluster)
        operator(cluster, AUTO)
        kube.kubectl_apply(cluster, kube.binding(app, "reader", "app-sa", role))
        kube.wait_condition(cluster, app, "reader")
        assert standin.roles(cluster, app) == {"app-sa": role}
        assert name_in_status(cluster, app) == f"eks-{cluster.name}"


def test_a_cluster_that_is_named_auto_is_found_as_the_others_are(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.control("DELETE", "clusters/eks-blue")
    standin.control("PUT", "clusters/auto", {"issuer": issuer_for("blue")})
    standin.allow("blue", Cluster="auto")
    operator(blue, AUTO)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    assert name_in_status(blue, app) == "auto"


def test_none_that_matches_is_the_wrong_cluster_until_there_is_one(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.control("DELETE", "clusters/eks-blue")
    lost = operator(blue, AUTO, wait=False)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    message = message_of(kube.wait_condition(blue, app, "reader", status="False", reason="WrongCluster"))
    for words in ("1 EKS cluster was looked at in us-west-2", "111122223333", issuer_for("blue"), "--aws-region"):
        assert words in message
    assert standin.mutations() == 0
    assert not lost.ready()
    standin.control("PUT", "clusters/eks-blue", {"issuer": issuer_for("blue")})
    kube.wait_condition(blue, app, "reader", seconds=60)
    assert name_in_status(blue, app) == "eks-blue"
    lost.wait_ready()


def test_clusters_that_may_not_be_listed(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.fault("ListClusters", kind="error", error="AccessDeniedException", status=403)
    operator(blue, AUTO, wait=False)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    message = message_of(kube.wait_condition(blue, app, "reader", status="False", reason="AccessDenied"))
    assert "eks:ListClusters" in message
    assert standin.mutations() == 0
    standin.clear_faults()
    kube.wait_condition(blue, app, "reader", seconds=60)


def test_another_cluster_that_may_not_be_read_is_passed_over(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.control("PUT", "clusters/a-foreign-one", {})
    standin.fault(
        "DescribeCluster", cluster="a-foreign-one", kind="error", error="AccessDeniedException", status=403
    )
    operator(blue, AUTO)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    assert standin.roles(blue, app) == {"app-sa": "reader-role"}


def test_a_cluster_that_may_not_be_read_may_be_ours(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.fault("DescribeCluster", cluster="eks-blue", kind="error", error="AccessDeniedException", status=403)
    operator(blue, AUTO, wait=False)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    message = message_of(kube.wait_condition(blue, app, "reader", status="False", reason="ClusterUnverified"))
    for words in ("1 could not be read", "eks-blue", "eks:DescribeCluster"):
        assert words in message
    assert standin.mutations() == 0
