#!/usr/bin/env bash
# How well the LLM of a running instance answers: asks it a set of questions over real data sets, whose answers are
# known, through the gateway as somebody new, and tells how many results were right, how many numbers of the answers were
# grounded in results, how many plans had to be mended, and what it cost in tokens, money and time.
#
# Usage: scripts/evaluate-llm.sh [--project pro1|pro2|…] [--questions FILE] [--limit N] [--report FILE] [--least ACCURACY]
#
#   --project    which instance (default: pro1); it has to run, with OPENAI_API_KEY set
#   --questions  another set, of the form of scripts/evaluation/questions.json; its data sets can be CSV files beside it
#   --limit      only the first N questions
#   --report     write all outcomes to a file: Markdown if its name ends in .md, else JSON
#   --least      end with 1 if a smaller fraction of the results is right, such as 0.8

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

main() {
  local -a options=()
  local url
  while (($#)); do
    case "$1" in
      --questions | --limit | --report | --least)
        [[ -n "${2:-}" ]] || misuse "$1 needs a value"
        options+=("$1" "$2") SHIFT=2
        ;;
      *) parse_common "$@" ;;
    esac
    ((SHIFT)) || misuse "unknown option '$1'"
    shift "$SHIFT"
  done
  PROJECTS="${PROJECTS:-pro1}"
  select_projects
  [[ "$PROJECTS" != all ]] || misuse 'one instance is evaluated at a time: --project pro1'
  require_environment
  url="$(local_mode url --project "$PROJECTS" ${MODE:+"--$MODE"})"
  log "Asking the LLM of $PROJECTS on $url"
  "$VENV/bin/python" "$REPO_ROOT/scripts/evaluation/evaluate.py" --url "$url" ${options[@]+"${options[@]}"} || exit "$?"
}

main "$@"
