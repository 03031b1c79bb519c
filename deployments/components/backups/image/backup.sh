#!/usr/bin/env bash
# Back up the instance that the environment describes, as scripts/backup.sh does, to BACKUP_TO (s3://BUCKET/PREFIX), and keep
# the BACKUP_KEEP newest. Prints where the backup is; exit code 0 when it is complete.
#
# PLATFORM and INSTANCE_ENV say where the scripts are and where the instance's .env may be written.

set -Eeuo pipefail
umask 077

readonly PLATFORM="${PLATFORM:-/opt/platform}" INSTANCE_ENV="${INSTANCE_ENV:-/tmp/instance.env}"
readonly NEEDED='PROJECT_ID DATABASE_URL REDIS_URL S3_ENDPOINT_URL S3_ACCESS_KEY S3_SECRET_KEY S3_BUCKET'

for name in $NEEDED BACKUP_TO; do
  if [[ -z "${!name:-}" ]]; then
    echo "error: $name is missing: put it into the config map or a secret" >&2
    exit 1
  fi
done
for name in $NEEDED S3_REGION; do
  [[ -z "${!name:-}" ]] || printf "%s='%s'\n" "$name" "${!name//\'/\\\'}"
done >"$INSTANCE_ENV"
exec python "$PLATFORM/scripts/instances" backup --project "$PROJECT_ID" --local -- --to "$BACKUP_TO" --keep "${BACKUP_KEEP:-14}"
