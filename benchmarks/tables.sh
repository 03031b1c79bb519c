#!/usr/bin/env bash
# The tabular engine beside pandas and bare DuckDB, and its memory as rows grow; see README.md. About eight minutes.
#
# Usage: benchmarks/tables.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark tables "$@"
