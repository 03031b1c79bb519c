#!/usr/bin/env bash
# Style, types, import contracts, shell scripts, the documents made from the code (metrics, settings, OpenAPI), dashboards,
# and drift of the stamped copies. Changes nothing.
#
# Usage: scripts/lint.sh [--fix]
#
#   --fix  let ruff repair and format first, and write these documents and the dashboards anew

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

write_reference() { in_source "$VENV/bin/python" -m shared.testing.reference "$1"; }

lint_reference() {
  local made
  made="$(mktemp -d)"
  write_reference "$made" && diff --brief docs/settings.md "$made/settings.md" && diff --brief docs/openapi "$made/openapi" && rm -r "$made" && return
  rm -rf "$made"
  log "the reference in docs/ is not what the code declares: run ./scripts/lint.sh --fix"
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
      write_reference "$REPO_ROOT/docs"
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
  step 'mypy: benchmarks' "$VENV/bin/python" -m mypy --no-error-summary --config-file benchmarks/pyproject.toml
  step "mypy: $SOURCE_PROJECT" in_source "$VENV/bin/python" -m mypy --no-error-summary
  step 'import contracts' in_source "$VENV/bin/lint-imports" --no-logo
  step 'shellcheck' lint_shell
  step 'dashboards' lint_dashboards
  step 'list of metrics' lint_metrics
  step 'settings and OpenAPI' lint_reference
  step 'stamped copies' "$REPO_ROOT/scripts/sync-projects.sh" --check
}

cd "$REPO_ROOT"
main "$@"
