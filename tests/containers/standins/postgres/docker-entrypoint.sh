#!/usr/bin/env bash
# Makes the cluster and its database where there is none yet, then becomes the server.

set -Eeuo pipefail

make_cluster() {
  local -r draft="$PGDATA/draft"
  local -a options
  read -ra options <<<"${POSTGRES_INITDB_ARGS:-}"
  # What an interrupted start has left holds nothing yet.
  find "$PGDATA" -mindepth 1 -delete
  initdb --pgdata="$draft" --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${options[@]}"
  printf '%s\n' "listen_addresses = '*'" "unix_socket_directories = '/var/run/postgresql'" >>"$draft/postgresql.conf"
  echo 'host all all all scram-sha-256' >>"$draft/pg_hba.conf"
  printf 'CREATE DATABASE "%s"\n' "$POSTGRES_DB" |
    postgres --single -D "$draft" -c exit_on_error=on postgres >/dev/null
  find "$draft" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" '{}' +
  mv "$draft/PG_VERSION" "$PGDATA"
  rmdir "$draft"
}

[[ "${1:-}" != postgres || -s "$PGDATA/PG_VERSION" ]] || make_cluster
exec "$@"
