#!/usr/bin/env bash
# Thousands of tasks under hundreds of random faults on an instance of its own, and an audit at the end: nothing that was
# acknowledged is lost, nothing is done twice, no answer is wrong, all recovers by itself, and nothing is left behind.
# Exits with 1 if any of that does not hold. The same seed makes the same faults.
#
# Usage: scripts/soak.sh [--seed N] [--tasks N] [--faults N] [--runs N] [--patience SECONDS] [--number N]
#
#   --seed      where chance begins (default: a random one, which is printed)
#   --tasks     how many tasks are given at least (default 2000)
#   --faults    how many faults happen (default 200)
#   --runs      how often, each with the next seed (default 1); stops at the first that is not clean
#   --patience  when all tasks must have ended, in seconds after the last fault (default 45); more on a busy machine
#   --number    number of the instance, which its ports follow (default 95)

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

SEED=''
TASKS=2000
FAULTS=200
RUNS=1
PATIENCE=45
NUMBER=95

require_number() { [[ "$2" =~ ^[1-9][0-9]*$ ]] || misuse "$1 needs a number from 1 on"; }

run_once() {
  log ''
  log "== $1 of $RUNS"
  (cd "$REPO_ROOT" && SOAK_SEED="$SEED" SOAK_TASKS="$TASKS" SOAK_FAULTS="$FAULTS" SOAK_PATIENCE="$PATIENCE" \
    SOAK_NUMBER="$NUMBER" "$VENV/bin/python" -m pytest tests/faults/soak.py --quiet --no-header --capture=no \
    --tb=short --show-capture=no --override-ini=timeout=0) || exit 1
}

main() {
  local round
  while (($#)); do
    SHIFT=2
    case "$1" in
      --seed | --tasks | --faults | --runs | --patience | --number)
        require_number "$1" "${2:-}"
        printf -v "$(tr '[:lower:]' '[:upper:]' <<<"${1#--}")" '%s' "$2"
        ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  environment_current dev || die 'the tools of the tests are not installed: run ./scripts/setup.sh --dev'
  SEED="${SEED:-$((SRANDOM % 1000000 + 1))}"
  for ((round = 1; round <= RUNS; round++)); do
    run_once "$round"
    SEED=$((SEED + 1))
  done
}

main "$@"
