#!/usr/bin/env bash
# What asking adds over the model's own time: until the first words, and in all; see README.md. About two minutes.
#
# Usage: benchmarks/llm.sh [--questions N] [--publish] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark llm "$@"
