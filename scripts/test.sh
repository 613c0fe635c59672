#!/usr/bin/env bash
# Everything, from a clean machine to one summary line:
# set-up, lints, unit tests, build, integration tests, real clients, a real browser.
# Ends with `N passed, N failed` (checks of the real clients and browser tests together).
set -uo pipefail
cd "$(dirname "$0")/.." || exit

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'exit 130' INT TERM
failed_steps=()
started=$SECONDS

step() { # name, command...
  local name=$1 from=$SECONDS
  shift
  printf '\n==== %s\n' "$name"
  if "$@"; then
    printf '==== %s: done in %ss\n' "$name" $((SECONDS - from))
  else
    printf '==== %s: FAILED after %ss\n' "$name" $((SECONDS - from))
    failed_steps+=("$name")
    return 1
  fi
}

integration() {
  # Same profile and features as scripts/check.sh, so that nothing compiles twice.
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --features dockyard/ssr --test '*'
  else
    cargo test --locked --workspace --features dockyard/ssr --test '*'
  fi
}

clients() { DOCKYARD_RESULTS=$results scripts/clients/run.sh; }
browser() { DOCKYARD_RESULTS=$results scripts/browser.sh; }

finish() {
  local passed=0 failed=0 file p f
  for file in "$results"/*; do
    [ -e "$file" ] || continue
    read -r p f <"$file"
    passed=$((passed + p))
    failed=$((failed + f))
  done
  printf '\nfinished in %ss\n' $((SECONDS - started))
  # A step that fell over without a failed check of its own still counts.
  if [ ${#failed_steps[@]} -gt 0 ]; then
    printf 'failed step: %s\n' "${failed_steps[@]}"
    [ "$failed" -gt 0 ] || failed=${#failed_steps[@]}
  fi
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
}

if step 'set-up' scripts/setup.sh build test; then
  step 'check' scripts/check.sh
  if step 'build' scripts/build.sh; then
    step 'integration tests' integration
    step 'clients' clients
    step 'browser' browser
  fi
fi
finish
