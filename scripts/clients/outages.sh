#!/usr/bin/env bash
# Databases that are restarted under load, a database that is gone for a while, and a store that loses one of its servers: what
# was acknowledged is there afterwards, and what failed could be tried again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_python
export SERVERS_SYNC=on top here server token load work
SERVERS_ROOT=$(mktemp -d /var/tmp/dockyard-outages.XXXXXX)
export SERVERS_ROOT
servers() { "$top/scripts/servers.sh" "$@"; }
trap 'status=$?; servers down; (exit $status); finish' EXIT

serve_on() { # settings...
  port=$(free_port)
  registry=127.0.0.1:$port
  server=http://$registry
  data=$(mktemp -d "$work/data.XXXXXX")
  server_args=("$@")
  launch_server
  sign_up alice 'correct horse battery'
  token=$(new_token alice 'correct horse battery')
  load=$work/images-$port
}
load() { python3 "$here/load.py" "$1" "$server" alice/app "$token" "$load" "${@:2}"; }
# Pushes in the background, for two minutes at most, until `stop_load`; returns when the first images are there.
start_load() {
  load push --secs 120 "$@" >"$load.said" 2>&1 &
  loader=$!
  for _ in $(seq 1 300); do
    [ "$(wc -l 2>/dev/null <"$load")" -ge 30 ] 2>/dev/null && return
    sleep 0.1
  done
  fail 'images are acknowledged' "$work/server.log"
}
stop_load() { # what
  touch "$load.stop"
  if wait "$loader"; then ok "$1 ($(head -n 1 "$load.said"))"; else fail "$1" "$load.said"; fi
  rm -f "$load.stop"
}
bounded() { # what, seconds: the longest request
  local longest
  longest=$(sed -n 's/.*longest: \([0-9]*\).*/\1/p' "$load.said")
  if [ "${longest:-99}" -lt "$2" ]; then ok "$1 ($longest s)"; else fail "$1" "$load.said"; fi
}
# Waits until the load has acknowledged ten images more, a minute at most.
until_more() {
  local before
  before=$(wc -l <"$load")
  for _ in $(seq 1 600); do
    [ "$(wc -l <"$load")" -lt $((before + 10)) ] || return 0
    sleep 0.1
  done
  tail -n 5 "$work/server.log"
  return 1
}
all_there() {
  check "$1" load check
  say "$(head -n 1 "$output")"
}

# --- databases ------------------------------------------------------------------------------------

for database in postgres mariadb; do
  check "$database starts" servers up "$database"
  eval "$(servers env)"
  if [ "$database" = postgres ]; then url=$DOCKYARD_TEST_POSTGRES/postgres; else
    url=$DOCKYARD_TEST_MARIADB/dockyard
    at=${DOCKYARD_TEST_MARIADB##*@}
    mariadb --no-defaults --host 127.0.0.1 --port "${at##*:}" --user dockyard --password=loopback-only \
      --execute 'CREATE DATABASE dockyard' >"$output" 2>&1 || fail 'the database is created' "$output"
  fi
  serve_on --database-url "$url"
  start_load
  check "$database restarts under load" servers restart "$database"
  check 'pushes go on by themselves' until_more
  servers kill "$database"
  # The time that it is gone.
  sleep 2
  check "$database is killed, and comes back" servers up "$database"
  check 'and pushes go on by themselves' until_more
  stop_load 'every request was answered with success or 503'
  bounded 'and within 30 seconds' 30
  all_there 'every image that was acknowledged is there'
  stop_server
  check 'and everything is as it should be' env DOCKYARD_DATABASE_URL="$url" "$dockyard" admin verify --data-dir "$data"
  servers kill "$database"
done

# --- a bucket on several servers --------------------------------------------------------------------

# Of each object there are two copies, on two of three servers.
check 'a SeaweedFS cluster starts: a master, three volume servers, a filer' servers up cluster
eval "$(servers env)"
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
serve_on --bucket dockyard --s3-endpoint "$DOCKYARD_TEST_CLUSTER"
start_load
used=$(du -sk "$SERVERS_ROOT/cluster-volume2" | cut -f1)
if [ "$used" -gt 1000 ]; then ok "each volume server holds a part ($used kB)"; else fail 'each volume server holds a part' "$used kB"; fi
check 'one of its volume servers is killed' servers kill cluster-volume2
# As long as the master takes to notice: until then, some writes go to the server that is gone.
sleep 15
check 'pushes go on with two' until_more
stop_load 'every request was answered with success or 503'
bounded 'and within 45 seconds' 45
all_there 'every image that was acknowledged is there, without that server'
stop_server
check 'and everything is as it should be' env DOCKYARD_BUCKET=dockyard DOCKYARD_S3_ENDPOINT="$DOCKYARD_TEST_CLUSTER" \
  "$dockyard" admin verify --data-dir "$data"
