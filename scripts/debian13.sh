#!/usr/bin/env bash
# Runs a program of Debian 13 (docker 26, containerd 1.7) on this machine: its packages are unpacked
# once and cached, and mounted over /usr for that program alone. Everything else, sockets, data and
# temporary files included, is this machine's. Needs root.
#   debian13.sh prepare           unpack, when that was not done before
#   debian13.sh COMMAND [...]     e.g. debian13.sh docker --version
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dockyard
suite=trixie
packages=docker.io,docker-cli,docker-buildx,containerd,runc,iptables,apparmor
# The name changes with the packages, so that another list is unpacked anew.
unpacked=$cache/debian13-$(sha256sum <<<"$suite $packages" | cut -c1-12)
say() { printf 'debian13: %s\n' "$*" >&2; }

unpack() {
  local scratch=$unpacked.new
  rm -rf "$cache"/debian13-*
  mkdir -p "$cache"
  say "unpacking docker 26 of Debian 13 (once)"
  # What the packages need comes along; none of their scripts run.
  mmdebstrap --quiet --variant=extract --include="$packages" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    "$suite" "$scratch" >"$cache/debian13.log" 2>&1 || {
    tail -n 10 "$cache/debian13.log" >&2
    say "mmdebstrap failed; the whole output is in $cache/debian13.log"
    exit 1
  }
  rm -rf "$scratch/usr/share/doc" "$scratch/usr/share/man" "$scratch/usr/share/locale"
  mv "$scratch" "$unpacked"
}

[ $# -gt 0 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
if [ "$1" = prepare ]; then
  # One at a time.
  mkdir -p "$cache"
  exec 7>"$cache/debian13.lock"
  flock 7
  [ -d "$unpacked" ] || unpack
  exit 0
fi
[ -d "$unpacked" ] || { say 'not unpacked yet: debian13.sh prepare'; exit 1; }
# shellcheck disable=SC2016  # expanded by the inner shell
exec unshare --mount --propagation private bash -c 'mount --bind "$0" /usr && exec "$@"' "$unpacked/usr" "$@"
