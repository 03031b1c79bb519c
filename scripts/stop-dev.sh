#!/usr/bin/env bash
# Stop instances. Data is kept unless --purge says otherwise.
#
# Usage: scripts/stop-dev.sh [--project pro1|pro2|…|all] [--local|--docker] [--purge] [--yes]
#
#   --project  which instance (default: a menu on a terminal, else pro1)
#   --local    its processes; --docker: its containers (default: as it was started last)
#   --purge    also delete the data, after asking; off a terminal it needs --yes
#   --yes      never ask

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

confirm_purge() {
  local answer
  [[ -z "$ASSUME_YES" ]] || return 0
  local_mode purge --list "$@"
  on_terminal || die '--purge deletes data: add --yes to confirm'
  read -r -p 'Delete all of this for ever? [y/N] ' answer
  [[ "$answer" == [yY]* ]] || die 'nothing was deleted'
}

main() {
  local -a projects=()
  local project purge=''
  while (($#)); do
    case "$1" in
      --purge) purge=1 SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  select_projects
  for project in "${SELECTED[@]}"; do projects+=(--project "$project"); done
  projects+=(${MODE:+"--$MODE"})
  require_environment
  [[ -z "$purge" ]] || confirm_purge "${projects[@]}"
  local_mode down "${projects[@]}"
  [[ -z "$purge" ]] || local_mode purge "${projects[@]}"
}

main "$@"
