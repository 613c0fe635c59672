#!/usr/bin/env bash
# Finds or makes a Rust toolchain that can build for wasm32-unknown-unknown.
# The last line of stdout is the toolchain's name:
#
#     TC=$(scripts/setup-wasm.sh | tail -1); cargo "+$TC" build --target wasm32-unknown-unknown ...
#
# Two routes, tried in this order; both may be taken again at any time at no cost:
#   1. rustup: `rustup target add wasm32-unknown-unknown`.
#   2. Debian: `rustc-web` and `rust-web-src` are unpacked (not installed) into a private folder, std is built
#      for wasm32 from the shipped source, and the folder is linked as the toolchain `wasm-debian`.
#      For machines that reach a Debian mirror and cargo's registry but no toolchain downloads.
#
# Settings: WASM_SKIP_RUSTUP=1    takes the second route at once
#           WASM_RUSTUP_TIMEOUT   seconds that rustup may take (120)
#           WASM_TOOLCHAIN_NAME   name of the linked toolchain (wasm-debian)
#           WASM_MIN_RUSTC        oldest rustc that the second route accepts (1.95)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/progress.sh"

target=wasm32-unknown-unknown
name=${WASM_TOOLCHAIN_NAME:-wasm-debian}
root=${XDG_CACHE_HOME:-$HOME/.cache}/dockyard/wasm-toolchain
min_rustc=${WASM_MIN_RUSTC:-1.95}

log() { printf 'setup-wasm: %s\n' "$*" >&2; }
fail() { log "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Whether the given rustc command starts and has a compiled std for the target.
has_target() {
  local sysroot
  sysroot=$("$@" --print sysroot 2>/dev/null) || return 1
  compgen -G "$sysroot/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null
}

new_enough() {
  local version
  version=$(rustc "+$name" --version 2>/dev/null | cut -d' ' -f2)
  [ "$(printf '%s\n%s\n' "$min_rustc" "${version:-0}" | sort -V | head -1)" = "$min_rustc" ]
}

# --- route 1 ---------------------------------------------------------------------------------------------

through_rustup() {
  if ! has_target rustc; then
    over_network 'the target wasm32' timeout "${WASM_RUSTUP_TIMEOUT:-120}" rustup target add "$target" >&2 || return 1
    has_target rustc || return 1
  fi
  rustup show active-toolchain | cut -d' ' -f1
}

# --- route 2 ---------------------------------------------------------------------------------------------

fetch() { with_apt over_network "$*" apt-get download -qq -o APT::Sandbox::User=root "$@" >&2; }

# The first name in a package's Depends that matches a pattern.
dependency() { dpkg-deb -f "$1" Depends | tr ',' '\n' | grep -oE "$2" | sed -n 1p; }

# Downloads the packages of $1 into the current folder and unpacks them into ./root.
unpack_packages() {
  local version=$1 std llvm deb
  fetch "rustc-web=$version" "rust-web-src=$version" "libstd-rust-web-dev=$version"
  std=$(dependency libstd-rust-web-dev_*.deb 'libstd-rust-web-[0-9.]+')
  fetch "$std=$version"
  llvm=$(dependency "$(compgen -G "${std}_*.deb")" 'libllvm[0-9]+')
  fetch "$llvm"
  mkdir root
  for deb in *.deb; do
    case $deb in
      rust-web-src*) dpkg-deb --fsys-tarfile "$deb" | tar -x -C root --wildcards './usr/src/rustc-*/library/*' ;;
      *) dpkg-deb -x "$deb" root ;;
    esac
  done
}

# Lays the unpacked compiler out as a sysroot in $1.
lay_out() {
  local into=$1 host lld
  mkdir -p "$into/bin" "$into/lib"
  mv root/usr/bin/rustc root/usr/bin/rustdoc "$into/bin/"
  mv root/usr/lib/rustlib "$into/lib/"
  rm -rf "$into/lib/rustlib/src"
  find root/usr/lib -name 'librustc_driver*.so' -exec mv {} "$into/lib/" \;
  find root/usr/lib -name 'libLLVM.so.*' -exec cp -L {} "$into/lib/" \;
  if LD_LIBRARY_PATH=$into/lib ldd "$into"/lib/*.so* | grep 'not found' >&2; then
    log "installing what LLVM needs"
    with_apt as_root apt-get install -y -qq libedit2 libxml2 libz3-4 libffi8 libzstd1 >&2
  fi
  host=$(LD_LIBRARY_PATH=$into/lib "$into/bin/rustc" -vV | sed -n 's/^host: //p')
  # The linker is rustup's own rust-lld where there is one, else Debian's.
  lld=$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$host/bin/rust-lld
  if [ ! -x "$lld" ]; then
    with_apt as_root apt-get install -y -qq lld-19 >&2
    lld=/usr/bin/wasm-ld-19
  fi
  mkdir -p "$into/lib/rustlib/$host/bin"
  printf '#!/bin/sh\nunset LD_LIBRARY_PATH\nexec "%s" "$@"\n' "$lld" >"$into/lib/rustlib/$host/bin/rust-lld"
  chmod +x "$into/lib/rustlib/$host/bin/rust-lld"
}

# Builds std as rustc's own bootstrap does: the profile `dist` embeds bitcode, so that LTO works. Not
# --offline: the shipped vendor folder lacks the dev-dependencies that the lock file names.
build_std() {
  local into=$1 upstream=$2 library
  library=$(compgen -G "$PWD/root/usr/src/rustc-*/library")
  LD_LIBRARY_PATH=$into/lib RUSTC=$into/bin/rustc RUSTC_BOOTSTRAP=1 __CARGO_DEFAULT_LIB_METADATA=stablestd \
    RUSTFLAGS="-Zforce-unstable-if-unmarked --remap-path-prefix=$library=/rustc/$upstream/library" \
    CARGO_TARGET_DIR=$PWD/target \
    cargo build --manifest-path "$library/sysroot/Cargo.toml" --profile dist --target "$target" --locked \
    --no-default-features --features panic-unwind >&2
  mkdir -p "$into/lib/rustlib/$target/lib"
  cp "target/$target/dist/deps/"*.rlib "$into/lib/rustlib/$target/lib/"
}

make_toolchain() {
  local version=$1 into=$2 upstream=${1%%[+-]*}
  work=$(mktemp -d "${TMPDIR:-/tmp}/dockyard-wasm.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  log "building the toolchain $version in $into (a minute or two)"
  rm -rf "$into.new"
  mkdir -p "$into.new"
  (
    cd "$work"
    unpack_packages "$version"
    lay_out "$into.new"
    build_std "$into.new" "$upstream"
  )
  # Without a cargo of its own, rustup would run the cargo of some other toolchain, perhaps a nightly.
  ln -sf "$(rustup which cargo 2>/dev/null || command -v cargo)" "$into.new/bin/cargo"
  rm -rf "$into"
  mv "$into.new" "$into"
}

through_debian() {
  if has_target rustc "+$name" && new_enough; then return; fi
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    fail "this machine has no apt; run: rustup target add $target"
  fi
  # A fresh image's package list may be months old and then offers versions that are too old or gone.
  with_apt over_network 'the list of packages' as_root apt-get update -qq >&2 || log "apt-get update failed; going on with the list at hand"
  local version into
  version=$(apt-cache policy rustc-web | sed -n 's/^ *Candidate: //p')
  dpkg --compare-versions "${version:-0}" ge "$min_rustc" ||
    fail "Debian offers rustc-web ${version:-not at all}; $min_rustc or later is needed"
  into=$root/${version%%[+-]*}
  mkdir -p "$root"
  exec 9>"$root/.lock"
  flock 9
  has_target "$into/bin/rustc" || make_toolchain "$version" "$into"
  rustup toolchain link "$name" "$into" >&2
  has_target rustc "+$name" || fail "no std for $target in $into"
}

command -v rustup >/dev/null || fail "rustup is needed (https://rustup.rs)"
if [ "${WASM_SKIP_RUSTUP:-0}" != 1 ]; then
  if through_rustup; then exit; fi
  log "rustup could not add $target; taking Debian's rustc-web"
fi
through_debian
log "ready: $(rustc "+$name" --version)"
echo "$name"
