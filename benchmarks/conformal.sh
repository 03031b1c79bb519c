#!/usr/bin/env bash
# How often intervals and sets of trained models hold what is true, over 500 splits of real and made-up data; see
# README.md. About four minutes; it needs no servers.
#
# Usage: benchmarks/conformal.sh [--splits 500] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark conformal "$@"
