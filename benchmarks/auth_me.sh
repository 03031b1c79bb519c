#!/usr/bin/env bash
# GET /api/v1/auth/me against two plainer applications and a bare server; see README.md. About two minutes.
#
# Usage: benchmarks/auth_me.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark auth_me "$@"
