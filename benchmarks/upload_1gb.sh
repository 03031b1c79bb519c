#!/usr/bin/env bash
# Upload, ingest and profile a 1 GB CSV and watch the memory, beside pandas; see README.md. About three minutes.
#
# Usage: benchmarks/upload_1gb.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark upload_1gb "$@"
