#!/usr/bin/env bash
# Prepare the tests of containers: an engine, the images that the compose files name, and our own images' layers.
# Ends with 77 and a line that says why where there can be no engine. Running it again changes only what changed.
#
# Usage: tests/containers/prepare.sh

# shellcheck source=../../scripts/lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../scripts/lib/common.sh" || exit

readonly HERE="$REPO_ROOT/tests/containers"

step() {
  local -r begun="$SECONDS" name="$1"
  shift
  "$@" || exit "$?"
  log "$name: $((SECONDS - begun)) s"
}

# What takes long of it is kept for the instances, which are built from a copy of the same files.
build() {
  local target
  for target in gateway full; do
    docker build --quiet --target "$target" --tag "ct-$target:prepared" "$REPO_ROOT/$SOURCE_PROJECT" >/dev/null
  done
}

main() {
  while (($#)); do
    parse_common "$@"
    misuse "unknown option '$1'"
  done
  step 'engine' "$HERE/engine.sh" start
  step 'images that the compose files name' "$HERE/base_images.sh"
  # As the tests will: a client of our own brings its builder.
  docker compose version >/dev/null 2>&1 || export DOCKER_CONFIG="$REPO_ROOT/.run/containers/client"
  step 'our images' build
}

main "$@"
