# SPDX-License-Identifier: Apache-2.0
"""The chart, installed by helm; and the operator as its Deployment would run it: with a token of the chart's
ServiceAccount, and the rendered arguments."""

from __future__ import annotations

import json

import pytest
from lib import ROOT, chart, kube, rights
from lib.operator import Operator

from cluster import ControlPlane

CHART, RELEASE, NAMESPACE = chart.CHART, chart.RELEASE, kube.OPERATOR_NAMESPACE


@pytest.fixture
def cluster(bin_dir, tmp_path):
    """A blue of this test's own: the chart brings the CRD."""
    with ControlPlane("blue", tmp_path / "blue", bin_dir) as own:
        yield own


def install(cluster, *settings):
    flags = [f"--set={setting}" for setting in ("clusterName=eks-blue", "aws.region=us-west-2", *settings)]
    kube.helm(cluster, "upgrade", "--install", RELEASE, CHART, "-n", NAMESPACE, "--create-namespace", *flags)


def container(cluster) -> dict:
    run = cluster.kubectl("get", "deployment", RELEASE, "-n", NAMESPACE, "-o", "json")
    return json.loads(run.stdout)["spec"]["template"]["spec"]["containers"][0]


def start(cluster, standin, tmp_path) -> Operator:
    """Exactly the rendered arguments, but for the port that it listens on: here others listen too."""
    rendered = container(cluster)
    command, *args = rendered["args"]
    assert command == "controller"
    flags = [flag for flag in args if not flag.startswith("--listen-address=")]
    assert len(flags) == len(args) - 1
    pod = {"POD_NAMESPACE": NAMESPACE, "POD_UID": "0f1e2d3c-0000-4000-8000-000000000001"}
    assert {entry["name"] for entry in rendered["env"]} == set(pod)
    kubeconfig = cluster.write_kubeconfig_for_token(tmp_path / "pod.kubeconfig", cluster.token(NAMESPACE, "podbind"))
    log = tmp_path / "podbind.log"
    env = {**standin.aws_environment(), **pod, "KUBECONFIG": str(kubeconfig)}
    child = Operator("podbind of the chart", flags, log, env)
    child.start()
    return child.wait_ready()


@pytest.mark.parametrize("settings", [(), ("watchNamespaces={app,jobs}",)], ids=["all", "two-namespaces"])
def test_the_chart_grants_what_the_operator_needs(cluster, standin, tmp_path, operated, settings):
    operated.add(cluster)
    for name in ("app", "jobs") if settings else ():
        kube.kubectl_apply(cluster, kube.namespace(name))
    install(cluster, *settings)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/podidentitybindings.podbind.dev")
    child = start(cluster, standin, tmp_path)
    try:
        kube.kubectl_apply(cluster, ROOT / "examples" / "blue-green")
        kube.wait_all_ready(cluster, "app", 1)
        kube.wait_all_ready(cluster, "jobs", 1)
        standin.put_association(cluster, "jobs", "taken", roleArn="arn:aws:iam::111122223333:role/foreign")
        kube.kubectl_apply(cluster, kube.binding("jobs", "loser", "taken", "reader-role"))
        kube.wait_condition(cluster, "jobs", "loser", status="False", reason="KeyTaken")
        kube.patch_binding(cluster, "app", "read-dynamodb", role={"name": "other-role"})
        kube.wait_condition(cluster, "app", "read-dynamodb")
        assert standin.roles(cluster, "app") == {"app-sa": "other-role"}
        lease = cluster.api("GET", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/podbind")[1]
        assert lease["spec"]["holderIdentity"].startswith("0f1e2d3c")
        cluster.kubectl("delete", "pib", "read-dynamodb", "-n", "app")
        assert standin.roles(cluster, "app") == {}
        assert standin.roles(cluster, "jobs")["taken"] == "foreign"
        assert child.terminate() == 0
        records = rights.records_of(cluster, chart.USER)
        assert records, "the audit log has nothing of the operator's user"
        assert rights.refused(cluster, records) == set()
    finally:
        child.kill()
        print(child.tail())


def test_uninstalling_the_chart_keeps_the_bindings(cluster, standin):
    install(cluster)
    kube.kubectl_apply(cluster, kube.namespace("app"))
    kube.kubectl_apply(cluster, kube.binding("app", "reader", "app-sa", "reader-role"))
    kube.helm(cluster, "uninstall", RELEASE, "-n", NAMESPACE)
    assert kube.get_binding(cluster, "app", "reader")
    install(cluster)  # over the CRD that stayed
    assert container(cluster)["args"][1] == "--cluster-name=eks-blue"


def test_the_chart_says_how_aws_is_reached(cluster):
    """As the variables of the AWS SDKs; an empty value sets none."""
    install(
        cluster,
        "aws.useFIPSEndpoint=true",
        "aws.useDualStackEndpoint=true",
        "aws.endpointURLs.sts=https://sts.example:8443",
        "aws.caBundle.configMap=aws-ca",
    )
    rendered = container(cluster)
    found = {entry["name"]: entry["value"] for entry in rendered["env"] if entry["name"].startswith("AWS_")}
    assert found == {
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_ENDPOINT_URL_STS": "https://sts.example:8443",
        "AWS_CA_BUNDLE": "/etc/podbind/aws-ca/ca.crt",
    }
    assert [mount["mountPath"] for mount in rendered["volumeMounts"]] == ["/etc/podbind/aws-ca"]


def test_the_chart_says_what_it_misses(cluster):
    with pytest.raises(Exception, match="clusterName"):
        kube.helm(cluster, "install", RELEASE, CHART, "-n", NAMESPACE, "--create-namespace")
