#!/usr/bin/env bash
# Rebuilds and restarts the server whenever a source file changes; open pages reload. Arguments go to `dockyard serve`.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build dev
server=
stop() {
  [ -n "$server" ] || return 0
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}
trap stop EXIT
trap 'exit 130' INT TERM

while :; do
  if scripts/build-front.sh release && cargo build --locked --workspace --bins --features dockyard/ssr; then
    stop
    DOCKYARD_DEV=1 "${CARGO_TARGET_DIR:-target}/debug/dockyard" serve "$@" &
    server=$!
  else
    echo 'dev: the build failed, the last good server keeps running; waiting for the next change' >&2
  fi
  inotifywait --quiet --recursive --event modify,create,delete,move \
    src crates migrations style public Cargo.toml >/dev/null
  sleep 0.2
done
