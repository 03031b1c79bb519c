#!/bin/sh
# Put the places of containers into the template, and become Prometheus. A service may have several containers: its name
# has an address for each. PROJECT names the instance, PROFILES the optional parts that run; ALERTMANAGER is somebody
# else's HOST:PORT.
#
# Usage: start-prometheus.sh TEMPLATE RULES FOLDER PROGRAM [ARGUMENT]…     FOLDER takes the configuration
set -eu

template="$1" rules="$2" folder="$3"
shift 3

profile() { case ",${PROFILES:-}," in *",$1,"*) true ;; *) false ;; esac; }

all_of() { printf 'dns_sd_configs: [{names: [%s], type: A, port: %s, refresh_interval: 10s}]' "$1" "$2"; }

one_at() { printf 'static_configs: [{targets: ["%s"]}]' "$1"; }

alertmanagers="${ALERTMANAGER:+\"$ALERTMANAGER\"}"
if profile alertmanager; then alertmanagers='"alertmanager:9093"'; fi
ray='static_configs: []'
if profile ray; then ray="$(one_at ray-head:8015)"; fi

sed -e "s|\${PROJECT_ID}|$PROJECT|" \
  -e "s|\${RULES}|$rules|" \
  -e "s|\${ALERTMANAGERS}|$alertmanagers|" \
  -e "s|\${PROMETHEUS}|$(one_at 127.0.0.1:9090)|" \
  -e "s|\${API_GATEWAY}|$(all_of api-gateway 8000)|" \
  -e "s|\${DATA_SERVICE}|$(all_of data-service 8001)|" \
  -e "s|\${AI_SERVICE}|$(all_of ai-service 8002)|" \
  -e "s|\${DATA_WORKER}|$(all_of data-worker 8043)|" \
  -e "s|\${AI_WORKER}|$(all_of ai-worker 8044)|" \
  -e "s|\${RAY}|$ray|" \
  "$template" >"$folder/prometheus.yml"

exec "$@" "--config.file=$folder/prometheus.yml"
