#!/usr/bin/env bash
# Gives an engine a real base image without pulling one: a minimal Debian, made once and cached.
#   debian-image.sh docker|podman NAME     e.g. debian-image.sh docker ubuntu:latest
#   debian-image.sh prepare                only makes it
# The engine is the one that `eval "$(scripts/engine.sh env)"` points to. Needs root.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dockyard
rootfs=$cache/debian-rootfs.tar
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { printf 'debian-image: %s\n' "$*" >&2; }

# An image under 100 MB would not be much of a test.
min_bytes=100000000

make_rootfs() {
  local suite=bookworm scratch=${TMPDIR:-/tmp}
  # shellcheck disable=SC1091
  [ "$(. /etc/os-release && echo "$ID")" != debian ] || suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # Memory is several times faster than a disk here; the unpacked system needs about 300 MB.
  if [ -d /dev/shm ] && [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt 1500000 ]; then
    scratch=/dev/shm
  fi
  mkdir -p "$cache"
  say "making the root file system of Debian $suite (once)"
  TMPDIR=$scratch mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io \
    --aptopt='Acquire::Languages "none"' "$suite" "$rootfs.new.tar" >"$cache/mmdebstrap.log" 2>&1 || {
    tail -n 10 "$cache/mmdebstrap.log" >&2
    say "mmdebstrap failed; the whole output is in $cache/mmdebstrap.log"
    exit 1
  }
  mv "$rootfs.new.tar" "$rootfs"
}

# One at a time.
ensure_rootfs() {
  mkdir -p "$cache"
  exec 7>"$cache/debian-rootfs.lock"
  flock 7
  [ -s "$rootfs" ] || make_rootfs
  exec 7>&-
}

if [ "${1:-}" = prepare ]; then
  ensure_rootfs
  exit
fi
[ $# = 2 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
engine=$1 name=$2

"$engine" image inspect "$name" >/dev/null 2>&1 && exit 0
ensure_rootfs
size=$(stat -c %s "$rootfs")
[ "$size" -ge $min_bytes ] || { say "$rootfs has only $size bytes: remove it and try again"; exit 1; }
"$engine" import --change 'CMD ["/bin/bash"]' \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  "$rootfs" "$name" >/dev/null
