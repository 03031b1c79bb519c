#!/usr/bin/env bash
# Made-up input by the ten thousand, against rules that hold for any input. Exits with 1 if one was broken, and says how
# to repeat the case: the same seed and number make the same one.
#
#   http      bytes over TCP to each service of an instance: never a 5xx, nothing repeated or revealed, no answer to
#             somebody else's request, and the processes live on, calm and no bigger
#   files     damaged files to every parser of what users send: a result or one of our own errors, within the limits
#   tokens    forged access and refresh tokens, API keys and signed URLs: none is accepted, and the good ones are
#   openapi   calls made from the OpenAPI documents of an instance, by somebody, by bad tokens and by nobody, each alone and
#             in chains: never a 5xx, nor an answer that the documents do not describe; --part gateway, data, ai or chains
#
# Usage: scripts/fuzz.sh http|files|tokens|openapi [--seed N] [--count N] [--runs N] [--part NAME] [--only N]
#                        [--project NAME] [--number N] [-- OPTIONS OF THE CAMPAIGN]
#
#   --seed      where chance begins (default: a random one, which is printed)
#   --count     how many cases (default: those of the long form)
#   --runs      how often, each with the next seed (default 1); stops at the first that is not clean
#   --part      only this part of the campaign, such as a service or a parser
#   --only      only the case of this number
#   --project   an instance that runs already; its data is not spared (default: one of its own)
#   --number    number of an instance of its own, which its ports follow (default 94)

# shellcheck source=lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.sh" || exit

SEED=''
RUNS=1
OPTIONS=()

require_number() { [[ "$2" =~ ^[0-9]+$ ]] || misuse "$1 needs a number"; }

take_option() {
  SHIFT=2
  case "$1" in
    --seed | --runs)
      require_number "$1" "${2:-}"
      printf -v "$(tr '[:lower:]' '[:upper:]' <<<"${1#--}")" '%s' "$2"
      ;;
    --count | --only | --number)
      require_number "$1" "${2:-}"
      OPTIONS+=("$1" "$2")
      ;;
    --part)
      [[ -n "${2:-}" ]] || misuse '--part needs a name'
      OPTIONS+=("$1" "$2")
      ;;
    *) parse_common "$@" ;;
  esac
  ((SHIFT)) || misuse "unknown option '$1'"
}

main() {
  local what='' round
  while (($#)); do
    case "$1" in
      http | files | tokens | openapi) what="$1" SHIFT=1 ;;
      --)
        OPTIONS+=("${@:2}")
        break
        ;;
      *) take_option "$@" ;;
    esac
    shift "$SHIFT"
  done
  [[ -n "$what" ]] || misuse 'say what: http, files, tokens or openapi'
  environment_current dev || die 'the tools of the tests are not installed: run ./scripts/setup.sh --dev'
  [[ -z "$PROJECTS" ]] || OPTIONS+=(--project "$PROJECTS")
  SEED="${SEED:-$((SRANDOM % 1000000 + 1))}"
  for ((round = 0; round < RUNS; round++)); do
    log "$what, seed $((SEED + round))"
    (cd "$REPO_ROOT" && "$VENV/bin/python" -m tests.fuzz "$what" --seed "$((SEED + round))" ${OPTIONS[@]+"${OPTIONS[@]}"}) || exit 1
  done
}

main "$@"
