#!/usr/bin/env bash
# Rebuilds and restarts the server whenever a source file changes; open pages reload. Arguments go to `dockyard serve`.
# Style sheets and files of public/ need no restart: the server of this build reads them from the disk.
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

start() {
  DOCKYARD_DEV=1 target/dev/dockyard serve "$@" &
  server=$!
}

# Changes during a build are not lost: they wait here.
exec {changes}< <(inotifywait --quiet --monitor --recursive --event modify,create,delete,move --format '%w%f' \
  src crates migrations style public Cargo.toml)

# Waits for changes and leaves in $change whether anything but styles is among them.
await_change() {
  local path
  change=style
  read -r -u "$changes" path || exit
  # An editor writes several files at once.
  while true; do
    case $path in
      style/styleguide.css) change=code ;; # compiled into the program
      style/* | public/*) ;;
      *) change=code ;;
    esac
    read -r -t 0.1 -u "$changes" path || break
  done
}

change=code
while :; do
  from=${EPOCHREALTIME/./}
  if [ "$change" = style ]; then scripts/build-front.sh style || true
  elif scripts/build.sh dev; then
    stop
    start "$@"
  else
    echo 'dev: the build failed, the last good server keeps running; waiting for the next change' >&2
  fi
  printf 'dev: done after %d ms; waiting for the next change\n' $(((${EPOCHREALTIME/./} - from) / 1000)) >&2
  await_change
done
