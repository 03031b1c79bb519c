#!/usr/bin/env bash
# Try every crossing between running instances, for real: tokens, keys, ids, database roles, Redis, queues, object store,
# Ray, webhooks, files and networks. Each is first tried at home, since a refusal proves nothing where the door is shut for
# everybody. Prints a matrix. Makes an account at each instance for that and deletes it again.
#
# Usage: scripts/check-isolation.sh [--project pro1 --project pro2 …|--project all] [--json] [--local|--docker]
#
#   --project  two or more instances, which must be running (default: all)
#   --json     machine-readable
#   --local, --docker  how they run (default: as they do)
#
# Exit code 0 when every crossing is refused or does not apply, 1 when one is allowed or unproven, 2 for a wrong option or
# instances that do not run.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=() names=() chosen=()
  local name
  while (($#)); do
    case "$1" in
      --json) options+=(--json) SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
    [[ -z "$PROJECTS" ]] || names+=("$PROJECTS")
    PROJECTS=''
  done
  ((${#names[@]})) || names=(all)
  for PROJECTS in "${names[@]}"; do
    SELECTED=()
    select_projects
    chosen+=("${SELECTED[@]}")
  done
  mapfile -t names < <(printf '%s\n' "${chosen[@]}" | awk '!seen[$0]++')
  ((${#names[@]} > 1)) || misuse 'isolation is between two instances: --project pro1 --project pro2'
  require_environment
  for name in "${names[@]}"; do options+=(--project "$name"); done
  local_mode isolation "${options[@]}" ${MODE:+"--$MODE"}
}

main "$@"
