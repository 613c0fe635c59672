#!/usr/bin/env bash
# Runs every client script against target/release, one after the other, and sums up.
#   run.sh [name...]      e.g. run.sh docker skopeo; all when nothing is named
# The programs are those in $DOCKYARD_BIN_DIR when that is set.
# Writes "passed failed" of each to $DOCKYARD_RESULTS when that is set.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo 'the container engines need root, and there is no sudo' >&2; exit 1; }
  exec sudo --preserve-env=HOME,PATH,XDG_CACHE_HOME,TMPDIR,DOCKYARD_RESULTS,DOCKYARD_BIN_DIR "$0" "$@"
fi

programs=${DOCKYARD_BIN_DIR:-$top/target/release}
for program in dockyard mydocker; do
  [ -x "$programs/$program" ] || { echo "$programs/$program is missing: make build" >&2; exit 1; }
done

[ $# -gt 0 ] || set -- docker docker26-graph docker26-containerd podman buildah skopeo ctr oras helm \
  curl https image corpus mydocker-docker mydocker-podman mydocker-network mydocker-terminal durability outages memory
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
own_results=
if [ -z "${DOCKYARD_RESULTS:-}" ]; then
  own_results=$(mktemp -d)
  export DOCKYARD_RESULTS=$own_results
fi
leave() {
  "$top/scripts/engine.sh" down
  [ -z "$own_results" ] || rm -rf "$own_results"
}
trap leave EXIT
trap 'exit 130' INT TERM

# The scripts share the engines; they are stopped here, at the end.
export DOCKYARD_KEEP_ENGINES=1
"$top/scripts/engine.sh" up || exit 1

failed_suites=()
for suite in "$@"; do
  printf '\n-- %s\n' "$suite"
  from=$SECONDS
  # Counted as failed until the script itself says otherwise.
  echo '0 1' >"$DOCKYARD_RESULTS/client-$suite"
  bash "$here/$suite.sh" || failed_suites+=("$suite")
  printf '# %ss\n' $((SECONDS - from))
done

cat "$DOCKYARD_RESULTS"/client-* |
  awk '{p += $1; f += $2} END {printf "\nclients: %d passed, %d failed\n", p, f}'
[ ${#failed_suites[@]} = 0 ] || { echo "failed: ${failed_suites[*]}"; exit 1; }
