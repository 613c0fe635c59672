#!/usr/bin/env bash
# Everything, from a clean machine to one summary line.
#   scripts/test.sh [PART...]     PART: check, dependencies, infrastructure, suites[/NAME], clients[/NAME], browser, release[/NAME]
# Whatever can goes on side by side: set-up and compilation first; then the optimised build beside the tests, which run
# on one simpler build; its own short test comes last. docs/development.md has the times.
# Ends with `N passed, N failed` (checks of the real clients and browser tests together).
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/progress.sh

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(check dependencies infrastructure suites clients browser release)
built=${CARGO_TARGET_DIR:-target}
results=$(mktemp -d)
export DOCKYARD_TIMES=$PWD/target/times
trap 'stop_beside; rm -rf "$results" "${memory:-$results}"' EXIT
failed_steps=()
started=$SECONDS
mkdir -p target
: >"$DOCKYARD_TIMES"
# Tests wait for one another, for clocks and disks about as long as they compute.
export NEXTEST_TEST_THREADS=${NEXTEST_TEST_THREADS:-$(($(nproc) * 2))} RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 2))}

# Data of the suites and browsers lies in memory where there is room (some 5 GiB are taken): nothing of it is meant to
# stay. Tests that end a server in the middle of something find the same as on a disk, since the machine goes on.
memory=
free_kib=$({ awk '/^MemAvailable/ { print $2 }' /proc/meminfo; df --output=avail /dev/shm | tail -n 1; } 2>/dev/null | sort -n | head -n 1)
if [ "${free_kib:-0}" -ge $((10 * 1024 * 1024)) ]; then
  memory=$(mktemp -d /dev/shm/dockyard-tests.XXXXXX)
  chmod 1777 "$memory"
fi
in_memory() { # command...
  if [ -z "$memory" ]; then "$@"; else TMPDIR=$memory SERVERS_ROOT=$memory/servers "$@"; fi
}

step() { # name, command...
  local name=$1 from=$SECONDS took status=0
  shift
  printf '\n==== %s\n' "$name"
  "$@" || status=$?
  took=$((SECONDS - from))
  echo "$took $name" >>"$DOCKYARD_TIMES"
  if [ "$status" = 0 ]; then printf '==== %s: done in %ss\n' "$name" "$took"; else
    printf '==== %s: FAILED after %ss\n' "$name" "$took"
    failed_steps+=("$name")
  fi
  return "$status"
}

# Tells whether a part is asked for; with its names in $names, all of them when that is empty.
asked() { # part
  local part
  names=()
  for part in "${parts[@]}"; do
    case $part in
      "$1") names=() && return 0 ;;
      "$1"/*) names+=("${part#*/}") ;;
    esac
  done
  [ ${#names[@]} -gt 0 ]
}

# The programs under test: the same for the suites, the clients and the browser.
take_programs() {
  local program
  mkdir -p target/test
  for program in dockyard mydocker; do
    cp --preserve=mode,timestamps "$built/tests/$program" "target/test/.$program.new" &&
      mv -f "target/test/.$program.new" "target/test/$program" || return 1
  done
}

assets() {
  wait_beside "the browser's half" print || return 1
  # Most bytes that travel before a page reacts: a second on a slow line.
  local most=400000 size
  size=$(stat -c %s target/site/*.wasm.br | sort -n | tail -n 1)
  echo "$size bytes of WebAssembly with brotli, of $most at most"
  [ "$size" -le "$most" ]
}

# The suite on the embedded database and a folder, on MariaDB and a folder, and on PostgreSQL and a bucket: every statement
# runs on each database, every access on each store, without another round for each pair of them. The same build as
# scripts/check.sh, so that nothing compiles twice.
suites() {
  local on status=0 wanted=("${names[@]}") others=() beside=
  [ ${#wanted[@]} -gt 0 ] || wanted=(sqlite mariadb s3)
  . scripts/linting.sh
  if [ "${wanted[*]}" != sqlite ]; then
    scripts/servers.sh up || {
      scripts/servers.sh down
      return 1
    }
    eval "$(scripts/servers.sh env)"
  fi
  # The longest goes on beside the others, whose slow tests leave a core idle.
  for on in "${wanted[@]}"; do
    if [ "$on" = s3 ] && [ ${#wanted[@]} -gt 1 ]; then beside=$on; else others+=("$on"); fi
  done
  if [ -n "$beside" ]; then
    NEXTEST_TEST_THREADS=$(($(nproc) + 1)) RUST_TEST_THREADS=$(($(nproc) + 1))
    start_beside 'the suite on s3' suite s3
  fi
  for on in "${others[@]}"; do suite "$on" || status=1; done
  [ -z "$beside" ] || wait_beside 'the suite on s3' print || status=1
  [ "${wanted[*]}" = sqlite ] || scripts/servers.sh down
  return "$status"
}

suite() { # what it runs on
  local package=(--locked --workspace --features dockyard/full) from=$SECONDS status=0
  export DOCKYARD_TEST_ON=$1
  printf '\n== on %s\n' "$1"
  if cargo nextest --version >/dev/null 2>&1; then
    local run=(cargo nextest run --cargo-profile tests "${package[@]}")
    case $1 in
      sqlite) "${run[@]}" --test '*' ;;
      s3)
        "${run[@]}" --test '*' --run-ignored all -E 'not test(/^embedded::/)' &&
          "${run[@]}" --lib --run-ignored only -E 'test(/s3::/)'
        ;;
      *) "${run[@]}" --test '*' -E 'not test(/^embedded::/)' ;;
    esac
  else
    local run=(cargo test --profile tests "${package[@]}")
    case $1 in
      sqlite) "${run[@]}" --test '*' ;;
      s3)
        "${run[@]}" --test '*' -- --include-ignored --skip embedded:: &&
          "${run[@]}" --lib -- --ignored s3::
        ;;
      *) "${run[@]}" --test '*' -- --skip embedded:: ;;
    esac
  fi || status=1
  echo "$((SECONDS - from)) suites/$1" >>"$DOCKYARD_TIMES"
  return "$status"
}

on_test_build() { DOCKYARD_RESULTS=$results DOCKYARD_BIN_DIR=$PWD/target/test "$@"; }
on_release() { DOCKYARD_RESULTS=$results DOCKYARD_BIN_DIR=$PWD/target/release "$@"; }

released() {
  wait_beside 'the optimised build' print && on_release scripts/clients/run.sh "${names[@]}"
}

finish() {
  local passed=0 failed=0 file p f
  for file in "$results"/*; do
    [ -e "$file" ] || continue
    read -r p f <"$file"
    passed=$((passed + p))
    failed=$((failed + f))
  done
  echo "$((SECONDS - started)) everything" >>"$DOCKYARD_TIMES"
  printf '\nfinished in %ss\n' $((SECONDS - started))
  scripts/times.sh --warn
  # A step that fell over without a failed check of its own still counts.
  if [ ${#failed_steps[@]} -gt 0 ]; then
    printf 'failed step: %s\n' "${failed_steps[@]}"
    [ "$failed" -gt 0 ] || failed=${#failed_steps[@]}
  fi
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
}

step 'set-up' scripts/setup.sh build || { finish; exit; }
start_beside 'set-up of the tests' scripts/setup.sh test
start_beside "the browser's half" scripts/build-front.sh release
if step 'lints and compilation' scripts/check.sh compile && take_programs; then
  # What needs no pages goes on while the browser's half is built.
  ! asked check || { step 'unit tests' scripts/check.sh unit; step 'lints: other builds' scripts/check.sh others; }
  if step 'set-up of the tests' wait_beside 'set-up of the tests' print; then
    ! asked dependencies || step 'dependencies' scripts/deny.sh
    ! asked infrastructure || step 'infrastructure' scripts/infrastructure.sh
    if step "the browser's half" assets; then
      if asked release; then
        start_beside 'the optimised build' scripts/build.sh release
      fi
      ! asked suites || step 'suites' in_memory suites
      ! asked clients || step 'clients' on_test_build scripts/clients/run.sh "${names[@]}"
      # The last two side by side: containers that start and stop leave the cores to the browser.
      ! asked browser || start_beside 'the browser tests' step 'browser' in_memory on_test_build scripts/browser.sh
      if asked release; then
        [ ${#names[@]} -gt 0 ] || names=(smoke image memory)
        step 'optimised build' released
      fi
      ! asked browser || wait_beside 'the browser tests' print || failed_steps+=(browser)
    fi
  fi
fi
finish
