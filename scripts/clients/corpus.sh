#!/usr/bin/env bash
# Every tool that writes images as tarballs, through the server, into every tool that reads them: the layers are the
# same ones by their diff ids, and containers run from them. Ends with a table.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

dockers=(docker docker26-graph docker26-containerd)
start_engines "${dockers[@]}" podman containerd
for engine in "${dockers[@]}"; do "$top/scripts/engine.sh" env "$engine" >"$work/env.$engine"; done
cp "$work/env.docker" "$work/env.podman"
cp "$work/env.docker" "$work/env.containerd"
export work CONTAINERD_NAMESPACE=dockyard-corpus

# What checks run in shells of their own.
on() ( # engine, command...
  engine=$1
  shift
  . "$work/env.$engine"
  "$@"
)
member() { tar -xOf "$1" "$2"; }
json() { # file, expression of `it`
  python3 -c 'import json, sys; it = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}
ids() { json "$1" '"\n".join(it["rootfs"]["diff_ids"])'; } # of a configuration
engine_ids() { # engine, image
  local program=docker
  [ "$1" != podman ] || program=podman
  on "$1" "$program" image inspect --format '{{range .RootFS.Layers}}{{println .}}{{end}}' "$2" | grep .
}
copy() { skopeo copy --quiet --insecure-policy "$@"; }
export -f on member json ids engine_ids copy

# --- the corpus: one image, as each tool writes it

corpus=$work/corpus
mkdir -p "$corpus"
name=corpus/image:v1
python3 "$here/make_image.py" tarball "$work/image.tar" --layers 3 --empty-layer --name "$name" >"$work/id"
member "$work/image.tar" "$(sed 's/^sha256://' "$work/id").json" >"$work/config.json"
ids "$work/config.json" >"$work/ids"

for engine in "${dockers[@]}"; do
  check "$engine has the image" on "$engine" docker load --input "$work/image.tar"
  check "$engine saves it" on "$engine" docker save --output "$corpus/$engine.tar" "$name"
  on "$engine" docker rmi "$name" >/dev/null 2>&1
done

# An index of its own making, with a record of how it was built beside the image.
mkdir -p "$work/context"
cp /bin/busybox "$work/context/"
printf 'FROM scratch\nCOPY busybox /bin/busybox\nCMD ["/bin/busybox", "true"]\n' >"$work/context/Dockerfile"
built=corpus/built:v1
check 'docker26-containerd builds one with an attestation' on docker26-containerd env DOCKER_BUILDKIT=1 \
  docker buildx build --provenance=mode=min --tag "$built" "$work/context"
check 'and saves it' on docker26-containerd docker save --output "$corpus/attested.tar" "$built"
engine_ids docker26-containerd "$built" >"$work/ids.attested"
on docker26-containerd docker rmi "$built" >/dev/null 2>&1
on docker26-containerd docker builder prune --all --force >/dev/null 2>&1

check 'podman has the image' on podman podman load --input "$work/image.tar"
check 'podman saves it for docker' on podman podman save --format docker-archive --output "$corpus/podman-docker.tar" "$name"
check 'podman saves it as OCI' on podman podman save --format oci-archive --output "$corpus/podman-oci.tar" "$name"
check 'buildah writes it for docker' on podman buildah push "$name" "docker-archive:$corpus/buildah-docker.tar:$name"
check 'buildah writes it as OCI' on podman buildah push "$name" "oci-archive:$corpus/buildah-oci.tar:v1"
on podman podman rmi "$name" >/dev/null 2>&1

check 'skopeo writes it for docker' copy "docker-archive:$work/image.tar" "docker-archive:$corpus/skopeo-docker.tar:$name"
check 'skopeo writes it as OCI' copy "docker-archive:$work/image.tar" "oci-archive:$corpus/skopeo-oci.tar:v1"
check 'skopeo writes it with zstd' copy --dest-compress --dest-compress-format zstd \
  "docker-archive:$work/image.tar" "oci:$work/zstd:v1"
tar -cf "$corpus/skopeo-zstd.tar" -C "$work/zstd" .

check 'containerd has the image' on containerd ctr images import --no-unpack "$work/image.tar"
check 'ctr exports it' on containerd ctr images export "$corpus/ctr.tar" "docker.io/$name"
on containerd ctr images rm --sync "docker.io/$name" >/dev/null 2>&1

# What build tools without an engine write: the list first, layers compressed, names of their own.
python3 - "$work/image.tar" "$corpus/built-without-engine.tar" <<'END'
import gzip, hashlib, io, json, sys, tarfile
source, target = tarfile.open(sys.argv[1]), tarfile.open(sys.argv[2], "w", format=tarfile.PAX_FORMAT)
def add(name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    target.addfile(info, io.BytesIO(data))
read = lambda name: source.extractfile(name).read()
image = json.loads(read("manifest.json"))[0]
config = read(image["Config"])
layers = [gzip.compress(read(name), mtime=0) for name in image["Layers"]]
names = [hashlib.sha256(layer).hexdigest() + ".tar.gz" for layer in layers]
image.update(Config="sha256:" + hashlib.sha256(config).hexdigest(), Layers=names)
add("manifest.json", json.dumps([image]).encode())
for name, layer in dict(zip(names, layers)).items():
    add(name, layer)
add(image["Config"], config)
target.close()
END

# Two images in one tarball.
python3 "$here/make_image.py" tarball "$work/other.tar" --name corpus/other:v2 >"$work/other-id"
check 'docker has another image' on docker docker load --input "$work/other.tar"
on docker docker load --input "$work/image.tar" >/dev/null
check 'docker saves both' on docker docker save --output "$work/docker-both.tar" "$name" corpus/other:v2
on docker docker rmi "$name" corpus/other:v2 >/dev/null 2>&1
check 'podman has another image' on podman podman load --input "$work/other.tar"
on podman podman load --input "$work/image.tar" >/dev/null 2>&1
check 'podman saves both' on podman podman save --multi-image-archive --output "$work/podman-both.tar" "$name" corpus/other:v2
on podman podman rmi "$name" corpus/other:v2 >/dev/null 2>&1

gzip -1 <"$corpus/docker.tar" >"$corpus/docker-gzip.tar"
zstd -q -3 <"$corpus/docker26-graph.tar" >"$corpus/docker26-zstd.tar"
xz -1 <"$corpus/podman-docker.tar" >"$corpus/podman-xz.tar"
bzip2 <"$corpus/podman-oci.tar" >"$corpus/podman-bzip2.tar"

# --- in

start_server
sign_up alice 'correct horse battery'

stored_ids() { # tag: of what the server has, the image for this machine when there are several
  registry_manifest alice/corpus "$1" "$work/top.json" || return 1
  local image
  image=$(json "$work/top.json" 'next((m["digest"] for m in it.get("manifests", []) if m["platform"]["os"] == "linux"), "")')
  registry_manifest alice/corpus "${image:-$1}" "$work/manifest.json" || return 1
  http GET "/v2/alice/corpus/blobs/$(json "$work/manifest.json" 'it["config"]["digest"]')" -L -u 'alice:correct horse battery'
  ids "$body"
}
expected_ids() { if [ -e "$work/ids.$1" ]; then cat "$work/ids.$1"; else cat "$work/ids"; fi; }

producers=()
for tarball in "$corpus"/*.tar; do
  producer=$(basename "$tarball" .tar)
  producers+=("$producer")
  http PUT "/api/v1/images/alice/corpus:$producer" -u 'alice:correct horse battery' -T "$tarball"
  answered "$producer goes in" 201
  equal "$producer: the layers are the same" "$(expected_ids "$producer")" "$(stored_ids "$producer")"
done
equal 'the attestation came along' unknown \
  "$(registry_manifest alice/corpus attested "$work/top.json" && json "$work/top.json" 'it["manifests"][1]["platform"]["os"]')"

for both in docker podman; do
  http PUT "/api/v1/images/alice/$both-both" -u 'alice:correct horse battery' -T "$work/$both-both.tar"
  answered "both images of $both go in at once" 201
  equal "$both: the one has its configuration" "$(cat "$work/id")" "$(registry_config "alice/$both-both" v1)"
  equal "$both: the other has its own" "$(cat "$work/other-id")" "$(registry_config "alice/$both-both" v2)"
done

# --- out, into everything

into_docker() { # engine, file, image
  on "$1" docker load --input "$2" && engine_ids "$1" "$3" >"$work/loaded" &&
    on "$1" docker run --rm --network none "$3" /bin/busybox echo 'it runs'
}
into_podman() { # file, image
  on podman podman load --input "$1" && engine_ids podman "$2" >"$work/loaded" &&
    on podman podman run --rm --network none "$2" /bin/busybox echo 'it runs'
}
into_skopeo() { # kind of archive, file
  rm -rf "$work/unpacked" &&
    copy "$1:$2" "oci:$work/unpacked:v1" && skopeo inspect --config "oci:$work/unpacked:v1" >"$work/read.json" &&
    ids "$work/read.json" >"$work/loaded"
}
into_containerd() { # file, image
  local get=(on containerd ctr content get)
  on containerd ctr images import "$1" &&
    "${get[@]}" "$(on containerd ctr images ls "name==docker.io/$2" | awk 'NR == 2 {print $3}')" >"$work/read.json" &&
    "${get[@]}" "$(json "$work/read.json" 'it["config"]["digest"]')" >"$work/read-config.json" &&
    ids "$work/read-config.json" >"$work/loaded"
}
load() { # loader, file, image: leaves the diff ids in $work/loaded
  case $1 in
    docker*) into_docker "$@" ;;
    podman) into_podman "$2" "$3" ;;
    skopeo-docker) into_skopeo docker-archive "$2" ;;
    skopeo-oci) into_skopeo oci-archive "$2" ;;
    ctr) into_containerd "$2" "$3" ;;
  esac
}
export -f into_docker into_podman into_skopeo into_containerd
unload() { # loader, image
  case $1 in
    docker*) on "$1" docker rmi "$2" ;;
    podman) on podman podman rmi "$2" ;;
    ctr) on containerd ctr images rm --sync "docker.io/$2" ;;
  esac >/dev/null 2>&1
}

loaders=("${dockers[@]}" podman skopeo-docker skopeo-oci ctr)
table=$(printf '%-22s' ''; printf '%-20s' "${loaders[@]}")
for producer in "${producers[@]}"; do
  image=alice/corpus:$producer
  http GET "/api/v1/images/$image" && cp "$body" "$work/out.tar"
  http GET "/api/v1/images/$image?compat=docker20" && cp "$body" "$work/out20.tar"
  table+=$'\n'$(printf '%-22s' "$producer")
  for loader in "${loaders[@]}"; do
    file=$work/out.tar
    [ "$loader" != docker ] || file=$work/out20.tar
    : >"$work/loaded"
    before=$failed
    check "$producer comes out into $loader" load "$loader" "$file" "$image"
    if [ "$failed" = "$before" ]; then
      equal "$producer in $loader: the layers are the same" "$(expected_ids "$producer")" "$(cat "$work/loaded")"
    fi
    unload "$loader" "$image"
    if [ "$failed" = "$before" ]; then mark=same; else mark=FAILED; fi
    table+=$(printf '%-20s' "$mark")
  done
done
printf '%s\n' "$table" | sed 's/ *$//; s/^/# /'
