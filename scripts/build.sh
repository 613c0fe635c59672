#!/usr/bin/env bash
# Makes target/release/dockyard (with its pages' assets inside) and target/release/mydocker.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
scripts/build-front.sh release
# Without shared libraries, one file runs on any Linux of this machine's kind, also in an empty container. At a fixed
# address: a megabyte of tables with addresses in them is read in place, instead of being rewritten at each start.
# Cargo forgets the profile's `strip` for packages that have a profile of their own.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS='--cfg erase_components -C target-feature=+crt-static -C relocation-model=static -C strip=symbols' \
  cargo build --release --locked --workspace --bins --features dockyard/ssr --target "$host"

built=${CARGO_TARGET_DIR:-target}/$host/release
mkdir -p target/release
for program in dockyard mydocker; do
  if [ "$built/$program" -nt "target/release/$program" ]; then
    cp --preserve=mode,timestamps "$built/$program" "target/release/.$program.new"
    mv -f "target/release/.$program.new" "target/release/$program"
  fi
done
