#!/usr/bin/env bash
# buildah against the registry door: it builds for two architectures and pushes them as one index.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_engines podman # whose storage is buildah's too
start_server
sign_up alice 'correct horse battery'
sign_up bob 'staple correct horse'

login() { # user, password
  timeout 60 buildah login --tls-verify=false --username "$1" --password-stdin "$registry" <<<"$2" >"$output" 2>&1
}
echo '{}' >"$work/stranger.json"
as_stranger() { REGISTRY_AUTH_FILE=$work/stranger.json "$@"; }
pull() { buildah pull --tls-verify=false --policy always "$@"; }
push() { buildah push --tls-verify=false "$@"; }
raw() { skopeo inspect --tls-verify=false --raw "docker://$1"; }
sha256_of() { printf 'sha256:%s' "$(sha256sum <"$1" | cut -d' ' -f1)"; }
image_id() { buildah images --quiet --no-trunc "$1" 2>/dev/null | head -n 1; }

if login alice 'not the password'; then fail 'a wrong password is refused' "$output"; else ok 'a wrong password is refused'; fi
says 'the refusal says so' 'unauthorized|invalid username/password|incorrect'
if login alice 'correct horse battery'; then ok 'buildah login'; else fail 'buildah login' "$output"; fi

# --- one index of two architectures

context=$work/context
mkdir -p "$context"
head -c 3000000 /dev/urandom >"$context/data.bin"
# shellcheck disable=SC2016  # the builder expands it
printf 'FROM scratch\nARG TARGETARCH\nLABEL of=$TARGETARCH\nCOPY data.bin /\n' >"$context/Dockerfile"
list=localhost/matrix/two:v1
two=$registry/alice/two:v1
check 'buildah manifest create' buildah manifest create "$list"
for arch in amd64 arm64; do
  check "buildah builds for $arch" buildah build --isolation chroot --platform "linux/$arch" --manifest "$list" "$context"
done
check 'buildah manifest push --all' buildah manifest push --all --tls-verify=false --digestfile "$work/digest" "$list" "docker://$two"
digest=$(cat "$work/digest" 2>/dev/null)
check 'the index is read back' raw "$two"
cp "$output" "$work/index.json"
equal 'the index has the digest that was pushed' "$digest" "$(sha256_of "$work/index.json")"
equal 'it lists amd64 and arm64' 'amd64 arm64' \
  "$(field "$work/index.json" manifests.0.platform.architecture) $(field "$work/index.json" manifests.1.platform.architecture)"
for number in 0 1; do
  each=$(field "$work/index.json" "manifests.$number.digest")
  check "image $number of the index is read back" raw "$registry/alice/two@$each"
  equal "image $number has the digest that the index names" "$each" "$(sha256_of "$output")"
done
check 'the same push again' buildah manifest push --all --tls-verify=false "$list" "docker://$two"
check 'it is pushed in the other format too' buildah manifest push --all --format v2s2 --tls-verify=false "$list" "docker://$registry/alice/two:v2s2"
check 'that index is read back' raw "$registry/alice/two:v2s2"
says 'it is a docker manifest list' 'distribution.manifest.list.v2'

check 'buildah manifest rm' buildah manifest rm "$list"
buildah rmi --force "$two" >/dev/null 2>&1
check 'buildah pull of the index' pull "$two"
ours=$(image_id "$two")
check 'buildah pull for arm64' pull --arch arm64 "$two"
theirs=$(image_id "$two")
equal 'the two architectures are two images' yes "$([ -n "$ours" ] && [ -n "$theirs" ] && [ "$ours" != "$theirs" ] && echo yes)"
buildah rmi --force "$ours" "$theirs" >/dev/null 2>&1

# --- a stranger

as_stranger check 'a stranger pulls the public index' pull "$two"
as_stranger refuse 'a stranger cannot push' push "$two"
says 'the refusal of the push says why' 'denied|unauthorized|authentication'
create_repository alice/secret private -u 'alice:correct horse battery'
secret=$registry/alice/secret:v1
check 'buildah push to a private repository' push "$two" "docker://$secret"
check 'the owner pulls it' pull "$secret"
buildah rmi "$secret" >/dev/null 2>&1
as_stranger refuse 'a stranger cannot pull it' pull "$secret"
says 'the refusal of the pull is clear' 'denied|unauthorized|not found|manifest unknown|authentication required'
refuse "alice cannot push to bob's namespace" push "$two" "docker://$registry/bob/two:v1"
says 'the refusal names the reason' 'denied|unauthorized|authentication required'
check 'buildah logout' buildah logout "$registry"
refuse 'after logging out the private image is out of reach' pull "$secret"
