#!/usr/bin/env bash
# Set up what tests need and run them all: unit tests, integration tests against real servers, repository checks, and
# end-to-end, adversarial and fault tests against running instances of its own (test1 and so on), which are removed
# again; one of them is watched by Prometheus and Alertmanager, where these are or can be installed; and two instances
# in containers, where there is an engine or one can be started.
#
# Usage: scripts/test.sh [--unit] [--integration] [--repository] [--e2e] [--monitoring] [--containers] [--keep]
#                        [-- PYTEST-ARGUMENTS]
#
#   --unit, --integration, --repository, --e2e, --monitoring, --containers  only these (default: all)
#   --keep                                                                  leave the instances running afterwards
#
# Without PYTEST-ARGUMENTS the parts are cut into pieces, of which SIDE_BY_SIDE (default: one a core, 2 at least and 4
# at most) run at a time. What a piece says is shown when it has ended, and its failures again in the summary. Where at
# most three tests against servers have failed, those run once more: if they pass then, the summary names them as
# unsteady, which is a bug to look into.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit
# shellcheck source=lib/test-instances.sh
source "$REPO_ROOT/scripts/lib/test-instances.sh"
# shellcheck source=lib/pytest.sh
source "$REPO_ROOT/scripts/lib/pytest.sh"

readonly ALL_PARTS='unit integration repository e2e monitoring containers'
# In the order in which they begin: the longest first, and containers when their images are ready.
readonly PIECES='e2e:instances e2e:attacks monitoring:all integration:first integration:second containers:all unit:first unit:second repository:all'
CORES="$(nproc 2>/dev/null || sysctl -n hw.ncpu)"
readonly SIDE_BY_SIDE="${SIDE_BY_SIDE:-$((CORES < 2 ? 2 : CORES > 4 ? 4 : CORES))}"
readonly PREPARATION="$REPO_ROOT/.run/containers/prepare.log"
readonly SOURCE="$REPO_ROOT/$SOURCE_PROJECT"
# The code of a preparation that found no engine and cannot start one.
readonly IMPOSSIBLE=77
# Reasons of failures are not cut off at the edge of a narrow terminal.
export COLUMNS=200

PYTEST_ARGUMENTS=()
SUMMARY=()
FAILED=''
RUNNING=''
PREPARING=''
KEEP=''

# Keep the closing line of $1, which said $2 and ended with code $3, for the end, and what failed in it.
note_end() {
  local named
  SUMMARY+=("$(printf '%-18s %s' "$1" "$(closing_line "$2")")")
  if (($3)); then
    FAILED+=" $1"
    named="$(failed_tests "$2")"
    [[ -z "$named" ]] || SUMMARY+=("$named")
  fi
}

# Run the whole part $1 with pytest's arguments of the command line, and show what it says at once.
run_chosen() {
  local -r said="$RESULTS/$1"
  local code=0
  log ''
  log "== $1"
  ("chosen_$1") | tee "$said" || code=$?
  note_end "$1" "$said" "$code"
}

# Start a piece in the background, as a group of its own, which can be ended as a whole.
begin_piece() {
  local -r said="$RESULTS/$1"
  log "$1 has begun"
  set -m
  (
    trap - ERR
    trap 'exit 143' TERM
    trap 'echo "$?" >"$said.code"' EXIT
    "piece_${1/:/_}"
  ) >"$said" 2>&1 &
  set +m
  RUNNING+=" $1=$!"
}

# Take note of the pieces that have ended.
gather_pieces() {
  local entry piece lives rest=''
  for entry in $RUNNING; do
    piece="${entry%=*}" lives=''
    ! kill -0 "${entry#*=}" 2>/dev/null || lives=1
    if [[ -s "$RESULTS/$piece.code" ]]; then
      wait "${entry#*=}" || true
      log ''
      log "== $piece"
      cat "$RESULTS/$piece"
      note_end "$piece" "$RESULTS/$piece" "$(<"$RESULTS/$piece.code")"
    elif [[ -n "$lives" ]]; then
      rest+=" $entry"
    else
      echo 'ended by force' >>"$RESULTS/$piece" && note_end "$piece" "$RESULTS/$piece" 1
    fi
  done
  RUNNING="$rest"
}

# Return once fewer than $1 pieces run.
wait_for_room() {
  gather_pieces
  while (($(wc -w <<<"$RUNNING") >= $1)); do
    sleep 0.5
    gather_pieces
  done
}

# Those that hurt an instance come last.
piece_e2e_instances() {
  local code=0
  start_pair
  (pytest_with_servers "$REPO_ROOT" -m e2e tests/e2e) || code=$?
  choose_instances test1
  (pytest_with_servers "$REPO_ROOT" -m e2e tests/faults) || code=$?
  stop_instances test1 test2
  exit "$code"
}

piece_e2e_attacks() {
  start_attacked
  pytest_with_servers "$REPO_ROOT" -m e2e tests/adversarial || exit "$?"
  stop_instances test3 test5
}

# Each folder by itself, as its tests have the scripted model to themselves; 5 says that none of them was chosen.
chosen_e2e() {
  local folder code=0 ended
  start_pair
  for folder in e2e adversarial faults; do
    ended=0
    (pytest_in "$REPO_ROOT" -m e2e "tests/$folder") || ended=$?
    ((ended == 0 || ended == 5)) || code="$ended"
  done
  exit "$code"
}

# The files of $1/tests whose names match the regular expression $2.
tests_of() {
  local file
  for file in "$SOURCE/$1"/tests/test_*.py; do
    [[ ! "${file##*/}" =~ $2 ]] || printf '%s ' "$1/tests/${file##*/}"
  done
}

# shellcheck disable=SC2046 # several files
piece_integration_first() {
  start_servers
  pytest_with_servers "$SOURCE" -m integration data-service ai-service $(tests_of shared '^test_tasks_[a-l]')
}

# shellcheck disable=SC2046 # several files
piece_integration_second() {
  start_servers
  pytest_with_servers "$SOURCE" -m integration api-gateway $(tests_of shared '^test_([^t]|t[^a]|tasks_[^a-l])')
}

chosen_integration() {
  start_servers
  pytest_in "$SOURCE" -m integration
}

# shellcheck disable=SC2046 # several files
piece_unit_first() { pytest_in "$SOURCE" shared $(tests_of data-service '^test_[e-z]'); }

# shellcheck disable=SC2046 # several files
piece_unit_second() { pytest_in "$SOURCE" api-gateway ai-service $(tests_of data-service '^test_[a-d]'); }

chosen_unit() { pytest_in "$SOURCE"; }

piece_repository_all() { pytest_in "$REPO_ROOT" tests -m 'not e2e and not containers and not monitoring'; }

piece_monitoring_all() {
  local said code=0
  said="$("$REPO_ROOT/tests/monitoring/prepare.sh" 2>&1)" || code=$?
  if ((code == IMPOSSIBLE)); then echo "skipped: $(tail -n 1 <<<"$said")" && return; fi
  ((code == 0)) || { echo "$said" && exit "$code"; }
  start_watched
  pytest_with_servers "$REPO_ROOT" -m monitoring tests/monitoring || exit "$?"
  stop_instances test7
}

chosen_monitoring() { piece_monitoring_all; }

chosen_repository() { piece_repository_all; }

# Make engine and images ready in the background, behind the other pieces: it takes minutes on a fresh machine.
prepare_containers() {
  mkdir -p "${PREPARATION%/*}"
  rm -f "$PREPARATION.code"
  # As a group of its own, which can be ended as a whole.
  set -m
  (
    trap - ERR
    trap 'echo "$?" >"$PREPARATION.code"' EXIT
    nice -n 10 "$REPO_ROOT/tests/containers/prepare.sh" >"$PREPARATION" 2>&1
  ) &
  PREPARING=$!
  set +m
}

piece_containers_all() {
  until [[ -s "$PREPARATION.code" ]]; do sleep 0.5; done
  cat "$PREPARATION"
  case "$(<"$PREPARATION.code")" in
    0) pytest_with_servers "$REPO_ROOT" tests/containers -m containers ;;
    "$IMPOSSIBLE") echo "skipped: $(tail -n 1 "$PREPARATION")" ;;
    *) echo 'could not be prepared: see above' && exit 1 ;;
  esac
}

chosen_containers() { piece_containers_all; }

stop_engine() {
  [[ -z "$PREPARING" ]] || { kill -- "-$PREPARING" && wait "$PREPARING"; } 2>/dev/null || true
  "$REPO_ROOT/tests/containers/engine.sh" stop
}

# However this ends, nothing keeps running and the summary is the last thing said.
finish() {
  local code=$? entry removing=1
  trap - EXIT ERR
  for entry in $RUNNING; do kill -- "-${entry#*=}" 2>/dev/null || true; done
  if [[ -n "$FAILED$RUNNING" ]] || ((code)); then removing=''; fi
  [[ -n "$KEEP" ]] || remove_instances "$removing" || code=1
  [[ -n "$KEEP" ]] || stop_engine || code=1
  log ''
  log '== Summary'
  ((${#SUMMARY[@]} == 0)) || printf '%s\n' "${SUMMARY[@]}"
  [[ ! -s "$RESULTS/unsteady" ]] || log "unsteady, passed only when run again: $(paste -sd' ' "$RESULTS/unsteady")"
  rm -rf "$RESULTS"
  if [[ -n "$FAILED" ]]; then
    log "failed:$FAILED"
    exit 1
  fi
  ((code == 0)) || log "not finished: see above (exit $code)"
  exit "$code"
}

run_pieces() {
  local piece
  for piece in $PIECES; do
    [[ " $1 " == *" ${piece%:*} "* ]] || continue
    wait_for_room "$SIDE_BY_SIDE"
    begin_piece "$piece"
  done
  wait_for_room 1
}

main() {
  local part parts=''
  while (($#)); do
    case "$1" in
      --unit | --integration | --repository | --e2e | --monitoring | --containers) parts+=" ${1#--}" SHIFT=1 ;;
      --keep) KEEP=1 SHIFT=1 ;;
      --)
        shift
        PYTEST_ARGUMENTS=("$@")
        break
        ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  "$REPO_ROOT/scripts/setup.sh" --dev || exit "$?"
  RESULTS="$(mktemp -d)"
  readonly RESULTS
  remove_instances 1
  trap finish EXIT
  # So that who is ended knows that it is.
  trap 'exit 143' TERM
  trap 'exit 130' INT
  parts="${parts:-$ALL_PARTS}"
  [[ " $parts " != *' containers '* ]] || prepare_containers
  if ((${#PYTEST_ARGUMENTS[@]})); then
    for part in $parts; do run_chosen "$part"; done
  else
    run_pieces "$parts"
  fi
}

main "$@"
