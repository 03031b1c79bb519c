#!/usr/bin/env bash
# Prepare this checkout: the virtual environment, the locked dependencies, the servers, and an .env with random secrets
# for each instance. Needs Python 3.11 or newer; no root, no system packages. Running it again changes only what changed.
#
# Usage: scripts/setup.sh [--dev] [--system-packages] [--yes]
#
#   --dev              also install what tests and linters need
#   --system-packages  install PostgreSQL, Redis and Prometheus with apt or Homebrew first (optional)
#
# The variable PYTHON names the interpreter to use; by default python3.11, then newer ones.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit
# shellcheck source=lib/python.sh
source "$REPO_ROOT/scripts/lib/python.sh"
# shellcheck source=lib/system-packages.sh
source "$REPO_ROOT/scripts/lib/system-packages.sh"

# Two at once would write into one environment.
wait_for_other_setup() {
  command -v flock >/dev/null || return 0
  mkdir -p "$REPO_ROOT/.run"
  exec 9>"$REPO_ROOT/.run/setup.lock"
  flock --nonblock 9 || { log 'Another setup of this checkout is under way; waiting for it' && flock 9; }
}

write_env_files() {
  local name
  for name in $(instances); do
    local_mode env --project "$name"
  done
}

main() {
  local kind=run packages=''
  while (($#)); do
    case "$1" in
      --dev) kind=dev SHIFT=1 ;;
      --system-packages) packages=1 SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  wait_for_other_setup
  [[ -z "$packages" ]] || install_system_packages
  install_environment "$kind"
  write_env_files
  local_mode servers
  log 'Ready. Next: ./scripts/start-dev.sh --project pro1'
}

main "$@"
