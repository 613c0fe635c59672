#!/usr/bin/env bash
# Fuzzes the parsers, every route of the server, and the import of tarballs: scripts/fuzz.sh [SECONDS] [TARGET...]    (600 seconds each, all targets)
#   scripts/fuzz.sh --minimize     only reduces the corpus to the smallest set of inputs that covers as much
# Needs no nightly toolchain and no cargo-fuzz: the coverage is LLVM's own. Inputs that fail are kept in fuzz/artifacts.
# The corpus is one archive, fuzz/corpus.tar.xz: it is unpacked to target/fuzz-corpus, and packed again at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

all=(manifest reference range scope tar request import)
seconds=${1:-600}
[ "$seconds" != --minimize ] || seconds=0
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")

command -v g++ >/dev/null && command -v xz >/dev/null || {
  echo 'fuzz: libFuzzer is C++, and the corpus is packed: install g++ and xz-utils' >&2
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
RUSTFLAGS="${coverage[*]}" cargo build --locked --profile fuzz --package dockyard-fuzz --features libfuzzer --bins \
  --target "$host" --target-dir "$built"

corpus=target/fuzz-corpus
rm -rf "$corpus"
mkdir -p "${all[@]/#/$corpus/}"
tar --extract --xz --file fuzz/corpus.tar.xz --directory "$corpus"

for target in "${targets[@]}"; do
  mkdir -p "$corpus/$target" "fuzz/artifacts/$target"
  program=$built/$host/fuzz/$target
  if [ "$seconds" -gt 0 ]; then
    echo "==== fuzzing $target for ${seconds}s"
    "$program" "$corpus/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
      -artifact_prefix="fuzz/artifacts/$target/" -print_final_stats=1 -verbosity=0
  fi
  # Keeps the smallest set of inputs that covers as much.
  small=$corpus/$target.small
  mkdir -p "$small"
  "$program" -merge=1 -max_len=512 "$small" "$corpus/$target" 2>/dev/null
  rm -rf "${corpus:?}/$target"
  mv "$small" "$corpus/$target"
  echo "==== $target: $(find "$corpus/$target" -type f | wc -l) inputs kept"
done

# The same inputs always make the same archive.
tar --create --xz --file fuzz/corpus.tar.xz.new --directory "$corpus" --sort=name --mtime=@0 --owner=0 --group=0 \
  --numeric-owner --mode=u=rwX,go=rX "${all[@]}"
mv fuzz/corpus.tar.xz.new fuzz/corpus.tar.xz
