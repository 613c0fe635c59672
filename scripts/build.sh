#!/usr/bin/env bash
# Makes target/release/dockyard (with its pages' assets inside) and target/release/mydocker.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
scripts/build-front.sh release
cargo build --release --locked --workspace --bins --features dockyard/ssr

# With CARGO_TARGET_DIR elsewhere, the programs are still found in ./target/release.
built=$(realpath -m "${CARGO_TARGET_DIR:-target}")/release
if [ "$built" != "$(realpath -m target)/release" ]; then
  mkdir -p target/release
  for program in dockyard mydocker; do
    if [ "$built/$program" -nt "target/release/$program" ]; then
      cp --preserve=mode,timestamps "$built/$program" "target/release/.$program.new"
      mv -f "target/release/.$program.new" "target/release/$program"
    fi
  done
fi
