#!/usr/bin/env bash
# skopeo against the registry door, with no engine at all: OCI layouts and tarballs in and out.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start_server
sign_up alice 'correct horse battery'
sign_up bob 'staple correct horse'

login() {
  timeout 60 skopeo login --tls-verify=false --username "$1" --password-stdin "$registry" <<<"$2" >"$output" 2>&1
}
echo '{}' >"$work/stranger.json"
as_stranger() { REGISTRY_AUTH_FILE=$work/stranger.json "$@"; }
put() { skopeo copy --insecure-policy --dest-tls-verify=false "$@"; }
take() { skopeo copy --insecure-policy --src-tls-verify=false "$@"; }
inspect() { skopeo inspect --tls-verify=false "$@"; }
layout_digest() { field "$1/index.json" manifests.0.digest; }
remote_digest() { inspect --format '{{.Digest}}' "docker://$1" 2>/dev/null; }

if login alice 'not the password'; then fail 'a wrong password is refused' "$output"; else ok 'a wrong password is refused'; fi
says 'the refusal says so' 'unauthorized|invalid username/password|incorrect'
if login alice 'correct horse battery'; then ok 'skopeo login'; else fail 'skopeo login' "$output"; fi

id=$(python3 "$here/make_image.py" oci "$work/in" --mib 8)
image=$registry/alice/app:v1
check 'an OCI layout goes in' put "oci:$work/in:v1" "docker://$image"
digest=$(layout_digest "$work/in")
equal 'its digest is the same in the registry' "$digest" "$(remote_digest "$image")"
check 'it comes out again as an OCI layout' take "docker://$image" "oci:$work/out:v1"
equal 'its digest is the same outside' "$digest" "$(layout_digest "$work/out")"
check 'every blob is the same, byte for byte' diff -r "$work/in/blobs" "$work/out/blobs"
check 'the same image by its digest' take "docker://$registry/alice/app@$digest" "oci:$work/by-digest:v1"
check 'it comes out as a tarball for docker' take "docker://$image" "docker-archive:$work/app.tar:alice/app:v1"
equal 'the configuration is the same' "${id#sha256:}.json" "$(tar -xOf "$work/app.tar" manifest.json >"$work/m.json" && field "$work/m.json" 0.Config)"

python3 "$here/make_image.py" tarball "$work/in.tar" --mib 8 --name alice/other:v1 >"$work/other-id"
check "a tarball goes in, with docker's own manifest" put "docker-archive:$work/in.tar" "docker://$registry/alice/other:v1"
equal 'its configuration has the same digest' "$(cat "$work/other-id")" \
  "$(inspect --raw "docker://$registry/alice/other:v1" >"$work/raw.json" && field "$work/raw.json" config.digest)"
check 'zstd layers go in' put --dest-compress-format zstd --format oci "oci:$work/in:v1" "docker://$registry/alice/zstd:v1"
check 'a copy from one repository to another' skopeo copy --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
  "docker://$image" "docker://$registry/alice/copy:v1"
equal 'the copy has the same digest' "$digest" "$(remote_digest "$registry/alice/copy:v1")"
check 'a second tag' put "oci:$work/in:v1" "docker://$registry/alice/app:v2"
check 'skopeo list-tags' skopeo list-tags --tls-verify=false "docker://$registry/alice/app"
says 'both tags are listed' '"v1",'
says 'both tags are listed, the second too' '"v2"'

as_stranger check 'a stranger reads a public image' inspect "docker://$image"
as_stranger refuse 'a stranger cannot write' put "oci:$work/in:v1" "docker://$registry/alice/app:v3"
create_repository alice/secret private -u 'alice:correct horse battery'
check 'into a private repository' put "oci:$work/in:v1" "docker://$registry/alice/secret:v1"
check 'the owner reads it' inspect "docker://$registry/alice/secret:v1"
as_stranger refuse 'a stranger cannot read it' inspect "docker://$registry/alice/secret:v1"
says 'the refusal is clear' 'denied|unauthorized|not found|manifest unknown|authentication required'
refuse "alice cannot write to bob's namespace" put "oci:$work/in:v1" "docker://$registry/bob/app:v1"
says 'the refusal names the reason' 'denied|unauthorized|authentication required'

check 'skopeo delete' skopeo delete --tls-verify=false "docker://$registry/alice/copy:v1"
refuse 'the deleted image is gone' inspect "docker://$registry/alice/copy:v1"
check 'the others are still there' take "docker://$image" "oci:$work/again:v1"
check 'skopeo logout' skopeo logout "$registry"
