#!/usr/bin/env bash
# Formatting, lints of both halves (server and browser) and the unit tests.
#   check.sh            everything
#   check.sh compile    formatting and lints; leaves the programs and all tests compiled
#   check.sh unit       the unit tests
#   check.sh others     lints of what the tests do not compile: the development build, the browser's half
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/linting.sh

step() { printf '\n== %s\n' "$*"; }

compile() {
  step 'formatting'
  cargo fmt --all --check
  cargo fmt --manifest-path scripts/front/Cargo.toml --check

  step 'lints and compilation: server, command line, tests, benchmarks, fuzz targets'
  # Builds with debug assertions read the assets when they run, but the folder must be there.
  mkdir -p target/site
  cargo build --profile tests --locked --workspace --all-targets --features dockyard/full
}

others() {
  local toolchain
  toolchain=$(scripts/setup-wasm.sh | tail -n 1)
  # What follows makes no programs, and may use another toolchain.
  unset RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS

  step 'lints: development build'
  cargo clippy --locked --package dockyard --bin dockyard --features dockyard/ssr -- -D warnings

  step 'lints: browser'
  if cargo "+$toolchain" clippy --version >/dev/null 2>&1; then
    cargo "+$toolchain" clippy --locked --package dockyard --lib --features hydrate \
      --target wasm32-unknown-unknown -- -D warnings
  else
    # The toolchain made from Debian's packages has no clippy: the same code is linted for this machine.
    echo "toolchain $toolchain has no clippy: linting the browser's half for the host instead"
    cargo clippy --locked --package dockyard --lib --features hydrate -- -D warnings
  fi
}

unit() {
  step 'unit tests'
  local tests=(--locked --workspace --lib --bins --features dockyard/full)
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --cargo-profile tests "${tests[@]}"
  else
    cargo test --profile tests "${tests[@]}"
  fi
}

case ${1:-all} in
  all)
    compile
    unit
    others
    ;;
  compile | unit | others) "$1" ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
