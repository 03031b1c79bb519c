#!/usr/bin/env bash
# Practise what must work when it is needed, on an instance of the drill's own that is made and deleted by it. None of
# yours is touched. Prints a transcript with figures, and says of each promise whether it held.
#
# Usage: scripts/drill.sh backup|upgrade|keys|disk [--number N] [--small] [--from REVISION] [--only-next]
#                         [--place NAME]...
#
#   backup     an instance at work is backed up, destroyed and restored: is everything there, how long is it away, what is
#              lost
#   upgrade    from the last code with another schema to this checkout, from there to a made-up next release, and each
#              time back again, under load; in a clone of its own, which needs git and the history
#   keys       SECRET_KEY and the passwords of PostgreSQL, Redis and the object store are changed under load: who has to
#              log in again
#   disk       the disks under objects, database, cache and logs become full by turns and are given room. Needs root, for
#              small disks in memory (Linux)
#   --number   number of the instance, which its ports follow (default 94)
#   --small    backup and keys: less work; keys: SECRET_KEY only
#   --from     upgrade: the revision to begin with
#   --only-next  upgrade: only from this checkout to the made-up next release and back
#   --place    disk: only objects, database, cache or logs
#
# Exit code 0 when every promise held, 1 when one did not, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local kind='' number=94
  local -a options=()
  while (($#)); do
    case "$1" in
      backup | upgrade | keys | disk)
        [[ -z "$kind" ]] || misuse "one drill at a time: $kind or $1"
        kind="$1" SHIFT=1
        ;;
      --number)
        [[ "${2:-}" =~ ^[1-9][0-9]{0,2}$ ]] || misuse '--number needs a number from 1 to 999'
        number="$2" SHIFT=2
        ;;
      --from)
        [[ "${2:--}" != -* ]] || misuse '--from needs a revision'
        options+=("$1=$2") SHIFT=2
        ;;
      --place)
        [[ "${2:-}" =~ ^(objects|database|cache|logs)$ ]] || misuse '--place needs objects, database, cache or logs'
        options+=("$1=$2") SHIFT=2
        ;;
      --small | --only-next) options+=("$1") SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  [[ -n "$kind" ]] || misuse 'which drill? backup, upgrade, keys or disk'
  [[ -z "$PROJECTS$MODE" ]] || misuse 'a drill makes an instance of its own, in local mode'
  require_environment
  # In place of this shell, so that a signal ends the drill itself, which then deletes its instance.
  exec "$VENV/bin/python" "$REPO_ROOT/scripts/drills/drill.py" "$kind" --number "$number" ${options[@]+"${options[@]}"}
}

main "$@"
