# shellcheck shell=bash
# Sourced by the commands of this folder: the project's and the benchmarks' own environment, and the way into the latter.

# shellcheck source=../scripts/lib/common.sh
source "${BASH_SOURCE[0]%/*}/../scripts/lib/common.sh"

readonly BENCH_VENV="$REPO_ROOT/.venv-bench"

# prepare_bench_environment FOLDER LOCK: install what the lock file pins, once for each state of it.
prepare_bench_environment() {
  local -r folder="$1" lock="$REPO_ROOT/benchmarks/$2"
  if cmp --silent "$lock" "$folder/requirements.txt"; then return; fi
  log "Installing what the baselines need into ${folder##*/} (once)"
  "$VENV/bin/python" -m venv --clear "$folder"
  echo "*" >"$folder/.gitignore"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$lock"
  cp "$lock" "$folder/requirements.txt"
}

# run_benchmark MODULE [ARGUMENT...]
run_benchmark() {
  environment_current run || "$REPO_ROOT/scripts/setup.sh"
  prepare_bench_environment "$BENCH_VENV" requirements.txt
  cd -- "$REPO_ROOT"
  exec "$BENCH_VENV/bin/python" -m "benchmarks.$1" "${@:2}"
}
