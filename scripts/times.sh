#!/usr/bin/env bash
# Prints how long each step of the last `make test` took, beside its budget in scripts/budgets.
# A step that took more than 1.5 times its budget is marked; nothing fails, as machines differ.
#   times.sh             every step
#   times.sh --warn      only those that are marked
set -euo pipefail
cd "$(dirname "$0")/.."

[ -s target/times ] || { echo 'no times yet: make test' >&2; exit 1; }
awk -v only_marked="${1:-}" '
  FNR == NR { if ($0 !~ /^#/ && NF) { budget = $1; $1 = ""; sub(/^ /, ""); budgets[$0] = budget } next }
  {
    took = $1; $1 = ""; sub(/^ /, "")
    mark = ($0 in budgets && took > 10 && took > 1.5 * budgets[$0]) ? "slow: more than 1.5 times its budget" : ""
    if (only_marked == "" || mark != "")
      printf "%6d s  (budget %s)  %-28s %s\n", took, ($0 in budgets) ? sprintf("%5d s", budgets[$0]) : "   none", $0, mark
  }
' scripts/budgets target/times
