#!/usr/bin/env bash
# Half a gibibyte through each door, in and out; the server must never hold more than 150 MB of memory, less than a third of it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mib=${DOCKYARD_MEMORY_MIB:-512}
limit_kb=150000
export LIMIT_SECS=600
export DOCKYARD_ROWS=$work/rows

fresh_server() { # a new one each time: VmHWM only ever grows
  stop_server TERM
  [ -z "$data" ] || rm -rf "$data"
  start_server
  post_json /api/v1/users '{"username":"alice","password":"correct horse battery"}'
  [ "$status" = 201 ] || fail 'alice signs up' "$body"
  token=$(new_token alice 'correct horse battery')
}
restart_server() { # the same data, a new process
  stop_server TERM
  launch_server
}
measured() { # door, command...
  local door=$1 from=$EPOCHREALTIME seconds peak
  shift
  check "$door: $mib MiB" "$@"
  seconds=$(awk -v a="$from" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.1f", b - a}')
  peak=$(server_peak_kb)
  printf '%-24s %8s MB %8s s\n' "$door" "$(((peak + 999) / 1000))" "$seconds" >>"$DOCKYARD_ROWS"
  if [ "${peak:-999999999}" -lt $limit_kb ]; then ok "$door: the server held at most $((peak / 1000)) MB"
  else fail "$door: the server stays under $((limit_kb / 1000)) MB" "it held ${peak} kB"; fi
}

say "making a random image of $mib MiB"
python3 "$here/make_image.py" oci "$work/oci" --mib "$mib" >/dev/null

fresh_server
skopeo login --tls-verify=false -u alice --password-stdin "$registry" <<<"$token" >/dev/null 2>&1 ||
  fail 'skopeo logs in with a token'
measured 'registry in (skopeo)' skopeo copy --insecure-policy --dest-tls-verify=false "oci:$work/oci:v1" "docker://$registry/alice/big:v1"
digest=$(field "$work/oci/index.json" manifests.0.digest)
blobs=$(ls "$work/oci/blobs/sha256")
rm -rf "$work/oci"
restart_server
measured 'registry out (skopeo)' skopeo copy --insecure-policy --src-tls-verify=false "docker://$registry/alice/big:v1" "oci:$work/oci-out:v1"
equal 'it is the image that went in' "$digest" "$(field "$work/oci-out/index.json" manifests.0.digest)"
equal 'each of its blobs is what its digest says' "$blobs" \
  "$(cd "$work/oci-out/blobs/sha256" && sha256sum -- * | cut -d' ' -f1)"
rm -rf "$work/oci-out"

python3 "$here/make_image.py" tarball "$work/big.tar" --mib "$mib" --name alice/big:v1 >/dev/null
fresh_server
measured 'tarball in (curl)' curl -sf -m 600 -H "authorization: Bearer $token" -T "$work/big.tar" "$server/api/v1/images/alice/big:v1"
restart_server
measured 'tarball out (curl)' curl -sf -m 600 -H "authorization: Bearer $token" -o "$work/out.tar" "$server/api/v1/images/alice/big:v1"
rm -f "$work/out.tar"

fresh_server
"$programs/mydocker" --server "$server" login --username alice --password-stdin <<<'correct horse battery' >"$output" 2>&1 ||
  fail 'mydocker login' "$output"
measured 'mydocker push --file' "$programs/mydocker" push --file "$work/big.tar" alice/big:v1
restart_server
measured 'mydocker pull --output' "$programs/mydocker" pull --output "$work/out.tar" alice/big:v1

fresh_server
browser_form() { # leads to the tags of the repository when all went well, back to the form otherwise
  [ "$(curl -s -m 600 -o /dev/null -w '%{redirect_url}' -H "authorization: Bearer $token" \
    -F repository=alice/big -F tag=v1 -F "file=@$work/big.tar" "$server/upload")" = "$server/r/alice/big/-/tags" ]
}
export token server work
measured 'browser form' browser_form

# --- eight at once, to a bucket -------------------------------------------------------------------

# Of each a quarter: what is held has come to its most by then.
each=$((mib / 4))
SERVERS_ROOT=$(mktemp -d /var/tmp/dockyard-memory.XXXXXX)
export SERVERS_ROOT
trap 'status=$?; "$top/scripts/servers.sh" down; (exit $status); finish' EXIT
use_python
check 'an S3 store starts' "$top/scripts/servers.sh" up s3
eval "$("$top/scripts/servers.sh" env)"
server_args=(--bucket dockyard --s3-endpoint "$DOCKYARD_TEST_S3")
fresh_server
head -c "$((each * 1024 * 1024))" /dev/urandom >"$work/blob"
push_one() { # number
  local digest location
  digest=$({ printf '%s' "$1"; cat "$work/blob"; } | sha256sum | cut -d' ' -f1)
  location=$(curl -sf -D - -o /dev/null -X POST -H "authorization: Bearer $token" "$server/v2/alice/big/blobs/uploads/" |
    tr -d '\r' | sed -n 's/^location: //Ip')
  { printf '%s' "$1"; cat "$work/blob"; } | curl -sf -m 600 -X PATCH -H "authorization: Bearer $token" \
    -H 'content-type: application/octet-stream' -T - "$server$location" &&
    curl -sf -X PUT -H "authorization: Bearer $token" "$server$location?digest=sha256:$digest"
}
push_eight() {
  local pids=() pid failed=0
  for n in 1 2 3 4 5 6 7 8; do
    push_one "$n" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return $failed
}
export -f push_one
mib="8 x $each" measured 'to a bucket, 8 at once' push_eight

printf '\n%-24s %11s %10s\n' door 'server peak' time
cat "$DOCKYARD_ROWS"
