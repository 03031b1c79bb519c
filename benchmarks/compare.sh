#!/usr/bin/env bash
# Two commits of this repository beside each other, in one run on one machine; ends with 1 when the second is slower. See
# README.md. Ten minutes with both on the same stores.
#
# Usage: benchmarks/compare.sh COMMIT_A COMMIT_B [--only NAME,...] [--rounds 9] [--bound 0.10] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark compare "$@"
