#!/usr/bin/env bash
# A thousand open streams of events, and how late events reach two hundred clients; see README.md. About two minutes.
#
# Usage: benchmarks/streams.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark streams "$@"
