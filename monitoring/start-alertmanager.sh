#!/bin/sh
# Put the receivers of the environment into the configuration, and become Alertmanager. Refuses to start where alerts
# would reach nobody. Each variable may instead be a file that holds it: ALERT_WEBHOOK_URL_FILE and so on.
#
# Usage: start-alertmanager.sh TEMPLATE FOLDER PROGRAM [ARGUMENT]…     FOLDER is private and takes the configuration
set -eu
umask 077

refuse() {
  echo "error: $1" >&2
  exit 1
}

# The variable $1, or what the file holds that $1_FILE names.
value_of() {
  eval "value=\${$1:-} file=\${$1_FILE:-}"
  # shellcheck disable=SC2154 # eval sets both
  if [ -z "$value" ] && [ -n "$file" ]; then value="$(cat "$file")" || refuse "$1_FILE cannot be read"; fi
  case "$value" in
    *[\"\\\|\&]* | *'
'*) refuse "$1 must be one line without any of \" \\ | &" ;;
  esac
  printf '%s' "$value"
}

template="$1" folder="$2"
shift 2

webhook="$(value_of ALERT_WEBHOOK_URL)" heartbeat="$(value_of ALERT_HEARTBEAT_URL)" people="$(value_of ALERT_MAIL_TO)"
host="$(value_of SMTP_HOST)" port="${SMTP_PORT:-587}" user="$(value_of SMTP_USERNAME)" from="$(value_of MAIL_FROM)"
[ -n "$webhook$people" ] || refuse 'alerts would reach nobody: set ALERT_WEBHOOK_URL, or ALERT_MAIL_TO with SMTP_HOST'
[ -z "$people" ] || [ -n "$host" ] || refuse 'ALERT_MAIL_TO needs SMTP_HOST'

without=''
leave_out() { without="$without -e /#.$1\$/d"; }

[ -n "$webhook" ] || leave_out webhook
[ -n "$heartbeat" ] || leave_out heartbeat
[ -n "$people" ] || leave_out mail
if [ -n "$people" ] && [ -n "$user" ]; then
  if [ -n "${SMTP_PASSWORD_FILE:-}" ]; then
    cat "$SMTP_PASSWORD_FILE" >"$folder/smtp-password" || refuse 'SMTP_PASSWORD_FILE cannot be read'
  else
    printf '%s' "${SMTP_PASSWORD:-}" >"$folder/smtp-password"
  fi
else
  leave_out login
fi
tls=true
case "${SMTP_SECURITY:-starttls}" in
  starttls) ;;
  none) tls=false ;;
  # Alertmanager speaks TLS from the first byte at this port alone, and elsewhere would fall back to none.
  tls) [ -z "$people" ] || [ "$port" = 465 ] || refuse 'SMTP_SECURITY=tls needs SMTP_PORT=465 here' && tls=false ;;
  *) refuse 'SMTP_SECURITY must be starttls, tls or none' ;;
esac

# shellcheck disable=SC2086 # several words
sed $without \
  -e "s|\${ALERT_WEBHOOK_URL}|$webhook|" \
  -e "s|\${ALERT_HEARTBEAT_URL}|$heartbeat|" \
  -e "s|\${ALERT_MAIL_TO}|$people|" \
  -e "s|\${MAIL_FROM}|${from:-alertmanager@localhost}|" \
  -e "s|\${SMTP_SMARTHOST}|$host:$port|" \
  -e "s|\${SMTP_REQUIRE_TLS}|$tls|" \
  -e "s|\${SMTP_USERNAME}|$user|" \
  -e "s|\${SMTP_PASSWORD_FILE}|$folder/smtp-password|" \
  "$template" >"$folder/alertmanager.yml"

exec "$@" "--config.file=$folder/alertmanager.yml"
