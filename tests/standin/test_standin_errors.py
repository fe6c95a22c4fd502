# SPDX-License-Identifier: Apache-2.0
"""Every operation with every error that botocore's model of it has, and the waiter: typed by boto3."""

from __future__ import annotations

import pytest
from botocore import UNSIGNED
from botocore.exceptions import WaiterError
from test_standin import ROLE
from test_standin_weather import fault

ARN = "arn:aws:eks:us-west-2:111122223333:podidentityassociation/blue/a-abcdefghijklmnop1"
ONE = {"clusterName": "blue", "associationId": "a-abcdefghijklmnop1"}
INPUTS = {
    "eks": {
        "CreatePodIdentityAssociation": {
            "clusterName": "blue",
            "namespace": "app",
            "serviceAccount": "app-sa",
            "roleArn": ROLE,
        },
        "DescribePodIdentityAssociation": ONE,
        "UpdatePodIdentityAssociation": {**ONE, "roleArn": ROLE},
        "DeletePodIdentityAssociation": ONE,
        "ListPodIdentityAssociations": {"clusterName": "blue"},
        "TagResource": {"resourceArn": ARN, "tags": {"k": "v"}},
        "UntagResource": {"resourceArn": ARN, "tagKeys": ["k"]},
        "ListTagsForResource": {"resourceArn": ARN},
        "DescribeCluster": {"name": "blue"},
        "ListClusters": {},
    },
    "iam": {"GetRole": {"RoleName": "reader"}},
    "sts": {
        "GetCallerIdentity": {},
        "AssumeRole": {"RoleArn": ROLE, "RoleSessionName": "podbind"},
        "AssumeRoleWithWebIdentity": {"RoleArn": ROLE, "RoleSessionName": "podbind", "WebIdentityToken": "a.b.c"},
    },
}
OPERATIONS = [(service, operation) for service, rows in INPUTS.items() for operation in rows]


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_every_error_of_the_model_is_typed(aws, service, operation):
    client = aws.client(service, **({"signature_version": UNSIGNED} if operation.endswith("WebIdentity") else {}))
    shapes = client.meta.service_model.operation_model(operation).error_shapes
    method = getattr(client, {name: method for method, name in client.meta.method_to_api_mapping.items()}[operation])
    for shape in shapes:
        modelled = shape.metadata.get("error", {})
        code = modelled.get("code", shape.name)
        status = modelled.get("httpStatusCode", 400)
        fault(aws, operation=operation, error=code, status=status, message="as told", count=1)
        with pytest.raises(client.exceptions.from_code(code)) as caught:
            method(**INPUTS[service][operation])
        assert type(caught.value).__name__ == shape.name
        error = caught.value.response
        assert (error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("as told", status)
    assert sum(aws.counted(operation).values()) == len(shapes)


def test_usual_statuses_are_those_of_the_model(aws):
    """What a fault answers that names an error only."""
    wrong = {}
    for service, operation in OPERATIONS:
        client = aws.client(service, **({"signature_version": UNSIGNED} if operation.endswith("WebIdentity") else {}))
        method = {name: method for method, name in client.meta.method_to_api_mapping.items()}[operation]
        for shape in client.meta.service_model.operation_model(operation).error_shapes:
            modelled = shape.metadata.get("error", {})
            code = modelled.get("code", shape.name)
            fault(aws, operation=operation, error=code, count=1)
            with pytest.raises(client.exceptions.from_code(code)) as caught:
                getattr(client, method)(**INPUTS[service][operation])
            status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
            if status != modelled.get("httpStatusCode", status):
                wrong[operation, code] = status
    assert wrong == {}


def test_the_waiter_for_a_cluster(aws, eks):
    waiter = eks.get_waiter("cluster_active")
    quick = {"Delay": 1, "MaxAttempts": 2}
    waiter.wait(name="blue", WaiterConfig=quick)
    aws.hand("PUT", "clusters/blue", {"status": "CREATING"})
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        waiter.wait(name="blue", WaiterConfig=quick)
    aws.hand("PUT", "clusters/blue", {"status": "FAILED"})
    with pytest.raises(WaiterError, match="terminal failure"):
        waiter.wait(name="blue", WaiterConfig=quick)
