#!/usr/bin/env bash
# Plain HTTP: tarballs in and out with curl, broken ones refused, cuts and crashes leave nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_engines docker
start_server
sign_up alice 'correct horse battery'
token=$(new_token alice 'correct horse battery')
if [[ $token == dyp_* ]]; then ok 'a personal token is made'; else fail 'a personal token is made' "$body"; fi
authorised=(-H "authorization: Bearer $token")
images=/api/v1/images

upload() { # file, name: leaves $status and $body
  status=$(curl -s -m 300 -o "$body" -w '%{http_code}' "${authorised[@]}" -T "$1" "$server$images/$2")
}
download() { # name, file, [curl arguments]
  local name=$1 file=$2
  shift 2
  status=$(curl -s -m 300 -o "$file" -w '%{http_code}' "${authorised[@]}" "$@" "$server$images/$name")
}

# --- in and out

build_image docker local/curl:v1
id=$(docker image inspect --format '{{.Id}}' local/curl:v1)
check 'docker save' docker save --output "$work/image.tar" local/curl:v1
upload "$work/image.tar" alice/app:v1
answered 'curl -T image.tar' 201
equal 'the answer names the repository' alice/app "$(field "$body" images.0.repository)"
equal 'the answer names the tag' v1 "$(field "$body" images.0.tag)"
digest=$(field "$body" images.0.digest)
download alice/app:v1 "$work/back.tar"
answered 'the tarball comes out again' 200
check 'it is a tar' tar -tf "$work/back.tar"
says 'with a manifest.json' '(^|/)manifest.json$'
docker rmi local/curl:v1 >/dev/null 2>&1
check 'docker load takes it' docker load --input "$work/back.tar"
equal 'the image id is the one that went in' "$id" "$(docker image inspect --format '{{.Id}}' alice/app:v1 2>/dev/null)"
check 'the image runs' docker run --rm --network none alice/app:v1
docker rmi -f "$id" >/dev/null 2>&1

http HEAD "$images/alice/app:v1" -I "${authorised[@]}"
equal 'HEAD knows the length' "$(stat -c %s "$work/back.tar")" "$(tr -d '\r' <"$body" | sed -n 's/^content-length: //Ip')"
equal 'HEAD knows the digest' "$digest" "$(tr -d '\r' <"$body" | sed -n 's/^docker-content-digest: //Ip')"
equal 'the file has a name of its own' 1 "$(grep -ciE '^content-disposition: .*alice-app-v1\.tar' "$body")"
download alice/app:v1 "$work/again.tar"
check 'a second download is the same file' cmp "$work/back.tar" "$work/again.tar"
download "alice/app@$digest" "$work/by-digest.tar"
answered 'the tarball by digest' 200

size=$(stat -c %s "$work/back.tar")
for at in 1 512 $((size / 2)) $((size - 1)); do
  head -c "$at" "$work/back.tar" >"$work/part.tar"
  download alice/app:v1 "$work/part.tar" -C -
  if [ "$status" = 206 ] && cmp -s "$work/part.tar" "$work/back.tar"; then ok "a download goes on from byte $at"
  else fail "a download goes on from byte $at" "status $status, $(stat -c %s "$work/part.tar") of $size bytes"; fi
done

upload "$work/image.tar" alice/app:v2
answered 'the same tarball under a second tag' 201
equal 'its layers are reused' "$(field "$body" images.0.layers)" "$(field "$body" images.0.layers_reused)"
for tool in gzip xz; do
  $tool -c -1 "$work/image.tar" >"$work/image.$tool"
  upload "$work/image.$tool" "alice/app:$tool"
  answered "a tarball compressed with $tool" 201
  equal "it is the same image ($tool)" "$digest" "$(field "$body" images.0.digest)"
done

# --- the registry door leads to the same image
http GET /v2/alice/app/manifests/v1 "${authorised[@]}" -H 'accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'
answered 'the registry door serves it' 200
equal 'with the same digest' "$digest" "sha256:$(sha256sum <"$body" | cut -d' ' -f1)"

# --- broken tarballs

broken() { # what, file, tag
  upload "$2" "alice/broken:$3"
  refused "$1 is refused" '4..'
  nothing_stored "$1 leaves no tag" alice/broken "$3" "$token"
}
head -c $((size / 2)) "$work/image.tar" >"$work/truncated.tar"
broken 'a truncated tarball' "$work/truncated.tar" truncated
head -c 2000000 /dev/urandom >"$work/noise.tar"
broken 'a file that is not a tar' "$work/noise.tar" noise
printf '' >"$work/empty.tar"
broken 'an empty file' "$work/empty.tar" empty
tar -cf "$work/other.tar" -C "$here" lib.sh run.sh
broken 'a tar that is no image' "$work/other.tar" other
python3 "$here/make_image.py" tarball "$work/no-manifest.tar" --mib 1 --no-manifest >/dev/null
broken 'a tar without manifest.json' "$work/no-manifest.tar" no-manifest
gzip -c "$work/image.tar" | head -c 1000000 >"$work/truncated.gz"
broken 'a truncated gzip' "$work/truncated.gz" truncated-gzip

# --- cuts and crashes

python3 "$here/make_image.py" tarball "$work/large.tar" --mib 48 --name alice/large:v1 >"$work/large-id"

slow_upload() { # name: starts an upload that takes many seconds, and waits until it is under way
  curl -s -m 120 --limit-rate 6M "${authorised[@]}" -T "$work/large.tar" "$server$images/$1" >"$work/slow" 2>&1 &
  slow_pid=$!
  sleep 2
}
whole_again() { # name, what
  upload "$work/large.tar" "$1"
  answered "$2" 201
  download "$1" "$work/large-back.tar"
  equal "$2: it comes out whole" "$(cat "$work/large-id")" \
    "sha256:$(tar -xOf "$work/large-back.tar" manifest.json >"$work/m.json" && field "$work/m.json" 0.Config | grep -oE '[0-9a-f]{64}')"
}

slow_upload alice/cut:v1
kill -9 "$slow_pid" 2>/dev/null
wait "$slow_pid" 2>/dev/null
sleep 0.5
nothing_stored 'a push cut half way leaves nothing' alice/cut v1 "$token"
whole_again alice/cut:v1 'the same push after the cut'

slow_upload alice/crash:v1
stop_server KILL
wait "$slow_pid" 2>/dev/null
launch_server
ok 'the server starts again after kill -9 during a push'
nothing_stored 'nothing half-stored is served' alice/crash v1 "$token"
download alice/app:v1 "$work/after.tar"
check 'what was stored before is still there, byte for byte' cmp "$work/back.tar" "$work/after.tar"
whole_again alice/crash:v1 'the same push after the crash'

# The same through the registry door: an upload that is never finished is no blob.
layer=$(tar -tf "$work/large.tar" | grep 'layer.tar$' | tail -n 1)
tar -xOf "$work/large.tar" "$layer" | head -c 20000000 >"$work/blob"
blob=sha256:$(sha256sum <"$work/blob" | cut -d' ' -f1)
http POST /v2/alice/cut/blobs/uploads/ -D "$work/headers" "${authorised[@]}"
answered 'an upload is opened' 202
location=$(tr -d '\r' <"$work/headers" | sed -n 's/^location: //Ip')
head -c 10000000 "$work/blob" >"$work/half"
http PATCH "${location#"$server"}" "${authorised[@]}" -H 'content-type: application/octet-stream' --data-binary "@$work/half"
answered 'half a blob is sent' 202
stop_server KILL
launch_server
http GET "/v2/alice/cut/blobs/$blob" "${authorised[@]}"
answered 'half a blob is no blob' 404
http PUT "${location#"$server"}?digest=$blob" "${authorised[@]}"
refused 'it cannot be finished as if it were whole' '4..'

# --- refusals

post_json /api/v1/users '{"username":"alice","password":"another good password"}'
refused 'a user name that is taken' 409 USERNAME_TAKEN
post_json /api/v1/users '{"username":"Not A Name","password":"another good password"}'
refused 'a user name that is none' 400 USERNAME_INVALID
post_json /api/v1/users '{"username":"carol","password":"x"}'
refused 'a password that is too short' 400 PASSWORD_WEAK
post_json /api/v1/users '{"username":'
refused 'a body that is no JSON' 400
http GET /api/v1/user -u 'alice:not the password'
refused 'a wrong password' 401
http GET /api/v1/user -H 'authorization: Bearer dyp_nothing'
refused 'a token that is none' 401
http GET /api/v1/user
refused 'no credentials' 401
for name in 'UPPER' 'a b' '-x' 'x..y'; do
  post_json /api/v1/repositories "{\"name\":\"alice/$name\"}" "${authorised[@]}"
  refused "the repository name '$name'" 400 NAME_INVALID
done
post_json /api/v1/repositories '{"name":"alice/app"}' "${authorised[@]}"
refused 'a repository that exists' 409 REPOSITORY_EXISTS
post_json /api/v1/repositories '{"name":"bob/app"}' "${authorised[@]}"
refused "a repository in somebody else's namespace" '403|404'
upload "$work/image.tar" 'alice/app:bad%20tag'
refused 'a tag that is none' 400
upload "$work/image.tar" 'UPPER/app:v1'
refused 'an image name that is none' 400
status=$(curl -s -m 60 -o "$body" -w '%{http_code}' -T "$work/image.tar" "$server$images/alice/app:v9")
refused 'a push without credentials' 401
http GET "$images/alice/nothing:v1" "${authorised[@]}"
refused 'an image that is not there' 404
create_repository alice/secret private "${authorised[@]}"
upload "$work/image.tar" alice/secret:v1
answered 'a push to a private repository' 201
http GET "$images/alice/secret:v1"
refused 'a stranger asks for the private image' '401|404'
# The two answers may differ in the name only: else a stranger could find out what exists.
private="$status $(sed 's/secret/NAME/g' "$body")"
http GET "$images/alice/absent:v1"
equal 'a private image and none at all look the same' "$private" "$status $(sed 's/absent/NAME/g' "$body")"
post_json /api/v1/users '{"username":"bob","password":"staple correct horse"}'
http GET "$images/alice/secret:v1" -u 'bob:staple correct horse'
private="$status $(sed 's/secret/NAME/g' "$body")"
http GET "$images/alice/absent:v1" -u 'bob:staple correct horse'
equal 'to another user too' "$private" "$status $(sed 's/absent/NAME/g' "$body")"
