#!/usr/bin/env bash
# A container engine for the tests: the one that answers, else one of our own from Debian's packages, for as long as
# they run. Also Compose v2 beside docker-compose 1.29.2, where the packages of this machine have only the latter.
#
# Usage: tests/containers/engine.sh start|stop
#
#   start  ends with 77 and a line that says why where there can be no engine: without root, or without apt
#   stop   ends the engine that `start` has started, and no other
#
# Everything it writes is in .run/containers/: the engine's log, its images and containers, Compose v2.

# shellcheck source=../../scripts/lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../scripts/lib/common.sh" || exit

readonly STATE="$REPO_ROOT/.run/containers"
readonly PID_FILE="$STATE/dockerd.pid"
readonly LOG="$STATE/dockerd.log"
readonly START_SECONDS=60
readonly STOP_SECONDS=60
readonly IMPOSSIBLE=77
# Debian's first release that has Compose v2.
readonly NEWER_SUITE=trixie

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

impossible() {
  log "no container engine: $*"
  exit "$IMPOSSIBLE"
}

has_packages() {
  local program
  for program in dockerd iptables debootstrap; do command -v "$program" >/dev/null || return; done
}

install_packages() {
  local package
  local -a wanted=(docker.io iptables debootstrap)
  command -v apt-get >/dev/null || impossible 'none answers, and this machine has no apt to install one with'
  ((EUID == 0)) || impossible 'none answers, and installing one needs root'
  apt-get update --quiet=2 >"$STATE/apt.log" 2>&1 || impossible "apt-get update failed: $(tail -n 1 "$STATE/apt.log")"
  for package in docker-compose debian-archive-keyring; do
    ! apt-cache show "$package" >/dev/null 2>&1 || wanted+=("$package")
  done
  log "  installing ${wanted[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "${wanted[@]}" \
    >>"$STATE/apt.log" 2>&1 || impossible "apt-get install failed: $(tail -n 1 "$STATE/apt.log")"
}

# Wait until the engine answers, for $1 seconds.
await() {
  local -r until=$((SECONDS + $1))
  until answers; do
    ((SECONDS < until)) || return 1
    sleep 0.5
  done
}

# One of the tests' own: it keeps away from images and containers of an engine that is only switched off.
start_engine() {
  setsid dockerd --pidfile "$PID_FILE" --data-root "$STATE/engine" --exec-root "$STATE/exec" </dev/null >"$LOG" 2>&1 &
  await "$START_SECONDS" && return
  stop_engine
  impossible "dockerd does not start here: $(grep --invert-match 'level=info' "$LOG" | tail -n 1) ($LOG)"
}

is_ours() {
  [[ -s "$PID_FILE" && "$(tr '\0' ' ' <"/proc/$(<"$PID_FILE")/cmdline" 2>/dev/null)" == *"$PID_FILE"* ]]
}

stop_engine() {
  is_ours || return 0
  local -r pid="$(<"$PID_FILE")" until=$((SECONDS + STOP_SECONDS))
  kill "$pid"
  while [[ -d "/proc/$pid" ]]; do
    ((SECONDS < until)) || die "dockerd (process $pid) does not end; its log: $LOG"
    sleep 0.2
  done
}

has_version_2() { docker compose version >/dev/null 2>&1 || DOCKER_CONFIG="$STATE/client" docker compose version >/dev/null 2>&1; }

# apt with lists of its own, which know only the newer release.
newer_apt() {
  apt-get --option "Dir::Etc::sourcelist=$STATE/newer/sources.list" --option Dir::Etc::sourceparts=- \
    --option "Dir::State::Lists=$STATE/newer/lists" --option "Dir::Cache=$STATE/newer" --quiet=2 "$@"
}

# Both versions are in use: Compose v2 as a plug-in of the docker client that only the tests' DOCKER_CONFIG names.
ensure_version_2() {
  local source key plugin
  ! has_version_2 || return 0
  source="$(sed --quiet 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)"
  key="$(sed --quiet 's/^Signed-By: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)"
  [[ -n "$source" ]] || { log '  this machine does not say where Debian is: no Compose v2, docker-compose alone is tried' && return 0; }
  mkdir -p "$STATE/newer/lists/partial" "$STATE/newer/archives/partial" "$STATE/client/cli-plugins"
  echo "deb${key:+ [signed-by=$key]} $source $NEWER_SUITE main" >"$STATE/newer/sources.list"
  if ! { newer_apt update && cd "$STATE/newer" && newer_apt download docker-compose docker-buildx; } >"$STATE/newer/apt.log" 2>&1; then
    log "  Compose v2 cannot be downloaded ($(tail -n 1 "$STATE/newer/apt.log")): docker-compose alone is tried"
    return 0
  fi
  for plugin in docker-compose docker-buildx; do
    dpkg-deb --extract "$STATE/newer/$plugin"_*.deb "$STATE/newer/files"
    cp "$STATE/newer/files/usr/libexec/docker/cli-plugins/$plugin" "$STATE/client/cli-plugins/"
  done
}

start() {
  mkdir -p "$STATE"
  if ! answers; then
    has_packages || install_packages
    ((EUID == 0)) || impossible 'none answers, and starting one needs root'
    # Where the system runs services, the package has started one.
    await 2 || start_engine
  fi
  ensure_version_2
  log "  engine $(docker version --format '{{.Server.Version}}')"
}

main() {
  while (($#)); do
    case "$1" in
      start | stop)
        [[ $# == 1 ]] || misuse "unknown option '$2'"
        if [[ "$1" == start ]]; then start; else stop_engine; fi
        return
        ;;
      *) parse_common "$@" ;;
    esac
    misuse "unknown option '$1'"
  done
  misuse 'start or stop?'
}

main "$@"
