#!/usr/bin/env bash
# Follow the logs of an instance: of one service, or of all.
#
# Usage: scripts/logs.sh [SERVICE] [--project pro1|…] [--local|--docker] [--lines N] [--no-follow]
#
#   SERVICE      postgres redis object-store prometheus api-gateway data-service ai-service data-worker ai-worker beat ray
#   --local      of its processes; --docker: of its containers (default: as it was started last)
#   --lines      how many lines of the past to show (default 50)
#   --no-follow  print them and stop

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

services_of() {
  local file
  for file in "$1"/*.log; do
    file="${file##*/}"
    printf '%s ' "${file%.log}"
  done
}

show() {
  local -r folder="$1" service="$2"
  shift 2
  if [[ -z "$service" ]]; then
    exec tail "$@" "$folder"/*.log
  fi
  [[ -f "$folder/$service.log" ]] || misuse "no log of '$service'; there are: $(services_of "$folder")"
  exec tail "$@" "$folder/$service.log"
}

main() {
  local service='' lines=50 follow=-F project folder
  while (($#)); do
    case "$1" in
      --lines) lines="${2:-}" SHIFT=2 ;;
      --lines=*) lines="${1#*=}" SHIFT=1 ;;
      --no-follow) follow='' SHIFT=1 ;;
      [!-]*) service="$1" SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$((SHIFT > $# ? $# : SHIFT))"
  done
  [[ "$lines" =~ ^[0-9]+$ ]] || misuse '--lines needs a number'
  select_projects
  project="${SELECTED[0]}"
  [[ "$PROJECTS" != all ]] || misuse 'logs of one instance at a time: --project pro1'
  if [[ "$(mode_of "$project")" == docker ]]; then
    require_environment
    local_mode logs --project "$project" --docker -- "--tail=$lines" ${follow:+--follow} ${service:+"$service"}
    return
  fi
  folder="$REPO_ROOT/.run/$project/logs"
  [[ -d "$folder" ]] || die "$project has no logs yet: ./scripts/start-dev.sh --project $project"
  show "$folder" "$service" -n "$lines" ${follow:+"$follow"}
}

main "$@"
