#!/usr/bin/env bash
# Remove an instance for good: its data, its folder with its .env, its Kubernetes overlay and its column in the README's
# table of ports. Shows what goes, offers a backup and asks. pro1 is the source of all others and is never removed.
#
# Usage: scripts/remove-project.sh --project pro2|pro3|… [--keep-data] [--yes]
#
#   --project    which instance
#   --keep-data  leave its data, and its .env beside it, for scripts/new-project.sh --number N to take up again
#   --yes        never ask; off a terminal it is needed. One that runs is then refused: stop it first
#
# Exit code 0 when it is gone, 1 when it is refused, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=()
  while (($#)); do
    case "$1" in
      --keep-data) options+=("$1") SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  [[ -n "$PROJECTS" ]] || misuse 'which instance? --project pro3'
  [[ "$PROJECTS" != all ]] || misuse 'one instance at a time: --project pro3'
  [[ -z "$MODE" ]] || misuse "what an instance has goes in either mode: leave --$MODE out"
  [[ -z "$ASSUME_YES" ]] || options+=(--yes)
  require_environment
  exec "$VENV/bin/python" "$REPO_ROOT/scripts/instances/projects.py" remove --project "$PROJECTS" ${options[@]+"${options[@]}"}
}

main "$@"
