#!/usr/bin/env bash
# Prepare the tests of deployments/: a kubectl that renders them. Where the system's is too old or missing, Debian's of a newer
# release is unpacked into .run/kubectl/, without root and beside the system. Ends with 77 and a line that says why where there
# can be none.
#
# Usage: tests/deployments/prepare.sh

# shellcheck source=../../scripts/lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../scripts/lib/common.sh" || exit

readonly STATE="$REPO_ROOT/.run/kubectl"
readonly PROGRAM="$STATE/kubectl"
readonly IMPOSSIBLE=77
# Debian's first release whose kubectl knows components.
readonly SUITE=trixie

impossible() {
  log "no kubectl: $*"
  exit "$IMPOSSIBLE"
}

renders() { "$1" kustomize "$REPO_ROOT/deployments/examples/small" >/dev/null 2>&1; }

# apt with lists of its own, which know only the newer release.
newer_apt() {
  apt-get --option "Dir::Etc::sourcelist=$STATE/sources.list" --option Dir::Etc::sourceparts=- \
    --option "Dir::State::Lists=$STATE/lists" --option "Dir::Cache=$STATE" --quiet=2 "$@"
}

fetch() {
  local source key
  command -v apt-get >/dev/null || impossible 'none that renders, and this machine has no apt to get one with'
  source="$(sed --quiet 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)"
  key="$(sed --quiet 's/^Signed-By: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)"
  [[ -n "$source" ]] || impossible 'none that renders, and this machine does not say where Debian is'
  mkdir -p "$STATE/lists/partial" "$STATE/archives/partial"
  echo "deb${key:+ [signed-by=$key]} $source $SUITE main" >"$STATE/sources.list"
  { newer_apt update && cd "$STATE" && newer_apt download "kubectl/$SUITE"; } >"$STATE/apt.log" 2>&1 ||
    impossible "it cannot be downloaded ($(tail -n 1 "$STATE/apt.log"))"
  dpkg-deb --extract "$STATE"/kubectl_*.deb "$STATE/files"
  cp "$STATE/files/usr/bin/kubectl" "$PROGRAM"
  rm -rf "$STATE/files" "$STATE/lists" "$STATE"/*.deb "$STATE"/*.bin
}

main() {
  while (($#)); do
    parse_common "$@"
    misuse "unknown option '$1'"
  done
  ! renders kubectl || return 0
  ! renders "$PROGRAM" || return 0
  fetch
  renders "$PROGRAM" || die "$("$PROGRAM" kustomize "$REPO_ROOT/deployments/examples/small" 2>&1 >/dev/null | tail -n 1)"
}

main "$@"
