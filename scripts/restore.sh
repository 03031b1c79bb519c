#!/usr/bin/env bash
# Put a backup of scripts/backup.sh into an instance, the one it is of or another with secrets of its own. Every checksum
# is verified before anything is touched; then the services stop, the objects are put back and read back, the database is
# filled beside the one in use and swapped with it in one step, and the services start on it. What fails before the swap
# leaves the old data as it was; running it again works. Logins end; passwords and API keys go on working.
#
# Usage: scripts/restore.sh --project NAME --from FOLDER|s3://BUCKET/PREFIX [--check] [--replace] [--yes]
#                           [--local|--docker]
#
#   --project        which instance it goes to
#   --from           what backup.sh printed: the folder, or the s3:// address, of one backup
#   --check          only verify the backup
#   --replace        delete what the instance holds, once the backup is in its place; asks, and off a terminal needs --yes
#   --local|--docker how the instance runs (default: as it was started last)
#   --yes            never ask
#
# For s3:// the environment must hold BACKUP_S3_ENDPOINT_URL, BACKUP_S3_ACCESS_KEY and BACKUP_S3_SECRET_KEY, and may hold
# BACKUP_S3_REGION (default: us-east-1).
#
# Exit code 0 when it is done, 1 when it is refused or failed, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=()
  local source=''
  while (($#)); do
    case "$1" in
      --from)
        [[ "${2:--}" != -* ]] || misuse '--from needs a value'
        source="$2" SHIFT=2
        ;;
      --from=*) source="${1#*=}" SHIFT=1 ;;
      --check | --replace) options+=("$1") SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  [[ -n "$PROJECTS" ]] || misuse '--project is missing: it names the instance that the backup goes to'
  [[ -n "$source" ]] || misuse '--from is missing: it names the backup, as backup.sh printed it'
  select_projects
  [[ "$PROJECTS" != all ]] || misuse 'one instance at a time: --project pro1'
  [[ -z "$ASSUME_YES" ]] || options+=(--yes)
  require_environment
  # In place of this shell, so that a signal ends the restore itself, which then says what is to be done.
  exec "$VENV/bin/python" "$REPO_ROOT/scripts/instances" restore --project "${SELECTED[0]}" ${MODE:+"--$MODE"} -- \
    "--from=$source" ${options[@]+"${options[@]}"}
}

main "$@"
