#!/usr/bin/env bash
# The gateway's forwarder against one nginx worker: small answers and a gigabyte each way; see README.md. About two minutes.
#
# Usage: benchmarks/forwarder.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark forwarder "$@"
