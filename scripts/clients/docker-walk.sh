# The walk of the docker client through the registry door, sourced by docker.sh and docker26-*.sh
# once the engine runs.
# shellcheck shell=bash disable=SC2154  # lib.sh sets them

say "client $(docker version --format '{{.Client.Version}}'), engine $(docker version --format '{{.Server.Version}}')"
start_server
sign_up alice 'correct horse battery'
sign_up bob 'staple correct horse'

login() { # user, password
  timeout 60 docker login --username "$1" --password-stdin "$registry" <<<"$2" >"$output" 2>&1
}
as_stranger() { DOCKER_CONFIG=$work/stranger "$@"; }
mkdir -p "$work/stranger"
image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null; }
repo_digest() { # the digest under which the engine knows $1 in this registry
  docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" 2>/dev/null |
    sed -n "s|^$registry/.*@||p" | head -n 1
}

if login alice 'not the password'; then fail 'a wrong password is refused' "$output"; else ok 'a wrong password is refused'; fi
says 'the refusal says so' 'unauthorized|incorrect|wrong'
if login alice 'correct horse battery'; then ok 'docker login'; else fail 'docker login' "$output"; fi

build_image docker local/app:v1
image=$registry/alice/app:v1
check 'docker tag' docker tag local/app:v1 "$image"
check 'docker push creates the repository' docker push "$image"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' "$output" | tail -n 1)
id=$(image_id "$image")
check 'the same push again' docker push "$image"
says 'it sends no layer twice' 'already exists'
check 'docker push of a second tag' bash -c "docker tag '$image' '$registry/alice/app:v2' && docker push '$registry/alice/app:v2'"

check 'docker rmi' docker rmi "$image" "$registry/alice/app:v2" local/app:v1
refuse 'the engine no longer has the image' docker image inspect "$id"
check 'docker pull' docker pull "$image"
equal 'the pulled digest is the pushed one' "$digest" "$(repo_digest "$image")"
equal 'the pulled image id is the pushed one' "$id" "$(image_id "$image")"
check 'the pulled image runs' docker run --rm --network none "$image"
says 'it prints what is inside' 'PRETTY_NAME'
check 'docker pull by digest' docker pull "$registry/alice/app@$digest"
check 'docker pull of every tag' docker pull --all-tags "$registry/alice/app"
says 'both tags came' 'v2: Pulling|v2: '

docker rmi -f "$id" >/dev/null 2>&1
as_stranger check 'a stranger pulls a public image' docker pull "$image"
equal 'and gets the same image' "$id" "$(image_id "$image")"
# A tag that is not there: some releases send nothing when the registry has the image under that tag.
docker tag "$image" "$registry/alice/app:theirs"
as_stranger refuse 'a stranger cannot push' docker push "$registry/alice/app:theirs"
says 'the refusal of the push says why' 'denied|unauthorized|authentication|authorization'

create_repository alice/secret private -u 'alice:correct horse battery'
secret=$registry/alice/secret:v1
docker tag "$image" "$secret"
check 'docker push to a private repository' docker push "$secret"
docker rmi "$secret" >/dev/null 2>&1
check 'the owner pulls it' docker pull "$secret"
docker rmi "$secret" >/dev/null 2>&1
as_stranger refuse 'a stranger cannot pull it' docker pull "$secret"
says 'the refusal of the pull is clear' 'denied|unauthorized|not found|manifest unknown'

docker tag "$image" "$registry/bob/app:v1"
refuse "alice cannot push to bob's namespace" docker push "$registry/bob/app:v1"
says 'the refusal names the reason' 'denied|unauthorized|authorization'
check 'docker logout' docker logout "$registry"
login bob 'staple correct horse' || fail 'bob logs in' "$output"
refuse 'another user cannot pull the private image' docker pull "$secret"
refuse 'a tag that is not there cannot be pulled' docker pull "$registry/alice/app:nothing"
says 'the answer says that it is not there' 'not found|manifest unknown'

found() { # word, regular expression: the search index may take a moment
  for _ in $(seq 1 50); do
    attempt docker search "$registry/$1" && grep -qE "$2" "$output" && return 0
    sleep 0.1
  done
  cat "$output"
  return 1
}
if found app 'alice/app'; then ok 'docker search finds the public repository'; else fail 'docker search finds the public repository' "$output"; fi
attempt docker search "$registry/secret"
if grep -q alice/secret "$output"; then fail 'docker search hides the private one' "$output"; else ok 'docker search hides the private one'; fi

# --- images that are not like others

login alice 'correct horse battery' || fail 'alice logs in again' "$output"
tag_image() { docker tag "$@"; }
push_image() { docker push "$@"; }
pull_image() { docker pull "$@"; }
forget_image() { docker rmi "$@" >/dev/null 2>&1; }
load_image() { docker load --input "$1"; }
run_image() { docker run --rm --network none "$1" /bin/echo 'it runs'; }
. "$here/odd-images.sh"

check 'docker logout at the end' docker logout "$registry"
refuse 'nobody can pull the private image after that' docker pull "$secret"
