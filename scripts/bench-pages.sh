#!/usr/bin/env bash
# Measures the pages of a large sample instance and writes docs/pages.md.
# The programs are those in $DOCKYARD_BIN_DIR when that is set; else they are built.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

if [ -z "${DOCKYARD_BIN_DIR:-}" ]; then
  (cd "$top" && scripts/setup.sh build demo && scripts/build.sh)
fi
programs=${DOCKYARD_BIN_DIR:-$top/target/release}
mkdir -p "$top/target"
folder=$(mktemp -d "$top/target/pages-data.XXXXXX")
trap 'rm -rf "$folder"' EXIT
# Only development builds take a clock that is set back.
DOCKYARD_BIN_DIR="" "$top/scripts/demo.sh" --fill-only "$folder/data" --grow
PYTHONDONTWRITEBYTECODE=1 python3 "$top/scripts/demo/pages.py" "$programs/dockyard" "$folder/data" "$top/docs/pages.md"
