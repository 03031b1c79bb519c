#!/usr/bin/env bash
# Follow the logs of an instance: of one service, or of all. Or gather the lines of a request or a task from all of them.
#
# Usage: scripts/logs.sh [SERVICE] [--project pro1|…] [--local|--docker] [--lines N] [--no-follow]
#        scripts/logs.sh [--request ID | --task ID] [--level LEVEL] [--since TIME] [--project pro1|…] [--local|--docker]
#
#   SERVICE      postgres redis object-store prometheus api-gateway data-service ai-service data-worker ai-worker beat ray
#   --local      of its processes; --docker: of its containers (default: as it was started last)
#   --lines      how many lines of the past to show (default 50)
#   --no-follow  print them and stop
#   --request    all lines of the request with this X-Request-ID, those of the tasks that it made too, in order of time
#   --task       all lines of this task, from whichever process ran it
#   --level      only those at least so grave: debug info warning error critical
#   --since      only those since then: an age like 15m, 2h or 1d, or a time like 2026-01-31T12:00Z
#
# Gathered lines are readable in a terminal and JSON otherwise; exit code 1 if there are none.

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
  local -a wish=()
  while (($#)); do
    case "$1" in
      --lines) lines="${2:-}" SHIFT=2 ;;
      --lines=*) lines="${1#*=}" SHIFT=1 ;;
      --no-follow) follow='' SHIFT=1 ;;
      --request | --task | --level | --since)
        [[ -n "${2:-}" ]] || misuse "$1 needs a value"
        wish+=("$1=$2") SHIFT=2
        ;;
      --request=* | --task=* | --level=* | --since=*) wish+=("$1") SHIFT=1 ;;
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
  if ((${#wish[@]})); then
    [[ -z "$service" ]] || misuse "lines are gathered from all services: leave out '$service'"
    require_environment
    local_mode lines --project "$project" ${MODE:+"--$MODE"} -- "${wish[@]}"
    return
  fi
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
