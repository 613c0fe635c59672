#!/usr/bin/env bash
# Looks at the dependencies with cargo-deny: licences, where they come from, several versions of one crate (deny.toml).
#   scripts/deny.sh                what can be seen without the list of weaknesses
#   scripts/deny.sh --advisories   known weaknesses and withdrawn versions too: fetches RustSec's list
# cargo-deny is compiled once, which takes some minutes, and kept in the cache, as is what was found to be in order.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/progress.sh

version=0.20.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dockyard
deny=$cache/cargo-deny-$version/bin/cargo-deny

seen=$cache/dependencies-$(cat Cargo.lock scripts/front/Cargo.lock deny.toml scripts/deny.sh | sha256sum | cut -d' ' -f1)
if [ "${1:-}" != --advisories ] && [ -e "$seen" ]; then
  echo 'dependencies: nothing has changed since they were found to be in order'
  exit
fi

if [ ! -x "$deny" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/cargo-deny.lock"
  flock 9
  # It runs for seconds: what counts is how soon it compiles.
  [ -x "$deny" ] || CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$cache/cargo-deny-target over_network 'cargo-deny' \
    cargo install --quiet --locked --debug --root "$cache/cargo-deny-$version" "cargo-deny@$version" 9>&-
  rm -rf "$cache/cargo-deny-target"
  exec 9>&-
fi

checks=(bans licenses sources)
offline=(--offline)
if [ "${1:-}" = --advisories ]; then
  checks+=(advisories)
  offline=()
fi
look_at() { # manifest, options of the check...
  local manifest=$1
  shift
  # Also what no build here needs, for other systems.
  over_network 'crates' cargo fetch --quiet --locked --manifest-path "$manifest"
  "$deny" --manifest-path "$manifest" --config deny.toml --workspace --locked "${offline[@]}" \
    check --hide-inclusion-graph "$@" "${checks[@]}"
}
look_at Cargo.toml
# What the list allows is there for the larger of the two.
look_at scripts/front/Cargo.toml --allow unmatched-skip --allow unnecessary-skip --allow license-not-encountered \
  --allow license-exception-not-encountered
rm -f "$cache"/dependencies-*
touch "$seen"
