#!/usr/bin/env bash
# Print the table of ports that the README shows, for the instances with these numbers; or put it into a file, in place of
# what stands there between the lines <!-- ports --> and <!-- /ports -->.
#
# Usage: config/render-ports.sh [--into FILE] N…

set -Eeuo pipefail

here="$(cd "${BASH_SOURCE[0]%/*}" && pwd)"
readonly here
# shellcheck source=ports.sh
source "$here/ports.sh"

# What the row shows, and the variables of its ports.
rows() {
  # shellcheck disable=SC2016 # the backquotes are Markdown's
  echo 'API gateway (`/docs` is the reference of all three services)|API_GATEWAY_PORT'
  cat <<'ROWS'
Data service|DATA_SERVICE_PORT
AI service|AI_SERVICE_PORT
PostgreSQL|POSTGRES_PORT
Redis|REDIS_PORT
Object store, console|S3_PORT S3_CONSOLE_PORT
Prometheus|PROMETHEUS_PORT
Ray head|RAY_PORT
Flower, Grafana, Alertmanager, where they are on|FLOWER_PORT GRAFANA_PORT ALERTMANAGER_PORT
Metrics of the workers: data, AI (local mode)|DATA_WORKER_METRICS_PORT AI_WORKER_METRICS_PORT
ROWS
}

# The ports with these names, each after a line break, in plan $1; separated by commas.
ports_named() {
  local -r plan="$1"
  local name port found=''
  shift
  for name in "$@"; do
    port="${plan#*"$name="}"
    found+="${found:+, }${port%%$'\n'*}"
  done
  printf '%s' "$found"
}

table() {
  local title names number
  local -a variables plans=()
  for number in "$@"; do plans[number]=$'\n'"$(ports_of "$number")"; done
  printf '| |' && printf ' pro%s |' "$@" && printf '\n|---|' && printf -- '---|%.0s' "$@" && echo
  while IFS='|' read -r title names; do
    read -ra variables <<<"$names"
    printf '| %s |' "$title"
    for number in "$@"; do printf ' %s |' "$(ports_named "${plans[number]}" "${variables[@]/#/$'\n'}")"; done
    echo
  done < <(rows)
}

# At once or not at all, and only where something changes.
put_into() {
  local -r file="$1" draft="$1.new"
  if ! grep -qx '<!-- ports -->' "$file" || ! grep -qx '<!-- /ports -->' "$file"; then
    echo "error: $file has no lines <!-- ports --> and <!-- /ports --> for the table of ports" >&2
    return 1
  fi
  TABLE="$2" awk '
    $0 == "<!-- ports -->" { print; print ENVIRON["TABLE"]; skip = 1 }
    $0 == "<!-- /ports -->" { skip = 0 }
    !skip' "$file" >"$draft"
  if cmp -s "$file" "$draft"; then rm -f "$draft"; else mv -f "$draft" "$file"; fi
}

main() {
  local file='' number
  if [[ "${1:-}" == --into ]]; then
    file="${2:-}"
    shift "$(($# > 1 ? 2 : 1))"
  fi
  for number in "${@:-}"; do
    if [[ ! "$number" =~ ^[1-9][0-9]*$ ]]; then
      echo "usage: ${0##*/} [--into FILE] N… (numbers of instances)" >&2
      exit 2
    fi
  done
  if [[ -n "$file" ]]; then put_into "$file" "$(table "$@")"; else table "$@"; fi
}

main "$@"
