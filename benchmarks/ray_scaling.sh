#!/usr/bin/env bash
# Distributed jobs on one, two and four simulated nodes, on more data than memory, and while a node dies; see README.md.
# About six minutes.
#
# Usage: benchmarks/ray_scaling.sh [--gigabytes 3] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark ray_scaling "$@"
