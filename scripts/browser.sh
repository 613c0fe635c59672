#!/usr/bin/env bash
# Runs the browser journeys of end2end/ against target/release/dockyard.
# Writes "passed failed" to $DOCKYARD_RESULTS/browser when that is set.
set -uo pipefail
cd "$(dirname "$0")/../end2end" || exit

report=$(mktemp)
trap 'rm -f "$report"' EXIT
status=0
PLAYWRIGHT_JSON_OUTPUT_NAME=$report npx --no-install playwright test "$@" || status=$?

# A test counts as passed only when it was expected to pass and did: flaky and skipped are failures.
counts=$(node -e '
  const { stats } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  console.log(stats.expected, stats.unexpected + stats.flaky + stats.skipped);
' "$report" 2>/dev/null) || counts='0 1'
read -r passed failed <<<"$counts"
printf 'browser: %s passed, %s failed\n' "$passed" "$failed"
[ -z "${DOCKYARD_RESULTS:-}" ] || echo "$counts" >"$DOCKYARD_RESULTS/browser"
[ "$status" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
