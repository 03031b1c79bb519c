#!/usr/bin/env bash
# /health of the gateway while 50 people log in; see README.md. About a minute.
#
# Usage: benchmarks/logins.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark logins "$@"
