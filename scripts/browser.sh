#!/usr/bin/env bash
# Runs the browser tests of end2end/ against the programs in $DOCKYARD_BIN_DIR (target/release).
#   browser.sh [arguments of playwright]     everything when nothing is named
# Writes "passed failed" of the browser journeys to $DOCKYARD_RESULTS/browser when that is set.
#
# The pages are only looked at, so that several are at once; what people do has one order and a server of its own.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/progress.sh
DOCKYARD_BIN_DIR=$(realpath "${DOCKYARD_BIN_DIR:-target/release}")
export DOCKYARD_BIN_DIR
cd end2end || exit

work=$(mktemp -d)
reports=$work/reports
mkdir "$reports"
trap 'stop_beside; rm -rf "$work"' EXIT

playwright() { # report, arguments...
  local report=$reports/$1
  shift
  PLAYWRIGHT_JSON_OUTPUT_NAME=$report npx --no-install playwright test "$@"
}

# The sample instance, which every server here starts with a copy of.
export DOCKYARD_TEST_SAMPLE=$work/sample
../scripts/demo.sh --fill-only "$DOCKYARD_TEST_SAMPLE" || exit

status=0
if [ $# -gt 0 ]; then playwright all "$@" || status=$?; else
  start_beside 'the pages' playwright pages --project pages --fully-parallel --workers $(($(nproc) + 1))
  playwright journeys --workers 1 --project 'with JavaScript' --project 'without JavaScript' --project hostile || status=$?
  wait_beside 'the pages' print || status=$?
fi

# A test counts as passed only when it was expected to pass and did: flaky and skipped are failures.
counts=$(node -e '
  let [passed, failed] = [0, 0];
  for (const name of process.argv.slice(1)) {
    const { stats } = JSON.parse(require("fs").readFileSync(name, "utf8"));
    passed += stats.expected;
    failed += stats.unexpected + stats.flaky + stats.skipped;
  }
  console.log(passed, failed);
' "$reports"/* 2>/dev/null) || counts='0 1'
read -r passed failed <<<"$counts"
printf 'browser: %s passed, %s failed\n' "$passed" "$failed"
[ -z "${DOCKYARD_RESULTS:-}" ] || echo "$counts" >"$DOCKYARD_RESULTS/browser"
[ "$status" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
