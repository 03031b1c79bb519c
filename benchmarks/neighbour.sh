#!/usr/bin/env bash
# What one instance notices of another that is flooded, on the same machine: in containers and in local mode; see README.md.
# Ten minutes or so; containers need a Docker engine and are left out without one.
#
# Usage: benchmarks/neighbour.sh [--mode docker|local] [--rounds N] [--publish] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark neighbour "$@"
