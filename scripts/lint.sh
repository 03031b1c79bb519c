#!/usr/bin/env bash
# Style, types, import contracts, shell scripts, and drift of the stamped copies. Changes nothing.
#
# Usage: scripts/lint.sh [--fix]
#
#   --fix  let ruff repair and format first

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

shell_scripts() { git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run; }

step() {
  log "- $1"
  shift
  "$@"
}

in_source() { (cd "$SOURCE_PROJECT" && "$@"); }

lint_shell() { shell_scripts | xargs "$VENV/bin/shellcheck"; }

main() {
  case "${1:-}" in
    --fix)
      "$VENV/bin/ruff" check --quiet --fix .
      "$VENV/bin/ruff" format --quiet .
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
  step 'stamped copies' "$REPO_ROOT/scripts/sync-projects.sh" --check
}

cd "$REPO_ROOT"
main "$@"
