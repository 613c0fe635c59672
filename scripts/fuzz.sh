#!/usr/bin/env bash
# Fuzzes the parsers and the import of tarballs: scripts/fuzz.sh [SECONDS] [TARGET...]    (600 seconds each, all targets)
# Needs no nightly toolchain and no cargo-fuzz: the coverage is LLVM's own. What is found is kept in
# fuzz/artifacts; the corpus in fuzz/corpus grows and is kept small.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(manifest reference range scope import)

command -v g++ >/dev/null || {
  echo 'fuzz: libFuzzer is C++: install g++ (Debian: g++)' >&2
  exit 1
}
coverage=(
  --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
)
host=$(rustc -vV | sed -n 's/^host: //p')
built=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
# With --target, build scripts are compiled without the coverage.
RUSTFLAGS="${coverage[*]}" cargo build --locked --release --manifest-path fuzz/Cargo.toml \
  --target "$host" --target-dir "$built"

for target in "${targets[@]}"; do
  echo "==== fuzzing $target for ${seconds}s"
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  program=$built/$host/release/$target
  "$program" "fuzz/corpus/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="fuzz/artifacts/$target/" -print_final_stats=1 -verbosity=0
  # Keeps the smallest set of inputs that covers as much.
  small=$(mktemp -d)
  "$program" -merge=1 -max_len=512 "$small" "fuzz/corpus/$target" 2>/dev/null
  rm -rf "fuzz/corpus/$target"
  mv "$small" "fuzz/corpus/$target"
  chmod 755 "fuzz/corpus/$target"
  find "fuzz/corpus/$target" -type f | wc -l | xargs -I{} echo "==== $target: {} inputs kept"
done
