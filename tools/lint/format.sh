#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# format.sh [--write]: says which C files clang-format would change, or changes them.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t files < <(find base crds kube aws reconcile informers controller cli tests \
    -name '*.[ch]' 2>/dev/null | sort)
[ ${#files[@]} -gt 0 ] || { echo "0 files"; exit 0; }
if [ "${1:-}" = --write ]; then
    exec clang-format-14 -i "${files[@]}"
fi
clang-format-14 --dry-run -Werror "${files[@]}" 2>&1 | awk -F: '
    / error: / { if (!count[$1]++) { order[++n] = $1; line[$1] = $2 } }
    END {
        for (i = 1; i <= n; i++)
            printf "%s:%s: not formatted, here and in %d more places: make fmt\n", order[i], line[order[i]], count[order[i]] - 1
        exit n > 0
    }'
echo "${#files[@]} files"
