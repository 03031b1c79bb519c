#!/usr/bin/env bash
# What request id, metrics, log lines and traces cost the gateway; see README.md. About four minutes.
#
# Usage: benchmarks/observability.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark observability "$@"
