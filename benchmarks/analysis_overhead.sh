#!/usr/bin/env bash
# An analysis by REST beside the same library call in a script; see README.md. About five minutes.
#
# Usage: benchmarks/analysis_overhead.sh [--publish] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark analysis_overhead "$@"
