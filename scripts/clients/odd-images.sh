# Images that are not like others, through one client: 100 layers, an empty layer, an index.
# Sourced once a server runs and alice is logged in, with these defined:
#   load_image FILE, tag_image FROM TO, push_image REF, pull_image REF, image_id REF,
#   forget_image REF, run_image REF
# shellcheck shell=bash disable=SC2154  # lib.sh sets them

odd_there_and_back() { # what, repository, the same digest of the configuration
  local image=$registry/alice/$2:v1 id
  id=$(image_id "$image")
  check "$1 goes in" push_image "$image"
  equal "$1: the registry has its configuration" "$3" "$(registry_config "alice/$2" v1)"
  forget_image "$image"
  check "$1 comes out" pull_image "$image"
  equal "$1: the image id is the same" "$id" "$(image_id "$image")"
  check "$1 runs" run_image "$image"
  forget_image "$image"
}

odd_tarball() { # what, repository, arguments of make_image.py...
  local what=$1 name=$2 config
  shift 2
  config=$(python3 "$here/make_image.py" tarball "$work/odd.tar" "$@" --name "odd/$name:v1")
  check "$what is loaded" load_image "$work/odd.tar"
  tag_image "$(odd_local "$name")" "$registry/alice/$name:v1"
  forget_image "$(odd_local "$name")"
  odd_there_and_back "$what" "$name" "$config"
}
# The name that a loaded image has in the engine; podman puts its own host before it.
odd_local() { printf '%sodd/%s:v1' "${local_host:-}" "$1"; }

odd_index() {
  local image=$registry/alice/arches:v1 config
  config=$(python3 "$here/make_image.py" oci "$work/arches" --platform linux/amd64 --platform linux/arm64)
  check 'skopeo puts an index there' skopeo copy --insecure-policy --all --dest-tls-verify=false \
    --dest-creds 'alice:correct horse battery' "oci:$work/arches:v1" "docker://$image"
  check 'an index comes out' pull_image "$image"
  # An engine keeps the image of this machine's architecture, or the index itself.
  case $(image_id "$image") in
    "$config" | "${config#sha256:}" | "$(field "$work/arches/index.json" manifests.0.digest)") ok 'the image of this architecture is taken' ;;
    *) fail 'the image of this architecture is taken' "image id $(image_id "$image"), configuration $config" ;;
  esac
  check 'it runs' run_image "$image"
  forget_image "$image"
}

odd_tarball 'an image of 100 layers' many --layers 100
odd_tarball 'an image with an empty layer' empty --empty-layer
odd_index
