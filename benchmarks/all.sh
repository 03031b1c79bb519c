#!/usr/bin/env bash
# Every benchmark, one after the other, and one table of all targets; see README.md. An hour and a half.
#
# Usage: benchmarks/all.sh [--only NAME,...] [--skip NAME,...] [--quick] [--publish] [--anyway] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark all "$@"
