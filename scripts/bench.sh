#!/usr/bin/env bash
# Measures Dockyard beside Debian's docker-registry and writes docs/benchmarks.md.
#   scripts/bench.sh [--rounds N] [--small]     --small only tries the program out
# Data goes to ${DOCKYARD_BENCH_DIR:-a folder under target}, on the disk that is to be measured.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build bench
scripts/build.sh
built=${CARGO_TARGET_DIR:-target}
cargo build --locked --quiet --profile bench-tool --package bench

mkdir -p target
folder=$(mktemp -d "${DOCKYARD_BENCH_DIR:-target}/bench-data.XXXXXX")
trap 'rm -rf "$folder"' EXIT
out=docs/benchmarks.md
case " $* " in *' --small '*) out=$folder/benchmarks.md ;; esac
"$built/bench-tool/bench" --dockyard target/release/dockyard \
  --folder "$(realpath "$folder")" --out "$out" "$@"
