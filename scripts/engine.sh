#!/usr/bin/env bash
# Throwaway container engines for the tests, on loopback, with no bridge and no firewall rules.
#   engine.sh up [engine...]     start (docker and podman when nothing is named); no-op when running
#   engine.sh env [docker...]    print exports; use: eval "$(scripts/engine.sh env)"
#   engine.sh down               stop what `up` started, by process id
#   engine.sh clean              down, and remove the engines' data
#   engine.sh with-names COMMAND...  as docker sees names and certificates; in a mount namespace of its own
# Engines: docker, podman, containerd, and Debian 13's docker 26 with either of its image stores:
# docker26-graph, docker26-containerd. `env` sets up the docker that it is given.
# Containers run with --network none or host. Needs root. Data: $ENGINE_ROOT.
set -uo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Each checkout has its own. A short path, as sockets lie below it.
root=${ENGINE_ROOT:-/var/tmp/dockyard-engine-$(cksum <<<"$scripts" | cut -d' ' -f1)}
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { printf 'engine: %s\n' "$*" >&2; }

# Alive means: the process is there and is still the program that was started. An unreaped zombie
# answers kill -0 too, but its command line is empty.
alive() { # pid file, word of the command line
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && grep -qa -- "$2" "/proc/$pid/cmdline" 2>/dev/null
}

answers() { # socket, word of the command line
  case $2 in
    containerd) timeout 2 ctr --address "$1" version >/dev/null 2>&1 ;;
    *) curl -sf -m 2 --unix-socket "$1" http://engine/_ping >/dev/null 2>&1 ;;
  esac
}

# At most 30 seconds; gives up at once when the process is gone.
wait_ready() { # socket, pid file, word
  local turn
  for turn in $(seq 1 300); do
    answers "$1" "$3" && return 0
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

# Starts a docker daemon in $root/ENGINE, with the first of the storage drivers that works.
start_docker() { # engine, drivers, the daemon's command line...
  local engine=$1 drivers=$2 at=$root/$1 socket=$root/$1.sock driver
  shift 2
  alive "$at/pid" dockerd && wait_ready "$socket" "$at/pid" dockerd && return 0
  mkdir -p "$at/exec"
  rm -f "$at/pid" "$socket"
  for driver in $drivers; do
    mkdir -p "$at/data-$driver"
    (
      cd / && exec setsid "$@" --data-root "$at/data-$driver" --exec-root "$at/exec" \
        --pidfile "$at/pid" --host "unix://$socket" --storage-driver "$driver" \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
        --userland-proxy=false >"$at/log" 2>&1 </dev/null
    ) &
    wait_ready "$socket" "$at/pid" dockerd && {
      say "$engine ($driver) on $socket"
      return 0
    }
    stop "$at/pid" dockerd
  done
  tail -n 5 "$at/log" >&2
  say "$engine did not start"
  return 1
}

# overlay does not work on top of every filesystem; vfs and native do.
up_docker() {
  start_docker docker 'overlay2 vfs' unshare --mount "$scripts/engine.sh" with-names dockerd
}

# Runs a program that finds the tests' registry under a name, and its authority in $root/certs.d: docker takes any
# certificate of what is on 127.0.0.1, but not of images.example, which is ::1 there.
with_names() {
  mkdir -p "$root/certs.d" /etc/docker
  { cat /etc/hosts; echo '::1 images.example'; } >"$root/hosts"
  mount --bind "$root/hosts" /etc/hosts && mount -t tmpfs tmpfs /etc/docker && mkdir /etc/docker/certs.d &&
    mount --bind "$root/certs.d" /etc/docker/certs.d && exec "$@"
}

up_docker26_graph() { start_docker26 graph false 'overlay2 vfs'; }
up_docker26_containerd() { start_docker26 containerd true 'overlayfs native'; }

start_docker26() { # store, whether it is containerd's, storage drivers
  local at=$root/docker26-$1
  "$scripts/debian13.sh" prepare || return 1
  mkdir -p "$at/bin"
  printf '{"features":{"containerd-snapshotter":%s}}\n' "$2" >"$at/daemon.json"
  # Its own command line, for `engine.sh env`.
  printf '#!/bin/sh\nexec %q /usr/bin/docker "$@"\n' "$scripts/debian13.sh" >"$at/bin/docker"
  chmod 755 "$at/bin/docker"
  start_docker "docker26-$1" "$3" "$scripts/debian13.sh" /usr/sbin/dockerd --config-file "$at/daemon.json"
}

up_containerd() {
  local at=$root/containerd socket=$root/containerd.sock
  alive "$at/pid" containerd && wait_ready "$socket" "$at/pid" containerd && return 0
  mkdir -p "$at"
  rm -f "$socket"
  cat >"$at/config.toml" <<END
version = 2
root = "$at/root"
state = "$at/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$socket"
[plugins."io.containerd.internal.v1.opt"]
path = "$at/opt"
END
  (cd / && exec setsid containerd --config "$at/config.toml" >"$at/log" 2>&1 </dev/null) &
  echo $! >"$at/pid"
  wait_ready "$socket" "$at/pid" containerd || {
    tail -n 5 "$at/log" >&2
    say 'containerd did not start'
    return 1
  }
  say "containerd on $socket"
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
# The default is one table in memory for all podmans of the machine, whatever their storage.
lock_type = "file"
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

print_environment() { # docker, docker26-graph or docker26-containerd
  local docker=${1:-docker}
  printf 'export ENGINE_ROOT=%q DOCKER_HOST=%q PODMAN_SOCKET=%q CONTAINERD_ADDRESS=%q DOCKER_BUILDKIT=0\n' \
    "$root" "unix://$root/$docker.sock" "unix://$root/podman.sock" "$root/containerd.sock"
  # shellcheck disable=SC2016  # whoever evaluates it expands it
  [ "$docker" = docker ] || printf 'export PATH=%q:"$PATH"\n' "$root/$docker/bin"
  podman_environment
}

down() {
  stop "$root/podman/pid" podman
  stop "$root/docker/pid" dockerd
  stop "$root/docker26-graph/pid" dockerd
  stop "$root/docker26-containerd/pid" dockerd
  stop "$root/containerd/pid" containerd
  # What the engines left mounted below their data.
  awk '{print $2}' /proc/mounts | grep "^$root/" | sort -r | while read -r mount; do
    umount -l "$mount" 2>/dev/null
  done
  rm -f "$root"/*.sock "$root"/*.sock.ttrpc
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
        docker | podman | containerd | docker26-graph | docker26-containerd)
          "up_${engine//-/_}" || status=1 ;;
        *) say "unknown engine '$engine'"; status=2 ;;
      esac
    done
    exit $status
    ;;
  with-names) shift; with_names "$@" ;;
  env) shift; print_environment "$@" ;;
  down) down ;;
  clean) down; rm -rf "$root" ;;
  *) sed -n '2,11s/^# //p' "$0"; exit 2 ;;
esac
