# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests and the demo share: the servers they run, and small helpers."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "controlplane"))
