#!/usr/bin/env bash
# Set up what tests need and run them all: unit tests, integration tests against real servers, repository checks, and
# end-to-end, adversarial and fault tests against running instances of its own (test1, test2, test3), which are removed
# again; and two instances in containers, where there is an engine or one can be started.
#
# Usage: scripts/test.sh [--unit] [--integration] [--repository] [--e2e] [--containers] [--keep] [-- PYTEST-ARGUMENTS]
#
#   --unit, --integration, --repository, --e2e, --containers  only these (default: all)
#   --keep                                                    leave the instances running afterwards

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

# Numbers whose ports no instance of the checkout can have.
readonly FIRST_NUMBER=93
readonly SECOND_NUMBER=94
readonly THIRD_NUMBER=92
readonly ALL_PARTS='unit integration repository e2e containers'
readonly PREPARATION="$REPO_ROOT/.run/containers/prepare.log"
# The code of a preparation that found no engine and cannot start one.
readonly IMPOSSIBLE=77

PYTEST_ARGUMENTS=()
SUMMARY=()
FAILED=''
STARTED=''
BESIDE=''
PREPARING=''
KEEP=''

# Libraries may still speak after pytest's last word.
closing_line() { grep -E '^=+ .*in [0-9.]+s.*=+$' "$1" | tail -n 1 || echo 'ended without a result: see above'; }

pytest_in() {
  local -r folder="$1"
  shift
  (cd "$folder" && "$VENV/bin/python" -m pytest --durations=12 --durations-min=2 "$@" ${PYTEST_ARGUMENTS[@]+"${PYTEST_ARGUMENTS[@]}"}) 2>&1
}

# Keep the closing line of part $1, which said $2 and ended with code $3, for the end.
note_end() {
  (($3 == 0)) || FAILED+=" $1"
  SUMMARY+=("$(printf '%-12s %s' "$1" "$(closing_line "$2")")")
  rm -f "$2"
}

# Run pytest in folder $2 as part $1.
run_pytest() {
  local -r part="$1"
  shift
  local output code=0
  output="$(mktemp)"
  log ''
  log "== $part"
  pytest_in "$@" | tee "$output" || code=$?
  note_end "$part" "$output" "$code"
}

# Run tests $3 of part $1 in folder $2 and, side by side with them, tests $4: a second core would have nothing to do.
# What follows are pytest's arguments for both.
run_halves() {
  local -r part="$1" folder="$2" first="$3" second="$4"
  shift 4
  local output code=0
  output="$(mktemp)"
  # shellcheck disable=SC2086 # several folders
  E2E_PROJECTS="${BESIDE_PROJECTS:-}" E2E_BASE_URLS="${BESIDE_URLS:-}" pytest_in "$folder" "$@" $second >"$output" &
  BESIDE=$!
  # shellcheck disable=SC2086 # several folders
  run_pytest "$part" "$folder" "$@" $first
  wait "$BESIDE" || code=$?
  BESIDE=''
  log ''
  log "== $part of $second, which ran beside it"
  cat "$output"
  note_end "$part" "$output" "$code"
}

# Start the private instance test$1; the second on the code of the copy.
start_instance() {
  local -r index="$1" number="$2"
  shift 2
  [[ "$STARTED" == *"test$index"* ]] || STARTED+=" test$index"
  local_mode up --name "test$index" --number "$number" --code "backend-pro$((index == 2 ? 2 : 1))" "$@" >/dev/null
}

# What tests need at test1: an administrator, cheaper hashes for many logins, more requests of one attacker than is usual,
# and webhooks to receivers on this machine.
prepare_attacks() {
  local -r file="$REPO_ROOT/.run/test1/.env"
  start_instance 1 "$FIRST_NUMBER" --servers-only
  ! grep -q '^BCRYPT_ROUNDS=' "$file" || return 0
  printf '%s\n' ADMIN_EMAIL=admin@example.org ADMIN_PASSWORD=of-a-throw-away-instance BCRYPT_ROUNDS=10 RATE_LIMIT_DEFAULT=12000 \
    WEBHOOK_NETWORKS=127.0.0.0/8 >>"$file"
}

remove_instances() {
  local name
  for name in $STARTED; do
    (local_mode down --project "$name") || continue
    if [[ -z "$FAILED" ]]; then
      (local_mode purge --project "$name" 2>/dev/null) || continue
    else
      log "its data and logs are kept until the next run: .run/$name"
    fi
  done
}

# Leftovers of an earlier run that failed or was killed.
clear_leftovers() {
  local name
  for name in test1 test2 test3 test4; do
    [[ -f "$REPO_ROOT/.run/$name/instance.json" ]] || continue
    local_mode down --project "$name" 2>/dev/null
    local_mode purge --project "$name" 2>/dev/null
  done
}

# The files of $1/tests whose names match the regular expression $2.
tests_of() {
  local file
  for file in "$REPO_ROOT/$SOURCE_PROJECT/$1"/tests/test_*.py; do
    [[ ! "${file##*/}" =~ $2 ]] || printf '%s ' "$1/tests/${file##*/}"
  done
}

unit() {
  if ((${#PYTEST_ARGUMENTS[@]})); then
    run_pytest unit "$REPO_ROOT/$SOURCE_PROJECT"
  else
    run_halves unit "$REPO_ROOT/$SOURCE_PROJECT" "shared $(tests_of data-service '^test_[e-z]')" \
      "api-gateway ai-service $(tests_of data-service '^test_[a-d]')"
  fi
}

integration() {
  start_instance 1 "$FIRST_NUMBER" --servers-only
  local -rx ENV_FILE="$REPO_ROOT/.run/test1/.env"
  if ((${#PYTEST_ARGUMENTS[@]})); then
    run_pytest integration "$REPO_ROOT/$SOURCE_PROJECT" -m integration
  else
    run_halves integration "$REPO_ROOT/$SOURCE_PROJECT" \
      "data-service ai-service $(tests_of shared '^test_tasks_[a-l]')" \
      "api-gateway $(tests_of shared '^test_([^t]|t[^a]|tasks_[^a-l])')" -m integration
  fi
}

repository() { run_pytest repository "$REPO_ROOT" tests -m 'not e2e and not containers'; }

e2e() {
  prepare_attacks
  start_instance 1 "$FIRST_NUMBER"
  # Each source of servers is forced once: the system's where it has them, and the packages'.
  start_instance 2 "$SECOND_NUMBER" --wheels
  local -x ENV_FILE="$REPO_ROOT/.run/test1/.env" E2E_PROJECTS=test1,test2
  local E2E_BASE_URLS BESIDE_URLS
  E2E_BASE_URLS="$(urls_of test1 test2)"
  export E2E_BASE_URLS
  if ((${#PYTEST_ARGUMENTS[@]})); then
    run_pytest e2e "$REPO_ROOT" tests -m e2e
    return
  fi
  # What is hurt is an instance of its own, so that nobody else notices.
  start_instance 3 "$THIRD_NUMBER"
  BESIDE_URLS="$(urls_of test3)"
  local -r BESIDE_PROJECTS=test3
  run_halves e2e "$REPO_ROOT" 'tests/e2e tests/adversarial' tests/faults -m e2e
}

# Make engine and images ready in the background, behind the other parts: it takes minutes on a fresh machine.
prepare_containers() {
  mkdir -p "${PREPARATION%/*}"
  # As a group of its own, which can be ended as a whole.
  set -m
  nice -n 10 "$REPO_ROOT/tests/containers/prepare.sh" >"$PREPARATION" 2>&1 &
  PREPARING=$!
  set +m
}

containers() {
  local code=0
  wait "$PREPARING" || code=$?
  PREPARING=''
  log ''
  log '== containers'
  cat "$PREPARATION" >&2
  case "$code" in
    0) run_pytest containers "$REPO_ROOT" tests/containers -m containers ;;
    "$IMPOSSIBLE") SUMMARY+=("containers   skipped: $(tail -n 1 "$PREPARATION")") ;;
    *) FAILED+=' containers' && SUMMARY+=('containers   could not be prepared: see above') ;;
  esac
}

stop_engine() {
  [[ -z "$PREPARING" ]] || { kill -- "-$PREPARING" && wait "$PREPARING"; } 2>/dev/null || true
  "$REPO_ROOT/tests/containers/engine.sh" stop
}

urls_of() {
  local -a options
  mapfile -t options < <(printf -- '--project\n%s\n' "$@")
  local_mode url "${options[@]}" | paste -sd,
}

# However this ends, nothing keeps running and the summary is the last thing said.
finish() {
  local code=$?
  trap - EXIT ERR
  [[ -z "$BESIDE" ]] || kill "$BESIDE" 2>/dev/null || true
  [[ -n "$KEEP" ]] || remove_instances || code=1
  [[ -n "$KEEP" ]] || stop_engine || code=1
  log ''
  log '== Summary'
  ((${#SUMMARY[@]} == 0)) || printf '%s\n' "${SUMMARY[@]}"
  if [[ -n "$FAILED" ]]; then
    log "failed:$FAILED"
    exit 1
  fi
  ((code == 0)) || log "not finished: see above (exit $code)"
  exit "$code"
}

main() {
  local part parts=''
  while (($#)); do
    case "$1" in
      --unit | --integration | --repository | --e2e | --containers) parts+=" ${1#--}" SHIFT=1 ;;
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
  clear_leftovers
  trap finish EXIT
  parts="${parts:-$ALL_PARTS}"
  [[ " $parts " != *' containers '* ]] || prepare_containers
  for part in $parts; do "$part"; done
}

main "$@"
