#!/usr/bin/env bash
# Show every part of the instances: state, URL, version, latency. Each is asked, not assumed.
#
# Usage: scripts/status.sh [--project pro1|pro2|…|all] [--local|--docker] [--json]
#
#   --project  which instance (default: all; one that was never started is then no error)
#   --local    its processes; --docker: its containers (default: as it was started last)
#   --json     machine-readable
#
# Exit code 0 when every enabled part is healthy or degraded, else 1.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=()
  while (($#)); do
    case "$1" in
      --json) options+=(--json) SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  require_environment
  [[ -z "$MODE" ]] || options+=("--$MODE")
  if [[ -n "$PROJECTS" && "$PROJECTS" != all ]]; then
    select_projects
    options+=(--project "$PROJECTS")
  fi
  local_mode status ${options[@]+"${options[@]}"}
}

main "$@"
