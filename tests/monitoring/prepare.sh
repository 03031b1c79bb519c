#!/usr/bin/env bash
# Prepare the tests of rules, alerts and dashboards: Prometheus with promtool, and Alertmanager with amtool. What is
# missing is installed with apt where that is allowed: as root on Debian or Ubuntu. Ends with 77 and a line that says what
# is missing elsewhere.
#
# Usage: tests/monitoring/prepare.sh

# shellcheck source=../../scripts/lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../scripts/lib/common.sh" || exit

readonly IMPOSSIBLE=77
readonly PROGRAMS='prometheus promtool amtool'

missing() {
  local program
  for program in $PROGRAMS; do
    command -v "$program" >/dev/null || printf '%s ' "$program"
  done
}

# Debian's packages would start servers at once, one of them on the port of pro1's Prometheus.
stop_autostarted() {
  command -v systemctl >/dev/null && [[ -d /run/systemd/system ]] || return 0
  systemctl disable --now prometheus prometheus-alertmanager >/dev/null 2>&1 ||
    log "could not stop the system's prometheus; it may hold a port"
}

# The engine of the tests beside these may be installed at the same time.
install() {
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
    --option DPkg::Lock::Timeout=300 prometheus prometheus-alertmanager >/dev/null
}

install_packages() {
  install || { apt-get update --quiet=2 && install; }
  stop_autostarted
}

main() {
  local absent
  while (($#)); do
    parse_common "$@"
    misuse "unknown option '$1'"
  done
  absent="$(missing)"
  if [[ -n "$absent" ]] && ((EUID == 0)) && command -v apt-get >/dev/null; then
    (install_packages) || log 'apt could not install prometheus and prometheus-alertmanager'
    absent="$(missing)"
  fi
  [[ -z "$absent" ]] || {
    log "not on PATH: $absent(Debian and Ubuntu: apt install prometheus prometheus-alertmanager)"
    exit "$IMPOSSIBLE"
  }
}

main "$@"
