#!/usr/bin/env bash
# Compile the lock files, with hashes, for every platform: requirements.in to requirements.txt, and the parts of it that
# the images hold.
#
# Usage: scripts/lock.sh [--upgrade]
#
#   --upgrade  take the newest versions; without it, pins that still fit stay

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

compile() {
  local -r from="$1" into="$2"
  shift 2
  log "$into"
  # No index in the output: it would name one machine's mirror.
  # Extras stay: pip refuses `name[extra]` of a dependency under hashes when only `name` is pinned and a newer one is out.
  "$VENV/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
    --custom-compile-command scripts/lock.sh "$@" --output-file "$into" "$from" >/dev/null
}

main() {
  local part
  local -a options=()
  while (($#)); do
    case "$1" in
      --upgrade) options=(--upgrade) SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  compile "$SOURCE_PROJECT/requirements.in" "$SOURCE_PROJECT/requirements.txt" ${options[@]+"${options[@]}"}
  # The images' locks take their versions from the whole one.
  for part in services gateway; do
    compile "$SOURCE_PROJECT/requirements-$part.in" "$SOURCE_PROJECT/requirements-$part.txt" --constraint "$SOURCE_PROJECT/requirements.txt"
  done
  compile requirements-dev.in requirements-dev.txt ${options[@]+"${options[@]}"}
}

cd "$REPO_ROOT"
main "$@"
