#!/usr/bin/env bash
# Thousands of tasks under hundreds of random faults on an instance of its own, and an audit at the end: nothing that was
# acknowledged is lost, nothing is done twice, no answer is wrong, all recovers by itself, and nothing is left behind.
# Exits with 1 if any of that does not hold. The same seed makes the same faults.
#
# By time instead of by tasks: a handful of people use all that there is for so many minutes, under storms of faults with
# calm between them. Then sums must agree and webhooks be told as well, and no process, pool or waiting time may grow.
#
# Usage: scripts/soak.sh [--seed N] [--tasks N] [--faults N] [--runs N] [--patience SECONDS] [--number N]
#        scripts/soak.sh --minutes N [--seed N] [--runs N] [--patience SECONDS] [--number N]
#        scripts/soak.sh --degradation
#
#   --seed      where chance begins (default: a random one, which is printed)
#   --tasks     how many tasks are given at least (default 2000)
#   --faults    how many faults happen (default 200)
#   --minutes   how long, at least 5; what grows slowly takes 30 to show
#   --runs      how often, each with the next seed (default 1); stops at the first that is not clean
#   --patience  when all tasks must have ended, in seconds after the last fault (default 45); more on a busy machine
#   --number    number of the instance, which its ports follow (default 95)
#   --degradation  instead of all that: each dependency away and silent, against the table of docs/degradation.md

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit
# shellcheck source=lib/test-instances.sh
source "$REPO_ROOT/scripts/lib/test-instances.sh"

SEED=''
TASKS=2000
FAULTS=200
RUNS=1
PATIENCE=45
MINUTES=''
NUMBER=95
DEGRADATION=''

require_number() { [[ "$2" =~ ^[1-9][0-9]*$ ]] || misuse "$1 needs a number from 1 on"; }

play() { "$VENV/bin/python" -m pytest "$@" --quiet --no-header --tb=short --show-capture=no --override-ini=timeout=0; }

run_once() {
  local -r form="${MINUTES:+endurance}"
  log ''
  log "== $1 of $RUNS"
  (
    cd "$REPO_ROOT"
    export SOAK_SEED="$SEED" SOAK_TASKS="$TASKS" SOAK_FAULTS="$FAULTS" SOAK_PATIENCE="$PATIENCE" SOAK_NUMBER="$NUMBER"
    SOAK_MINUTES="$MINUTES" play "tests/faults/${form:-soak}.py" --capture=no
  ) || exit 1
}

# On an instance as the tests have it, which is removed again unless something was wrong.
degrade() {
  local code=0
  start_with 1 "$FIRST_NUMBER" "$(settings_of "$FIRST_NUMBER")"
  choose_instances test1
  (cd "$REPO_ROOT" && play tests/faults/degradation_whole.py --verbose) || code=1
  remove_instances "$([[ "$code" == 1 ]] || echo yes)"
  exit "$code"
}

main() {
  local round
  while (($#)); do
    SHIFT=2
    case "$1" in
      --seed | --tasks | --faults | --minutes | --runs | --patience | --number)
        require_number "$1" "${2:-}"
        printf -v "$(tr '[:lower:]' '[:upper:]' <<<"${1#--}")" '%s' "$2"
        ;;
      --degradation) DEGRADATION=1 SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  environment_current dev || die 'the tools of the tests are not installed: run ./scripts/setup.sh --dev'
  [[ -z "$DEGRADATION" ]] || degrade
  SEED="${SEED:-$((SRANDOM % 1000000 + 1))}"
  for ((round = 1; round <= RUNS; round++)); do
    run_once "$round"
    SEED=$((SEED + 1))
  done
}

main "$@"
