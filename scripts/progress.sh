# Says how long work takes while it goes on, and runs work beside other work. Sourced by scripts.
# shellcheck shell=bash

this_script=$(basename "$0" .sh)

# Runs a command that uses the network, and says every ten seconds that it has not ended: on descriptor 3 when that is
# open, else on stderr.
over_network() { # what, command...
  local what=$1 ticker status=0 said_on=2
  shift
  if { true >&3; } 2>/dev/null; then said_on=3; fi
  # A process group of its own, so that its sleep ends with it.
  set -m
  # shellcheck disable=SC2016  # expanded by the inner shell
  bash -c 'while sleep 10; do printf "%s: waiting for the network: %s, %s s so far\n" "$0" "$1" "$SECONDS"; done' \
    "$this_script" "$what" >&"$said_on" &
  ticker=$!
  disown "$ticker"
  set +m
  "$@" || status=$?
  # Not TERM: a child that has not become its program yet would run the traps of this script.
  kill -KILL -- "-$ticker" 2>/dev/null || true
  return "$status"
}

declare -A beside_pid=() beside_log=()
beside_logs=
trap stop_beside EXIT
trap 'exit 130' INT TERM

# Runs a command in the background, in a process group of its own. It ends with this script at the latest.
start_beside() { # what, command...
  local what=$1
  shift
  [ -n "$beside_logs" ] || beside_logs=$(mktemp -d "${TMPDIR:-/tmp}/dockyard-logs.XXXXXX")
  beside_log[$what]=$beside_logs/${#beside_log[@]}
  set -m
  (
    trap - EXIT INT TERM
    "$@"
  ) >"${beside_log[$what]}" 2>&1 </dev/null &
  set +m
  beside_pid[$what]=$!
}

# Waits for a command of `start_beside` and fails as it does. Says every ten seconds what it is at; prints its output when
# it failed, or always when asked to.
wait_beside() { # what, [print]
  local what=$1 print=${2:-} status=0 waited=0
  local pid=${beside_pid[$what]} log=${beside_log[$what]}
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    waited=$((waited + 1))
    [ $((waited % 50)) != 0 ] ||
      printf '%s: waiting for %s: %s\n' "$this_script" "$what" "$(tail -n 1 "$log" | tr -d '\r' | cut -c1-100)" >&2
  done
  wait "$pid" || status=$?
  unset "beside_pid[$what]"
  [ "$status" = 0 ] && [ -z "$print" ] || cat "$log" >&2
  [ "$status" = 0 ] || printf '%s: %s failed\n' "$this_script" "$what" >&2
  return "$status"
}

stop_beside() {
  local pid
  for pid in "${beside_pid[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
  [ -z "$beside_logs" ] || rm -rf "$beside_logs"
}

# Runs a command while no other script on this machine uses apt, whose own locks do not wait.
with_apt() { # command...
  local status=0
  mkdir -p "${XDG_CACHE_HOME:-$HOME/.cache}/dockyard"
  exec 8>"${XDG_CACHE_HOME:-$HOME/.cache}/dockyard/apt.lock"
  flock 8
  "$@" 8>&- || status=$?
  exec 8>&-
  return "$status"
}
