#!/usr/bin/env bash
# Make an administrator of an instance. The password is asked for, or read as one line from standard input; it is never
# an argument, since those are readable by everybody on the machine. The instance's database must be running.
#
# Usage: scripts/create-admin.sh --email E [--name N] [--promote] [--project pro1|pro2|…] [--local|--docker]
#
#   --email    the address to log in with
#   --name     the full name (optional)
#   --promote  make an existing account an administrator; no password is needed
#   --project  which instance (default: a menu on a terminal, else pro1)
#   --local    by its processes; --docker: in its containers (default: as it was started last)
#
# Prints the user's id. Exit code 0 when it is done, 1 when it is refused, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local email='' name=''
  local -a options=()
  while (($#)); do
    case "$1" in
      --email | --name)
        [[ -n "${2:-}" ]] || misuse "$1 needs a value"
        printf -v "${1#--}" '%s' "$2"
        SHIFT=2
        ;;
      --email=*) email="${1#*=}" SHIFT=1 ;;
      --name=*) name="${1#*=}" SHIFT=1 ;;
      --promote) options+=(--promote) SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  [[ -n "$email" ]] || misuse '--email is missing'
  [[ -z "$name" ]] || options+=("--name=$name")
  select_projects
  [[ "$PROJECTS" != all ]] || misuse 'one instance at a time: --project pro1'
  require_environment
  local_mode admin --project "${SELECTED[0]}" ${MODE:+"--$MODE"} -- "--email=$email" ${options[@]+"${options[@]}"}
}

main "$@"
