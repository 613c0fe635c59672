#!/usr/bin/env bash
# Starts a server with something in it, or fills a folder for those who start it themselves.
#   scripts/demo.sh [--grow] [arguments of serve]        on a temporary folder, until Ctrl-C
#   scripts/demo.sh --fill-only DIR [--grow] [--check]   fills DIR, which must be new or empty, and ends
#   scripts/demo.sh --check DIR                          checks that a filled folder holds everything
# --grow adds 10,000 small repositories, and one with 1,000 tags.
# The programs are those in $DOCKYARD_BIN_DIR when that is set; else they are built.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

if [ -z "${DOCKYARD_BIN_DIR:-}" ]; then
  (cd "$top" && scripts/setup.sh build demo && scripts/build.sh dev)
fi
dockyard=${DOCKYARD_BIN_DIR:-$top/target/dev}/dockyard
[ -x "$dockyard" ] || { echo "$dockyard is missing" >&2; exit 1; }
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$top/scripts/demo/main.py" "$dockyard" "$@"
