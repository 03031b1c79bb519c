#!/usr/bin/env bash
# Make the next instance, ready to start: its folder, stamped from backend-pro1; an .env with its ports and random secrets;
# its Kubernetes overlay, where pro1 has one; and its column in the README's table of ports. A call that was interrupted is
# finished by the next one. An instance that was removed with --keep-data comes back with its data.
#
# Usage: scripts/new-project.sh [--number N] [--yes]
#
#   --number  which number (default: the one after the largest)
#   --yes     never ask; off a terminal nobody is asked anyway
#
# Exit code 0 when it is there, 1 when it is refused, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local number=''
  local -a options=()
  while (($#)); do
    case "$1" in
      --number)
        [[ -n "${2:-}" ]] || misuse '--number needs a number'
        number="$2" SHIFT=2
        ;;
      --number=*) number="${1#*=}" SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  [[ "$number" =~ ^([1-9][0-9]{0,3})?$ ]] || misuse "--number needs a number like 3, not '$number'"
  [[ -z "$PROJECTS$MODE" ]] || misuse 'an instance is made by its number: --number 3'
  [[ -z "$number" ]] || options+=("--number=$number")
  [[ -z "$ASSUME_YES" ]] || options+=(--yes)
  environment_current run || "$REPO_ROOT/scripts/setup.sh" || exit "$?"
  exec "$VENV/bin/python" "$REPO_ROOT/scripts/instances/projects.py" new ${options[@]+"${options[@]}"}
}

main "$@"
