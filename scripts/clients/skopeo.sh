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
raw() { skopeo inspect --tls-verify=false --raw "docker://$1"; }
layout_digest() { field "$1/index.json" manifests.0.digest; }
layer_digests() { # of a tarball: the sha256 of each unpacked layer
  tar -xOf "$1" manifest.json >"$work/list.json"
  tar -xOf "$1" "$(field "$work/list.json" 0.Config)" >"$work/config.json"
  field "$work/config.json" rootfs.diff_ids | grep -oE '[0-9a-f]{64}'
}
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
# New layers, uncompressed: the client compresses them itself, and knows no copy of them elsewhere.
python3 "$here/make_image.py" tarball "$work/plain.tar" --mib 8 --name alice/zstd:v1 >/dev/null
zstd=$registry/alice/zstd:v1
check 'zstd layers go in' put --dest-compress --dest-compress-format zstd --format oci "docker-archive:$work/plain.tar" "docker://$zstd"
check 'the zstd image is read' inspect --raw "docker://$zstd"
says 'its layers are zstd' 'tar\+zstd'
digest_of_zstd=$(remote_digest "$zstd")
check 'zstd layers come out' take "docker://$zstd" "oci:$work/zstd:v1"
equal 'the zstd image is the same outside' "$digest_of_zstd" "$(layout_digest "$work/zstd")"
check 'the zstd layers are unpacked' take --dest-decompress "docker://$zstd" "dir:$work/unpacked"
for layer in $(layer_digests "$work/plain.tar"); do
  check "layer ${layer:0:12} is what went in" test "$layer" = "$(sha256sum "$work/unpacked/$layer" | cut -d' ' -f1)"
done
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

# --- an index, an artifact, many layers, none

remote_copy() { skopeo copy --insecure-policy --src-tls-verify=false --dest-tls-verify=false "$@"; }
there_and_back() { # what, repository, layout: as it is, byte for byte
  local what=$1 image=$registry/alice/$2:v1 layout=$3
  check "$what goes in" put --all "oci:$layout:v1" "docker://$image"
  equal "$what has its digest in the registry" "$(layout_digest "$layout")" "sha256:$(raw "$image" | sha256sum | cut -d' ' -f1)"
  check "$what comes out" take --all "docker://$image" "oci:$layout-out:v1"
  check "$what: every blob is the same, byte for byte" diff -r "$layout/blobs" "$layout-out/blobs"
}

python3 "$here/make_image.py" oci "$work/arches" --platform linux/amd64 --platform linux/arm64 >/dev/null
there_and_back 'an index of two architectures' arches "$work/arches"
arches=$registry/alice/arches
equal 'the index is one' application/vnd.oci.image.index.v1+json "$(raw "$arches:v1" >"$work/raw.json" && field "$work/raw.json" mediaType)"
check 'copy --all of the index to another repository' remote_copy --all "docker://$arches:v1" "docker://$registry/alice/arches-copy:v1"
equal 'the copied index has the same digest' "$(remote_digest "$arches:v1")" "$(remote_digest "$registry/alice/arches-copy:v1")"
for number in 0 1; do
  check "image $number of the copied index is there" raw "$registry/alice/arches-copy@$(field "$work/raw.json" "manifests.$number.digest")"
done
check 'an image of the index by its architecture' take --override-arch arm64 "docker://$arches:v1" "oci:$work/arm64:v1"
equal 'it is the one of that architecture' "$(field "$work/raw.json" manifests.1.digest)" "$(layout_digest "$work/arm64")"
check 'skopeo delete of the copied index' skopeo delete --tls-verify=false "docker://$registry/alice/arches-copy:v1"
refuse 'the deleted index is gone' raw "$registry/alice/arches-copy:v1"
check 'the index it was copied from is whole' take --all "docker://$arches:v1" "oci:$work/arches-again:v1"

python3 "$here/make_image.py" oci "$work/many" --layers 100 >/dev/null
there_and_back 'an image of 100 layers' many "$work/many"
python3 "$here/make_image.py" oci "$work/empty" --empty-layer >/dev/null
there_and_back 'an image with an empty layer' empty "$work/empty"
python3 "$here/make_image.py" artifact "$work/artifact" >/dev/null
there_and_back 'an artifact with no layers' artifact "$work/artifact"

check 'skopeo logout' skopeo logout "$registry"
check 'a stranger reads a public index' inspect --raw "docker://$arches:v1"
refuse 'nobody can read the private image after that' inspect "docker://$registry/alice/secret:v1"
