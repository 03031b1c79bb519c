#!/usr/bin/env bash
# Stamp every backend-proN from backend-pro1, every .env.example from config/env.example.tmpl, and the README's table of
# ports from config/ports.sh.
#
# Usage: scripts/sync-projects.sh [--check | --add [N]]
#
#   --check  change nothing; exit 1 and name the files when a copy or the table drifted
#   --add    stamp the next copy, or the one with number N; scripts/new-project.sh does this and all that is needed beside it
#
# What git ignores (.env, caches) is neither copied nor touched.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit
# shellcheck source=../config/ports.sh
source "$REPO_ROOT/config/ports.sh"

# Files below $1 that git would track and that exist, NUL-separated.
own_files() {
  local file
  while IFS= read -r -d '' file; do
    if [[ -e "$file" || -L "$file" ]]; then printf '%s\0' "$file"; fi
  done < <(git ls-files -z --cached --others --exclude-standard -- "$1")
}

export_tree() {
  local -r from="$1" into="$2"
  mkdir -p "$into"
  own_files "$from" | tar -c --null -T - -f - | tar -x -C "$into" --strip-components=1 -f -
}

# What the copy numbered $1 should be, into folder $2.
render() {
  local -r number="$1" into="$2"
  export_tree "$SOURCE_PROJECT" "$into"
  "$REPO_ROOT/config/render-env.sh" "$number" >"$into/.env.example"
}

stamp() {
  local -r copy="$1"
  log "stamping $copy"
  own_files "$copy" | xargs -0 rm -f --
  render "${copy#backend-pro}" "$copy"
  find "$copy" -type d -empty -delete
}

# The numbers of the instances, smallest first.
numbers() { instances | sed 's/^pro//' | sort -n; }

# Put the table of ports into file $1, a README.
render_table() {
  # shellcheck disable=SC2046 # one word a number
  "$REPO_ROOT/config/render-ports.sh" --into "$1" $(numbers)
}

executables() { (cd "$1" && find . -type f -perm -u+x | sort); }

drifted() {
  local -r copy="$1"
  local scratch="$2/$1"
  render "${copy#backend-pro}" "$scratch/expected"
  export_tree "$copy" "$scratch/actual"
  ! diff -r "$scratch/expected" "$scratch/actual" >"$scratch/differences" ||
    [[ "$(executables "$scratch/expected")" != "$(executables "$scratch/actual")" ]]
}

check() {
  local copy scratch found=''
  scratch="$(mktemp -d)"
  # shellcheck disable=SC2064 # the name is wanted as it is now
  trap "rm -rf '$scratch'" EXIT
  for copy in "$SOURCE_PROJECT" "$@"; do
    if drifted "$copy" "$scratch"; then
      log "$copy drifted ($SOURCE_PROJECT and the template against what is there):"
      sed -e "s|$scratch/$copy/||g" "$scratch/$copy/differences" | grep -E '^(diff|Only)' >&2 || log '  file modes differ'
      found=1
    fi
  done
  if [[ -f README.md ]]; then
    cp README.md "$scratch/README.md"
    render_table "$scratch/README.md"
    if ! diff README.md "$scratch/README.md" >&2; then
      log 'the table of ports in README.md drifted'
      found=1
    fi
  fi
  [[ -z "$found" ]] || die "edit $SOURCE_PROJECT or config/env.example.tmpl, then run ./scripts/sync-projects.sh"
  log "$# copies match $SOURCE_PROJECT"
}

# The new folder appears whole or not at all.
add() {
  local -r number="$1"
  local -r copy="backend-pro$number" draft=".run/stamping-pro$number"
  ((number <= MAXIMUM_NUMBER)) || die "instance $number would collide with the ports of another: at most $MAXIMUM_NUMBER"
  [[ ! -e "$copy" ]] || die "$copy is there already"
  rm -rf "$draft"
  log "stamping $copy"
  render "$number" "$draft"
  mv "$draft" "$copy"
  log "Made pro$number. Next: ./scripts/setup.sh && ./scripts/start-dev.sh --project pro$number"
}

main() {
  local name highest=1
  local -a copies=()
  for name in $(instances); do
    [[ "backend-$name" == "$SOURCE_PROJECT" ]] || copies+=("backend-$name")
    ((${name#pro} <= highest)) || highest="${name#pro}"
  done
  case "${1:-}" in
    --check) check ${copies[@]+"${copies[@]}"} ;;
    --add)
      [[ "${2:-$highest}" =~ ^[1-9][0-9]*$ ]] || misuse "--add takes a number from 1 to $MAXIMUM_NUMBER, not '$2'"
      add "${2:-$((highest + 1))}"
      ;;
    '')
      "$REPO_ROOT/config/render-env.sh" 1 >"$SOURCE_PROJECT/.env.example"
      for name in ${copies[@]+"${copies[@]}"}; do stamp "$name"; done
      [[ ! -f README.md ]] || render_table README.md
      ;;
    --help | -h) show_usage ;;
    *) misuse "unknown option '$1'" ;;
  esac
}

cd "$REPO_ROOT"
main "$@"
