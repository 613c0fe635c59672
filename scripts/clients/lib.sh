# What the client scripts share; sourced by them. Gives each script a temporary folder and HOME, a
# server of its own on a free port, and checks that print `ok - what` or `FAIL - what`.
# shellcheck shell=bash
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
suite=$(basename "$0" .sh)
passed=0
failed=0

# The caches are the caller's; everything else that a program keeps in HOME goes to a temporary one.
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
work=$(mktemp -d "${TMPDIR:-/tmp}/dockyard-$suite.XXXXXX")
mkdir -p "$work/home"
export HOME=$work/home
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export DOCKER_CONFIG=$HOME/.docker REGISTRY_AUTH_FILE=$HOME/auth.json
unset XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME
mkdir -p "$DOCKER_CONFIG"
echo '{}' >"$REGISTRY_AUTH_FILE"

# The folder of the programs under test.
programs=${DOCKYARD_BIN_DIR:-$top/target/release}
dockyard=$programs/dockyard

say() { printf '# %s\n' "$*"; }

# --- checks ---------------------------------------------------------------------------------------

ok() { passed=$((passed + 1)); printf 'ok - %s\n' "$*"; }

# The second argument, when given, is a file or a text that explains the failure.
fail() { # what, [why]
  failed=$((failed + 1))
  printf 'FAIL - %s\n' "$1"
  if [ -n "${2:-}" ]; then
    { if [ -f "$2" ]; then tail -c 3000 "$2"; else printf '%s\n' "$2"; fi; } | tail -n 20 | sed 's/^/     | /'
  fi
  return 1
}

# Output of the last command run by `check`, `refuse` or `attempt`, both streams together.
output=$work/output
attempt() {
  local through=()
  if [ "$(type -t "$1")" = function ]; then # timeout runs programs only
    export -f "${1?}"
    through=(bash -c '"$@"' _)
  fi
  timeout "${LIMIT_SECS:-300}" "${through[@]}" "$@" >"$output" 2>&1 </dev/null
}

check() { # what, command...
  local what=$1 status=0
  shift
  attempt "$@" || status=$?
  if [ $status = 0 ]; then ok "$what"; else
    echo "(exit $status: $*)" >>"$output"
    fail "$what" "$output"
  fi
}

# The command must fail, and not because it hung (124), was not found or crashed (126 and up).
# 125 is podman's own way of saying no.
refuse() { # what, command...
  local what=$1 status=0
  shift
  attempt "$@" || status=$?
  if [ $status = 0 ]; then fail "$what" "succeeded: $*"
  elif [ $status = 124 ] || [ $status -gt 125 ]; then echo "(exit $status: $*)" >>"$output"; fail "$what" "$output"
  else ok "$what"; fi
}

says() { # what, extended regular expression over the last output
  if grep -qiE -- "$2" "$output"; then ok "$1"; else echo "(expected: $2)" >>"$output"; fail "$1" "$output"; fi
}

equal() { # what, expected, got
  if [ -n "$2" ] && [ "$2" = "$3" ]; then ok "$1"; else fail "$1" "expected '$2', got '$3'"; fi
}

# --- the server -----------------------------------------------------------------------------------

server_pid=
port=
data=
# More arguments of the server, and of each curl that asks it.
listen_on=127.0.0.1
server_args=()
curl_args=()

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts the server on $port and $data and waits until it answers, 20 seconds at most.
launch_server() {
  (
    # No setting of the caller's may reach it.
    for name in $(compgen -e DOCKYARD_); do unset "$name"; done
    cd "$work" && DOCKYARD_SIGNUPS_PER_NETWORK=0 exec "$dockyard" serve --listen "$listen_on:$port" --data-dir "$data" "${server_args[@]}" \
      >>"$work/server.out" 2>>"$work/server.log" </dev/null
  ) &
  server_pid=$!
  disown # so that bash does not announce its death
  for _ in $(seq 1 200); do
    if curl -sf -m 2 "${curl_args[@]}" "$server/healthz" >/dev/null 2>&1; then return 0; fi
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  fail "the server starts on $registry" "$work/server.log"
  exit 1
}

start_server() { # a fresh one: new port, empty data
  port=$(free_port)
  registry=127.0.0.1:$port
  server=http://$registry
  data=$(mktemp -d "$work/data.XXXXXX")
  launch_server
}

stop_server() { # [signal]
  [ -n "$server_pid" ] || return 0
  kill "-${1:-TERM}" "$server_pid" 2>/dev/null
  for _ in $(seq 1 200); do
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.05
  done
  kill -9 "$server_pid" 2>/dev/null && [ "${1:-TERM}" != KILL ] &&
    fail 'the server stops within 10 seconds of a signal' "$work/server.log"
  server_pid=
}

# The most memory that the server held so far, in kB.
server_peak_kb() { awk '/^VmHWM:/{print $2}' "/proc/$server_pid/status"; }

# --- certificates ---------------------------------------------------------------------------------

authority() { # name: makes a certificate authority
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
    -keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
}
certificate() { # authority, name, days...: makes one for 127.0.0.1 and images.example
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$2" \
    -keyout "$work/$2.key" -out "$work/$2.csr" 2>/dev/null
  printf 'subjectAltName=IP:127.0.0.1,DNS:images.example\nbasicConstraints=critical,CA:FALSE\n' >"$work/$2.ext"
  openssl x509 -req -in "$work/$2.csr" -CA "$work/$1.pem" -CAkey "$work/$1.key" -CAcreateserial \
    -extfile "$work/$2.ext" -out "$work/$2.pem" "${@:3}" 2>/dev/null
}

started() { # file: waits for the first line of what was started, and leaves it in $line
  for _ in $(seq 1 100); do
    line=$(head -n 1 "$1")
    [ -n "$line" ] && return
    sleep 0.05
  done
  fail "$1 was written"
}

# --- the JSON API ---------------------------------------------------------------------------------

body=$work/body
status=

# Leaves the HTTP status in $status and the answer in $body. 000 when there was no answer.
http() { # method, path, [curl arguments]
  local method=$1 path=$2
  shift 2
  status=$(curl -s "${curl_args[@]}" -m "${LIMIT_SECS:-300}" -o "$body" -w '%{http_code}' -X "$method" "$@" "$server$path")
  [ -e "$body" ] || : >"$body"
}

post_json() { # path, json, [curl arguments]
  local path=$1 json=$2
  shift 2
  http POST "$path" -H 'content-type: application/json' --data-binary "$json" "$@"
}

# Prints a value of a JSON file: `field $body errors.0.message`.
field() {
  python3 - "$1" "$2" <<'END' 2>/dev/null
import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value if not isinstance(value, (dict, list)) else json.dumps(value))
END
}

answered() { # what, expected status
  if [ "$status" = "$2" ]; then ok "$1"; else
    { printf '(status %s, expected %s)\n' "$status" "$2"; head -c 1000 "$body"; } >"$output"
    fail "$1" "$output"
  fi
}

# The last answer must be a refusal that a person understands: the status, the code when one is
# named, and a message that is a sentence.
refused() { # what, status (regular expression), [code (regular expression)]
  local code message
  code=$(field "$body" errors.0.code)
  message=$(field "$body" errors.0.message)
  if [[ $status =~ ^($2)$ ]] && [[ $code =~ ^(${3:-[A-Z_]+})$ ]] && [[ $message == *\ *\ * ]]; then
    ok "$1 ($status $code: $message)"
  else
    { printf '(status %s, code %s; expected %s %s and a clear message)\n' "$status" "$code" "$2" "${3:-}"
      head -c 1000 "$body"; } >"$output"
    fail "$1" "$output"
  fi
}

sign_up() { # name, password
  post_json /api/v1/users "{\"username\":\"$1\",\"password\":\"$2\",\"email\":\"$1@example.org\"}"
  answered "$1 signs up through the API" 201
}

new_token() { # name, password: prints the token
  post_json /api/v1/tokens '{"name":"tests"}' -u "$1:$2"
  field "$body" token
}

create_repository() { # name, public|private, [curl arguments]
  local name=$1 visibility=$2
  shift 2
  post_json /api/v1/repositories "{\"name\":\"$name\",\"visibility\":\"$visibility\"}" "$@"
  answered "the $visibility repository $name is created" 201
}

# Writes a manifest as the registry has it to a file.
registry_manifest() { # repository, tag or digest, file, [curl arguments]
  local path=/v2/$1/manifests/$2 file=$3 kind accept=
  shift 3
  for kind in oci.image.index.v1 oci.image.manifest.v1 docker.distribution.manifest.list.v2 docker.distribution.manifest.v2; do
    accept+=application/vnd.$kind+json,
  done
  http GET "$path" -H "accept: ${accept%,}" -u 'alice:correct horse battery' "$@"
  cp "$body" "$file"
  [ "$status" = 200 ]
}

registry_config() { # repository, tag: prints the digest of the image's configuration
  registry_manifest "$1" "$2" "$work/manifest.json" && field "$work/manifest.json" config.digest
}

# Nothing of the tag can be seen: not by the tarball door, not by the registry door, not in a list.
nothing_stored() { # what, repository, tag, token
  local by_tarball by_registry
  http GET "/api/v1/images/$2:$3" -H "authorization: Bearer $4"; by_tarball=$status
  http GET "/v2/$2/manifests/$3" -H "authorization: Bearer $4"; by_registry=$status
  http GET "/api/v1/repositories/$2/-/tags" -H "authorization: Bearer $4"
  if [ "$by_tarball" = 404 ] && [ "$by_registry" = 404 ] && ! grep -q "\"name\":\"$3\"" "$body"; then
    ok "$1"
  else
    fail "$1" "tarball $by_tarball, registry $by_registry, tags: $(head -c 500 "$body")"
  fi
}

# --- engines --------------------------------------------------------------------------------------

started_engines=no
used_engines=

start_engines() { # docker, docker26-graph, docker26-containerd, podman, containerd
  local engine
  # What run.sh does not know of might be in use.
  for engine in "$@"; do
    [ -z "${DOCKYARD_ENGINES+set}" ] || [[ " $DOCKYARD_ENGINES " == *" $engine "* ]] ||
      { fail "run.sh says that $suite uses $engine"; exit 1; }
  done
  used_engines=$*
  [ "$(id -u)" = 0 ] || { fail "the container engines need root: sudo -E $0"; exit 1; }
  [ -n "${DOCKYARD_KEEP_ENGINES:-}" ] || started_engines=yes
  "$top/scripts/engine.sh" up "$@" || { fail "the engines start: $*"; exit 1; }
}

# Starts engines and lets the clients know them: at most one kind of docker.
use_engines() {
  start_engines "$@"
  local engine docker=docker
  for engine in "$@"; do
    [[ $engine != docker* ]] || docker=$engine
  done
  eval "$("$top/scripts/engine.sh" env "$docker")"
  for engine in "$@"; do
    [ "$engine" != containerd ] || continue
    # The image that stands for a freshly pulled ubuntu:latest: 160 MB of Debian.
    "$top/scripts/debian-image.sh" "${engine%%26-*}" ubuntu:latest >"$output" 2>&1 ||
      { fail "$engine has a base image" "$output"; exit 1; }
  done
}

# Builds an image with new content (so that pushing it sends bytes) on top of ubuntu:latest.
build_image() { # docker|podman, name
  local context=$work/context extra=()
  mkdir -p "$context"
  head -c 2000000 /dev/urandom >"$context/first.bin"
  head -c 3000000 /dev/urandom >"$context/second.bin"
  printf 'FROM ubuntu:latest\nCOPY first.bin /\nCOPY second.bin /\nCMD ["cat", "/etc/os-release"]\n' >"$context/Dockerfile"
  [ "$1" != podman ] || extra=(--isolation chroot --pull-never)
  check "$1 builds an image of its own" "$1" build "${extra[@]}" --tag "$2" "$context"
}

forget_images() {
  local engine id
  for engine in docker podman; do
    [[ $used_engines == *$engine* ]] || continue
    [ "$engine" = docker ] && [ -z "${DOCKER_HOST:-}" ] && continue
    [ "$engine" = podman ] && [ -z "${CONTAINERS_STORAGE_CONF:-}" ] && continue
    "$engine" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null |
      grep -v -e '^ubuntu:' -e '^localhost/ubuntu:' -e '<none>' | while read -r id; do
      "$engine" rmi -f "$id" >/dev/null 2>&1 </dev/null
    done
    "$engine" image prune -f >/dev/null 2>&1
  done
  if [ -n "${CONTAINERD_NAMESPACE:-}" ]; then
    ctr images ls --quiet 2>/dev/null | xargs --no-run-if-empty ctr images rm --sync >/dev/null 2>&1
  fi
}

# --- clients that are Python packages --------------------------------------------------------------

python=$XDG_CACHE_HOME/dockyard/python-clients/bin/python
use_python() {
  [ -x "$python" ] || { fail "the Python packages are there: scripts/setup.sh test"; exit 1; }
}

# --- the end --------------------------------------------------------------------------------------

finish() {
  local status=$?
  trap - EXIT
  stop_server TERM
  if grep -qE 'panicked at' "$work/server.log" 2>/dev/null; then
    fail 'the server never panics' "$(grep -A 3 'panicked at' "$work/server.log")"
  fi
  forget_images
  [ $started_engines = no ] || "$top/scripts/engine.sh" down
  [ "$status" = 0 ] || [ "$failed" -gt 0 ] || fail "$suite ran to its end (exit $status)"
  printf '%s: %s passed, %s failed\n' "$suite" "$passed" "$failed"
  [ -z "${DOCKYARD_RESULTS:-}" ] || echo "$passed $failed" >"$DOCKYARD_RESULTS/client-$suite"
  if [ "$failed" -gt 0 ] && [ -n "${DOCKYARD_KEEP_WORK:-}" ]; then
    say "kept for a look: $work"
  else
    rm -rf "$work"
  fi
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit
}
trap finish EXIT
trap 'exit 130' INT TERM
: >"$output"
