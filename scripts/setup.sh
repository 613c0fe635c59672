#!/usr/bin/env bash
# Installs what building and testing need, on Debian 12 or later with rustup.
#   scripts/setup.sh [build] [test] [dev] [bench] [demo]     (build alone when nothing is named)
# Idempotent: when everything is there it only looks at a stamp. Caches live in
# ${XDG_CACHE_HOME:-$HOME/.cache}/dockyard.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/progress.sh
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dockyard
say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# A thing to have, as `probe=package`: an absolute path (a pattern) of a file, or a program in PATH.
build_needs=(
  gcc=gcc /usr/include/stdio.h=libc6-dev pkg-config=pkg-config make=make git=git curl=curl
  /etc/ssl/certs/ca-certificates.crt=ca-certificates
)
test_needs=(
  /usr/bin/docker=docker.io dockerd=docker.io containerd=containerd ctr=containerd
  podman=podman skopeo=skopeo buildah=buildah runc=runc unshare=util-linux
  '/usr/lib/python3*/ensurepip/__init__.py=python3-venv'
  # With the key of Debian 13, whose docker is unpacked too.
  /usr/share/keyrings/debian-archive-trixie-stable.gpg=debian-archive-keyring
  /bin/busybox=busybox-static mmdebstrap=mmdebstrap chromium=chromium python3=python3
  node=nodejs npm=npm xz=xz-utils zstd=zstd bzip2=bzip2 tmux=tmux openssl=openssl strace=strace
  # Proxies that the documentation shows.
  nginx=nginx caddy=caddy
  docker-compose=docker-compose
  # Databases, started by the tests on folders of their own.
  '/usr/lib/postgresql/*/bin/initdb=postgresql' /usr/sbin/mariadbd=mariadb-server
  # The pages' fallback has the metrics of Arial, which most machines have, or this in its place.
  '/usr/share/fonts/truetype/liberation*/LiberationSans-Regular.ttf=fonts-liberation'
)
dev_needs=(inotifywait=inotify-tools)
bench_needs=(docker-registry=docker-registry sqlite3=sqlite3 pigz=pigz)
demo_needs=(python3=python3)

is_there() {
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

missing_packages() {
  local need
  for need in "$@"; do
    is_there "${need%%=*}" || printf '%s\n' "${need#*=}"
  done | sort -u
}

# Programs of the system live in /usr/sbin too, which is not in everybody's PATH.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# Leaves in $as_root what a command needs before it to run as root; fails when there is no way.
find_root() {
  as_root=()
  [ "$(id -u)" != 0 ] || return 0
  command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; } || return 1
  as_root=(sudo '--preserve-env=HOME,XDG_CACHE_HOME,TMPDIR')
}

install_packages() {
  local missing as_root
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  missing=$(tr '\n' ' ' <<<"$missing")
  command -v apt-get >/dev/null ||
    die "missing: $missing(Debian's names of the packages). There is no apt-get here: install them with this system's package manager, then run this again."
  find_root ||
    die "missing packages; as root run: apt-get update && apt-get install --no-install-recommends $missing"
  # Packages must not start daemons: the tests start their own, on loopback, and stop them.
  local policy=/usr/sbin/policy-rc.d made_policy=no
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    made_policy=yes
  fi
  say "installing $missing"
  mkdir -p "$cache"
  local status=0
  # shellcheck disable=SC2086  # a list of words
  {
    with_apt over_network 'the list of packages' "${as_root[@]}" apt-get update -qq &&
      with_apt over_network 'packages' "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing
  } 3>&2 >"$cache/apt.log" 2>&1 || status=$?
  [ "$made_policy" = no ] || "${as_root[@]}" rm -f "$policy"
  if [ "$status" != 0 ]; then
    tail -n 10 "$cache/apt.log" >&2
    die "apt-get failed; the whole output is in $cache/apt.log"
  fi
  missing=$(missing_packages "$@")
  [ -z "$missing" ] || die "still missing after the installation: $(tr '\n' ' ' <<<"$missing")"
}

# What the stamp depends on: a change of any of these runs the set-up again.
fingerprint() {
  {
    cat scripts/setup.sh
    rustc --version
    [ "$1" != test ] ||
      cat end2end/package-lock.json scripts/clients/requirements.txt infrastructure/requirements.txt scripts/debian13.sh
  } 2>&1 | sha256sum | cut -d' ' -f1
}

stamp_of() { printf '%s/setup-%s-%s' "$cache" "$1" "$(fingerprint "$1")"; }

setup_build() {
  install_packages "${build_needs[@]}"
  if ! command -v cargo >/dev/null || ! command -v rustup >/dev/null; then
    die "Rust is missing: install it with rustup"
  fi
  local component
  for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 ||
      rustup component add "${component/fmt/rustfmt}" >&2 ||
      die "cargo $component is missing and rustup could not add it"
  done
}

setup_test() {
  setup_one build
  install_packages "${test_needs[@]}"
  (cd end2end && over_network 'npm packages' npm ci --no-audit --no-fund 3>&2 >"$cache/npm.log" 2>&1) || {
    tail -n 10 "$cache/npm.log" >&2
    die "npm ci failed in end2end; the whole output is in $cache/npm.log"
  }
  setup_python_clients
  setup_infrastructure
  local as_root
  find_root || die "the container engines of the tests need root, and there is no sudo"
  over_network 'a base image' "${as_root[@]}" scripts/debian-image.sh prepare || die "the base image of the tests could not be made"
  over_network 'docker 26' "${as_root[@]}" scripts/debian13.sh prepare || die "docker 26 could not be unpacked"
}

# What looks at infrastructure/: checkov, and the schema of the AWS provider as an npm package holds it.
setup_infrastructure() {
  local at=$cache/infrastructure schema
  ! have_infrastructure || return 0
  schema=$(grep -o '@cdktn/provider-aws@[0-9.]*' infrastructure/requirements.txt)
  rm -rf "$at"
  mkdir -p "$at"
  {
    /usr/bin/python3 -m venv "$at/venv" &&
      over_network 'Python packages' "$at/venv/bin/pip" install --disable-pip-version-check --no-input \
        --requirement infrastructure/requirements.txt &&
      (cd "$at" && over_network "the schema of AWS's provider" npm pack --silent "$schema" && tar --extract --gzip --file cdktn-provider-aws-*.tgz package/.jsii)
  } 3>&2 >"$cache/infrastructure.log" 2>&1 || {
    tail -n 10 "$cache/infrastructure.log" >&2
    die "what looks at infrastructure/ could not be installed; the whole output is in $cache/infrastructure.log"
  }
  rm -f "$at"/*.tgz
  cp infrastructure/requirements.txt "$at/"
}
have_infrastructure() { cmp -s infrastructure/requirements.txt "$cache/infrastructure/requirements.txt"; }

# The registry clients that are written in Python or come as Python packages.
setup_python_clients() {
  local at=$cache/python-clients
  ! have_python_clients || return 0
  rm -rf "$at"
  {
    /usr/bin/python3 -m venv "$at" &&
      over_network 'Python packages' "$at/bin/pip" install --disable-pip-version-check --no-input --only-binary :all: \
        --requirement scripts/clients/requirements.txt
  } 3>&2 >"$cache/pip.log" 2>&1 || {
    tail -n 10 "$cache/pip.log" >&2
    die "pip failed; the whole output is in $cache/pip.log"
  }
  cp scripts/clients/requirements.txt "$at/"
}
have_python_clients() {
  cmp -s scripts/clients/requirements.txt "$cache/python-clients/requirements.txt"
}

setup_dev() {
  setup_one build
  install_packages "${dev_needs[@]}"
}

setup_bench() {
  setup_one build
  install_packages "${bench_needs[@]}"
}

setup_demo() { install_packages "${demo_needs[@]}"; }

done_before() {
  [ -e "$(stamp_of "$1")" ] || return 1
  [ "$1" = test ] || return 0
  # node_modules lives in this folder, the stamp does not.
  cmp -s end2end/package-lock.json end2end/node_modules/.dockyard-lock &&
    have_python_clients && have_infrastructure
}

setup_one() {
  ! done_before "$1" || return 0
  "setup_$1"
  mkdir -p "$cache"
  [ "$1" != test ] || cp end2end/package-lock.json end2end/node_modules/.dockyard-lock
  rm -f "$cache/setup-$1-"*
  touch "$(stamp_of "$1")"
}

[ $# -gt 0 ] || set -- build
# One at a time, whichever checkout it is for: the caches and the system's packages are shared.
mkdir -p "$cache"
exec 9>"$cache/setup.lock"
flock 9
for part in "$@"; do
  case $part in
    build | test | dev | bench | demo) setup_one "$part" ;;
    *) die "unknown part '$part': build, test, dev, bench or demo" ;;
  esac
done
