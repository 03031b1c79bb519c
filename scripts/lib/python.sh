# shellcheck shell=bash
# Finding Python and keeping the virtual environment at what the lock files say.

readonly CANDIDATES=(python3.11 python3.12 python3.13 python3 python)

# Whether $1 runs and is Python 3.11 or newer.
good_python() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local candidate
  if [[ -n "${PYTHON:-}" ]]; then
    good_python "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11 or newer"
    command -v "$PYTHON"
    return
  fi
  for candidate in "${CANDIDATES[@]}"; do
    if good_python "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  die 'no Python 3.11 or newer on PATH: install python3.11 (Debian 12: apt install python3 python3-venv; macOS: brew install python@3.11), or name one with PYTHON=…'
}

require_venv_module() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null ||
    die "$1 cannot make virtual environments: install its venv package (Debian and Ubuntu: apt install python3-venv), or name another Python with PYTHON=…"
}

# The environment, made anew when its interpreter is gone or does not run, or when it was moved.
ensure_venv() {
  local python
  if venv_in_place && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
  # Clearing it would empty the environment of somebody else.
  [[ ! -L "$VENV" ]] || die "$VENV is a link to $(readlink -f "$VENV"), an environment that does not fit this folder and is left as it is: remove the link, or name another environment with VENV=…"
  python="$(find_python)"
  require_venv_module "$python"
  log "Making the virtual environment with $("$python" --version)"
  "$python" -m venv --clear "$VENV"
}

pip_install() {
  "$VENV/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes "$@" ||
    die 'pip could not install the locked packages: see its message above; it needs a package index (pip config or PIP_INDEX_URL)'
}

install_requirements() {
  local -r kind="$1"
  local -a arguments=(--requirement "$REPO_ROOT/$SOURCE_PROJECT/requirements.txt")
  [[ "$kind" == run ]] || arguments+=(--requirement "$REPO_ROOT/requirements-dev.txt")
  log 'Installing the locked packages (a few minutes the first time)'
  pip_install "${arguments[@]}"
  wanted_digest "$kind" >"$VENV/.installed-$kind"
  wanted_digest run >"$VENV/.installed-run"
}

install_environment() {
  local -r kind="$1"
  if environment_current "$kind"; then
    log 'Environment: unchanged'
  else
    ensure_venv
    install_requirements "$kind"
  fi
}
