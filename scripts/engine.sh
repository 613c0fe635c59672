#!/usr/bin/env bash
# Throwaway container engines for the tests, on loopback, with no bridge and no firewall rules.
#   engine.sh up [docker] [podman]   start (both when nothing is named); no-op when running
#   engine.sh env                    print exports; use: eval "$(scripts/engine.sh env)"
#   engine.sh down                   stop what `up` started, by process id
#   engine.sh clean                  down, and remove the engines' data
# Containers run with --network none or host. Needs root. Data: $ENGINE_ROOT.
set -uo pipefail

root=${ENGINE_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/dockyard/engine}
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { printf 'engine: %s\n' "$*" >&2; }

# Alive means: the process is there and is still the program that was started. An unreaped zombie
# answers kill -0 too, but its command line is empty.
alive() { # pid file, word of the command line
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && grep -qa -- "$2" "/proc/$pid/cmdline" 2>/dev/null
}

answers() { curl -sf -m 2 --unix-socket "$1" http://engine/_ping >/dev/null 2>&1; }

# At most 30 seconds; gives up at once when the process is gone.
wait_ready() { # socket, pid file, word
  local turn
  for turn in $(seq 1 300); do
    answers "$1" && return 0
    [ "$turn" -lt 30 ] || alive "$2" "$3" || return 1
    sleep 0.1
  done
  return 1
}

stop() { # pid file, word
  local pid
  if alive "$1" "$2"; then
    pid=$(cat "$1")
    kill "$pid" 2>/dev/null
    for _ in $(seq 1 200); do
      alive "$1" "$2" || break
      sleep 0.1
    done
    if alive "$1" "$2"; then
      say "process $pid did not stop in 20 s: killed"
      kill -9 "$pid"
      sleep 0.2
    fi
  fi
  rm -f "$1"
}

up_docker() {
  local at=$root/docker driver
  alive "$at/pid" dockerd && wait_ready "$root/docker.sock" "$at/pid" dockerd && return 0
  mkdir -p "$at/exec"
  rm -f "$at/pid" "$root/docker.sock"
  # overlay2 does not work on top of every filesystem; vfs does.
  for driver in overlay2 vfs; do
    mkdir -p "$at/data-$driver"
    (
      cd / && exec setsid dockerd --data-root "$at/data-$driver" --exec-root "$at/exec" \
        --pidfile "$at/pid" --host "unix://$root/docker.sock" --storage-driver "$driver" \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
        --userland-proxy=false >"$at/log" 2>&1 </dev/null
    ) &
    wait_ready "$root/docker.sock" "$at/pid" dockerd && {
      say "docker ($driver) on $root/docker.sock"
      return 0
    }
    stop "$at/pid" dockerd
  done
  tail -n 5 "$at/log" >&2
  say 'docker did not start'
  return 1
}

configure_podman() {
  local at=$root/podman
  mkdir -p "$at"
  cat >"$at/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$at/root"
runroot = "$at/run"
END
  cat >"$at/registries.conf" <<END
unqualified-search-registries = []
short-name-mode = "disabled"
END
  # Low limits: the defaults need a capability that a container or a small machine may lack.
  cat >"$at/containers.conf" <<END
[containers]
netns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "$at/tmp"
END
}

podman_environment() {
  local at=$root/podman
  printf 'export CONTAINERS_STORAGE_CONF=%q CONTAINERS_REGISTRIES_CONF=%q CONTAINERS_CONF=%q\n' \
    "$at/storage.conf" "$at/registries.conf" "$at/containers.conf"
}

up_podman() {
  local at=$root/podman
  alive "$at/pid" podman && wait_ready "$root/podman.sock" "$at/pid" podman && return 0
  configure_podman
  rm -f "$root/podman.sock"
  (
    eval "$(podman_environment)"
    cd / && exec setsid podman system service --time=0 "unix://$root/podman.sock" \
      >"$at/log" 2>&1 </dev/null
  ) &
  echo $! >"$at/pid"
  wait_ready "$root/podman.sock" "$at/pid" podman || {
    tail -n 5 "$at/log" >&2
    say 'podman did not start'
    return 1
  }
  say "podman on $root/podman.sock"
}

print_environment() {
  printf 'export ENGINE_ROOT=%q DOCKER_HOST=%q PODMAN_SOCKET=%q DOCKER_BUILDKIT=0\n' \
    "$root" "unix://$root/docker.sock" "unix://$root/podman.sock"
  podman_environment
}

down() {
  stop "$root/podman/pid" podman
  stop "$root/docker/pid" dockerd
  # What the engines left mounted below their data.
  awk '{print $2}' /proc/mounts | grep "^$root/" | sort -r | while read -r mount; do
    umount -l "$mount" 2>/dev/null
  done
  rm -f "$root/docker.sock" "$root/podman.sock"
  return 0
}

case ${1:-} in
  up)
    shift
    [ "$(id -u)" = 0 ] || { say 'needs root'; exit 1; }
    mkdir -p "$root"
    [ $# -gt 0 ] || set -- docker podman
    status=0
    for engine in "$@"; do
      case $engine in
        docker | podman) "up_$engine" || status=1 ;;
        *) say "unknown engine '$engine': docker or podman"; status=2 ;;
      esac
    done
    exit $status
    ;;
  env) print_environment ;;
  down) down ;;
  clean) down; rm -rf "$root" ;;
  *) sed -n '2,8s/^# //p' "$0"; exit 2 ;;
esac
