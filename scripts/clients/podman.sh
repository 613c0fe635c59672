#!/usr/bin/env bash
# The podman client against the registry door.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_engines podman
start_server
sign_up alice 'correct horse battery'
sign_up bob 'staple correct horse'

login() { # user, password
  timeout 60 podman login --tls-verify=false --username "$1" --password-stdin "$registry" <<<"$2" >"$output" 2>&1
}
echo '{}' >"$work/stranger.json"
as_stranger() { REGISTRY_AUTH_FILE=$work/stranger.json "$@"; }
image_id() { podman image inspect --format '{{.Id}}' "$1" 2>/dev/null; }
push() { podman push --tls-verify=false "$@"; }
pull() { podman pull --tls-verify=false "$@"; }

if login alice 'not the password'; then fail 'a wrong password is refused' "$output"; else ok 'a wrong password is refused'; fi
says 'the refusal says so' 'unauthorized|invalid username/password|incorrect'
if login alice 'correct horse battery'; then ok 'podman login'; else fail 'podman login' "$output"; fi

build_image podman localhost/local/app:v1
image=$registry/alice/app:v1
check 'podman tag' podman tag localhost/local/app:v1 "$image"
check 'podman push creates the repository' push --digestfile "$work/digest" "$image"
digest=$(cat "$work/digest" 2>/dev/null)
id=$(image_id "$image")
check 'the same push again' push "$image"

check 'podman rmi' podman rmi "$image" localhost/local/app:v1
refuse 'the engine no longer has the image' podman image exists "$id"
check 'podman pull' pull "$image"
equal 'the pulled digest is the pushed one' "$digest" "$(podman image inspect --format '{{.Digest}}' "$image" 2>/dev/null)"
equal 'the pulled image id is the pushed one' "$id" "$(image_id "$image")"
check 'the pulled image runs' podman run --rm --network none "$image"
says 'it prints what is inside' 'PRETTY_NAME'
check 'podman pull by digest' pull "$registry/alice/app@$digest"

podman rmi -f "$id" >/dev/null 2>&1
as_stranger check 'a stranger pulls a public image' pull "$image"
equal 'and gets the same image' "$id" "$(image_id "$image")"
as_stranger refuse 'a stranger cannot push' push "$image"

create_repository alice/secret private -u 'alice:correct horse battery'
secret=$registry/alice/secret:v1
podman tag "$image" "$secret"
check 'podman push to a private repository' push "$secret"
podman rmi "$secret" >/dev/null 2>&1
check 'the owner pulls it' pull "$secret"
podman rmi "$secret" >/dev/null 2>&1
as_stranger refuse 'a stranger cannot pull it' pull "$secret"
says 'the refusal of the pull is clear' 'denied|unauthorized|not found|manifest unknown|authentication required'

podman tag "$image" "$registry/bob/app:v1"
refuse "alice cannot push to bob's namespace" push "$registry/bob/app:v1"
says 'the refusal names the reason' 'denied|unauthorized|authentication required'
check 'podman logout' podman logout "$registry"
refuse 'after logging out the private image is out of reach' pull "$secret"

found() {
  for _ in $(seq 1 50); do
    attempt podman search --tls-verify=false "$registry/$1" && grep -qE "$2" "$output" && return 0
    sleep 0.1
  done
  return 1
}
if found app 'alice/app'; then ok 'podman search finds the public repository'; else fail 'podman search finds the public repository' "$output"; fi
attempt podman search --tls-verify=false "$registry/secret"
if grep -q alice/secret "$output"; then fail 'podman search hides the private one' "$output"; else ok 'podman search hides the private one'; fi

# What one client pushed another pulls: buildah takes podman's image as a base.
as_stranger check 'buildah starts from the pushed image' buildah from --tls-verify=false --pull-always --name dockyard-check "$image"
buildah rm dockyard-check >/dev/null 2>&1

# --- images that are not like others

login alice 'correct horse battery' || fail 'alice logs in again' "$output"
local_host=localhost/
tag_image() { podman tag "$@"; }
push_image() { podman push --tls-verify=false "$@"; }
pull_image() { podman pull --tls-verify=false "$@"; }
forget_image() { podman rmi "$@" >/dev/null 2>&1; }
load_image() { podman load --input "$1"; }
run_image() { podman run --rm --network none "$1" /bin/echo 'it runs'; }
. "$here/odd-images.sh"

check 'podman logout at the end' podman logout "$registry"
refuse 'nobody can pull the private image after that' pull "$secret"
