#!/usr/bin/env bash
# A warm model by REST: one row at a time, and a thousand; see README.md. About two minutes.
#
# Usage: benchmarks/predictions.sh [--publish] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark predictions "$@"
