#!/usr/bin/env bash
# A query by REST beside the bare engine on the same Parquet file; see README.md. About two minutes.
#
# Usage: benchmarks/queries.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark queries "$@"
