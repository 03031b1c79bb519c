#!/usr/bin/env bash
# Print the ports of instance N, a pure function of N, as NAME=VALUE lines.
#
# Usage: config/ports.sh N

# Instances from this number on would put their gateway on another instance's object store.
readonly MAXIMUM_NUMBER=10

ports_of() {
  local -r number="$1"
  local -r base="$((8000 + 100 * (number - 1)))"
  cat <<PORTS
API_GATEWAY_PORT=${base}
DATA_SERVICE_PORT=$((base + 1))
AI_SERVICE_PORT=$((base + 2))
RAY_PORT=$((base + 10))
FLOWER_PORT=$((base + 40))
GRAFANA_PORT=$((base + 41))
ALERTMANAGER_PORT=$((base + 42))
DATA_WORKER_METRICS_PORT=$((base + 43))
AI_WORKER_METRICS_PORT=$((base + 44))
POSTGRES_PORT=$((5431 + number))
REDIS_PORT=$((6378 + number))
S3_PORT=$((8998 + 2 * number))
S3_CONSOLE_PORT=$((8999 + 2 * number))
PROMETHEUS_PORT=$((9089 + number))
PORTS
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  case "${1:-}" in
    '' | *[!0-9]* | 0*)
      echo "usage: ${0##*/} N (a number from 1 to ${MAXIMUM_NUMBER})" >&2
      exit 2
      ;;
  esac
  ports_of "$1"
fi
