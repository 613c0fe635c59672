#!/usr/bin/env bash
# docker 26 with containerd's image store against the registry door: it keeps images as they came,
# indexes included, and tries https before http.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_engines docker26-containerd
. "$here/docker-walk.sh"

# --- an index of its own making: two architectures, each with a record of how it was built

login alice 'correct horse battery' || fail 'alice logs in once more' "$output"
context=$work/two
mkdir -p "$context"
head -c 1000000 /dev/urandom >"$context/data.bin"
# shellcheck disable=SC2016  # the builder expands it
printf 'FROM scratch\nARG TARGETARCH\nLABEL of=$TARGETARCH\nCOPY data.bin /\n' >"$context/Dockerfile"
two=$registry/alice/two:v1
# --provenance: an attestation beside each image, as this client does by default.
check 'docker buildx builds for two architectures' env DOCKER_BUILDKIT=1 docker buildx build \
  --platform linux/amd64,linux/arm64 --provenance=mode=min --tag "$two" "$context"
check 'docker push of an index' docker push "$two"
digest=$(image_id "$two")
index=$work/index.json
registry_manifest alice/two v1 "$index" || fail 'the index can be read' "$index"
equal 'the index is stored under its digest' "$digest" "sha256:$(sha256sum <"$index" | cut -d' ' -f1)"
equal 'it lists two images and two attestations' 4 "$(field "$index" manifests | grep -o '"digest"' | wc -l)"
docker rmi "$two" >/dev/null 2>&1
check 'docker pull of the index' docker pull "$two"
equal 'the pulled index is the pushed one' "$digest" "$(image_id "$two")"
check 'docker pull for another architecture' docker pull --platform linux/arm64 "$two"
docker builder prune --all --force >/dev/null 2>&1
check 'docker logout, at last' docker logout "$registry"
