#!/usr/bin/env bash
# 500 requests a second through the proxy while every container of an instance is replaced; see README.md. Five minutes or
# so, most of them to build the images; needs a Docker engine.
#
# Usage: benchmarks/rolling.sh [--rate N] [--publish] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark rolling "$@"
