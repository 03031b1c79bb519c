# shellcheck shell=bash
# What every script here shares: strict mode, messages, the virtual environment, the instances, --help and --project.

set -Eeuo pipefail
trap 'on_error "$LINENO" "$BASH_COMMAND" "$?"' ERR

REPO_ROOT="$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)"
readonly REPO_ROOT
readonly VENV="${VENV:-$REPO_ROOT/.venv}"
readonly SOURCE_PROJECT=backend-pro1
export VENV REPO_ROOT

# Options that parse_common understands fill these.
PROJECTS=''
SELECTED=()
MODE=''
ASSUME_YES=''

log() { printf '%s\n' "$*" >&2; }

die() {
  log "error: $*"
  exit 1
}

misuse() {
  log "error: $*"
  log "Run ${0##*/} --help to see the options."
  exit 2
}

on_error() {
  # The command already said what was wrong; this adds where.
  log "${0##*/}: stopped at line $1 (exit $3): $2"
  exit "$3"
}

# The header comment of the running script, without the hashes.
show_usage() {
  awk 'NR == 1 && /^#!/ { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"
}

on_terminal() { [[ -t 0 && -t 2 && -z "$ASSUME_YES" ]]; }

# Names of the instances in this checkout: pro1 pro2 …
instances() {
  local folder
  for folder in "$REPO_ROOT"/backend-pro[0-9]*/; do
    folder="${folder%/}"
    printf '%s\n' "${folder##*/backend-}"
  done
}

known_instance() { [[ -d "$REPO_ROOT/backend-$1" || -f "$REPO_ROOT/.run/$1/instance.json" ]]; }

# Fill PROJECTS by a menu.
choose_project() {
  local name
  log 'Which instance?'
  for name in $(instances) all; do log "  $name"; done
  read -r -p 'Instance [pro1]: ' PROJECTS
  PROJECTS="${PROJECTS:-pro1}"
}

# Fill SELECTED with the instances to act on: --project, else a menu on a terminal, else pro1.
select_projects() {
  local name
  if [[ -z "$PROJECTS" ]]; then
    if on_terminal; then choose_project; else PROJECTS=pro1; fi
  fi
  if [[ "$PROJECTS" == all ]]; then
    for name in $(instances); do SELECTED+=("$name"); done
  elif known_instance "$PROJECTS"; then
    SELECTED=("$PROJECTS")
  else
    misuse "no instance '$PROJECTS'; there are: $(instances | tr '\n' ' ')and all"
  fi
}

# Take one common option from the front of "$@"; SHIFT says how many words it was, 0 when it was none of them.
# shellcheck disable=SC2034 # SHIFT is for the callers
parse_common() {
  SHIFT=1
  case "$1" in
    --help | -h)
      show_usage
      exit 0
      ;;
    --project)
      [[ -n "${2:-}" ]] || misuse '--project needs a name'
      PROJECTS="$2"
      SHIFT=2
      ;;
    --project=*) PROJECTS="${1#*=}" ;;
    --yes | -y) ASSUME_YES=1 ;;
    --local | --docker) MODE="${1#--}" ;;
    *) SHIFT=0 ;;
  esac
}

# How instance $1 runs: what was asked for, else what was started last, else local.
mode_of() {
  local mode="$MODE"
  [[ -n "$mode" || ! -f "$REPO_ROOT/.run/$1/mode" ]] || mode="$(<"$REPO_ROOT/.run/$1/mode")"
  printf '%s\n' "${mode:-local}"
}

# scripts/instances: the part that is Python. It says itself what is wrong, so its failure ends the script without more words.
local_mode() { "$VENV/bin/python" "$REPO_ROOT/scripts/instances" "$@" || exit "$?"; }

lock_digest() { cat "$@" | cksum | tr -d ' \n'; }

# An environment does not survive being moved: its scripts name the place where it was made.
venv_in_place() { grep -qsF " $VENV" "$VENV/pyvenv.cfg"; }

# Whether the environment holds what the lock files ask for; $1 is `dev` for the tools of tests as well.
environment_current() {
  local -r kind="${1:-run}"
  [[ -x "$VENV/bin/python" && -f "$VENV/.installed-$kind" ]] && venv_in_place &&
    [[ "$(<"$VENV/.installed-$kind")" == "$(wanted_digest "$kind")" ]]
}

wanted_digest() {
  local -a files=("$REPO_ROOT/$SOURCE_PROJECT/requirements.txt")
  [[ "$1" == run ]] || files+=("$REPO_ROOT/requirements-dev.txt")
  lock_digest "${files[@]}"
}

require_environment() {
  environment_current run || die 'the environment is not set up: run ./scripts/setup.sh'
}
