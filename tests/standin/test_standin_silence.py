# SPDX-License-Identifier: Apache-2.0
"""Faults in which hardly anything comes back: an empty body, silence."""

from __future__ import annotations

import http.client
import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError
from test_standin import ROLE, listed
from test_standin_weather import fault, signed


def test_an_answer_without_a_body(aws, eks):
    fault(aws, operation="CreatePodIdentityAssociation", kind="empty", count=1, afterEffect=True)
    body = json.dumps({"namespace": "app", "serviceAccount": "sa", "roleArn": ROLE}).encode()
    status, _, text = signed(aws, "POST", "/clusters/blue/pod-identity-associations", body)
    assert (status, text) == (200, "")
    assert [a["serviceAccount"] for a in listed(eks)] == ["sa"]
    assert aws.counted("CreatePodIdentityAssociation") == {"empty-after-effect": 1}
    fault(aws, operation="ListPodIdentityAssociations", status=503, kind="empty", count=1)
    with pytest.raises(ClientError, match="503"):
        listed(eks)


def test_silence_on_a_connection_that_lives(aws, eks):
    """The hung request holds its connection; others are served."""
    connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=1)
    connection.request("GET", "/_standin/settings")
    connection.getresponse().read()
    fault(aws, kind="hang", count=1)
    request = botocore.awsrequest.AWSRequest("GET", f"{aws.url}/clusters")
    keys = botocore.credentials.Credentials("AKIASTANDINTESTS", "secret/with+signs=")
    botocore.auth.SigV4Auth(keys, "eks", "us-west-2").add_auth(request)
    connection.request("GET", "/clusters", headers=dict(request.headers))
    with pytest.raises(TimeoutError):
        connection.getresponse()
    assert listed(eks) == []
    connection.close()
