# shellcheck shell=bash
# How scripts/test.sh runs pytest. VENV, RESULTS and PYTEST_ARGUMENTS are the caller's.

# More failures than this are no accident.
readonly AGAIN_AT_MOST=3

# Libraries may still speak after pytest's last word.
closing_line() { { grep -E '^=+ .*in [0-9.]+s.*=+$' "$1" || tail -n 1 "$1"; } | tr -d = | paste -sd';'; }

# The first tests that failed by what is said in $1, with their reasons.
failed_tests() { awk '/^(FAILED|ERROR) / && !seen[$0]++ && ++shown <= 20 { print "  " $0 }' "$1"; }

pytest_in() {
  local -r folder="$1"
  shift
  cd "$folder" && "$VENV/bin/python" -m pytest --durations=12 --durations-min=2 "$@" ${PYTEST_ARGUMENTS[@]+"${PYTEST_ARGUMENTS[@]}"} 2>&1
}

# The same against servers, on a machine that may be busy: few that failed are run once more, and named.
pytest_with_servers() {
  local -r folder="$1" memory="$RESULTS/memory-$BASHPID"
  local code=0 failed
  shift
  (pytest_in "$folder" -o cache_dir="$memory" "$@") || code=$?
  failed="$("$VENV/bin/python" -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' "$memory/v/cache/lastfailed" 2>/dev/null)" || failed=''
  if ((code != 1)) || [[ -z "$failed" ]] || (($(wc -l <<<"$failed") > AGAIN_AT_MOST)); then return "$code"; fi
  echo "== once more: ${failed//$'\n'/ }"
  (pytest_in "$folder" -o cache_dir="$memory" --last-failed --last-failed-no-failures none "$@") || return "$?"
  echo "$failed" >>"$RESULTS/unsteady"
}
