#!/usr/bin/env bash
# Runs the scripts of real clients side by side, as far as they share no engine, and sums up.
#   run.sh [name...]      e.g. run.sh docker skopeo; all that need no released program when nothing is named
# The programs are those in $DOCKYARD_BIN_DIR: `make test` takes the ones that it compiled for the other tests, and for
# `image`, `memory` and `smoke` the released ones.
# Writes "passed failed" of each to $DOCKYARD_RESULTS when that is set, and its time to $DOCKYARD_TIMES.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo 'the container engines need root, and there is no sudo' >&2; exit 1; }
  exec sudo --preserve-env=HOME,PATH,XDG_CACHE_HOME,TMPDIR,DOCKYARD_RESULTS,DOCKYARD_TIMES,DOCKYARD_BIN_DIR "$0" "$@"
fi

export DOCKYARD_BIN_DIR=${DOCKYARD_BIN_DIR:-$top/target/release}
for program in dockyard mydocker; do
  [ -x "$DOCKYARD_BIN_DIR/$program" ] || { echo "$DOCKYARD_BIN_DIR/$program is missing: make test ONLY=clients" >&2; exit 1; }
done

# Those that take longest come first.
[ $# -gt 0 ] || set -- corpus outages mydocker-docker docker26-containerd docker durability mydocker-podman \
  docker26-graph mydocker-network podman skopeo curl mydocker-terminal buildah ctr https oras helm
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
# At once: they wait for engines as much as they compute.
slots=$(($(nproc) + 1))

# The engines that a script uses, which no other may use meanwhile: each cleans up after itself.
engines_of() {
  case $1 in
    docker | curl | https | mydocker-docker) echo docker ;;
    docker26-graph | docker26-containerd) echo "$1" ;;
    podman | buildah | mydocker-podman) echo podman ;;
    ctr) echo containerd ;;
    image) echo docker podman ;;
    corpus) echo docker docker26-graph docker26-containerd podman containerd ;;
  esac
}

work=$(mktemp -d)
results=${DOCKYARD_RESULTS:-$work/results}
mkdir -p "$results"
export DOCKYARD_RESULTS=$results
declare -A pid_of=() busy=() began=()
leave() {
  local pid
  for pid in "${pid_of[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  # The data of a clone that is used once would stay behind.
  if [ -n "${CI:-}" ]; then "$top/scripts/engine.sh" clean; else "$top/scripts/engine.sh" down; fi
  rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

# The scripts leave the engines running for one another.
export DOCKYARD_KEEP_ENGINES=1

start() { # script
  local engine
  # Counted as failed until the script itself says otherwise.
  echo '0 1' >"$results/client-$1"
  for engine in $(engines_of "$1"); do busy[$engine]=1; done
  began[$1]=$SECONDS
  DOCKYARD_ENGINES=$(engines_of "$1") bash "$here/$1.sh" >"$work/$1.log" 2>&1 </dev/null &
  pid_of[$1]=$!
}

failed=()
collect() { # script that ended
  local engine took=$((SECONDS - began[$1]))
  wait "${pid_of[$1]}" || failed+=("$1")
  unset "pid_of[$1]"
  for engine in $(engines_of "$1"); do unset "busy[$engine]"; done
  printf '\n-- %s\n' "$1"
  cat "$work/$1.log"
  printf '# %ss\n' "$took"
  [ -z "${DOCKYARD_TIMES:-}" ] || echo "$took clients/$1" >>"$DOCKYARD_TIMES"
}

may_start() { # script
  local engine
  for engine in $(engines_of "$1"); do [ -z "${busy[$engine]:-}" ] || return 1; done
}

waiting=("$@")
while [ ${#waiting[@]} -gt 0 ] || [ ${#pid_of[@]} -gt 0 ]; do
  for suite in "${!pid_of[@]}"; do
    kill -0 "${pid_of[$suite]}" 2>/dev/null || collect "$suite"
  done
  later=()
  for suite in "${waiting[@]}"; do
    if [ ${#pid_of[@]} -lt "$slots" ] && may_start "$suite"; then start "$suite"; else later+=("$suite"); fi
  done
  waiting=("${later[@]}")
  sleep 0.2
done

counts=()
for suite in "$@"; do counts+=("$results/client-$suite"); done
cat "${counts[@]}" | awk '{p += $1; f += $2} END {printf "\nclients: %d passed, %d failed\n", p, f}'
[ ${#failed[@]} = 0 ] || { echo "failed: ${failed[*]}"; exit 1; }
