# shellcheck shell=bash
# The instances that scripts/test.sh starts for its tests, and removes again.

# Numbers whose ports no instance of the checkout can have; from 98 on those of object stores are beyond those of the
# others' Prometheus.
readonly FIRST_NUMBER=101
readonly SECOND_NUMBER=102
readonly THIRD_NUMBER=103
readonly FIFTH_NUMBER=104
readonly SIXTH_NUMBER=105
readonly SEVENTH_NUMBER=106
readonly NAMES='test1 test2 test3 test4 test5 test6 test7'

# What tests need at instance number $1: an administrator, more requests of one attacker than is usual, receivers of
# webhooks on this machine, and a scripted model, which they start themselves at one of the instance's ports.
settings_of() {
  printf '%s\n' ADMIN_EMAIL=admin@example.org ADMIN_PASSWORD=of-a-throw-away-instance RATE_LIMIT_DEFAULT=12000 \
    RATE_LIMIT_LLM=12000 WEBHOOK_NETWORKS=127.0.0.0/8 OPENAI_API_KEY=sk-scripted-0123456789abcdef OPENAI_MODEL=scripted \
    "OPENAI_BASE_URL=http://127.0.0.1:$((8000 + 100 * ($1 - 1) + 98))"
}

# Start the private instance test$1; the second on the code of the copy.
start_instance() {
  local -r index="$1" number="$2"
  shift 2
  local_mode up --name "test$index" --number "$number" --code "backend-pro$((index == 2 ? 2 : 1))" "$@" >/dev/null
}

# The same with settings for tests; the servers come first, which write the file.
start_with() {
  local -r index="$1" number="$2" file="$REPO_ROOT/.run/test$1/.env"
  local -a up=()
  shift 2
  [[ "$1" != --wheels ]] || { up=(--wheels) && shift; }
  start_instance "$index" "$number" --servers-only ${up[@]+"${up[@]}"}
  grep -q '^BCRYPT_ROUNDS=' "$file" || printf '%s\n' BCRYPT_ROUNDS=10 "$@" >>"$file"
  start_instance "$index" "$number" ${up[@]+"${up[@]}"}
}

# Name the instances $@ to the tests.
choose_instances() {
  local IFS=,
  export E2E_PROJECTS="$*" ENV_FILE="$REPO_ROOT/.run/$1/.env"
  E2E_BASE_URLS="$(urls_of "$@")"
  export E2E_BASE_URLS
}

# Two as users have them; webhooks may go to receivers on this machine. Each source of servers is forced once: the
# system's where it has them, and the packages'.
start_pair() {
  start_with 1 "$FIRST_NUMBER" "$(settings_of "$FIRST_NUMBER")"
  start_with 2 "$SECOND_NUMBER" --wheels
  choose_instances test1 test2
}

# One that is attacked, and one beside it.
start_attacked() {
  start_with 3 "$THIRD_NUMBER" "$(settings_of "$THIRD_NUMBER")"
  # So few requests of one are counted there before their minute is over, on a busy machine too.
  start_with 5 "$FIFTH_NUMBER" RATE_LIMIT_DEFAULT=600
  choose_instances test3 test5
}

# One that is watched while it is hurt.
start_watched() {
  start_with 7 "$SEVENTH_NUMBER" "$(settings_of "$SEVENTH_NUMBER")"
  choose_instances test7
}

# Servers alone, which both pieces use.
start_servers() {
  start_instance 6 "$SIXTH_NUMBER" --servers-only
  export ENV_FILE="$REPO_ROOT/.run/test6/.env"
}

urls_of() {
  local -a options
  mapfile -t options < <(printf -- '--project\n%s\n' "$@")
  local_mode url "${options[@]}" | paste -sd,
}

# Those that have served: what stands idle still takes a part of a core from the tests that follow.
stop_instances() {
  local name
  for name in "$@"; do
    [[ -n "$KEEP" ]] || local_mode down --project "$name" >/dev/null
  done
}

# Those of this run, or what an earlier one left that failed or was killed; $1 is empty to keep data and logs.
remove_instances() {
  local name
  for name in $NAMES; do
    [[ -f "$REPO_ROOT/.run/$name/instance.json" ]] || continue
    (local_mode down --project "$name" 2>/dev/null) || true
    if [[ -n "$1" ]]; then
      (local_mode purge --project "$name" 2>/dev/null) || log "not removed: .run/$name"
    else
      log "its data and logs are kept until the next run: .run/$name"
    fi
  done
}
