# shellcheck shell=bash
# Optional: the system's own servers, installed so that none of them starts by itself on an instance's port.

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing system packages needs root: run as root, or leave --system-packages out (the wheels do without)"
  fi
}

# Debian's packages start a cluster on 5432 and a server on 6379 at once: the ports of pro1.
forbid_autostart() {
  as_root mkdir -p /etc/postgresql-common
  if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
    printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
}

stop_autostarted() {
  local unit
  command -v systemctl >/dev/null && [[ -d /run/systemd/system ]] || return 0
  for unit in redis-server prometheus; do
    as_root systemctl disable --now "$unit" >/dev/null 2>&1 || log "could not stop the system's $unit; it may hold a port"
  done
}

install_with_apt() {
  forbid_autostart
  as_root apt-get update --quiet --quiet
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql redis-server prometheus
  stop_autostarted
}

install_system_packages() {
  if command -v apt-get >/dev/null; then
    install_with_apt
  elif command -v brew >/dev/null; then
    brew install postgresql@15 redis prometheus
  else
    die '--system-packages knows apt and Homebrew only; leave it out: the wheels do without'
  fi
}
