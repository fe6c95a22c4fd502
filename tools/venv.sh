#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# venv.sh: makes build/venv from tests/requirements.txt (versions and hashes pinned), unless the one
# there was made from the same file with the same Python. Prints the path of its python.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=tests/requirements.txt
venv=build/venv

# The first python3 that is new enough and can make a venv: a version manager's may lack ensurepip.
python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$("$candidate" -c 'import sys; print(sys.executable)')
        break
    fi
done
if [ -z "$python" ]; then
    echo "venv: no Python 3.11 or newer with the venv module here: run tools/deps.sh" >&2
    exit 1
fi

mkdir -p build
exec 9>build/venv.lock
flock -w 600 9
stamp="$("$python" -c 'import sys; print(sys.executable, sys.version)') $(sha256sum <"$wanted")"
if [ ! -x "$venv/bin/python" ] || [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
    echo "venv: making $venv from $wanted" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes --only-binary :all: -r "$wanted" >&2
    printf '%s\n' "$stamp" >"$venv/stamp"
fi
echo "$venv/bin/python"
