#!/usr/bin/env bash
# Formatting, lints of both halves (server and browser) and the unit tests.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

# The server embeds target/site, so that folder must be there before anything compiles.
compgen -G 'target/site/*.wasm.br' >/dev/null || scripts/build-front.sh release

step "size of the browser's half"
# Most bytes that travel before a page reacts: a second on a slow line.
most=400000
size=$(stat -c %s target/site/*.wasm.br | sort -n | tail -n 1)
echo "$size bytes of WebAssembly with brotli, of $most at most"
[ "$size" -le "$most" ] || exit 1

step 'formatting'
cargo fmt --all --check

step 'lints: server, command line, tests'
cargo clippy --locked --workspace --all-targets --features dockyard/ssr -- -D warnings

step 'lints: benchmarks and fuzz targets'
# Workspaces of their own, which nothing else here compiles. A lint links nothing: with the name of a library,
# libFuzzer's C++ is not built.
for beside in scripts/bench fuzz; do
  CUSTOM_LIBFUZZER_PATH=/nowhere/libnone.a cargo clippy --locked --all-targets \
    --manifest-path "$beside/Cargo.toml" --target-dir "${CARGO_TARGET_DIR:-target}/beside" -- -D warnings
done

step 'lints: browser'
toolchain=$(scripts/setup-wasm.sh | tail -n 1)
if cargo "+$toolchain" clippy --version >/dev/null 2>&1; then
  cargo "+$toolchain" clippy --locked --package dockyard --lib --features hydrate \
    --target wasm32-unknown-unknown -- -D warnings
else
  # The toolchain made from Debian's packages has no clippy: the same code is linted for this machine.
  echo "toolchain $toolchain has no clippy: linting the browser's half for the host instead"
  cargo clippy --locked --package dockyard --lib --features hydrate -- -D warnings
fi

step 'unit tests'
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --locked --workspace --lib --bins --features dockyard/ssr
else
  cargo test --locked --workspace --lib --bins --features dockyard/ssr
fi
