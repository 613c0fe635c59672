#!/usr/bin/env bash
# What is acknowledged is on the disk, and a disk that fails or is full is told, not hidden: counted and
# injected with strace, and on a file system that is really full.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start_server
sign_up alice 'correct horse battery'
token=$(new_token alice 'correct horse battery')
authorised=(-H "authorization: Bearer $token")
app=/v2/alice/app
tracer=

# Traces the server until `untrace`; leaves the system calls in $work/trace.
trace() { # strace arguments...
  strace -f -y -o "$work/trace" -p "$server_pid" "$@" 2>"$work/strace.log" &
  tracer=$!
  local _
  for _ in $(seq 1 100); do
    grep -q attached "$work/strace.log" && ! grep -q '^TracerPid:[[:space:]]*0$' "/proc/$server_pid/status" && break
    sleep 0.05
  done
  grep -q attached "$work/strace.log" || fail 'strace attaches to the server' "$work/strace.log"
}
untrace() {
  kill -INT "$tracer" 2>/dev/null
  wait "$tracer" 2>/dev/null
}

new_blob() { # bytes: a new file with that much, its digest in $digest
  head -c "$1" /dev/urandom >"$work/blob"
  digest=sha256:$(sha256sum "$work/blob" | cut -d' ' -f1)
}

start_upload() { # leaves its address in $location
  location=$(curl -s -m 30 -D - -o /dev/null -X POST "${authorised[@]}" "$server$app/blobs/uploads/" |
    tr -d '\r' | sed -n 's/^location: //Ip')
}
append() { # file
  http PATCH "$location" "${authorised[@]}" --data-binary "@$1" -H 'content-type: application/octet-stream'
}
finish_upload() { # digest
  http PUT "$location?digest=$1" "${authorised[@]}"
}
range_of_upload() {
  curl -s -m 30 -D - -o /dev/null "${authorised[@]}" "$server$location" | tr -d '\r' | sed -n 's/^range: //Ip'
}
put_manifest() { # tag
  http PUT "$app/manifests/$1" "${authorised[@]}" -H 'content-type: application/vnd.oci.image.manifest.v1+json' \
    --data-binary "@$work/manifest"
}
# strace writes a call in two lines when another thread's comes in between: they are joined.
calls() {
  awk '/ <unfinished \.\.\.>$/ { sub(/ <unfinished \.\.\.>$/, ""); begun[$1] = $0; next }
       / resumed>/ { pid = $1; sub(/^.* resumed>/, ""); print begun[pid] $0; next }
       { print }' "$work/trace"
}
synced() { # extended regular expression of a path: how often it was made durable
  calls | grep -cE "f(data)?sync\([0-9]+<$1>\) += 0" || true
}
at_least() { # what, count, least
  if [ "$2" -ge "$3" ]; then ok "$1 ($2)"; else fail "$1" "$2 instead of $3 or more"; fi
}
refused_by_the_disk() { # what
  refused "$1" '500|507'
}

# --- every acknowledgement follows an fsync

new_blob 3000000
trace -e trace=fsync,fdatasync
start_upload
at_least 'a new upload is in the log of the database' "$(synced "$data/dockyard.db-wal")" 1
append "$work/blob"
answered 'a chunk is taken' 202
at_least 'its bytes are on the disk' "$(synced "$data/blobs/../[0-9a-f-]+")" 1
before=$(synced "$data/dockyard.db-wal")
finish_upload "$digest"
answered 'the upload is finished' 201
at_least 'the folder of the blob is on the disk' "$(synced "$data/blobs/..")" 1
at_least 'the blob is in the log of the database' $(($(synced "$data/dockyard.db-wal") - before)) 1
config=$digest
printf '{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":3000000},"layers":[]}' \
  "$config" >"$work/manifest"
before=$(synced "$data/dockyard.db-wal")
put_manifest v1
answered 'a manifest is taken' 201
at_least 'it is in the log of the database' $(($(synced "$data/dockyard.db-wal") - before)) 1
untrace

# --- a disk that fails

for call in fdatasync write; do
  for error in EIO ENOSPC; do
    new_blob 2000000
    head -c 1000000 "$work/blob" >"$work/first"
    tail -c +1000001 "$work/blob" >"$work/second"
    start_upload
    append "$work/first"
    file=$(find "$data/blobs" -type f -newer "$work/first" | head -n 1)
    trace -P "$file" -e trace="$call" -e inject="$call:error=$error"
    append "$work/second"
    refused_by_the_disk "$error of $call: the client is told"
    untrace
    at_least "$error of $call was injected" "$(grep -c INJECTED "$work/trace")" 1
    equal "$error of $call: what was acknowledged before is there" 0-999999 "$(range_of_upload)"
    http GET "$app/blobs/$digest" "${authorised[@]}"
    equal "$error of $call: nothing of the blob can be seen" 404 "$status"
    append "$work/second"
    answered "$error of $call: the chunk can be sent again" 202
    finish_upload "$digest"
    answered "$error of $call: and the upload finished" 201
    http GET "$app/blobs/$digest" "${authorised[@]}"
    check "$error of $call: the blob is whole" cmp "$body" "$work/blob"
  done
done

new_blob 1000
start_upload
append "$work/blob"
file=$(find "$data/blobs" -type f -newer "$work/blob" | head -n 1)
trace -P "$(dirname "$file")" -e trace=fsync -e inject=fsync:error=EIO
finish_upload "$digest"
refused_by_the_disk 'EIO of the folder: the client is told'
untrace
http GET "$app/blobs/$digest" "${authorised[@]}"
equal 'EIO of the folder: the blob can not be seen' 404 "$status"
finish_upload "$digest"
answered 'EIO of the folder: the upload can be finished later' 201

for inject in fdatasync,fsync:error=EIO pwrite64:error=ENOSPC pwrite64:error=EIO; do
  tag=tag-$((passed + failed))
  trace -P "$data/dockyard.db-wal" -e trace="${inject%%:*}" -e inject="$inject"
  put_manifest "$tag"
  refused_by_the_disk "$inject of the database: the client is told"
  untrace
  at_least "$inject of the database was injected" "$(grep -c INJECTED "$work/trace")" 1
  http GET "$app/manifests/$tag" "${authorised[@]}"
  equal "$inject of the database: the tag can not be seen" 404 "$status"
  http GET "$app/manifests/v1" "${authorised[@]}"
  equal "$inject of the database: what was there is there" 200 "$status"
  put_manifest "$tag"
  answered "$inject of the database: the manifest can be put later" 201
done

check 'nothing is wrong with what is stored' "$dockyard" admin verify --data-dir "$data"
stop_server KILL
check 'nor after a kill -9' "$dockyard" admin verify --data-dir "$data"

# --- a disk that is full

disk=$work/disk
mkdir -p "$disk"
if mount -t tmpfs -o size=48m tmpfs "$disk" 2>"$output"; then
  data=$disk/data
  port=$(free_port)
  registry=127.0.0.1:$port
  server=http://$registry
  launch_server
  sign_up alice 'correct horse battery'
  token=$(new_token alice 'correct horse battery')
  authorised=(-H "authorization: Bearer $token")
  new_blob 1000000
  http POST "$app/blobs/uploads/?digest=$digest" "${authorised[@]}" --data-binary "@$work/blob"
  answered 'a blob that fits is taken' 201
  small=$digest
  new_blob 80000000
  http POST "$app/blobs/uploads/?digest=$digest" "${authorised[@]}" --data-binary "@$work/blob"
  refused 'a blob that does not fit is refused' 507
  http GET "$app/blobs/$digest" "${authorised[@]}"
  equal 'nothing of it can be seen' 404 "$status"
  http GET "$app/blobs/$small" "${authorised[@]}"
  equal 'what was there is there' 200 "$status"
  find "$data/blobs" -type f -size +8M -delete
  new_blob 2000000
  http POST "$app/blobs/uploads/?digest=$digest" "${authorised[@]}" --data-binary "@$work/blob"
  answered 'with room again, the server goes on' 201
  stop_server TERM
  check 'nothing is wrong with what is stored' "$dockyard" admin verify --data-dir "$data"
  umount "$disk"
else
  fail 'a file system to fill up can be mounted' "$output"
fi

# --- a disk that turned read-only

# As after an error of the disk: what is open stays so, and nothing new can be written.
start_server
sign_up alice 'correct horse battery'
token=$(new_token alice 'correct horse battery')
authorised=(-H "authorization: Bearer $token")
new_blob 1000000
http POST "$app/blobs/uploads/?digest=$digest" "${authorised[@]}" --data-binary "@$work/blob"
answered 'a blob is taken' 201
small=$digest
if mount --bind "$data/blobs" "$data/blobs" 2>"$output" && mount -o remount,ro,bind "$data/blobs" 2>"$output"; then
  new_blob 1000000
  http POST "$app/blobs/uploads/?digest=$digest" "${authorised[@]}" --data-binary "@$work/blob"
  refused 'on a read-only disk, a blob is refused for now' 503
  http GET "$app/blobs/$digest" "${authorised[@]}"
  equal 'nothing of it can be seen' 404 "$status"
  http GET "$app/blobs/$small" "${authorised[@]}"
  equal 'what was there is there' "200 $small" "$status sha256:$(sha256sum <"$body" | cut -d' ' -f1)"
  http GET /readyz
  answered 'the server says that it is not ready' 503
  if grep -qi 'store of the blobs' "$body"; then ok 'and what is missing'; else fail 'and what is missing' "$body"; fi
  if grep -qi 'not ready.*read-only' "$work/server.log"; then ok 'the log says why'; else fail 'the log says why' "$work/server.log"; fi
  mount -o remount,rw,bind "$data/blobs"
  http GET /readyz
  answered 'it is ready again by itself' 200
  http POST "$app/blobs/uploads/?digest=$digest" "${authorised[@]}" --data-binary "@$work/blob"
  answered 'and takes the blob' 201
  stop_server TERM
  umount "$data/blobs"
  check 'nothing is wrong with what is stored' "$dockyard" admin verify --data-dir "$data"
else
  fail 'a file system can be made read-only' "$output"
fi
