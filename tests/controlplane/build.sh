#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the pinned control plane (go.mod, helm/go.mod) and prints the directory that holds
# etcd, kube-apiserver, kube-controller-manager, kubectl and helm. Progress goes to stderr.
#
# The binaries are kept in ${XDG_CACHE_HOME:-$HOME/.cache}/podbind/<hash>, so a second call is
# instant. PODBIND_KUBE_BIN=dir uses the binaries in that directory instead (setup-envtest's layout).
set -euo pipefail

kube_version=v1.37.2
helm_version=v4.3.1
go_wanted=26  # of 1.26
free_wanted=10 # GB

say() { echo "controlplane: $*" >&2; }
die() { say "$*"; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH="$PATH:/usr/local/go/bin"

use_given() {
    local dir=$1 name
    [[ -d $dir ]] || die "PODBIND_KUBE_BIN=$dir is not a directory; expected one that holds kube-apiserver, etcd and kubectl."
    for name in kube-apiserver etcd kubectl; do
        [[ -x $dir/$name ]] || die "PODBIND_KUBE_BIN=$dir holds no $name; expected kube-apiserver, etcd and kubectl there."
    done
    [[ -x $dir/kube-controller-manager ]] ||
        say "no kube-controller-manager in $dir: namespaces will not terminate and no default ServiceAccount will appear."
    [[ -x $dir/helm ]] || say "no helm in $dir: what needs helm will not run."
    (cd "$dir" && pwd)
}

need_go() {
    local found=none
    if command -v go >/dev/null; then found=$(go env GOVERSION); fi
    [[ $found =~ ^go1\.([0-9]+) && ${BASH_REMATCH[1]} -ge $go_wanted ]] ||
        die "expected Go 1.$go_wanted or newer on PATH to build Kubernetes $kube_version, found $found (or set PODBIND_KUBE_BIN to a directory of ready binaries)."
}

need_disk() {
    local dir=$1 free
    while [[ ! -d $dir ]]; do dir=$(dirname "$dir"); done
    free=$(df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1000 / 1000 * 1.024) }')
    [[ $free -ge $free_wanted ]] ||
        die "expected $free_wanted GB of free disk at $dir to build Kubernetes $kube_version, found $free GB."
}

# timed <what> <command...>: one line with its seconds; the command's own words only where it fails
timed() {
    local what=$1 start=$SECONDS
    shift
    say "$what ..."
    if ! "$@" >"$log" 2>&1 9>&-; then
        { grep -v '^go: downloading' "$log" || true; } | tail -n 20 >&2
        die "$what failed; Go's own words are above (its modules come from $(go env GOPROXY))."
    fi
    say "$what: $((SECONDS - start)) s"
}

compile() { # <module dir> <output> <package> <ldflags>
    go build -C "$1" -mod=readonly -trimpath -buildvcs=false -gcflags=all=-dwarf=false \
        -ldflags "-s -w $4" -o "$2" "$3"
}

build_all() {
    local out=$1 start=$SECONDS flags="" package name
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags+=" -X $package.gitVersion=$kube_version -X $package.gitMajor=1 -X $package.gitMinor=37"
    done
    say "building Kubernetes $kube_version, etcd and helm $helm_version; once; 6 to 10 minutes on 2 cores"
    timed "Go modules" go list -C "$here" -mod=readonly -deps \
        go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kubectl}
    timed etcd compile "$here" "$out/etcd" go.etcd.io/etcd/server/v3 ""
    for name in kube-apiserver kube-controller-manager kubectl; do
        timed "$name" compile "$here" "$out/$name" "k8s.io/kubernetes/cmd/$name" "$flags"
    done
    timed helm compile "$here/helm" "$out/helm" helm.sh/helm/v4/cmd/helm \
        "-X helm.sh/helm/v4/internal/version.version=$helm_version"
    say "built in $((SECONDS - start)) s"
}

main() {
    if [[ -n ${PODBIND_KUBE_BIN:-} ]]; then
        use_given "$PODBIND_KUBE_BIN"
        return
    fi
    local cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}} hash
    [[ -n $cache ]] || die "expected HOME or XDG_CACHE_HOME to be set: the built control plane is kept there."
    hash=$(cat "$here"/{,helm/}go.{mod,sum} "$here/build.sh" | sha256sum | cut -c1-16)
    final=$cache/podbind/$hash
    if [[ ! -d $final ]]; then
        need_go
        need_disk "$cache"
        need_disk "$(go env GOCACHE)"
        mkdir -p "$cache/podbind"
        exec 9>"$final.lock"
        flock -n 9 || { say "waiting for another build of the same binaries"; flock 9; }
    fi
    if [[ ! -d $final ]]; then
        export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local
        export GOGC=400 # of the compiler: a fifth less CPU time together with -dwarf=false
        log=$final.log
        rm -rf "$final.new"
        mkdir "$final.new"
        trap 'rm -rf "${final:?}.new"' EXIT
        build_all "$final.new"
        mv -T "$final.new" "$final"
    fi
    echo "$final"
}

main
