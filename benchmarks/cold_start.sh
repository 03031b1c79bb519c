#!/usr/bin/env bash
# A first start of a whole instance, and what each service costs to start; see README.md. About a minute.
#
# Usage: benchmarks/cold_start.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark cold_start "$@"
