#!/usr/bin/env bash
# Bring a running instance to the code of this checkout: look, back up, get the images, migrate, replace what runs, verify.
# In production containers no request fails meanwhile; in local mode the services are away for some seconds.
# What fails is taken back as far as it goes; see "Upgrade and rolling restart" in DEPLOYMENT_GUIDE.md.
#
# Usage: scripts/upgrade.sh [--project pro1|pro2|…] [--check] [--no-backup] [--tag TAG] [--back] [--restore-database]
#                           [--local|--docker] [--yes]
#
#   --project           which instance (default: a menu on a terminal, else pro1)
#   --check             only look whether an upgrade can be made
#   --no-backup         make no backup first
#   --tag               use images of this tag (default: a tag of the commit and the content; built when it is new)
#   --back              take the last upgrade back: the former images again (containers only)
#   --restore-database  on the way back put the database back too: what was written since the backup is lost
#   --local|--docker    how the instance runs (default: as it was started last)
#   --yes               never ask; the database then stays migrated on the way back
#
# Interrupted, it says where it stands; run again, it goes on. Exit code 0 when all is done, 1 when not, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=()
  while (($#)); do
    case "$1" in
      --check | --no-backup | --back | --restore-database) options+=("$1") SHIFT=1 ;;
      --tag)
        [[ -n "${2:-}" ]] || misuse '--tag needs a value'
        options+=("--tag=$2") SHIFT=2
        ;;
      --tag=*) options+=("$1") SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  select_projects
  [[ "$PROJECTS" != all ]] || misuse 'one instance at a time: --project pro1'
  # The new code may need other packages.
  environment_current run || "$REPO_ROOT/scripts/setup.sh" || exit "$?"
  exec "$VENV/bin/python" "$REPO_ROOT/scripts/instances" upgrade --project "${SELECTED[0]}" ${MODE:+"--$MODE"} -- \
    ${options[@]+"${options[@]}"} ${ASSUME_YES:+--yes}
}

main "$@"
