#!/usr/bin/env bash
# Render every Kubernetes overlay and example of deployments/ as `kubectl apply -k` would, and check all that can be checked
# without a cluster: kinds and schemas, hardening, references, settings, ports, network policies, probes and rollouts, the rules
# of Prometheus, and the overlay that the next instance would get. Needs kubectl; asks no cluster unless told to.
#
# Usage: scripts/check-deployments.sh [--project pro1|pro2|…|production] [--write] [--api-server KUBECONFIG]
#
#   --project     only this overlay or example, the rules, and the next instance's overlay
#   --write       first bring the rules of Prometheus's operator to monitoring/rules
#   --api-server  afterwards, if there was no fault, have the API server of this kubeconfig's current context judge the objects: a
#                 dry run of all of them and of the pods that they would make, then for real what nobody outside acts on, in a
#                 namespace ai-platform-trial-… that is removed again, with no replicas and jobs that do not run: nothing starts.
#                 Needs the right to make and remove namespaces. Kinds that the server does not have are named, not tried
#
# Exit code 0 when nothing is wrong, 1 with a line for each fault, 2 for a wrong option.

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=()
  while (($#)); do
    case "$1" in
      --write) options+=("$1") SHIFT=1 ;;
      --api-server)
        [[ -n "${2:-}" ]] || misuse '--api-server needs a kubeconfig'
        options+=("--api-server=$2") SHIFT=2
        ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  [[ -z "$MODE" ]] || misuse "what is checked runs in neither mode: leave --$MODE out"
  [[ -z "$PROJECTS" || "$PROJECTS" == all ]] || options+=("--project=$PROJECTS")
  environment_current dev || die 'the schemas of Kubernetes are among the tools of tests: run ./scripts/setup.sh --dev'
  exec "$VENV/bin/python" "$REPO_ROOT/scripts/instances/kube_check.py" ${options[@]+"${options[@]}"}
}

main "$@"
