#!/usr/bin/env bash
# Style, types, import contracts, shell scripts, the list of metrics, dashboards, and drift of the stamped copies. Changes
# nothing.
#
# Usage: scripts/lint.sh [--fix]
#
#   --fix  let ruff repair and format first, list the metrics anew and write the dashboards

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

shell_scripts() { git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run; }

step() {
  log "- $1"
  shift
  "$@"
}

in_source() { (cd "$SOURCE_PROJECT" && "$@"); }

list_metrics() { in_source "$VENV/bin/python" -m shared.metrics.catalogue; }

lint_metrics() {
  list_metrics | cmp --silent - docs/metrics.md && return
  log "docs/metrics.md is not what the code declares: run ./scripts/lint.sh --fix"
  return 1
}

lint_dashboards() { "$VENV/bin/python" scripts/dashboards/generate.py --check; }

lint_shell() { shell_scripts | xargs "$VENV/bin/shellcheck"; }

main() {
  case "${1:-}" in
    --fix)
      "$VENV/bin/ruff" check --quiet --fix .
      "$VENV/bin/ruff" format --quiet .
      list_metrics >docs/metrics.md.new && mv docs/metrics.md.new docs/metrics.md
      "$VENV/bin/python" scripts/dashboards/generate.py
      ;;
    --help | -h)
      show_usage
      exit 0
      ;;
    '') ;;
    *) misuse "unknown option '$1'" ;;
  esac
  step 'ruff check' "$VENV/bin/ruff" check --quiet --output-format concise .
  step 'ruff format' "$VENV/bin/ruff" format --quiet --check .
  step 'mypy: repository' "$VENV/bin/python" -m mypy --no-error-summary
  step "mypy: $SOURCE_PROJECT" in_source "$VENV/bin/python" -m mypy --no-error-summary
  step 'import contracts' in_source "$VENV/bin/lint-imports" --no-logo
  step 'shellcheck' lint_shell
  step 'dashboards' lint_dashboards
  step 'list of metrics' lint_metrics
  step 'stamped copies' "$REPO_ROOT/scripts/sync-projects.sh" --check
}

cd "$REPO_ROOT"
main "$@"
