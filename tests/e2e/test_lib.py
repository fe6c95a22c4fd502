# SPDX-License-Identifier: Apache-2.0
"""What the tests stand on."""

from __future__ import annotations

from child import free_port


def test_no_port_is_given_twice():
    ports = [free_port() for _ in range(500)]
    assert len(set(ports)) == 500
