#!/usr/bin/env bash
# Tasks that do nothing through the ledger and a worker, beside Celery alone; see README.md. About two minutes.
#
# Usage: benchmarks/tasks.sh [--help]

# shellcheck source=lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

run_benchmark tasks "$@"
