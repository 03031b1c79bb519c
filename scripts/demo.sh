#!/usr/bin/env bash
# The main job on a fresh machine: set up, start an instance, and over HTTP only register, upload a real data set,
# profile it and run a regression. Prints each request and the result, and writes a chart that opens in any browser.
#
# Usage: scripts/demo.sh [--project pro1|pro2|…] [--local|--docker] [--wheels]
#
#   --project  which instance (default: pro1)
#   --local    as processes of this machine; --docker: in containers (default: as it was started last)
#   --wheels   take the servers from the Python packages, not from the system
#
# The instance is left running; ./scripts/stop-dev.sh stops it.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=()
  local url
  while (($#)); do
    case "$1" in
      --wheels) options+=(--wheels) SHIFT=1 ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  PROJECTS="${PROJECTS:-pro1}"
  select_projects
  [[ "$PROJECTS" != all ]] || misuse 'the demo runs on one instance: --project pro1'
  [[ -z "$MODE" ]] || options+=("--$MODE")
  "$REPO_ROOT/scripts/start-dev.sh" --project "$PROJECTS" --yes ${options[@]+"${options[@]}"} >/dev/null || exit "$?"
  url="$(local_mode url --project "$PROJECTS" ${MODE:+"--$MODE"})"
  log "The main job on $url"
  "$VENV/bin/python" "$REPO_ROOT/scripts/demo/main.py" --url "$url" --chart "$REPO_ROOT/.run/$PROJECTS/demo/regression.html" || exit "$?"
  log "$PROJECTS is still running: ./scripts/status.sh shows it, ./scripts/stop-dev.sh --project $PROJECTS stops it."
}

main "$@"
