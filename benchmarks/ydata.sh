#!/usr/bin/env bash
# Ingest and profile beside ydata-profiling; see README.md. Five minutes, most of them ydata-profiling's own.
#
# Usage: benchmarks/ydata.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

environment_current run || "$REPO_ROOT/scripts/setup.sh"
prepare_bench_environment "$REPO_ROOT/.venv-ydata" requirements-ydata.txt
run_benchmark ydata "$@"
