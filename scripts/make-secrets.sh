#!/usr/bin/env bash
# Write random secrets for an instance on Kubernetes beside its overlay, as deployments/overlays/PROJECT/.env (mode 600, ignored
# by git), and print the commands that bring them into a cluster. A file that is there is never changed. For stores outside the
# cluster put their addresses and passwords into it afterwards.
#
# Usage: scripts/make-secrets.sh [--project pro1|pro2|…]
#
#   --project  which instance (default: a menu on a terminal, else pro1)
#
# Exit code 0 when the file is written, 1 when it is there already, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  while (($#)); do
    parse_common "$@"
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  select_projects
  [[ "$PROJECTS" != all ]] || misuse 'one instance at a time: --project pro1'
  require_environment
  exec "$VENV/bin/python" "$REPO_ROOT/scripts/instances/kube_secrets.py" "${SELECTED[0]}"
}

main "$@"
