#!/usr/bin/env bash
# Print the .env.example of instance N, rendered from env.example.tmpl.
#
# Usage: config/render-env.sh N [PROJECT_ID]

set -Eeuo pipefail

here="$(cd "${BASH_SOURCE[0]%/*}" && pwd)"
readonly here
# shellcheck source=ports.sh
source "$here/ports.sh"

substitutions() {
  local line
  printf 's|@%s@|%s|g\n' PROJECT_ID "$2"
  while IFS= read -r line; do
    printf 's|@%s@|%s|g\n' "${line%%=*}" "${line#*=}"
  done < <(ports_of "$1")
}

main() {
  local -r number="$1" project="${2:-pro$1}"
  sed -e "$(substitutions "$number" "$project")" "$here/env.example.tmpl"
}

main "$@"
