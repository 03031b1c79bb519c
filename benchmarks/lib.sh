# shellcheck shell=bash
# Sourced by the commands of this folder: the project's and the benchmarks' own environment, and the way into the latter.

# shellcheck source=../scripts/lib/common.sh
source "${BASH_SOURCE[0]%/*}/../scripts/lib/common.sh"

readonly BENCH_VENV="$REPO_ROOT/.venv-bench"
readonly BENCH_LOCK="$REPO_ROOT/benchmarks/requirements.txt"

# Install what requirements.txt pins, once for each state of that file.
prepare_bench_environment() {
  if cmp --silent "$BENCH_LOCK" "$BENCH_VENV/requirements.txt"; then return; fi
  log "Installing what the baselines need into ${BENCH_VENV##*/} (once)"
  "$VENV/bin/python" -m venv --clear "$BENCH_VENV"
  echo "*" >"$BENCH_VENV/.gitignore"
  "$BENCH_VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$BENCH_LOCK"
  cp "$BENCH_LOCK" "$BENCH_VENV/requirements.txt"
}

# run_benchmark MODULE [ARGUMENT...]
run_benchmark() {
  environment_current run || "$REPO_ROOT/scripts/setup.sh"
  prepare_bench_environment
  cd -- "$REPO_ROOT"
  exec "$BENCH_VENV/bin/python" -m "benchmarks.$1" "${@:2}"
}
