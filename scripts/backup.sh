#!/usr/bin/env bash
# Make a backup of an instance while it runs: its database as of one moment, and every object that this refers to, each
# with its SHA-256. Nothing of .env is in it: keep that apart (see "Backup and restore" in DEPLOYMENT_GUIDE.md).
#
# Usage: scripts/backup.sh [--project pro1|pro2|…] [--to FOLDER | --to s3://BUCKET/PREFIX] [--keep N] [--accept-damage]
#                          [--local|--docker]
#
#   --project        which instance (default: a menu on a terminal, else pro1)
#   --to             where backups are collected: this one goes to FOLDER/INSTANCE/TIME (default: backups/ in this
#                    checkout, which no purge deletes)
#   --keep           afterwards keep only the N newest backups of this instance there
#   --accept-damage  make it even if objects are lost or damaged; the manifest names them
#   --local|--docker how the instance runs (default: as it was started last)
#   --yes            never ask
#
# For s3:// the environment must hold BACKUP_S3_ENDPOINT_URL, BACKUP_S3_ACCESS_KEY and BACKUP_S3_SECRET_KEY, and may hold
# BACKUP_S3_REGION (default: us-east-1).
#
# Prints where the backup is. Exit code 0 when it is complete, 1 when there is none, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=()
  while (($#)); do
    case "$1" in
      --to | --keep)
        [[ "${2:--}" != -* ]] || misuse "$1 needs a value"
        options+=("$1=$2") SHIFT=2
        ;;
      --to=* | --keep=*) options+=("$1") SHIFT=1 ;;
      --accept-damage) options+=("$1") SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  select_projects
  [[ "$PROJECTS" != all ]] || misuse 'one instance at a time: --project pro1'
  require_environment
  # In place of this shell, so that a signal ends the backup itself, which then removes what it has written.
  exec "$VENV/bin/python" "$REPO_ROOT/scripts/instances" backup --project "${SELECTED[0]}" ${MODE:+"--$MODE"} -- \
    ${options[@]+"${options[@]}"}
}

main "$@"
