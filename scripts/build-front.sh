#!/usr/bin/env bash
# Makes target/site/, the pages' assets: scripts/build-front.sh [release|dev|style]
#   release  the browser's program as small as possible (default)
#   dev      quicker to build, and larger
#   style    as dev, of which only the style sheets and public/ changed
#
# Cargo's products go to ${CARGO_TARGET_DIR:-target}/front; target/site/ is always in this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-release}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dockyard
built=${CARGO_TARGET_DIR:-target}/front

case $mode in
  release) profile=wasm-release ;;
  dev | style) profile=wasm-dev ;;
  *)
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

# A variable of leptos that would change the names that the program asks for.
unset LEPTOS_OUTPUT_NAME
if [ "$mode" != style ]; then
  toolchain=$(scripts/setup-wasm.sh | tail -n 1)
  cargo "+$toolchain" rustc --locked --package dockyard --lib --crate-type cdylib --target wasm32-unknown-unknown \
    --target-dir "$built" --no-default-features --features hydrate --profile "$profile"
  # The program that makes the folder is small and changes rarely: it is built once for all checkouts.
  cargo build --locked --quiet --release --manifest-path scripts/front/Cargo.toml --target-dir "$cache/front"
fi

options=()
[ "$mode" = release ] || options+=(--no-compression)
"$cache/front/release/front" --wasm "$built/wasm32-unknown-unknown/$profile/dockyard.wasm" \
  --style style --public public --out target/site "${options[@]}"
