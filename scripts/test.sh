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

# The suite with the embedded database and a folder, and then on real servers: both databases, and a bucket, with what
# only makes sense there. Same profile and features as scripts/check.sh, so that nothing compiles twice.
integration() {
  local on status=0
  suite sqlite || status=1
  scripts/servers.sh up || {
    scripts/servers.sh down
    return 1
  }
  (
    eval "$(scripts/servers.sh env)"
    for on in postgres mariadb s3; do
      suite "$on" || exit 1
    done
  ) || status=1
  scripts/servers.sh down
  return "$status"
}

suite() { # what it runs on
  local package=(--locked --workspace --features dockyard/ssr)
  export DOCKYARD_TEST_ON=$1
  printf '\n== on %s\n' "$1"
  if ! cargo nextest --version >/dev/null 2>&1; then
    case $1 in
      sqlite) cargo test "${package[@]}" --test '*' ;;
      s3)
        cargo test "${package[@]}" --test '*' -- --include-ignored --skip embedded:: &&
          cargo test "${package[@]}" --lib -- --ignored s3::
        ;;
      *) cargo test "${package[@]}" --test '*' -- --skip embedded:: ;;
    esac
    return
  fi
  case $1 in
    sqlite) cargo nextest run "${package[@]}" --test '*' ;;
    s3)
      cargo nextest run "${package[@]}" --test '*' --run-ignored all -E 'not test(/^embedded::/)' &&
        cargo nextest run "${package[@]}" --lib --run-ignored only -E 'test(/s3::/)'
      ;;
    *) cargo nextest run "${package[@]}" --test '*' -E 'not test(/^embedded::/)' ;;
  esac
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
  step 'infrastructure' scripts/infrastructure.sh
  if step 'build' scripts/build.sh; then
    step 'integration tests' integration
    step 'clients' clients
    step 'browser' browser
  fi
fi
finish
