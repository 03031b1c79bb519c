#!/usr/bin/env bash
# What a training with algorithm auto finds within its budget on six sets of data, beside FLAML with the same budget if
# .venv-flaml has it (python -m venv .venv-flaml && .venv-flaml/bin/pip install "flaml[automl]" pyarrow); see README.md.
# Fifteen minutes; it needs no servers.
#
# Usage: benchmarks/automl.sh [--budget 60] [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark automl "$@"
