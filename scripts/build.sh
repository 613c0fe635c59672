#!/usr/bin/env bash
# Builds the programs: scripts/build.sh [release|dev]
#   release  target/release/dockyard and target/release/mydocker as they are shipped: optimised as a whole, with the
#            pages' assets inside and no shared libraries (default)
#   dev      target/dev/dockyard, to try it out and to work on it: a fraction of the time to compile, SQLite and a
#            folder alone, its assets in target/site
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/progress.sh

built=${CARGO_TARGET_DIR:-target}
say() { printf 'build: %s\n' "$*" >&2; }

# Puts a program where it is looked for. A running one keeps its file.
place() { # built program, folder
  local to=$2/${1##*/}
  mkdir -p "$2"
  if [ ! -e "$to" ] || ! [ "$1" -ef "$to" ] && ! cmp -s "$1" "$to"; then
    cp --preserve=mode,timestamps "$1" "$to.new"
    mv -f "$to.new" "$to"
  fi
}

build_release() {
  scripts/setup.sh build
  [ -e target/release/dockyard ] ||
    say 'the optimised programs take a quarter of an hour on two cores; `make run` starts a simpler build within minutes'
  scripts/build-front.sh release
  # Without shared libraries, one file runs on any Linux of this machine's kind, also in an empty container. Position
  # independent, so that the system places it elsewhere at each start.
  # Cargo forgets the profile's `strip` for packages that have a profile of their own.
  local host program
  host=$(rustc -vV | sed -n 's/^host: //p')
  RUSTFLAGS='--cfg erase_components -C target-feature=+crt-static -C relocation-model=pie -C strip=symbols' \
    cargo build --release --locked --package dockyard --package mydocker --bins --features dockyard/full,dockyard/jemalloc --target "$host"
  for program in dockyard mydocker; do place "$built/$host/release/$program" target/release; done
}

build_dev() {
  [ -e target/dev/dockyard ] ||
    say 'the first build takes about six minutes on two cores, and downloads what it needs; later ones take seconds'
  scripts/setup.sh build
  # The two halves share nothing but the machine. The server reads target/site when it runs.
  mkdir -p target/site
  start_beside "the browser's half" scripts/build-front.sh dev
  cargo build --locked --package dockyard --bin dockyard --features dockyard/ssr
  wait_beside "the browser's half"
  place "$built/debug/dockyard" target/dev
}

case ${1:-release} in
  release) build_release ;;
  dev) build_dev ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
